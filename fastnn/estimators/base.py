"""What both estimators share: parameters, validation, the network behind them, and what is kept of it."""

import copy
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable
from html import escape
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state, estimator_html_repr
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from fastnn.activations import ACTIVATIONS
from fastnn.backends import BACKENDS
from fastnn.estimators.full_batch import prepare_full_batch
from fastnn.estimators.protocol import CallbackSupportMixin
from fastnn.estimators.samples import Samples
from fastnn.estimators.stochastic import prepare_stochastic
from fastnn.estimators.validation import Validation, find_scorer, hold_out
from fastnn.history import History
from fastnn.losses import Loss
from fastnn.network import UNWEIGHTED, Network
from fastnn.optimizers import LBFGS, Optimizer
from fastnn.scaling import ColumnScaler
from fastnn.validation import check_dtype, check_not_masked

#: scikit-learn's names of activations, and those of fastnn where they differ.
NAMES = {"logistic": "sigmoid", "exp": "exponential"}

HIDDEN = {"logistic"} | {name for name, activation in ACTIVATIONS.items() if activation.hidden}

#: Factors of Glorot's bound on initial weights, scikit-learn's: sqrt(factor / (fan_in + fan_out)).
GLOROT, GLOROT_LOGISTIC = 6.0, 2.0

_SHARE = Interval(Real, 0, 1, closed="left")


class MultilayerPerceptron(CallbackSupportMixin, BaseEstimator):
    """Base of `MLPClassifier` and `MLPRegressor`.

    `coefs_` and `intercepts_` are views of the parameters of a `fastnn.Network`; arrays that a user puts in their place are
    copied into it before it computes again.
    """

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's own way)
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(HIDDEN), list, tuple],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [_SHARE],
        "beta_1": [_SHARE],
        "beta_2": [_SHARE],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "backend": [StrOptions(set(BACKENDS))],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
        "dtype": [StrOptions({"float32", "float64"}), np.dtype, type, None],
        "dropout": [_SHARE, list, tuple, np.ndarray],
        "normalization": [StrOptions({"batch", "layer"}), None],
        "optimizer": [Optimizer, LBFGS, None],
        "schedule": "no_validation",
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
        "scoring": [str, callable, None],
        "standardize": ["boolean", StrOptions({"features", "target"})],
        "callbacks": "no_validation",
        "progress": ["boolean", callable, None],
    }

    def _keep(self, parameters: dict[str, Any]) -> None:
        """Keep what the constructor was given, unchecked and unchanged, as scikit-learn asks of it."""
        for name, value in parameters.items():
            if name != "self":
                setattr(self, name, value)

    @abstractmethod
    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        """X and y in the types that scikit-learn gives them."""

    @abstractmethod
    def _encode(self, y: Any, name: str) -> np.ndarray:
        """Validated targets as the kernels take them: class numbers, or rows."""

    @abstractmethod
    def _n_outputs(self, targets: np.ndarray) -> int:
        """Outputs of a network for such targets."""

    @abstractmethod
    def _output(self) -> str:
        """scikit-learn's name of the output activation."""

    @abstractmethod
    def _make_loss(self, dtype: np.dtype) -> Loss:
        """The loss under that activation."""

    @abstractmethod
    def _weigh(self, weights: np.ndarray, y: Any, incremental: bool) -> np.ndarray:
        """The weights of samples with those of their classes."""

    @abstractmethod
    def _score_outputs(self, outputs: np.ndarray, samples: Samples) -> float:
        """The score by which early stopping decides, where there is no `scoring`."""

    @property
    def _stratifies(self) -> bool:
        """Whether the share that is held out has as many of each class."""
        return False

    @property
    def _n_loss_targets(self) -> int:
        """Targets over which scikit-learn takes the mean of the loss, where fastnn takes the sum."""
        return 1

    def _loss_offsets(self, targets: np.ndarray) -> np.ndarray:
        """What scikit-learn's losses have in addition, for each sample; (0,) for nothing."""
        return UNWEIGHTED

    def _reported_loss(self, samples: Samples) -> float:
        """Mean loss over samples, without penalties, as scikit-learn reports it."""
        return self._network.mean_loss(
            samples.X, samples.y, samples.weights
        ) / self._n_loss_targets + self._mean_offset(samples)

    def _mean_offset(self, samples: Samples) -> float:
        """The weighted mean of what scikit-learn's losses have in addition."""
        offsets = self._loss_offsets(samples.y)
        return float(np.average(offsets, weights=samples.sample_weight)) if len(offsets) else 0.0

    @property
    def _descends(self) -> bool:
        """Whether training goes batch by batch, and not by L-BFGS over all samples."""
        return self.solver != "lbfgs" if self.optimizer is None else not isinstance(self.optimizer, LBFGS)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation_data: tuple[Any, Any, Any], incremental: bool
    ) -> "MultilayerPerceptron":
        train = self._prepare_or_restore(X, y, sample_weight, validation_data, incremental)
        with self._network.computing(self._threads()):
            train()
        return self

    def _prepare_or_restore(self, *arguments: Any) -> Callable[[], None]:
        """What `_prepare` gives; what is refused changes nothing. The network before, which may be large, is kept no longer."""
        before = dict(self.__dict__)
        try:
            return self._prepare(*arguments)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _prepare(
        self, X: Any, y: Any, sample_weight: Any, validation_data: tuple[Any, Any, Any], incremental: bool
    ) -> Callable[[], None]:
        """Everything up to the first step of a training, which the function that is returned makes."""
        hidden = self._hidden_sizes()
        is_new = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        find_scorer(self)
        X, y = self._validate_input(X, y, incremental, reset=is_new)
        samples = self._as_samples(X, y, sample_weight, "y")
        samples = Samples(samples.X, samples.y, self._weigh(samples.weights, y, incremental), y)
        given = self._given_validation(*validation_data, samples)
        self.n_outputs_ = self._n_outputs(samples.y)
        self._random_state = check_random_state(self.random_state)
        self._take_up(X, hidden, is_new)
        if is_new or not incremental or not hasattr(self, "history_"):
            self.history_ = History()
        self.stopped_early_ = False
        network = self._synchronize()
        rows, held_out = hold_out(self, samples, given, incremental)
        if self.standardize:
            self._fit_scalers(samples if rows is None else samples.take(rows), incremental)
            samples, held_out = self._scaled(samples), None if held_out is None else self._scaled(held_out)
        samples = samples.ready_for(network)
        validation = None if held_out is None else Validation(self, held_out.ready_for(network))
        with network.computing(self._threads()):
            if self._descends:
                return prepare_stochastic(self, samples, rows, validation, incremental)
            return prepare_full_batch(self, samples, validation)

    def _take_up(self, X: Any, hidden: list[int], is_new: bool) -> None:
        """A new network, or the one that is there, with what has changed of its description."""
        if is_new:
            dtype = X.dtype if self.dtype is None else np.dtype(self.dtype)
            self._initialize([X.shape[1], *hidden, self.n_outputs_], dtype)
            return
        self._check_sizes(X.shape[1], self.n_outputs_)
        if self.__dict__.get("_described") != self._description():
            self._renew()
        self._forget_scalers()

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

    def _validated(self, X: Any, y: Any, reset: bool, **options: Any) -> tuple[Any, Any]:
        """X and y by scikit-learn's validation, in the forced type or in that of X.

        What is to be standardised is not rounded before: single precision has nothing left of seconds since 1970.
        """
        for name, values in (("X", X), ("y", y)):
            check_not_masked(values, name)
        forced = None if self.dtype is None else check_dtype(self.dtype)
        dtype = (np.float64, np.float32) if forced is None or self.standardize else forced
        return validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=dtype, reset=reset, **options
        )

    def _as_samples(self, X: Any, y: Any, sample_weight: Any, name: str) -> Samples:
        """Validated features and targets, with their weights."""
        check_not_masked(sample_weight, "sample_weight")
        weights = UNWEIGHTED if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64)
        return Samples(X.tocsr() if issparse(X) else X, self._encode(y, name), weights, y)

    def _check_sizes(self, n_features: int, n_outputs: int) -> None:
        """Raise ValueError unless the network to go on with has these numbers of inputs and outputs."""
        sizes = self._synchronize().architecture.layer_sizes
        if (sizes[0], sizes[-1]) != (n_features, n_outputs):
            raise ValueError(
                f"Training goes on with {sizes[0]} inputs and {sizes[-1]} outputs, got X and y for {n_features} and {n_outputs}."
            )

    def _given_validation(self, X: Any, y: Any, sample_weight: Any, trained: Samples) -> Samples | None:
        """The validation data that were passed to `fit`, if any."""
        if (X is None) != (y is None) or (X is None and sample_weight is not None):
            raise ValueError("Validation data need both X_val and y_val; sample_weight_val goes with them.")
        if X is None:
            return None
        try:
            X, y = self._validate_input(X, y, incremental=True, reset=False)
            samples = self._as_samples(X, y, sample_weight, "y_val")
        except ValueError as error:
            raise ValueError(f"X_val and y_val are refused: {error}") from error
        if samples.y.shape[1:] != trained.y.shape[1:]:
            raise ValueError(f"y_val must have as many columns as y, {trained.y.shape[1]}, got {samples.y.shape[1]}.")
        return samples

    def _initialize(self, sizes: list[int], dtype: np.dtype) -> None:
        """A new network, with the weights that scikit-learn would draw."""
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
        """Seed of what is dropped; drawn only where something is, as scikit-learn draws none."""
        return int(self._random_state.randint(2**31)) if np.any(np.asarray(self.dropout) != 0) else 0

    def _renew(self) -> None:
        """Another network, by activations, loss, dropout and the like that have changed; it goes on with the same weights."""
        if self._output() != self.out_activation_:
            raise ValueError(
                f"Training goes on with outputs by {self.out_activation_!r}, and loss={self.loss!r} needs {self._output()!r}:"
                " begin anew with warm_start=False."
            )
        old = self._synchronize()
        dtype = old.dtype if self.dtype is None else np.dtype(self.dtype)
        new = self._make_network(list(old.architecture.layer_sizes), dtype, self._draw_seed())
        if new.architecture.normalizations == old.architecture.normalizations:
            new.learned[:] = old.learned
        else:
            for name in ("_optimizer", "_best_learned"):  # which are those of other parameters
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
        """What the initial weights of each layer depend on; those of the output layer, on the last hidden one."""
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
        """The parameters that a network is made by, but for its sizes."""
        loss = getattr(self, "loss", None), getattr(self, "label_smoothing", None)
        return repr((self.activation, loss, self.normalization, self.dropout, self.backend, str(self.dtype)))

    def _adopt(self, network: Network) -> None:
        """Make a network's parameters those of the estimator."""
        self._network, self._described = network, self._description()
        self.coefs_, self.intercepts_ = list(network.weights), list(network.biases)

    def _synchronize(self) -> Network:
        """The network, its parameters those in `coefs_` and `intercepts_`, wherever a user has put others."""
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

    def _standardizes(self, what: str) -> bool:
        """Whether "features" or the "target" are brought to mean 0 and variance 1."""
        return self.standardize == what if isinstance(self.standardize, str) else bool(self.standardize)

    def _forget_scalers(self) -> None:
        """Let nothing be scaled that is not scaled in training."""
        for name, what in (("feature_scaler_", "features"), ("target_scaler_", "target")):
            if not self._standardizes(what):
                self.__dict__.pop(name, None)

    def _fit_scalers(self, samples: Samples, incremental: bool) -> None:
        """Mean and variance of what is trained on, over all calls of `partial_fit`; a warm start keeps those it has."""
        if self._standardizes("features"):
            new = ColumnScaler(with_mean=not issparse(samples.X))
            self._fit_scaler("feature_scaler_", new, samples.X, samples.sample_weight, incremental)

    def _fit_scaler(self, name: str, new: Any, numbers: Any, sample_weight: Any, incremental: bool) -> None:
        known = self.__dict__.get(name)
        if known is None or incremental:
            scaler = new.set_output(transform="default") if known is None else copy.deepcopy(known)
            setattr(self, name, scaler.partial_fit(numbers, sample_weight=sample_weight))

    def _scaled(self, samples: Samples) -> Samples:
        """Samples brought to mean 0 and variance 1."""
        return samples.standardized(self._scaled_features(samples.X), samples.y)

    def _scaled_features(self, X: Any) -> Any:
        if "feature_scaler_" not in self.__dict__:
            return X
        scaled = self.feature_scaler_.transform(X)
        return scaled.astype(X.dtype, copy=False) if X.dtype.kind == "f" else scaled

    def _features(self, X: Any) -> Any:
        """X as the network takes it; numbers that are not finite are found later, where that costs nothing."""
        given, prepared = self.__dict__.get("_watched", (None, None))
        if given is not None and X is given:
            return prepared
        ready = (
            type(X) is np.ndarray
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == self.n_features_in_
            and X.dtype in (np.float32, np.float64)
            and not hasattr(self, "feature_names_in_")
        )
        if not ready:
            check_not_masked(X, "X")
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
            X = X.tocsr() if issparse(X) else X
        return self._scaled_features(X)

    def _outputs(self, X: Any) -> np.ndarray:
        """A_L of every sample, (n_samples, n_outputs_)."""
        if "coefs_" not in self.__dict__:
            check_is_fitted(self)
        network, features = self._synchronize(), self._features(X)
        try:
            return network.forward(features, n_threads=None if features.shape[0] == 1 else self._threads())
        except ValueError:
            validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)  # which says it in scikit-learn's words
            raise

    def _threads(self) -> int | None:
        """Threads to compute with at most: one in a Python thread of joblib's, which has others beside it."""
        if self.n_threads is not None or threading.current_thread() is threading.main_thread():
            return self.n_threads
        from joblib.parallel import get_active_backend

        backend, _ = get_active_backend()
        return 1 if backend.nesting_level else None

    @property
    def network_(self) -> Network:
        """The `fastnn.Network` behind a fitted estimator; it takes features as they are after standardising."""
        check_is_fitted(self)
        return self._synchronize()

    def summary(self) -> str:
        """The layers of the fitted network: shapes, activations, parameters and memory."""
        check_is_fitted(self)
        return self._synchronize().summary()

    def _html_repr(self) -> str:
        """scikit-learn's representation, and below it the layers of a fitted network."""
        html = estimator_html_repr(self)
        return html if "coefs_" not in self.__dict__ else f"{html}<pre>{escape(self.summary())}</pre>"

    def __copy__(self) -> "MultilayerPerceptron":
        """A copy that trains on its own: it shares the constructor's parameters, and nothing that training changes."""
        copied = type(self).__new__(type(self))
        changing = {name for name in self.__dict__ if name.endswith("_") or name in ("_optimizer", "_best_learned")}
        state = self.__getstate__()
        copied.__setstate__(state | {name: copy.deepcopy(state[name]) for name in changing & state.keys()})
        return copied

    def __getstate__(self) -> dict[str, Any]:
        """All but what the network holds already.

        What the optimizer keeps goes along while `partial_fit` trains, and not after `fit`: it would be twice as large as
        the parameters.
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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
