"""A feed-forward network: an architecture, its parameters in one flat vector, and the backend that computes with them."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property, partial
from typing import Any

import numpy as np

from fastnn.architecture import Architecture, aligned_empty, aligned_zeros
from fastnn.backends import get_backend
from fastnn.initializers import find_initializer
from fastnn.losses import LOSSES, Loss
from fastnn.optimizers import SGD, Optimizer, OptimizerState
from fastnn.threads import call_threads, matrix_threads, team_size, threads_of_call
from fastnn.training import History, read_only, relative_weights, train
from fastnn.validation import (
    check_count,
    check_dtype,
    check_feature_shape,
    check_features,
    check_finite,
    check_sample_weight,
    check_targets,
)

#: Samples of another type or layout that inference converts at a time, and samples of which `evaluate` takes the loss.
ROWS_PER_CONVERSION, ROWS_PER_LOSS = 2048, 1024

#: The weights of samples that all count the same.
UNWEIGHTED = np.empty(0)


class Network:
    """A feed-forward network: A_0 = X, Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l) for l = 1 ... L.

    Samples are rows: X is (n_samples, n_0), W_l is (n_{l-1}, n_l), b_l is (n_l,).

    Parameters
    ----------
    layer_sizes : sequence of int
        Units per layer, inputs first: ``[784, 128, 10]``.
    activations : str or sequence of str, default "relu"
        One name for all hidden layers (the output layer then gets the activation its loss is matched with), or one
        name per layer, output included. Names are the keys of `fastnn.activations.ACTIVATIONS`.
    loss : str or Loss, default "softmax_cross_entropy"
        A key of `fastnn.losses.LOSSES`, or a loss with options such as ``fastnn.losses.Huber(delta=2.0)``.
    backend : {"numba", "numpy"}, default "numba"
        Compiled kernels, or the reference.
    dtype : {"float32", "float64"}, default "float32"
        Type of the parameters and of all arithmetic.
    initializer : str, default "he_normal"
        A key of `fastnn.initializers.INITIALIZERS`; biases start at 0.
    seed : int, optional
        Seed of the initial weights and of the order of samples in `fit`. The same seed gives the same numbers on both
        backends.
    n_threads : int, optional
        Threads to compute with at most; by default ``OMP_NUM_THREADS`` or all processors that the process may use, and
        never more than these. Every method that computes takes another number for one call. Results of the compiled
        backend are the same for any number.

    Attributes
    ----------
    parameters, gradient : ndarray of shape (n_parameters,)
        All parameters, and the gradient that `backward` fills: W_1, b_1, W_2, b_2, ... row by row. Writing to
        ``parameters[:]`` changes the network.
    weights, weight_gradients : tuple of ndarray of shape (n_{l-1}, n_l)
        Views of `parameters` and `gradient`.
    biases, bias_gradients : tuple of ndarray of shape (n_l,)
        Views of `parameters` and `gradient`.
    architecture : Architecture
        Layer sizes, activations and loss.

    Raises
    ------
    ValueError, TypeError
        If a size, a name or an option is not what it must be.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import SGD, Network
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
    >>> network = Network([1, 8, 2], backend="numpy", dtype="float64", seed=0)
    >>> history = network.fit(X, y, optimizer=SGD(learning_rate=0.5), epochs=200, batch_size=4)
    >>> network.predict(X).tolist()
    [0, 0, 1, 1]
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activations: str | Sequence[str] = "relu",
        loss: str | Loss = "softmax_cross_entropy",
        *,
        backend: str = "numba",
        dtype: Any = "float32",
        initializer: str = "he_normal",
        seed: int | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.architecture = Architecture.create(layer_sizes, activations, loss)
        self.dtype = check_dtype(dtype)
        self.n_threads = None if n_threads is None else check_count(n_threads, "n_threads")
        self.random = np.random.default_rng(seed)
        draw = find_initializer(initializer).draw
        get_backend(backend)
        self.backend = backend
        self._allocate()
        for W in self.weights:
            W[:] = draw(self.random, *W.shape)

    def _allocate(self) -> None:
        """Parameters and gradient, both zero, and the views of them."""
        n_parameters = self.architecture.n_parameters
        self.parameters, self.gradient = (aligned_zeros(n_parameters, self.dtype) for _ in range(2))
        self.weights = self.architecture.weight_views(self.parameters)
        self.biases = self.architecture.bias_views(self.parameters)
        self.weight_gradients = self.architecture.weight_views(self.gradient)
        self.bias_gradients = self.architecture.bias_views(self.gradient)
        self._workspace, self._training_workspace = (aligned_zeros(0, self.dtype) for _ in range(2))
        self._batch: np.ndarray | None = None
        self.forget_optimizer()

    @cached_property
    def bound_layers(self) -> np.ndarray:
        """The layer records as the backend calls them; compiles the kernels of this architecture's activations."""
        layers: np.ndarray = get_backend(self.backend).bind(self.architecture.layers, self.dtype)
        return layers

    def logits(self, X: Any, *, n_threads: int | None = None) -> np.ndarray:
        """Z_L of every sample: (n_samples, n_L)."""
        return self._infer(get_backend(self.backend).pre_output, X, n_threads)

    def forward(self, X: Any, *, n_threads: int | None = None) -> np.ndarray:
        """A_L of every sample, (n_samples, n_L): probabilities under softmax and sigmoid."""
        return self._infer(get_backend(self.backend).output, X, n_threads)

    def predict(self, X: Any, *, n_threads: int | None = None) -> np.ndarray:
        """Class labels for the two cross-entropies, A_L otherwise.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        n_threads : int, optional
            Threads to compute with at most; by default the network's.

        Returns
        -------
        ndarray
            Softmax outputs: the most probable class, int64, (n_samples,). Sigmoid outputs of `binary_cross_entropy`:
            whether each probability is above one half, int64, (n_samples,) for one output, else (n_samples, n_L).
            Otherwise A_L (n_samples, n_L).
        """
        if self._decides_on_logits:
            return self._decide(self.logits(X, n_threads=n_threads), threshold=0.0)
        return self._decide(self.forward(X, n_threads=n_threads), threshold=0.5)

    def _decide(self, outputs: np.ndarray, threshold: float) -> np.ndarray:
        """Labels from outputs or logits: the largest, or those above `threshold`; numbers stay as they are."""
        loss = self.architecture.loss
        if not loss.classifies:
            return outputs
        if loss.targets == "classes":
            return np.asarray(np.argmax(outputs, axis=1))
        labels = (outputs > threshold).astype(np.int64)
        return labels[:, 0] if labels.shape[1] == 1 else labels

    @property
    def _decides_on_logits(self) -> bool:
        # Largest logit, largest probability; sigmoid(z) > 1/2 where z > 0.
        pair = self.architecture.loss.targets, self.architecture.activations[-1]
        return pair in (("classes", "softmax"), ("probabilities", "sigmoid"))

    def loss(self, X: Any, y: Any, sample_weight: Any = None, *, n_threads: int | None = None) -> float:
        """Mean loss of a batch; keeps what `backward` needs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class numbers or one-hot rows for `softmax_cross_entropy`, probabilities for `binary_cross_entropy`,
            numbers otherwise, which are at least 0 for `poisson`.
        sample_weight : array-like of shape (n_samples,), optional
            How much each sample counts, w_i of at least 0: L = sum_i w_i L_i / sum_i w_i. By default all count the same.
        n_threads : int, optional
            Threads to compute with at most; by default the network's.

        Returns
        -------
        float
            Sum over outputs, mean over samples; without any penalty.
        """
        X = check_features(X, self.architecture.n_inputs, self.dtype)
        y = check_targets(y, len(X), self.architecture, self.dtype)
        weights = check_sample_weight(sample_weight, len(X))
        batch = read_only(np.ascontiguousarray(X, self.dtype))
        with self.computing(n_threads):
            self.forget_batch()
            self._workspace = _at_least(len(X) * self._workspace_per_sample, self._workspace)
            value = self._loss_of_batch(np.empty(len(X)), self._workspace, batch, y, weights)
        self._batch = batch
        return value

    def _loss_of_batch(
        self, losses: np.ndarray, workspace: np.ndarray, X: np.ndarray, y: np.ndarray, sample_weights: np.ndarray
    ) -> float:
        """Mean loss of a checked batch, in the type of the network; fills `losses`, one for each sample."""
        backend, rows = get_backend(self.backend), np.empty((len(X), self.architecture.n_outputs), self.dtype)
        targets, weights = read_only(y), read_only(relative_weights(sample_weights, len(X)))
        value = backend.loss(
            losses, workspace, rows, self.parameters, self.bound_layers, X, targets, weights, self.team
        )
        return float(value)

    def backward(self, *, n_threads: int | None = None) -> np.ndarray:
        """Gradient of the loss that was computed last, by backpropagation; fills and returns `gradient`.

        Parameters
        ----------
        n_threads : int, optional
            Threads to compute with at most; by default the network's.

        Raises
        ------
        ValueError
            If `loss` was not called before.
        """
        if self._batch is None:
            raise ValueError(
                "backward needs the loss of a batch first: call network.loss(X, y), then network.backward()."
            )
        with self.computing(n_threads) as backend:
            backend.backward(self.gradient, self._workspace, self.parameters, self.bound_layers, self._batch, self.team)
        return self.gradient

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None, *, n_threads: int | None = None) -> float:
        """Mean loss of any number of samples, weighted as in `loss`, some at a time; keeps nothing for `backward`."""
        X = check_features(X, self.architecture.n_inputs, self.dtype)
        y = check_targets(y, len(X), self.architecture, self.dtype)
        weights = check_sample_weight(sample_weight, len(X))
        with self.computing(n_threads):
            return self.mean_loss(X, y, weights)

    def mean_loss(self, X: np.ndarray, y: np.ndarray, sample_weights: np.ndarray) -> float:
        """Mean loss over checked features, targets and weights."""
        losses, n_rows = np.empty(len(X)), min(len(X), ROWS_PER_LOSS)
        workspace = aligned_empty(n_rows * self._workspace_per_sample, self.dtype)
        with self.computing():
            for rows, batch in self._converted(X, ROWS_PER_LOSS):
                self._loss_of_batch(losses[rows], workspace, batch, y[rows], UNWEIGHTED)
        return _weighted_mean(losses, sample_weights)

    def accuracy(self, X: np.ndarray, y: np.ndarray, sample_weights: np.ndarray) -> float:
        """Share of checked samples, or of outputs where several are independent, that are classified as their targets."""
        truth = self._decide(y, threshold=0.5) if y.ndim == 2 else y
        return _weighted_mean(self.predict(X) == truth, sample_weights)

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        optimizer: Optimizer | None = None,
        epochs: int = 10,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_data: tuple[Any, ...] | None = None,
        progress: bool | Callable[[float, History], None] = False,
        n_threads: int | None = None,
    ) -> History:
        """Train by mini-batch gradient descent.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples. float32, float64 and uint8 arrays are never copied as a whole.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as in `loss`.
        sample_weight : array-like of shape (n_samples,), optional
            How much each sample counts, as in `loss`: each batch follows the gradient of its own weighted mean. A batch in
            which all weights are 0 has none, and only the penalties and the optimizer's momentum move the parameters.
        optimizer : Optimizer, optional
            By default ``SGD()``. What it keeps is taken up where the last call with an equal optimizer left it.
        epochs : int, default 10
            Passes over the data.
        batch_size : int or None, default 32
            Samples per update; the last batch may be shorter and is used. None takes all samples at once.
        shuffle : bool, default True
            Whether each epoch visits the samples in a new random order.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Data on which loss (and accuracy, for classes) are measured after every epoch.
        progress : bool or callable, default False
            True shows a progress bar. A function is called with the share of the work done, 0 to 1, and the history so
            far, several times a second.
        n_threads : int, optional
            Threads to compute with at most; by default the network's.

        Returns
        -------
        History
            Mean training loss per epoch, and more.

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite; the parameters are those from before that epoch.
        """
        optimizer = SGD() if optimizer is None else optimizer
        with self.computing(n_threads):
            return train(self, X, y, sample_weight, optimizer, epochs, batch_size, shuffle, validation_data, progress)

    @property
    def team(self) -> int:
        """Threads that the kernels may use."""
        return team_size(self.n_threads)

    @contextmanager
    def computing(self, n_threads: int | None = None) -> Iterator[Any]:
        """The backend, with its threads limited; an overflow shows in the result, not as a warning on the way."""
        n_threads = None if n_threads is None else check_count(n_threads, "n_threads")
        uses_blas = self.backend == "numpy"
        with (
            np.errstate(all="ignore"),
            threads_of_call(n_threads),
            matrix_threads(call_threads() or self.n_threads if uses_blas else None),
        ):
            yield get_backend(self.backend)

    def training_workspace(self, size: int) -> np.ndarray:
        """A work vector of that many elements for training; what `loss` left for `backward` lies elsewhere."""
        self._training_workspace = _at_least(size, self._training_workspace)
        return self._training_workspace[:size]

    def forget_batch(self) -> Callable[[], None]:
        """Give up what `loss` left for `backward`, as the parameters change; returns what takes that back."""
        batch, self._batch = self._batch, None
        return partial(setattr, self, "_batch", batch)

    def optimizer_state(self, optimizer: Optimizer) -> OptimizerState:
        """What an optimizer keeps, all zero if it is another than the last."""
        if self._optimizer != optimizer or self._state is None:
            shape = optimizer.n_states, len(self.parameters)
            self._optimizer = optimizer
            self._state = OptimizerState(aligned_zeros(math.prod(shape), self.dtype).reshape(shape))
        return self._state

    def forget_optimizer(self) -> None:
        """Let the next optimizer begin anew, even if it is equal to the last."""
        self._optimizer: Optimizer | None = None
        self._state: OptimizerState | None = None

    @cached_property
    def _workspace_per_sample(self) -> int:
        return int(get_backend(self.backend).workspace_size(self.architecture.layers, 1))

    def _converted(self, X: np.ndarray, n_rows: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Slices of so many samples, and the samples themselves in the type of the network."""
        for start in range(0, len(X), n_rows):
            rows = slice(start, start + n_rows)
            yield rows, read_only(np.ascontiguousarray(X[rows], self.dtype))

    def _infer(self, compute: Callable[..., None], X: Any, n_threads: int | None) -> np.ndarray:
        X = check_feature_shape(X, self.architecture.n_inputs, self.dtype)
        result = np.empty((len(X), self.architecture.n_outputs), self.dtype)
        # Contexts take longer than a single sample: compiled kernels warn of nothing, and need none for themselves.
        compiled = self.backend == "numba" and n_threads is None
        with nullcontext(get_backend("numba")) if compiled else self.computing(n_threads) as backend:
            team = self.team if len(X) > 1 else 1
            n_rows = len(X) if len(X) <= backend.ROWS_PER_PASS else team * backend.ROWS_PER_PASS
            make = np.empty if len(X) == 1 else aligned_empty
            workspace = make(n_rows * self._workspace_per_sample, self.dtype)
            if X.dtype == self.dtype and X.flags.c_contiguous:
                finite = compute(result, workspace, self.parameters, self.bound_layers, read_only(X), team)
            else:
                finite = all(
                    compute(result[rows], workspace, self.parameters, self.bound_layers, samples, team)
                    for rows, samples in self._converted(X, ROWS_PER_CONVERSION)
                )
        if not finite:
            check_finite(X, "X", self.dtype)
        return result

    def __getstate__(self) -> dict[str, Any]:
        # Views, work vectors and addresses of machine code belong to this process and object.
        kept = ("architecture", "dtype", "n_threads", "random", "backend")
        return {name: getattr(self, name) for name in kept} | {"parameters": np.array(self.parameters)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        parameters = state.pop("parameters")
        self.__dict__.update(state)
        self._allocate()
        self.parameters[:] = parameters

    def __repr__(self) -> str:
        architecture, loss = self.architecture, self.architecture.loss
        loss_text = repr(loss.name if loss == LOSSES.get(loss.name) else loss)
        return (
            f"Network({list(architecture.layer_sizes)}, activations={list(architecture.activations)}, "
            f"loss={loss_text}, backend={self.backend!r}, dtype={self.dtype.name!r})"
        )


def _at_least(size: int, workspace: np.ndarray) -> np.ndarray:
    """A work vector that has room for so many elements: the one that is there, or a larger one."""
    return workspace if len(workspace) >= size else aligned_zeros(size, workspace.dtype)


def _weighted_mean(values: np.ndarray, sample_weights: np.ndarray) -> float:
    """sum_i w_i v_i / sum_i w_i, or the plain mean without weights; several values of a sample count alike."""
    if len(sample_weights) == 0:
        return float(values.mean())
    return float(np.average(values.reshape(len(values), -1).mean(axis=1), weights=sample_weights))
