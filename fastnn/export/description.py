"""From a trained object to the plain data of its prediction."""

from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from fastnn.activations import ACTIVATIONS, find_activation
from fastnn.architecture import NORMALIZATIONS
from fastnn.backends.numpy_backend.inputs import parts
from fastnn.backends.numpy_backend.normalization import EPSILON
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.export.prediction import (
    Category,
    Classes,
    Dense,
    Indicators,
    LayerNorm,
    Outcome,
    Periodic,
    PlainNetwork,
    Prediction,
    Preprocessing,
    Standardization,
    TableEncoding,
    Values,
)
from fastnn.feed_forward import FeedForward
from fastnn.inputs import PeriodicEmbedding
from fastnn.model import Model
from fastnn.realmlp import RealMLPClassifier, RealMLPRegressor
from fastnn.realmlp.base import RealMLP

BATCH, LAYER = NORMALIZATIONS.index("batch"), NORMALIZATIONS.index("layer")

#: What can be exported.
EXPORTABLE = "a Network, a Model, an MLPClassifier, an MLPRegressor, a RealMLPClassifier or a RealMLPRegressor"


def prediction_of(trained: Any) -> Prediction:
    """What a network, a model or a fitted estimator computes in `predict` and `predict_proba`.

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If it is not fitted, or has parts that exist only here, such as registered activations.
    """
    for kind, describe in _DESCRIPTIONS:
        if isinstance(trained, kind):
            prediction: Prediction = describe(trained)
            return prediction
    raise TypeError(f"Only {EXPORTABLE} can be exported, got {type(trained).__name__}.")


def _of_network(network: FeedForward) -> Prediction:
    return _prediction(network, network, None, _outcome(network))


def _of_model(model: Model) -> Prediction:
    network, features, targets = model.network, model.features, model.targets
    scaling = None if features is None else Standardization(features.mean, features.scale)
    outcome = _outcome(network)
    if model.predicts_names:
        outcome = Classes(model.labels, from_one=model.has_two_classes)
    elif isinstance(outcome, Values):
        means, scales = (None, None) if targets is None else (targets.mean, targets.scale)
        outcome = Values(means, scales, is_vector=network.architecture.n_outputs == 1)
    return _prediction(model, network, scaling, outcome, names=model.feature_names)


def _of_mlp(estimator: MLPClassifier | MLPRegressor) -> Prediction:
    _check_fitted(estimator, "coefs_")
    network, scaler = estimator.network_, estimator.__dict__.get("feature_scaler_")
    scaling = None
    if scaler is not None:
        means = scaler.mean_ if scaler.with_mean else np.zeros(len(scaler.scale_))
        scaling = Standardization(np.asarray(means, np.float64), np.asarray(scaler.scale_, np.float64))
    outcome = _labels_of(estimator) if isinstance(estimator, MLPClassifier) else _values_of(estimator)
    return _prediction(estimator, network, scaling, outcome, names=_names_of(estimator))


def _of_realmlp(estimator: RealMLP) -> Prediction:
    _check_fitted(estimator, "members_")
    encoder = estimator.encoder_
    outcome: Outcome
    if isinstance(estimator, RealMLPClassifier):
        outcome = Classes(estimator.classes_, temperature=estimator.temperature_)
    else:
        outcome = _values_of_realmlp(estimator)
    networks = estimator.networks_
    encoding = TableEncoding(encoder.columns_, encoder._layout)
    return _prediction(estimator, networks[0], encoding, outcome, names=encoder.names, networks=networks)


_DESCRIPTIONS: tuple[tuple[Any, Any], ...] = (
    (FeedForward, _of_network),
    (Model, _of_model),
    ((MLPClassifier, MLPRegressor), _of_mlp),
    (RealMLP, _of_realmlp),
)


def _prediction(
    trained: Any,
    network: FeedForward,
    preprocessing: Preprocessing | None,
    outcome: Outcome,
    *,
    names: tuple[str, ...] | None = None,
    networks: Any = (),
) -> Prediction:
    """A prediction; its networks are given, or it is the one network."""
    plain = tuple(plain_network(each) for each in networks or (network,))
    n_features = (
        len(preprocessing.columns) if isinstance(preprocessing, TableEncoding) else network.architecture.n_inputs
    )
    return Prediction(type(trained).__name__, n_features, names, preprocessing, plain, outcome, network.dtype)


def _check_fitted(estimator: Any, attribute: str) -> None:
    if not hasattr(estimator, attribute):
        raise NotFittedError(f"This {type(estimator).__name__} is not fitted yet: call fit before exporting it.")


def _names_of(estimator: Any) -> tuple[str, ...] | None:
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else tuple(str(name) for name in names)


def _outcome(network: FeedForward) -> Outcome:
    """What `Network.predict` makes of the outputs."""
    architecture = network.architecture
    loss, n_outputs = architecture.loss, architecture.n_outputs
    if not loss.classifies:
        return Values()
    if loss.targets == "classes":
        return Classes(np.arange(n_outputs))
    return Classes(np.arange(2), from_one=True) if n_outputs == 1 else Indicators()


def _labels_of(estimator: MLPClassifier) -> Outcome:
    """What `MLPClassifier.predict` makes of the outputs."""
    if estimator._label_binarizer.y_type_.startswith("multilabel"):
        return Indicators()
    if len(estimator.classes_) == 1:
        raise ValueError(f"This {type(estimator).__name__} knows only one class: there is nothing to export.")
    return Classes(estimator.classes_, from_one=estimator.n_outputs_ == 1)


def _values_of(estimator: MLPRegressor) -> Values:
    """What `MLPRegressor.predict` makes of the outputs."""
    scaler, n_outputs = estimator.__dict__.get("target_scaler_"), estimator.n_outputs_
    if scaler is None:
        return Values(is_vector=n_outputs == 1)
    return Values(scaler.mean_, scaler.scale_, is_vector=n_outputs == 1)


def _values_of_realmlp(estimator: RealMLPRegressor) -> Values:
    scale, clips = estimator._scale, estimator.members_[0].design.preset.clips_targets
    minima, maxima = (scale.minima, scale.maxima) if clips else (None, None)
    return Values(scale.means, scale.deviations, minima, maxima, is_vector=estimator._is_single)


def plain_network(network: FeedForward) -> PlainNetwork:
    """The arrays of a network, with batch normalisation as part of weights and biases; all are copies."""
    stage = network.architecture.inputs
    embeddings = tuple(
        _plain_embedding(embedding, parameters.copy())
        for embedding, parameters in zip(stage.embeddings, network.embeddings, strict=True)
    )
    scales = network.input_scales.copy() if stage.scales else None
    layers = tuple(_dense(network, layer) for layer in range(network.architecture.n_layers))
    return PlainNetwork(stage.passed, embeddings, scales, layers)


def _plain_embedding(embedding: Any, parameters: np.ndarray) -> Periodic | Category:
    if isinstance(embedding, PeriodicEmbedding):
        w, b, V, c = parts(parameters, embedding.n_outputs - 1)  # type: ignore[no-untyped-call]
        return Periodic(embedding.columns, w, b, V, c)
    return Category(embedding.column, parameters)


def _dense(network: FeedForward, number: int) -> Dense:
    record, name = network.architecture.layers[number], network.architecture.activations[number]
    _check_own(name)
    W, b = network.weights[number].copy(), network.biases[number].copy()
    scales, shifts, slopes = (views[number].copy() for views in (network.scales, network.shifts, network.slopes))
    if record["normalization"] == BATCH:
        W, b = _with_batch_normalization(network, number, W, b, scales, shifts)
    normalization = LayerNorm(scales, shifts, EPSILON) if record["normalization"] == LAYER else None
    return Dense(W, b, normalization, name, slopes if len(slopes) else None)


def _with_batch_normalization(
    network: FeedForward, number: int, W: np.ndarray, b: np.ndarray, scales: np.ndarray, shifts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """W g and (b - mean) g + beta, with g = gamma / sqrt(variance + epsilon), computed in double precision."""
    mean, variance = network.architecture.running_views(network.statistics)[number].astype(np.float64)
    g = scales / np.sqrt(variance + EPSILON)
    return (W * g).astype(network.dtype), ((b - mean) * g + shifts).astype(network.dtype)


def _check_own(activation: str) -> None:
    """Raise ValueError for a registered activation, whose function only this process knows."""
    if find_activation(activation).formula == "(registered)":
        known = ", ".join(name for name, each in ACTIVATIONS.items() if each.formula != "(registered)")
        raise ValueError(
            f"The activation {activation!r} was registered here and has no form in other programs: only {known} can be "
            "exported."
        )
