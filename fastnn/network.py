"""A feed-forward network: an architecture, its parameters in one flat vector, and the backend that computes with them."""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property, partial
from typing import Any

import numpy as np

from fastnn.architecture import Architecture, aligned_zeros
from fastnn.backends import get_backend
from fastnn.callbacks import Callback
from fastnn.full_batch import minimize_loss
from fastnn.history import History
from fastnn.initializers import find_initializer
from fastnn.losses import LOSSES, Loss
from fastnn.optimizers import LBFGS, SETTINGS, Optimizer, OptimizerState, find_descent, find_optimizer
from fastnn.schedules import Schedule
from fastnn.streaming import train_on_batches
from fastnn.threads import call_threads, matrix_threads, team_size, threads_of_call
from fastnn.trace import LayerTrace, trace_of
from fastnn.training import Progress, read_only, ready, relative_weights, train
from fastnn.validation import (
    check_batches,
    check_count,
    check_dtype,
    check_feature_shape,
    check_features,
    check_finite,
    check_sample_weight,
    check_targets,
    is_sparse,
)

#: Samples of another type or layout that are converted at a time.
ROWS_PER_CONVERSION = 2048

BYTES_PER_UNIT = 1024

#: The weights of samples that all count the same, and where the only batch begins.
UNWEIGHTED, ALL_AT_ONCE = np.empty(0), np.zeros(1, np.int64)


class Network:
    """A feed-forward network: A_0 = X, Z_l = A_{l-1} W_l + b_l, A_l = f_l(Z_l) for l = 1 ... L.

    Samples are rows: X is (n_samples, n_0), W_l is (n_{l-1}, n_l), b_l is (n_l,). Wherever X is taken, it may be a sparse
    matrix or array of SciPy's: Z_1 and dW_1 are then sums over its non-zero entries.

    What an optimizer keeps for the parameters, such as its momentum, belongs to this object: copies, pickles and loaded
    networks come without, so that training them further begins with a state of 0. Copies and pickles do carry the state
    of the random numbers; `fastnn.load` takes a new `seed`.

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
    normalization : {"batch", "layer"} or sequence of them, optional
        How the hidden layers are normalised before their activation, y = gamma (z - mean) / sqrt(variance + 10^-5) + beta:
        each unit over a batch, which then needs two samples, and by running statistics at inference; or each sample over
        the units. One for all, or one for each. Under batch normalisation, `fit` lets a single sample that is left over
        join the batch before.
    dropout : float or sequence of float, default 0.0
        Share of the outputs of a hidden layer that training drops, at least 0 and below 1; the others are scaled up. One
        for all, or one for each. `forward`, `predict` and `evaluate` drop nothing; `loss` drops what the next update
        drops.
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
        All parameters, and the gradient that `backward` fills: W_1, b_1, W_2, b_2, ... row by row, with gamma_l and
        beta_l after the b_l of a layer that is normalised. Writing to ``parameters[:]`` changes the network.
    weights, weight_gradients : tuple of ndarray of shape (n_{l-1}, n_l)
        Views of `parameters` and `gradient`.
    biases, bias_gradients : tuple of ndarray of shape (n_l,)
        Views of `parameters` and `gradient`.
    scales, shifts : tuple of ndarray of shape (n_l,)
        gamma and beta, views of `parameters`; empty where a layer is not normalised. Penalties and decay of an optimizer
        cover them, as the biases, only where its `penalize_biases` is True.
    learned : ndarray
        `parameters` and `statistics`, views of it: all that is kept of a training.
    statistics : ndarray
        Running means and variances of the layers under batch normalisation, which `loss` and `fit` move by a tenth of
        the way to those of each batch.
    n_updates : int
        Updates of the parameters so far, by `fit` and by optimizers' `step`.
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
        normalization: str | Sequence[str | None] | None = None,
        dropout: float | Sequence[float] = 0.0,
        backend: str = "numba",
        dtype: Any = "float32",
        initializer: str = "he_normal",
        seed: int | None = None,
        n_threads: int | None = None,
    ) -> None:
        self.architecture = Architecture.create(layer_sizes, activations, loss, normalization, dropout)
        self.dtype = check_dtype(dtype)
        self.n_threads = None if n_threads is None else check_count(n_threads, "n_threads")
        sequence = _seed_sequence(seed)
        self.random = np.random.default_rng(sequence)
        self.mask_key = int(sequence.spawn(1)[0].generate_state(1, np.uint64)[0])
        self.n_updates = 0
        draw = find_initializer(initializer).draw
        get_backend(backend)
        self.backend = backend
        self._allocate()
        for W, scale in zip(self.weights, self.scales, strict=True):
            W[:], scale[:] = draw(self.random, *W.shape), 1

    def _allocate(self) -> None:
        """Parameters and gradient, both zero, and the views of them."""
        n_parameters, n_statistics = self.architecture.n_parameters, self.architecture.n_statistics
        self.learned = aligned_zeros(n_parameters + n_statistics, self.dtype)
        self.parameters, self.statistics = self.learned[:n_parameters], self.learned[n_parameters:]
        self.gradient = aligned_zeros(n_parameters, self.dtype)
        self.weights = self.architecture.weight_views(self.parameters)
        self.biases = self.architecture.bias_views(self.parameters)
        self.scales = self.architecture.scale_views(self.parameters)
        self.shifts = self.architecture.shift_views(self.parameters)
        self.architecture.initialize(self.statistics)
        self.weight_gradients = self.architecture.weight_views(self.gradient)
        self.bias_gradients = self.architecture.bias_views(self.gradient)
        self._has_loss = False  # that `backward` could start from
        self._optimizer: Optimizer | None = None
        self._state: OptimizerState | None = None

    @cached_property
    def _model(self) -> Any:
        """The network as its backend computes with it."""
        vectors = self.parameters, self.gradient, self.statistics
        return get_backend(self.backend).Model(self.architecture, *vectors)

    def mask_keys(self, n_updates: int) -> np.ndarray:
        """Keys of the units that dropout drops in the next updates: numbers of 64 bits, as int64, (n_updates,)."""
        if not any(self.architecture.dropout):
            return np.zeros(n_updates, np.int64)
        from fastnn.backends.numpy_backend.dropout import number

        updates = np.arange(self.n_updates, self.n_updates + n_updates)
        keys: np.ndarray = number(self.mask_key, updates).view(np.int64)  # type: ignore[no-untyped-call]
        return keys

    def logits(self, X: Any, *, n_threads: int | None = None) -> np.ndarray:
        """Z_L of every sample: (n_samples, n_L)."""
        return self._infer(X, n_threads, activates=False)

    def forward(self, X: Any, *, n_threads: int | None = None) -> np.ndarray:
        """A_L of every sample, (n_samples, n_L): probabilities under softmax and sigmoid."""
        return self._infer(X, n_threads, activates=True)

    def predict(self, X: Any, *, n_threads: int | None = None) -> np.ndarray:
        """Class labels for the two cross-entropies, A_L otherwise.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
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
        X : array-like or sparse matrix of shape (n_samples, n_features)
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
        return self.training_loss(*self._checked_batch(X, y, sample_weight), n_threads)

    def _checked_batch(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        """Features, targets and weights of one batch, checked."""
        X = check_features(X, self.architecture.n_inputs, self.dtype)
        y = check_targets(y, X.shape[0], self.architecture, self.dtype)
        weights = check_sample_weight(sample_weight, X.shape[0])
        check_batches(self.architecture, X.shape[0], X.shape[0])
        return X, y, weights

    def training_loss(self, X: Any, y: np.ndarray, weights: np.ndarray, n_threads: int | None = None) -> float:
        """What `loss` gives for checked features, targets and weights."""
        with self.computing(n_threads):
            self.forget_batch()
            data = ready(X, self.dtype), read_only(y), relative_weights(weights, ALL_AT_ONCE)
            step = np.zeros(1, SETTINGS)
            step["mask_key"] = self.mask_keys(1)
            value: float = self._model.loss(np.empty(X.shape[0]), *data, step, self.team)
        self._has_loss = True
        return value

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
        if not self._has_loss:
            raise ValueError(
                "backward needs the loss of a batch first: call network.loss(X, y), then network.backward()."
            )
        with self.computing(n_threads):
            self._model.backward(self.team)
        return self.gradient

    def trace(self, X: Any, y: Any, sample_weight: Any = None) -> list[LayerTrace]:
        """Z, A and dZ of every layer for a batch, forward and backward; fills `gradient` as `backward` does.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples.
        y, sample_weight : array-like
            As in `loss`.

        Returns
        -------
        list of LayerTrace
            From the first hidden layer to the output: ``trace[l].Z``, ``trace[l].A`` and ``trace[l].dZ``, each of shape
            (n_samples, n_l), copies in the type of the network.

        References
        ----------
        Nielsen, Neural Networks and Deep Learning (2015), chapter 2, equations BP1 to BP4.
        """
        X, y, weights = self._checked_batch(X, y, sample_weight)
        self.training_loss(X, y, weights)
        self.backward()
        with self.computing():
            return trace_of(self._model.layers_of_loss, ready(X, self.dtype))

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None, *, n_threads: int | None = None) -> float:
        """Mean loss of any number of samples, weighted as in `loss`, some at a time; keeps nothing for `backward`."""
        X = check_features(X, self.architecture.n_inputs, self.dtype)
        y = check_targets(y, X.shape[0], self.architecture, self.dtype)
        weights = check_sample_weight(sample_weight, X.shape[0])
        with self.computing(n_threads):
            return self.mean_loss(X, y, weights)

    def mean_loss(self, X: Any, y: np.ndarray, sample_weights: np.ndarray) -> float:
        """Mean loss over checked features, targets and weights."""
        losses = np.empty(X.shape[0])
        with self.computing():
            for rows, samples in self._ready_parts(X):
                self._model.evaluate(losses[rows], samples, y[rows], self.team)
        return _weighted_mean(losses, sample_weights)

    def accuracy(self, X: Any, y: np.ndarray, sample_weights: np.ndarray) -> float:
        """Share of checked samples, or of outputs where several are independent, that are classified as their targets."""
        return _weighted_mean(self.predict(X) == self.labels(y), sample_weights)

    def labels(self, y: np.ndarray) -> np.ndarray:
        """Checked targets as `predict` would give them: class labels for the two cross-entropies."""
        return self._decide(y, threshold=0.5) if y.ndim == 2 else y

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        optimizer: Optimizer | LBFGS | str | None = None,
        schedule: Schedule | Callable[[int], float] | None = None,
        epochs: int = 10,
        batch_size: int | None = 32,
        shuffle: bool = True,
        validation_data: tuple[Any, ...] | None = None,
        validation_fraction: float | None = None,
        callbacks: Callback | Sequence[Callback] | None = (),
        progress: Progress = None,
        resume_from: str | os.PathLike[str] | None = None,
        n_threads: int | None = None,
    ) -> History:
        """Train by mini-batch gradient descent.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples. float32, float64 and uint8 arrays are never copied as a whole. A sparse matrix or array of SciPy's is
            converted once to the format CSR and the type of the network, unless it has them, and never made dense.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as in `loss`.
        sample_weight : array-like of shape (n_samples,), optional
            How much each sample counts, as in `loss`: each batch follows the gradient of its own weighted mean. A batch in
            which all weights are 0 has none, and only the penalties and the optimizer's momentum move the parameters.
        optimizer : Optimizer, LBFGS or str, optional
            An optimizer, or the name of one with its options by default, such as "adam"; by default ``SGD()``. What it
            keeps is taken up where the last call with an equal optimizer left it; it starts at 0 in a network that was
            copied, unpickled or loaded.
        schedule : Schedule or callable, optional
            How the learning rate changes from step to step, a member of `fastnn.schedules`, or a function that takes
            the number of a step and returns its rate. Steps are updates of the parameters, counted from 0 at the start of
            this call; `Cosine` and `OneCycle` also depend on how many there will be, and so on `epochs`. By default the
            rate stays the optimizer's.
        epochs : int, default 10
            Passes over the data.
        batch_size : int or None, default 32
            Samples per update; the last batch may be shorter and is used. None takes all samples at once.
        shuffle : bool, default True
            Whether each epoch visits the samples in a new random order.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Data on which loss (and accuracy, for classes) are measured after every epoch.
        validation_fraction : float, optional
            Share of the samples to hold out as validation data instead, drawn by the network's random numbers, from each
            class as many as it has of all. The rest is trained on, and is not copied.
        callbacks : sequence of Callback, optional
            What to do between epochs: `EarlyStopping`, `Checkpoint`, or your own.
        progress : bool or callable, optional
            True shows a progress bar, False none; by default there is one where the standard error stream is a terminal.
            A function is called with the share of the work done, 0 to 1, and the history so far, several times a second.
        resume_from : str or path-like, optional
            File of a `Checkpoint` with which to go on, as if the training that wrote it had not been interrupted: on the
            same backend, every bit will be the same. Network, data (X by some of its rows) and other arguments are checked
            to be those of that training; `epochs` counts all of them, and may be another number. Of a schedule that
            depends on the number of steps, such as `Cosine` or `OneCycle`, the steps to come are then those of a training
            of the new length, at their places in it: the rate jumps from the old curve to the new. A training that a
            callback had ended stays ended.
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
        ValueError, OSError
            If `resume_from` is no checkpoint of such a training, or a file cannot be read or written.
        """
        optimizer = find_optimizer(optimizer)
        if isinstance(optimizer, LBFGS):
            if schedule is not None or resume_from is not None:
                raise ValueError(
                    "LBFGS finds the length of its steps itself and cannot be resumed: no schedule, no resume_from."
                )
            validation = validation_data, validation_fraction
            with self.computing(n_threads):
                return minimize_loss(self, X, y, sample_weight, optimizer, epochs, *validation, callbacks, progress)
        with self.computing(n_threads):
            return train(
                self,
                X,
                y,
                sample_weight,
                optimizer,
                schedule,
                epochs,
                batch_size,
                shuffle,
                validation_data,
                validation_fraction,
                callbacks,
                progress,
                resume_from,
            )

    def fit_batches(
        self,
        batches: Iterable[tuple[Any, ...]],
        *,
        optimizer: Optimizer | str | None = None,
        standardize: bool | Any = False,
        callbacks: Callback | Sequence[Callback] | None = (),
        progress: Progress = None,
        n_threads: int | None = None,
    ) -> History:
        """Train on a stream of batches, such as a generator that reads files: one update for each.

        Whatever the stream raises goes on to the caller, the network trained on all batches before.

        Parameters
        ----------
        batches : iterable of (X, y) or (X, y, sample_weight)
            Batches of any size, each as in `loss`.
        optimizer : Optimizer or str, optional
            As in `fit`, but for `LBFGS`; what it keeps and its steps are carried on from call to call, and between this
            and `fit`.
        standardize : bool or StandardScaler, default False
            Whether to bring each feature to mean 0 and variance 1, by the mean and variance over all batches so far, this
            one included; columns in which nothing but 0 and 1 has been seen are left alone. The scaler in scikit-learn's
            manner that counts them is ``history.scaler``: apply it before `predict`, and pass it here to go on with it.
        callbacks : sequence of Callback, optional
            Called after every batch as `fit` does after an epoch. There are no validation data to monitor, and a stream
            cannot be resumed from a `Checkpoint`.
        progress : bool or callable, optional
            As in `fit`; the share is NaN where ``len(batches)`` is unknown.
        n_threads : int, optional
            Threads to compute with at most; by default the network's.

        Returns
        -------
        History
            One loss per batch, measured just before its update. Seconds leave out those that the stream took.

        Raises
        ------
        DivergenceError
            If the loss becomes NaN or infinite; the parameters are those from before that batch, and so is the scaler.
        """
        optimizer = find_descent(optimizer)
        with self.computing(n_threads):
            return train_on_batches(self, batches, optimizer, standardize, callbacks, progress)

    @property
    def team(self) -> int:
        """Threads that the kernels may use."""
        return team_size(self.n_threads)

    def computing(self, n_threads: int | None = None) -> AbstractContextManager[None]:
        """Within it, threads are limited, and an overflow shows in the result, not as a warning on the way."""
        if n_threads is None and self.backend == "numba":
            return np.errstate(all="ignore")
        return self._limited(None if n_threads is None else check_count(n_threads, "n_threads"))

    @contextmanager
    def _limited(self, n_threads: int | None) -> Iterator[None]:
        with (
            np.errstate(all="ignore"),
            threads_of_call(n_threads),
            matrix_threads(call_threads() or self.n_threads if self.backend == "numpy" else None),
        ):
            yield

    def forget_batch(self) -> Callable[[], None]:
        """Give up what `loss` left for `backward`, as the parameters change; returns what takes that back."""
        has_loss, self._has_loss = self._has_loss, False
        return partial(setattr, self, "_has_loss", has_loss)

    def optimizer_state(self, optimizer: Optimizer) -> OptimizerState:
        """What an optimizer keeps, all zero if it is another than the last."""
        if self._optimizer != optimizer or self._state is None:
            shape = optimizer.n_states, len(self.parameters)
            self._optimizer = optimizer
            self._state = OptimizerState(aligned_zeros(math.prod(shape), self.dtype).reshape(shape))
        return self._state

    def forget_optimizer(self) -> None:
        """Let the next optimizer begin anew, even if it is equal to the last."""
        self._optimizer = self._state = None

    def _ready_parts(self, X: Any) -> Iterator[tuple[slice, Any]]:
        """All samples where the backend can read them as they lie, else some at a time, brought to the network's type."""
        n = X.shape[0]
        is_ready = is_sparse(X) or (X.dtype == self.dtype and X.flags.c_contiguous)
        n_rows = n if is_ready else ROWS_PER_CONVERSION
        for start in range(0, n, n_rows):
            rows = slice(start, start + n_rows)
            yield rows, X if is_ready else ready(X[rows], self.dtype)

    def _infer(self, X: Any, n_threads: int | None, *, activates: bool) -> np.ndarray:
        X = check_feature_shape(X, self.architecture.n_inputs, self.dtype)
        result = np.empty((X.shape[0], self.architecture.n_outputs), self.dtype)
        # Contexts take longer than a single sample: compiled kernels warn of nothing, and need none for themselves.
        compiled = self.backend == "numba" and n_threads is None
        with nullcontext() if compiled else self.computing(n_threads):
            team, finite = self.team if X.shape[0] > 1 else 1, True
            for rows, samples in self._ready_parts(X):
                finite &= self._model.infer(result[rows], samples, team, activates=activates)
        if not finite:
            check_finite(X, "X", self.dtype)
        return result

    def summary(self) -> str:
        """The layers in a table: shapes, activations, parameters and their memory.

        Returns
        -------
        str
            Lines of text. Memory is that of the parameters; training takes as much again for the gradient, and for each
            vector that the optimizer keeps.
        """
        architecture = self.architecture
        names = zip(architecture.activations, architecture.normalizations, architecture.dropout, strict=True)
        rows = [("layer", "shape", "activation", "parameters", "memory")]
        for number, (layer, (activation, normalization, dropout)) in enumerate(
            zip(architecture.layers, names, strict=True), 1
        ):
            extras = [f"{normalization} norm"] * (normalization != "none") + [f"dropout {dropout:g}"] * (dropout > 0)
            n_parameters = int(layer["end"] - layer["weights"])
            shape = f"{layer['n_inputs']} -> {layer['n_outputs']}"
            rows.append((str(number), shape, ", ".join([activation, *extras]), *self._size(n_parameters)))
        rows.append(
            ("total", "", f"{architecture.loss.name}, {self.dtype.name}", *self._size(architecture.n_parameters))
        )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        aligned = (str.ljust, str.ljust, str.ljust, str.rjust, str.rjust)
        lines = (
            "  ".join(align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=True))
            for row in rows
        )
        return "\n".join(line.rstrip() for line in lines)

    def _size(self, n_parameters: int) -> tuple[str, str]:
        """So many parameters, and the memory they take, in words."""
        size = float(n_parameters * self.dtype.itemsize)
        for unit in ("B", "KiB", "MiB"):
            if size < BYTES_PER_UNIT:
                return f"{n_parameters:,}", f"{size:.4g} {unit}"
            size /= BYTES_PER_UNIT
        return f"{n_parameters:,}", f"{size:.4g} GiB"

    def __getstate__(self) -> dict[str, Any]:
        # Views, work vectors and addresses of machine code belong to this process and object.
        kept = ("architecture", "dtype", "n_threads", "random", "backend", "n_updates", "mask_key")
        return {name: getattr(self, name) for name in kept} | {"learned": np.array(self.learned)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        learned = state.pop("learned")
        self.__dict__.update(state)
        self._allocate()
        self.learned[:] = learned

    def __repr__(self) -> str:
        architecture, loss = self.architecture, self.architecture.loss
        loss_text = repr(loss.name if loss == LOSSES.get(loss.name) else loss)
        return (
            f"Network({list(architecture.layer_sizes)}, activations={list(architecture.activations)}, "
            f"loss={loss_text}, backend={self.backend!r}, dtype={self.dtype.name!r})"
        )


def _seed_sequence(seed: Any) -> np.random.SeedSequence:
    try:
        return np.random.SeedSequence(seed)
    except (TypeError, ValueError):
        raise TypeError(f"seed must be an integer of at least 0, or None for any, got {seed!r}.") from None


def _weighted_mean(values: np.ndarray, sample_weights: np.ndarray) -> float:
    """sum_i w_i v_i / sum_i w_i, or the plain mean without weights; several values of a sample count alike."""
    if len(sample_weights) == 0:
        return float(values.mean())
    return float(np.average(values.reshape(len(values), -1).mean(axis=1), weights=sample_weights))
