"""What 8-bit weights cost: predictions with them and with the weights as trained, compared on data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import r2_score

from fastnn.activations import ACTIVATIONS
from fastnn.export.c.quantization import with_quantized_weights
from fastnn.export.numpy_file import functions
from fastnn.export.prediction import Category, Classes, Dense, Indicators, Periodic, PlainNetwork, Prediction, Values
from fastnn.feed_forward import FeedForward
from fastnn.model import Model
from fastnn.realmlp.base import RealMLP
from fastnn.realmlp.calibration import rescaled
from fastnn.validation import check_feature_shape, is_sparse


@dataclass(frozen=True)
class Accuracy:
    """Predictions with 8-bit weights compared with those with the weights as trained.

    Attributes
    ----------
    n_rows : int
        Number of rows on which they were compared.
    classifies : bool
        Whether predictions are labels, or numbers.
    changed : float
        Fraction of labels that differ; of numbers, root mean square of the differences, divided by the standard deviation
        of the predictions.
    largest : float
        Largest difference of a probability, or of a number.
    before, after : float or None
        Accuracy, or R², with the weights as trained and with 8-bit weights; None without targets.
    """

    n_rows: int
    classifies: bool
    changed: float
    largest: float
    before: float | None = None
    after: float | None = None

    def __str__(self) -> str:
        percent = f"{100 * self.changed:.2g}%"
        changes = f"{percent} of the labels change, and probabilities by at most {self.largest:.2g}"
        if not self.classifies:
            changes = (
                f"predictions change by {percent} of their standard deviation (root mean square), and by at most "
                f"{self.largest:.2g}"
            )
        text = f"With 8-bit weights, on {self.n_rows} rows, {changes}."
        if self.before is None or self.after is None:
            return text
        score = "accuracy" if self.classifies else "R^2"
        return f"{text} The {score} is {self.after:.4f} instead of {self.before:.4f}."


def measured(trained: Any, prediction: Prediction, X: Any, y: Any = None) -> Accuracy:
    """The accuracy of 8-bit weights on the rows of X, and with targets y the score before and after."""
    x = prepared(trained, X)
    with np.errstate(all="ignore"):
        before, after = (mean_outputs(each, x) for each in (prediction, with_quantized_weights(prediction)))
    if isinstance(prediction.outcome, Values):
        return _of_values(prediction.outcome, before, after, y)
    return _of_labels(prediction.outcome, before, after, y)


def prepared(trained: Any, X: Any) -> np.ndarray:
    """The rows of X as the networks of a trained object take them."""
    if isinstance(trained, RealMLP):
        return np.asarray(trained.encoder_.transform(X))
    if isinstance(trained, Model):
        return trained.inputs(X)
    network = trained if isinstance(trained, FeedForward) else trained.network_
    x = X if network is trained else trained._features(X)
    x = check_feature_shape(x, network.architecture.n_inputs, network.dtype)
    return np.asarray(x.toarray() if is_sparse(x) else x, network.dtype)


def mean_outputs(prediction: Prediction, x: np.ndarray) -> np.ndarray:
    """The mean of the networks' outputs A_L for prepared rows; (n, n_columns) -> (n, n_outputs)."""
    return np.asarray(np.mean([outputs(network, x) for network in prediction.networks], axis=0))


def outputs(network: PlainNetwork, x: np.ndarray) -> np.ndarray:
    """A_L for prepared rows; (n, n_columns) -> (n, n_outputs)."""
    a = np.hstack([x[:, network.passed], *(_embedded(each, x) for each in network.embeddings)])
    if network.input_scales is not None:
        a = a * network.input_scales
    for layer in network.layers:
        a = _activated(layer, a @ layer.weights + layer.biases)
    return a


def _embedded(embedding: Periodic | Category, x: np.ndarray) -> np.ndarray:
    """The outputs of an embedding."""
    if isinstance(embedding, Category):
        return np.asarray(functions.embedded(x[:, embedding.column], embedding.vectors))  # type: ignore[no-untyped-call]
    parameters = embedding.frequencies, embedding.phases, embedding.weights, embedding.biases
    return np.asarray(functions.periodic(x[:, embedding.columns], *parameters))  # type: ignore[no-untyped-call]


def _activated(layer: Dense, z: np.ndarray) -> np.ndarray:
    """Normalisation and activation of a layer."""
    if layer.normalization is not None:
        norm = layer.normalization
        z = functions.layer_norm(z, norm.scales, norm.shifts, norm.epsilon)  # type: ignore[no-untyped-call]
    f = ACTIVATIONS[layer.activation](z)
    return f if layer.slopes is None else z + layer.slopes * (f - z)


def _of_labels(outcome: Classes | Indicators, before: np.ndarray, after: np.ndarray, y: Any) -> Accuracy:
    probabilities, labels = zip(*(_classified(outcome, each) for each in (before, after)), strict=True)
    difference = np.abs(probabilities[1] - probabilities[0]).max()
    changed = (labels[0] != labels[1]).mean()
    scores = (None, None) if y is None else tuple(float((each == _like(y, each)).mean()) for each in labels)
    return Accuracy(len(before), True, float(changed), float(difference), *scores)


def _classified(outcome: Classes | Indicators, A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels."""
    if isinstance(outcome, Indicators):
        return A, (A > 0.5).astype(int)
    if outcome.from_one:
        return np.hstack([1 - A, A]), outcome.labels[(A[:, 0] > 0.5).astype(int)]
    return rescaled(A, outcome.temperature), outcome.labels[A.argmax(axis=1)]


def _of_values(outcome: Values, before: np.ndarray, after: np.ndarray, y: Any) -> Accuracy:
    values = [_valued(outcome, each.astype(np.float64)) for each in (before, after)]
    difference, deviation = values[1] - values[0], values[0].std(axis=0)
    relative = difference / np.where(deviation > 0, deviation, 1)
    changed, largest = float(np.sqrt(np.square(relative).mean())), float(np.abs(difference).max())
    scores = (None, None) if y is None else tuple(float(r2_score(_like(y, each), each)) for each in values)
    return Accuracy(len(before), False, changed, largest, *scores)


def _valued(outcome: Values, A: np.ndarray) -> np.ndarray:
    """Numbers in the units of the targets."""
    if outcome.scales is not None:
        A = A * outcome.scales + outcome.means
    return A if outcome.minima is None else np.clip(A, outcome.minima, outcome.maxima)


def _like(y: Any, predictions: np.ndarray) -> np.ndarray:
    """Targets in the shape of predictions; ValueError if there are more or fewer."""
    targets = np.asarray(y)
    if targets.size != predictions.size:
        raise ValueError(
            f"The targets in data must be as many as the predictions for X, {predictions.shape}, got shape {targets.shape}."
        )
    return targets.reshape(predictions.shape)
