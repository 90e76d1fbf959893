"""The network behind an estimator, with the same initial weights as in scikit-learn."""

import copy
from collections.abc import Iterable
from html import escape
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from fastnn.estimators.parameters import Parameters
from fastnn.network import Network

#: scikit-learn's names of activations that differ from fastnn's.
NAMES = {"logistic": "sigmoid", "exp": "exponential"}

#: scikit-learn's factors in Glorot's bound on initial weights, sqrt(factor / (fan_in + fan_out)).
GLOROT, GLOROT_LOGISTIC = 6.0, 2.0


class NetworkBehind(Parameters):
    """An estimator with a network.

    `coefs_` and `intercepts_` are views of its parameters; if the user replaces them, the new arrays are copied into the
    network before its next use.
    """

    def _hidden_sizes(self) -> list[int]:
        sizes: Any = self.hidden_layer_sizes
        sizes = sizes.tolist() if isinstance(sizes, np.ndarray) else sizes
        if isinstance(sizes, str | bytes | dict | set) or not isinstance(sizes, Integral | Iterable):
            raise TypeError(f"hidden_layer_sizes must be an integer or a sequence of integers, got {sizes!r}.")
        sizes = [sizes] if isinstance(sizes, Integral) else list(sizes)
        if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
            raise TypeError(f"hidden_layer_sizes must be integers, got {sizes}.")
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _check_sizes(self, n_features: int, n_outputs: int) -> None:
        """Raise ValueError unless the existing network has these numbers of inputs and outputs."""
        sizes = self._synchronize().architecture.layer_sizes
        if (sizes[0], sizes[-1]) != (n_features, n_outputs):
            raise ValueError(
                f"Training continues with {sizes[0]} inputs and {sizes[-1]} outputs, got X and y for {n_features} and {n_outputs}."
            )

    def _initialize(self, sizes: list[int], dtype: np.dtype) -> None:
        """Create a new network, with the same initial weights as in scikit-learn."""
        self.n_iter_, self.t_ = 0, 0
        self.n_layers_ = len(sizes)
        self.out_activation_ = self._output()
        for name in ("_optimizer", "_best_learned", "feature_scaler_", "target_scaler_"):
            self.__dict__.pop(name, None)
        self._adopt(self._make_network(sizes, dtype, self._draw_seed()))
        for W, b, activation in zip(self.coefs_, self.intercepts_, self._activation_of_layers(), strict=True):
            bound = np.sqrt((GLOROT_LOGISTIC if activation in ("logistic", "sigmoid") else GLOROT) / sum(W.shape))
            W[:], b[:] = (self._random_state.uniform(-bound, bound, array.shape) for array in (W, b))
        if self._descends:
            self._begin_curves()

    def _draw_seed(self) -> int:
        """Seed of the dropout masks; drawn only with dropout, because scikit-learn draws none."""
        return int(self._random_state.randint(2**31)) if np.any(np.asarray(self.dropout) != 0) else 0

    def _renew(self) -> None:
        """Create a network with changed activations, loss, dropout and the like, but the same weights."""
        if self._output() != self.out_activation_:
            raise ValueError(
                f"Training continues with output activation {self.out_activation_!r}, but loss={self.loss!r} needs "
                f"{self._output()!r}: set warm_start=False to start again."
            )
        old = self._synchronize()
        dtype = old.dtype if self.dtype is None else np.dtype(self.dtype)
        new = self._make_network(list(old.architecture.layer_sizes), dtype, self._draw_seed())
        if new.architecture.normalizations == old.architecture.normalizations:
            new._learned[:] = old._learned
        else:
            for name in ("_optimizer", "_best_learned"):  # these belong to the old parameters
                self.__dict__.pop(name, None)
        for view, array in zip((*new.weights, *new.biases), (*old.weights, *old.biases), strict=True):
            view[:] = array
        self._adopt(new)

    def _begin_curves(self) -> None:
        self.loss_curve_: list[float] = []
        self._no_improvement_count = 0
        self.best_loss_ = None if self.early_stopping else np.inf
        self.validation_scores_: list[float] | None = [] if self.early_stopping else None
        self.validation_loss_curve_: list[float] | None = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None

    def _activation_of_layers(self) -> list[str]:
        """The activation on which the initial weights of each layer depend; for the output layer, the last hidden one."""
        if isinstance(self.activation, str):
            return [self.activation] * len(self.coefs_)
        names = list(self.activation)
        return names + (names[-1:] or ["identity"])

    def _make_network(self, sizes: list[int], dtype: np.dtype, seed: int = 0) -> Network:
        hidden = [self.activation] * (len(sizes) - 2) if isinstance(self.activation, str) else list(self.activation)
        if len(hidden) != len(sizes) - 2:
            raise ValueError(
                f"activation must be one name, or one for each of the {len(sizes) - 2} hidden layers, got {hidden}."
            )
        return Network(
            sizes,
            [NAMES.get(name, name) for name in (*hidden, self.out_activation_)],
            self._make_loss(dtype),
            normalization=self.normalization,
            dropout=self.dropout,
            backend=self.backend,
            dtype=dtype,
            initializer="zeros",
            seed=seed,
            n_threads=self.n_threads,
        )

    def _description(self) -> str:
        """The parameters that determine the network, except its sizes."""
        loss = getattr(self, "loss", None), getattr(self, "label_smoothing", None)
        return repr((self.activation, loss, self.normalization, self.dropout, self.backend, str(self.dtype)))

    def _adopt(self, network: Network) -> None:
        """Use a network, and expose its parameters as `coefs_` and `intercepts_`."""
        self._network, self._described = network, self._description()
        self.coefs_, self.intercepts_ = list(network.weights), list(network.biases)

    def _synchronize(self) -> Network:
        """The network, after copying `coefs_` and `intercepts_` into it if the user has replaced them."""
        network: Network | None = self.__dict__.get("_network")
        given = [*self.coefs_, *self.intercepts_]
        if network is None or [np.shape(array) for array in given] != [
            view.shape for view in (*network.weights, *network.biases)
        ]:
            sizes = [len(self.coefs_[0]), *(np.shape(W)[1] for W in self.coefs_)]
            single = getattr(self.coefs_[0], "dtype", None) == np.float32
            network = self._make_network(sizes, np.dtype(np.float32 if single else np.float64))
        views = [*network.weights, *network.biases]
        if any(array is not view for array, view in zip(given, views, strict=True)):
            for array, view in zip(given, views, strict=True):
                view[:] = array
            self._adopt(network)
        return network

    @property
    def network_(self) -> Network:
        """The `fastnn.Network` behind a fitted estimator; it expects features that are already standardised."""
        check_is_fitted(self)
        return self._synchronize()

    def summary(self) -> str:
        """The layers of the fitted network: shapes, activations, parameters and memory."""
        check_is_fitted(self)
        return self._synchronize().summary()

    def _html_repr(self) -> str:
        """scikit-learn's representation, followed by the layers of a fitted network."""
        html = estimator_html_repr(self)
        return html if "coefs_" not in self.__dict__ else f"{html}<pre>{escape(self.summary())}</pre>"

    def __copy__(self) -> Self:
        """A copy that can be trained independently: it shares only the constructor's parameters."""
        copied = type(self).__new__(type(self))
        changing = {name for name in self.__dict__ if name.endswith("_") or name in ("_optimizer", "_best_learned")}
        state = self.__getstate__()
        copied.__setstate__(state | {name: copy.deepcopy(state[name]) for name in changing & state.keys()})
        return copied

    def __getstate__(self) -> dict[str, Any]:
        """The state, without arrays that the network already holds.

        The optimizer state is included after `partial_fit` but not after `fit`: it may be twice as large as the parameters.
        """
        state = dict(super().__getstate__())
        if "coefs_" in state:
            state["_network"] = copy.copy(self._synchronize())
            del state["coefs_"], state["intercepts_"]
        if "_optimizer" in state and not state.get("_trains_on", False):
            state["_optimizer"] = copy.copy(state["_optimizer"])
            state["_optimizer"].state = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_network" in state:
            self._adopt(state["_network"])
