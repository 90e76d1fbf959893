"""The two ways to train a network: the estimators, and `Network.fit`.

Training on a file uses `MLPClassifier` or `MLPRegressor`. Training on a built-in data set, or with a checkpoint, from which
these cannot resume, uses `Network.fit`.
"""

import warnings
from contextlib import suppress
from typing import Any

import numpy as np

import fastnn
from fastnn.cli.groups import Files, Source
from fastnn.cli.model import make_model
from fastnn.cli.parts import Part
from fastnn.cli.training import Learner, Plan, ProgressBar
from fastnn.exceptions import DivergenceError
from fastnn.losses import Loss, SoftmaxCrossEntropy, SquaredError
from fastnn.model import Model
from fastnn.network import Network
from fastnn.training.callbacks import Callback, EarlyStopping
from fastnn.training.checkpoints import Checkpoint
from fastnn.training.history import History

#: Fields of `Design` and `Training` that have another name in a network or an estimator.
NETWORK_NAMES = {"hidden": "layer_sizes", "activation": "activations"}
ESTIMATOR_NAMES = {"hidden": "hidden_layer_sizes", "seed": "random_state", "epochs": "max_iter"}

#: Estimators stop only by callbacks, and only their optimizer penalises weights.
ESTIMATOR_SETTINGS = {"alpha": 0.0, "n_iter_no_change": np.inf}


def choose_learner(source: Source, files: Files) -> Learner:
    """Estimators for files, unless there is a checkpoint, which they cannot resume from."""
    return fit_estimator if source.is_file and files.checkpoint is None else fit_network


def fit_estimator(plan: Plan, progress: ProgressBar) -> Model:
    """Train `MLPClassifier` or `MLPRegressor`, which keep the parameters after Ctrl-C."""
    from sklearn.exceptions import ConvergenceWarning

    from fastnn.estimators.rules import NonFiniteWeightsError

    estimator, train, watched = _make_estimator(plan, progress), plan.parts.train, plan.parts.watched
    weights = {"sample_weight": train.weights, "sample_weight_val": watched.weights}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the user chose the number of epochs
        warnings.filterwarnings("ignore", "Training interrupted by user")  # the report says so
        try:
            estimator.fit(train.X, train.y, X_val=watched.X, y_val=watched.y, **weights)
        except NonFiniteWeightsError as error:
            raise DivergenceError(error.sentence) from None
    scalers = (getattr(estimator, name, None) for name in ("feature_scaler_", "target_scaler_"))
    return make_model(plan, estimator.network_, *scalers)


def _make_estimator(plan: Plan, progress: ProgressBar) -> Any:
    """The estimator for the task."""
    options = {
        **ESTIMATOR_SETTINGS,
        **plan.design.keywords(ESTIMATOR_NAMES),
        **plan.training.keywords(ESTIMATOR_NAMES),
        "standardize": plan.preparation.standardize,
        "callbacks": [StopAtDivergence(), *_callbacks(plan, progress)],
        "progress": progress,
    }
    if plan.dataset.task == "regression":
        return fastnn.MLPRegressor(SquaredError(), scoring="loss", **options)
    return fastnn.MLPClassifier(label_smoothing=plan.preparation.label_smoothing, **options)


class StopAtDivergence(Callback):
    """Ends the training of an estimator whose loss is no longer finite, as `Network.fit` does by itself."""

    def on_epoch_end(self, network: Network, history: History) -> None:
        """Raise DivergenceError if the loss is not finite; parameters that are not finite end training before."""
        loss = history.loss[-1]
        if not np.isfinite(loss):
            raise DivergenceError(
                f"Training diverged in epoch {len(history)}: the loss became {loss}. Try a smaller learning rate (it is "
                f"{history.learning_rate[-1]:g}), or standardised features."
            )


def fit_network(plan: Plan, progress: ProgressBar) -> Model:
    """Train with `Network.fit`."""
    model, files = _untrained_model(plan), plan.files
    train, watched = _as_network_takes(model, plan.parts.train), _as_network_takes(model, plan.parts.watched)
    with suppress(KeyboardInterrupt):  # the network has the parameters reached
        model.network.fit(
            *train,
            **plan.training.keywords({}),
            validation_data=watched,
            callbacks=_callbacks(plan, progress),
            progress=progress,
            resume_from=files.checkpoint if files.resume else None,
        )
    return model


def _untrained_model(plan: Plan) -> Model:
    """A model with a new network, and with the scaling of features and targets."""
    from sklearn.preprocessing import StandardScaler

    from fastnn.scaling import ColumnScaler

    X, y, weights = plan.parts.train
    features = targets = None
    if plan.preparation.standardize:
        features = ColumnScaler().fit(X, sample_weight=weights)
        if plan.dataset.task == "regression":
            targets = StandardScaler().fit(y[:, np.newaxis], sample_weight=weights)
    return make_model(plan, _make_network(plan), features, targets)


def _make_network(plan: Plan) -> Network:
    sizes = (plan.parts.train.X.shape[1], *plan.design.hidden, plan.dataset.n_outputs)
    return Network(**plan.design.keywords(NETWORK_NAMES) | {"layer_sizes": sizes, "loss": _loss(plan)})


def _loss(plan: Plan) -> Loss:
    if plan.dataset.task == "regression":
        return SquaredError()
    return SoftmaxCrossEntropy(label_smoothing=plan.preparation.label_smoothing)


def _as_network_takes(model: Model, part: Part) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Features, targets and sample weights for the network of a model."""
    return model.inputs(part.X), model.outputs(part.y), part.weights


def _callbacks(plan: Plan, progress: ProgressBar) -> list[Callback]:
    """The progress bar, early stopping and checkpoints, as far as they are planned."""
    stopping = [] if plan.patience is None else [EarlyStopping(patience=plan.patience)]
    checkpoints = [] if plan.files.checkpoint is None else [Checkpoint(plan.files.checkpoint)]
    return [progress, *stopping, *checkpoints]
