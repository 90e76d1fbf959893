"""A feed-forward network: an architecture, its parameters in one flat vector, and a backend."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property, partial
from typing import Any

import numpy as np

from fastnn.architecture import Architecture, ArchitectureOptions, aligned_zeros
from fastnn.backends import get_backend
from fastnn.batches import read_only, ready, relative_weights, weighted_mean
from fastnn.initializers import find_initializer
from fastnn.losses import LOSSES, Loss
from fastnn.summary import summary_of
from fastnn.threads import call_threads, matrix_threads, team_size, threads_of_call
from fastnn.trace import LayerTrace, trace_of
from fastnn.updates import SETTINGS
from fastnn.validation import (
    check_batches,
    check_count,
    check_dtype,
    check_feature_shape,
    check_features,
    check_finite,
    check_sample_weight,
    check_stage,
    check_targets,
    is_sparse,
)

#: Samples converted at a time if their dtype or memory layout is not that of the network.
ROWS_PER_CONVERSION = 2048


class FeedForward:
    """A feed-forward network without training; `fastnn.Network` documents its arguments and attributes.

    Names with a leading underscore are for the modules that train it.
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activations: str | Sequence[str] = "relu",
        loss: str | Loss = "softmax_cross_entropy",
        *,
        normalization: str | Sequence[str | None] | None = None,
        dropout: float | Sequence[float] = 0.0,
        parametric: bool | Sequence[bool] = False,
        embeddings: Any = (),
        input_scaling: bool = False,
        parametrization: str = "standard",
        backend: str = "numba",
        dtype: Any = "float32",
        initializer: str = "he_normal",
        seed: int | None = None,
        n_threads: int | None = None,
    ) -> None:
        options = ArchitectureOptions(parametric, embeddings, input_scaling, parametrization)
        self.architecture = Architecture.create(layer_sizes, activations, loss, normalization, dropout, options)
        self.dtype = check_dtype(dtype)
        self.n_threads = None if n_threads is None else check_count(n_threads, "n_threads")
        sequence = _seed_sequence(seed)
        self.random = np.random.default_rng(sequence)
        self._mask_key = int(sequence.spawn(1)[0].generate_state(1, np.uint64)[0])
        self.n_updates = 0
        draw = find_initializer(initializer).draw
        get_backend(backend)
        self.backend = backend
        self._allocate()
        self.architecture.initialize_parameters(self.parameters, self.random, draw)

    def _allocate(self) -> None:
        """Allocate parameters and gradient, both zero, and create the views of them."""
        n_parameters, n_statistics = self.architecture.n_parameters, self.architecture.n_statistics
        self._learned = aligned_zeros(n_parameters + n_statistics, self.dtype)
        self.parameters, self.statistics = self._learned[:n_parameters], self._learned[n_parameters:]
        self.gradient = aligned_zeros(n_parameters, self.dtype)
        self.weights = self.architecture.weight_views(self.parameters)
        self.biases = self.architecture.bias_views(self.parameters)
        self.scales = self.architecture.scale_views(self.parameters)
        self.shifts = self.architecture.shift_views(self.parameters)
        self.slopes = self.architecture.slope_views(self.parameters)
        self.input_scales, self.embeddings = self.architecture.input_views(self.parameters)
        self.architecture.initialize(self.statistics)
        self.weight_gradients = self.architecture.weight_views(self.gradient)
        self.bias_gradients = self.architecture.bias_views(self.gradient)
        self._has_loss = False  # whether `backward` can be called
        self._optimizer_state: Any = None  # kept here by training for the next call

    @cached_property
    def _model(self) -> Any:
        """The network bound to its backend."""
        vectors = self.parameters, self.gradient, self.statistics
        return get_backend(self.backend).Model(self.architecture, *vectors)

    def _mask_keys(self, n_updates: int) -> np.ndarray:
        """Keys of the dropout masks of the next updates: 64-bit numbers, as int64, (n_updates,)."""
        if not any(self.architecture.dropout):
            return np.zeros(n_updates, np.int64)
        from fastnn.backends.numpy_backend.dropout import number

        updates = np.arange(self.n_updates, self.n_updates + n_updates)
        keys: np.ndarray = number(self._mask_key, updates).view(np.int64)  # type: ignore[no-untyped-call]
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
            Maximum number of threads; by default the network's.

        Returns
        -------
        ndarray
            Softmax outputs: the most probable class, int64, (n_samples,). Sigmoid outputs of `binary_cross_entropy`:
            1 where the probability is above one half, else 0, int64, (n_samples,) for one output, else (n_samples, n_L).
            Otherwise A_L, (n_samples, n_L).
        """
        if self._decides_on_logits:
            return self._decide(self.logits(X, n_threads=n_threads), threshold=0.0)
        return self._decide(self.forward(X, n_threads=n_threads), threshold=0.5)

    def _decide(self, outputs: np.ndarray, threshold: float) -> np.ndarray:
        """Labels from outputs or logits: the largest, or those above `threshold`; regression outputs are unchanged."""
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
        """Mean loss of a batch; stores what `backward` needs.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class indices or one-hot rows for `softmax_cross_entropy`, probabilities for `binary_cross_entropy`, otherwise
            numbers, non-negative ones for `poisson`.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each sample, w_i >= 0: L = sum_i w_i L_i / sum_i w_i. By default all weights are equal.
        n_threads : int, optional
            Maximum number of threads; by default the network's.

        Returns
        -------
        float
            Loss, summed over outputs and averaged over samples, without any penalty.
        """
        return self._training_loss(*self._checked_batch(X, y, sample_weight), n_threads)

    def _checked_batch(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, np.ndarray, np.ndarray]:
        """Features, targets and weights of one batch, checked."""
        check_stage(X, self.architecture)
        X = check_features(X, self.architecture.n_inputs, self.dtype)
        y = check_targets(y, X.shape[0], self.architecture, self.dtype)
        weights = check_sample_weight(sample_weight, X.shape[0])
        check_batches(self.architecture, X.shape[0], X.shape[0])
        return X, y, weights

    def _training_loss(self, X: Any, y: np.ndarray, weights: np.ndarray, n_threads: int | None = None) -> float:
        """`loss` for checked features, targets and weights."""
        with self._computing(n_threads):
            self._forget_batch()
            relative = relative_weights(weights, np.zeros(1, np.int64), np.array([X.shape[0]]))
            data = ready(X, self.dtype), read_only(y), relative
            step = np.zeros(1, SETTINGS)
            step["mask_key"] = self._mask_keys(1)
            value: float = self._model.loss(np.empty(X.shape[0]), *data, step, self._team)
        self._has_loss = True
        return value

    def backward(self, *, n_threads: int | None = None) -> np.ndarray:
        """Gradient of the last computed loss, by backpropagation; fills and returns `gradient`.

        Parameters
        ----------
        n_threads : int, optional
            Maximum number of threads; by default the network's.

        Raises
        ------
        ValueError
            If `loss` has not been called first.
        """
        if not self._has_loss:
            raise ValueError(
                "backward needs the loss of a batch first: call network.loss(X, y), then network.backward()."
            )
        with self._computing(n_threads):
            self._model.backward(self._team)
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
            From the first hidden layer to the output layer: ``trace[l].Z``, ``trace[l].A`` and ``trace[l].dZ``, each of
            shape (n_samples, n_l), copies with the dtype of the network.

        References
        ----------
        Nielsen, Neural Networks and Deep Learning (2015), chapter 2, equations BP1 to BP4.
        """
        X, y, weights = self._checked_batch(X, y, sample_weight)
        self._training_loss(X, y, weights)
        self.backward()
        with self._computing():
            return trace_of(self._model.layers_of_loss, ready(X, self.dtype))

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None, *, n_threads: int | None = None) -> float:
        """Mean loss of any number of samples, weighted as in `loss`, in chunks; stores nothing for `backward`."""
        check_stage(X, self.architecture)
        X = check_features(X, self.architecture.n_inputs, self.dtype)
        y = check_targets(y, X.shape[0], self.architecture, self.dtype)
        weights = check_sample_weight(sample_weight, X.shape[0])
        with self._computing(n_threads):
            return self._mean_loss(X, y, weights)

    def _mean_loss(self, X: Any, y: np.ndarray, sample_weights: np.ndarray) -> float:
        """Mean loss over checked features, targets and weights."""
        losses = np.empty(X.shape[0])
        with self._computing():
            for rows, samples in self._ready_parts(X):
                self._model.evaluate(losses[rows], samples, y[rows], self._team)
        return weighted_mean(losses, sample_weights)

    def _labels(self, y: np.ndarray) -> np.ndarray:
        """Checked targets in the form `predict` returns: class labels for the two cross-entropies."""
        return self._decide(y, threshold=0.5) if y.ndim == 2 else y

    @property
    def _is_finite(self) -> bool:
        """Whether no parameter is NaN or infinite."""
        return bool(np.isfinite(self.parameters).all())

    @property
    def _team(self) -> int:
        """Number of threads that the kernels may use."""
        return team_size(self.n_threads)

    def _computing(self, n_threads: int | None = None) -> AbstractContextManager[None]:
        """Context that limits threads and silences floating-point warnings: overflow shows in the result."""
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

    def _forget_batch(self) -> Callable[[], None]:
        """Discard the stored batch before the parameters change; returns a function that undoes this."""
        has_loss, self._has_loss = self._has_loss, False
        return partial(setattr, self, "_has_loss", has_loss)

    def _ready_parts(self, X: Any) -> Iterator[tuple[slice, Any]]:
        """All samples if the backend can read them in place, else chunks of them converted to the network's dtype."""
        n = X.shape[0]
        is_ready = is_sparse(X) or (X.dtype == self.dtype and X.flags.c_contiguous)
        n_rows = n if is_ready else ROWS_PER_CONVERSION
        for start in range(0, n, n_rows):
            rows = slice(start, start + n_rows)
            yield rows, X if is_ready else ready(X[rows], self.dtype)

    def _infer(self, X: Any, n_threads: int | None, *, activates: bool) -> np.ndarray:
        check_stage(X, self.architecture)
        X = check_feature_shape(X, self.architecture.n_inputs, self.dtype)
        result = np.empty((X.shape[0], self.architecture.n_outputs), self.dtype)
        # Entering a context takes longer than a single sample, and compiled kernels emit no warnings.
        compiled = self.backend == "numba" and n_threads is None
        with nullcontext() if compiled else self._computing(n_threads):
            team, finite = self._team if X.shape[0] > 1 else 1, True
            for rows, samples in self._ready_parts(X):
                finite &= self._model.infer(result[rows], samples, team, activates=activates)
        if not finite:
            check_finite(X, "X", self.dtype)
        return result

    def summary(self) -> str:
        """A table of the layers: shapes, activations, parameters and their memory.

        Returns
        -------
        str
            Lines of text. Memory is that of the parameters; training needs as much again for the gradient and for each
            vector of the optimizer state.
        """
        return summary_of(self.architecture, self.dtype)

    def __getstate__(self) -> dict[str, Any]:
        # Views, workspaces and addresses of machine code are specific to this process and object.
        kept = ("architecture", "dtype", "n_threads", "random", "backend", "n_updates", "_mask_key")
        return {name: getattr(self, name) for name in kept} | {"_learned": np.array(self._learned)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        learned = state.pop("_learned")
        self.__dict__.update(state)
        self._allocate()
        self._learned[:] = learned

    def __repr__(self) -> str:
        architecture, loss = self.architecture, self.architecture.loss
        loss_text = repr(loss.name if loss == LOSSES.get(loss.name) else loss)
        return (
            f"{type(self).__name__}({list(architecture.layer_sizes)}, activations={list(architecture.activations)}, "
            f"loss={loss_text}, backend={self.backend!r}, dtype={self.dtype.name!r})"
        )


def _seed_sequence(seed: Any) -> np.random.SeedSequence:
    try:
        return np.random.SeedSequence(seed)
    except (TypeError, ValueError):
        raise TypeError(f"seed must be a non-negative integer, or None for a random one, got {seed!r}.") from None
