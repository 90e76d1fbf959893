"""scikit-learn's multilayer perceptrons, together with the state of their training."""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import sklearn.neural_network
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.estimators.network import NAMES
from fastnn.estimators.regressor import LOSSES
from fastnn.estimators.solvers import Solver, UncorrectedEpsilonAdam
from fastnn.network import Network
from fastnn.optimizers import SGD, Optimizer
from fastnn.schedules import Constant
from fastnn.training.history import History
from fastnn.training.state import OptimizerState

#: fastnn's estimators, and scikit-learn's.
PAIRS = (
    (MLPClassifier, sklearn.neural_network.MLPClassifier),
    (MLPRegressor, sklearn.neural_network.MLPRegressor),
)

#: scikit-learn's activations of hidden layers, by fastnn's names.
ACTIVATIONS = {"identity": "identity", "relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}

#: Parameters of fastnn's estimators that change neither predictions nor training beyond rounding.
WITHOUT_EFFECT = ("backend", "n_threads", "dtype", "progress")

#: Attributes of fitted estimators that scikit-learn's do not have, or that are converted one by one.
OWN = (
    "coefs_",
    "intercepts_",
    "history_",
    "stopped_early_",
    "validation_loss_curve_",
    "feature_scaler_",
    "target_scaler_",
)


def from_sklearn(mlp: Any) -> MLPClassifier | MLPRegressor:
    """scikit-learn's `MLPClassifier` or `MLPRegressor` as fastnn's, fitted or not.

    Parameters
    ----------
    mlp : sklearn.neural_network.MLPClassifier or MLPRegressor
        An estimator.

    Returns
    -------
    MLPClassifier or MLPRegressor
        With the same parameters and, if it is fitted, copies of its weights, curves and the state of its optimizer:
        `partial_fit` and a warm start go on exactly where scikit-learn's would.

    Raises
    ------
    TypeError
        If it is another estimator.
    ValueError
        If it has parameters that fastnn's does not know, those of a newer scikit-learn.

    Examples
    --------
    >>> faster = from_sklearn(sklearn.neural_network.MLPClassifier(random_state=0)).fit(X, y)
    """
    kind = next((ours for ours, theirs in PAIRS if isinstance(mlp, theirs)), None)
    if kind is None:
        raise TypeError(
            "from_sklearn takes an MLPClassifier or MLPRegressor of sklearn.neural_network, "
            f"got {type(mlp).__name__} of {type(mlp).__module__.partition('.')[0]}."
        )
    parameters = copy.deepcopy(mlp.get_params(deep=False))
    unknown = sorted(parameters.keys() - kind().get_params(deep=False).keys())
    if unknown:
        raise ValueError(f"fastnn's {kind.__name__} has no parameter {' and '.join(unknown)}.")
    estimator: MLPClassifier | MLPRegressor = kind(**parameters)
    if hasattr(mlp, "coefs_"):
        _take_over(estimator, mlp)
    return estimator


def to_sklearn(estimator: Any) -> Any:
    """fastnn's `MLPClassifier` or `MLPRegressor` as scikit-learn's, fitted or not.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        An estimator whose network scikit-learn has: the same activation in all hidden layers, 'identity', 'logistic',
        'tanh' or 'relu'; no normalisation and no dropout; and the loss 'squared_error', or 'poisson' from scikit-learn 1.7
        on. Other parameters that scikit-learn lacks, except `backend`, `n_threads`, `dtype` and `progress`, must have their
        default.

    Returns
    -------
    estimator
        `sklearn.neural_network.MLPClassifier` or `MLPRegressor`, with copies of the weights, the curves and the state of
        the optimizer. With `standardize`, a pipeline of a `StandardScaler` and the estimator; if targets are standardised
        too, that pipeline in a `TransformedTargetRegressor`.

    Raises
    ------
    TypeError
        If it is another estimator.
    ValueError
        If scikit-learn lacks something; the message names it.
    """
    theirs = next((theirs for ours, theirs in PAIRS if isinstance(estimator, ours)), None)
    if theirs is None:
        raise TypeError(
            f"to_sklearn takes a fastnn.MLPClassifier or fastnn.MLPRegressor, got {type(estimator).__name__}."
        )
    network = estimator.network_ if hasattr(estimator, "coefs_") else None
    lacking = list(_lacking(estimator, network, theirs))
    if lacking:
        raise ValueError(f"scikit-learn's {theirs.__name__} has no counterpart for {' and '.join(lacking)}.")
    mlp = _converted(estimator, network, theirs)
    if network is None:
        return mlp
    _give_over(estimator, network, mlp)
    return _with_scalers(estimator, mlp)


# From scikit-learn


def _take_over(estimator: Any, mlp: Any) -> None:
    """Give an estimator the fitted attributes of scikit-learn's, and the state of its training."""
    _copy_attributes(mlp, estimator)
    sizes = [len(mlp.coefs_[0]), *(np.shape(W)[1] for W in mlp.coefs_)]
    network = estimator._make_network(sizes, mlp.coefs_[0].dtype)
    _fill(network, network.parameters, _parameters_of(mlp))
    estimator._adopt(network)
    estimator.history_, estimator.validation_loss_curve_ = History(), None
    estimator.stopped_early_ = getattr(mlp, "_no_improvement_count", 0) > mlp.n_iter_no_change
    if isinstance(getattr(mlp, "_optimizer", None), AdamOptimizer | SGDOptimizer):
        estimator._optimizer, estimator._trains_on = _solver_of(mlp, network), True


def _solver_of(mlp: Any, network: Network) -> Solver:
    """The optimizer of scikit-learn's estimator as it is after its last step."""
    theirs = mlp._optimizer
    optimizer = _optimizer_of(theirs)
    adaptive = getattr(theirs, "lr_schedule", "") == "adaptive"
    solver = Solver(optimizer, Constant(), adaptive=adaptive, verbose=mlp.verbose)
    solver.begin(1, 1)
    state = OptimizerState(solver.optimizer, len(network.parameters), network.dtype)
    if isinstance(theirs, AdamOptimizer):
        state.n_steps = theirs.t
        _fill(network, state.vectors[0], theirs.ms)
        _fill(network, state.vectors[1], theirs.vs)
    else:
        solver.course.learning_rate = theirs.learning_rate
        if len(state.vectors):  # scikit-learn's velocity u is -eta v
            _fill(network, state.vectors[0], [-velocity / theirs.learning_rate for velocity in theirs.velocities])
    solver.state = state
    return solver


def _optimizer_of(theirs: Any) -> Optimizer:
    rate = float(theirs.learning_rate_init)
    if isinstance(theirs, AdamOptimizer):
        return UncorrectedEpsilonAdam(rate, float(theirs.beta_1), float(theirs.beta_2), float(theirs.epsilon))
    momentum = float(theirs.momentum)
    return SGD(rate, momentum, nesterov=bool(theirs.nesterov and momentum > 0))


# To scikit-learn


def _lacking(estimator: Any, network: Network | None, theirs: Any) -> Iterator[str]:
    """What scikit-learn lacks, as far as it has an effect."""
    known, defaults = theirs().get_params(), type(estimator)().get_params(deep=False)
    for name, value in estimator.get_params(deep=False).items():
        if name not in (*known, *WITHOUT_EFFECT, "loss", "standardize") and not _is_default(value, defaults[name]):
            yield f"{name}={value!r}"
    if estimator.standardize and network is None:
        yield f"standardize={estimator.standardize!r} before it is fitted"
    if _loss_of(estimator) not in (("squared_error", "poisson") if "loss" in known else ("squared_error",)):
        yield f"loss={estimator.loss!r}"
    hidden = _hidden_activations(estimator, network)
    yield from (f"activation {name!r}" for name in hidden if name not in ACTIVATIONS)
    if len(hidden) > 1:
        yield "layers with different activations"
    if network is not None:
        yield from (
            f"{name} normalisation" for name in ("batch", "layer") if name in network.architecture.normalizations
        )


def _is_default(value: Any, default: Any) -> bool:
    """Whether a parameter has its default; a dropout of 0 in each layer is that of 0 in all."""
    return value is default or (default is not None and bool(np.all(np.asarray(value) == default)))


def _loss_of(estimator: Any) -> str:
    """scikit-learn's name of the loss of a regressor, or an empty one; a classifier has the loss of scikit-learn's."""
    if isinstance(estimator, MLPClassifier):
        return "squared_error"
    return next((name for name in ("squared_error", "poisson") if LOSSES[name] == estimator._loss), "")


def _hidden_activations(estimator: Any, network: Network | None) -> list[str]:
    """The different activations of the hidden layers."""
    if network is not None:
        return list(dict.fromkeys(network.architecture.activations[:-1]))
    given = estimator.activation
    return list(dict.fromkeys(NAMES.get(name, name) for name in ([given] if isinstance(given, str) else given)))


def _converted(estimator: Any, network: Network | None, theirs: Any) -> Any:
    """scikit-learn's estimator with the same parameters."""
    parameters = {name: copy.deepcopy(getattr(estimator, name)) for name in theirs().get_params()}
    hidden = _hidden_activations(estimator, network)
    parameters["activation"] = ACTIVATIONS[hidden[0]] if hidden else "relu"
    if "loss" in parameters:
        parameters["loss"] = _loss_of(estimator)
    return theirs(**parameters)


def _give_over(estimator: Any, network: Network, mlp: Any) -> None:
    """Give scikit-learn's estimator the fitted attributes, and the state of the training."""
    _copy_attributes(estimator, mlp)
    mlp.coefs_, mlp.intercepts_ = ([np.array(view) for view in views] for views in (network.weights, network.biases))
    mlp._best_coefs, mlp._best_intercepts = copy.deepcopy((mlp.coefs_, mlp.intercepts_))
    solver = getattr(estimator, "_optimizer", None)
    if solver is not None and type(solver.optimizer) is UncorrectedEpsilonAdam:
        mlp._optimizer = _adam_of(solver, network, mlp)
    elif solver is not None and type(solver.optimizer) is SGD:
        mlp._optimizer = _sgd_of(solver, network, mlp)


def _adam_of(solver: Solver, network: Network, mlp: Any) -> AdamOptimizer:
    ours: Any = solver.optimizer
    theirs = AdamOptimizer(_parameters_of(mlp), ours.learning_rate, ours.beta_1, ours.beta_2, ours.epsilon)
    if solver.state is not None:
        theirs.t = solver.state.n_steps
        theirs.ms, theirs.vs = (_split(network, vector.copy()) for vector in solver.state.vectors)
    return theirs


def _sgd_of(solver: Solver, network: Network, mlp: Any) -> SGDOptimizer:
    ours: Any = solver.optimizer
    theirs = SGDOptimizer(
        _parameters_of(mlp), ours.learning_rate, mlp.learning_rate, ours.momentum, ours.nesterov, mlp.power_t
    )
    theirs.learning_rate = solver.learning_rate
    if solver.state is not None and len(solver.state.vectors):
        theirs.velocities = _split(network, -solver.learning_rate * solver.state.vectors[0])
    return theirs


def _with_scalers(estimator: Any, mlp: Any) -> Any:
    """scikit-learn's estimator behind the scalers of a fitted one."""
    model = mlp
    if hasattr(estimator, "feature_scaler_"):
        scaler = _plain_scaler(estimator.feature_scaler_)
        if hasattr(mlp, "feature_names_in_"):  # the estimator itself gets arrays
            scaler.feature_names_in_ = mlp.feature_names_in_
            del mlp.feature_names_in_
        model = make_pipeline(scaler, mlp)
    if not hasattr(estimator, "target_scaler_"):
        return model
    scaled = TransformedTargetRegressor(regressor=clone(model), transformer=StandardScaler())
    scaled.regressor_, scaled.transformer_ = model, copy.deepcopy(estimator.target_scaler_)
    scaled._training_dim = 1 if estimator.n_outputs_ == 1 else 2
    if hasattr(estimator, "feature_names_in_"):
        scaled.feature_names_in_ = copy.deepcopy(estimator.feature_names_in_)
    return scaled


def _plain_scaler(scaler: StandardScaler) -> StandardScaler:
    """A `StandardScaler` that scales as fastnn's does, which leaves columns of 0 and 1 as they are."""
    plain = StandardScaler(with_mean=scaler.with_mean, with_std=scaler.with_std)
    for name in ("mean_", "var_", "scale_", "n_samples_seen_", "n_features_in_"):
        setattr(plain, name, copy.deepcopy(getattr(scaler, name)))
    return plain


# Both


def _copy_attributes(source: Any, target: Any) -> None:
    """Copy what both estimators know after training under the same names, except the weights."""
    private = ("_label_binarizer", "_no_improvement_count")
    for name, value in vars(source).items():
        if name in private or (name.endswith("_") and not name.startswith("_") and name not in OWN):
            setattr(target, name, copy.deepcopy(value))


def _parameters_of(mlp: Any) -> list[np.ndarray]:
    """All weights, then all biases: the order of scikit-learn's optimizers."""
    return [*mlp.coefs_, *mlp.intercepts_]


def _split(network: Network, vector: np.ndarray) -> list[np.ndarray]:
    """Views of a vector with an entry for each parameter, in scikit-learn's order."""
    architecture = network.architecture
    return [*architecture.weight_views(vector), *architecture.bias_views(vector)]


def _fill(network: Network, vector: np.ndarray, arrays: Iterable[np.ndarray]) -> None:
    """Copy arrays in scikit-learn's order into a vector with an entry for each parameter."""
    for view, array in zip(_split(network, vector), arrays, strict=True):
        view[:] = array
