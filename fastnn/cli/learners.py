"""The two ways to train a network.

Tables of your own go through `MLPClassifier` and `MLPRegressor`. `Network.fit` trains on the data sets that have a name,
and does what these estimators do not: it goes on from a checkpoint, and has layer normalization.
"""

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import fastnn
from fastnn.cli.model import make_model
from fastnn.cli.parts import Parts
from fastnn.cli.training import Design, Learner, Plan, ProgressBar
from fastnn.datasets import Dataset
from fastnn.exceptions import DivergenceError
from fastnn.losses import SoftmaxCrossEntropy, SquaredError
from fastnn.model import Model
from fastnn.network import Network
from fastnn.training.callbacks import Callback
from fastnn.training.checkpoints import Checkpoint
from fastnn.training.history import History


def choose_learner(data: str | Path, design: Design, plan: Plan) -> Learner:
    """Estimators for a table, where they can do what is asked for."""
    needs_network = plan.checkpoint is not None
    return fit_network if isinstance(data, str) or needs_network else fit_estimator


def fit_estimator(
    dataset: Dataset, parts: Parts, design: Design, plan: Plan, callbacks: list[Callback], progress: ProgressBar
) -> Model:
    """Train `MLPClassifier` or `MLPRegressor`, which returns after Ctrl-C with what was learned."""
    from sklearn.exceptions import ConvergenceWarning

    from fastnn.estimators.rules import NonFiniteWeightsError

    estimator = _make_estimator(dataset, design, plan, [StopAtDivergence(), *callbacks], progress)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs was asked for
        warnings.filterwarnings("ignore", "Training interrupted by user")  # the report says so
        train, watched = parts.train, parts.watched
        weights = {"sample_weight": train.weights, "sample_weight_val": watched.weights}
        try:
            estimator.fit(train.X, train.y, X_val=watched.X, y_val=watched.y, **weights)
        except NonFiniteWeightsError as error:
            raise DivergenceError(error.sentence) from None
    scalers = (getattr(estimator, name, None) for name in ("feature_scaler_", "target_scaler_"))
    return make_model(dataset, parts, design, estimator.network_, *scalers)


def _make_estimator(
    dataset: Dataset, design: Design, plan: Plan, callbacks: list[Callback], progress: ProgressBar
) -> Any:
    """An estimator that stops only if a callback wants it to, and penalises weights only as the optimizer does."""
    options: dict[str, Any] = {
        "hidden_layer_sizes": design.hidden,
        "activation": design.activation,
        "normalization": design.normalization,
        "dropout": design.dropout,
        "standardize": design.standardize,
        "optimizer": plan.optimizer,
        "schedule": plan.schedule,
        "max_iter": plan.epochs,
        "batch_size": plan.batch_size,
        "alpha": 0.0,
        "n_iter_no_change": np.inf,
        "callbacks": callbacks,
        "progress": progress,
        "backend": design.backend,
        "dtype": design.dtype,
        "n_threads": design.threads,
        "random_state": design.seed,
    }
    if dataset.task == "regression":
        return fastnn.MLPRegressor(SquaredError(), scoring="loss", **options)
    return fastnn.MLPClassifier(label_smoothing=design.label_smoothing, **options)


class StopAtDivergence(Callback):
    """Ends a training of an estimator whose loss is no longer finite, as `Network.fit` does by itself."""

    def on_epoch_end(self, network: Network, history: History) -> None:
        """Raise DivergenceError; parameters that are not finite have ended the training before."""
        loss = history.loss[-1]
        if not np.isfinite(loss):
            raise DivergenceError(
                f"Training diverged in epoch {len(history)}: the loss became {loss}. Try a smaller learning rate (it is "
                f"{history.learning_rate[-1]:g}), or standardised features."
            )


def fit_network(
    dataset: Dataset, parts: Parts, design: Design, plan: Plan, callbacks: list[Callback], progress: ProgressBar
) -> Model:
    """Train by `Network.fit`."""
    from sklearn.preprocessing import StandardScaler

    from fastnn.scaling import ColumnScaler

    X, y, weights = parts.train
    network = _make_network(dataset, design, X.shape[1])
    features = ColumnScaler().fit(X, sample_weight=weights) if design.standardize else None
    scales_targets = design.standardize and dataset.task == "regression"
    targets = StandardScaler().fit(y[:, np.newaxis], sample_weight=weights) if scales_targets else None
    model = make_model(dataset, parts, design, network, features, targets)
    data, watched = (
        (model.inputs(part.X), model.outputs(part.y), part.weights) for part in (parts.train, parts.watched)
    )
    with suppress(KeyboardInterrupt):  # what was learned is in the network
        network.fit(
            *data,
            optimizer=plan.optimizer,
            schedule=plan.schedule,
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            validation_data=watched,
            callbacks=callbacks if plan.checkpoint is None else [*callbacks, Checkpoint(plan.checkpoint)],
            progress=progress,
            resume_from=plan.checkpoint if plan.resume else None,
        )
    return model


def _make_network(dataset: Dataset, design: Design, n_features: int) -> Network:
    smoothed = SoftmaxCrossEntropy(label_smoothing=design.label_smoothing)
    return Network(
        (n_features, *design.hidden, dataset.n_outputs),
        design.activation,
        SquaredError() if dataset.task == "regression" else smoothed,
        normalization=design.normalization,
        dropout=design.dropout,
        backend=design.backend,
        dtype=design.dtype,
        seed=design.seed,
        n_threads=design.threads,
    )
