"""Checks that two estimators have learned the same, made before either is timed; pairs as in `benchmarks.harness.agreement`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.agreement import assert_same_shapes, assert_within, refuse, relative_deviation

#: Largest |W - W_reference| / |W_reference| of any layer's weights or biases, and of predicted numbers, after a short training
#: in double precision.
PARAMETER_TOLERANCE = 1e-6

#: Largest relative difference of the losses of an epoch in single precision, and largest difference of scores.
LOSS_TOLERANCE = 1e-3
SCORE_TOLERANCE = 5e-3


def parameters(model: Any) -> list[NDArray[Any]]:
    """Weights and biases of an estimator."""
    return [*model.coefs_, *model.intercepts_]


def assert_same_parameters(what: str, models: Mapping[str, Any]) -> float:
    """Require the same weights and biases up to rounding in double precision; returns the largest deviation."""
    pair = {name: parameters(model) for name, model in models.items()}
    assert_same_shapes(what, pair)
    theirs, ours = pair.values()
    deviation = max(relative_deviation(our, their) for our, their in zip(ours, theirs, strict=True))
    return assert_within(what, "parameters", models, deviation, PARAMETER_TOLERANCE)


def assert_same_predictions(what: str, predictions: Mapping[str, NDArray[Any]]) -> None:
    """Require the same class for every sample, or the same number up to rounding in double precision."""
    assert_same_shapes(what, {name: [array] for name, array in predictions.items()})
    theirs, ours = predictions.values()
    if theirs.dtype.kind == "f":
        assert_within(what, "predictions", predictions, relative_deviation(ours, theirs), PARAMETER_TOLERANCE)
    elif n_different := int(np.sum(ours != theirs)):
        refuse(what, f"{' and '.join(predictions)} predict different classes for {n_different} of {len(ours)} samples")


def assert_as_many_epochs(what: str, models: Mapping[str, Any]) -> int:
    """Require the same number of epochs, so that both do the same work; returns it."""
    (reference, expected), (subject, epochs) = ((name, int(model.n_iter_)) for name, model in models.items())
    if epochs != expected:
        refuse(what, f"{subject} trained for {epochs} epochs and {reference} for {expected}")
    return epochs


def assert_same_losses(what: str, models: Mapping[str, Any]) -> float:
    """Require the same number of epochs, with close losses in each; returns the largest deviation."""
    assert_as_many_epochs(what, models)
    theirs, ours = (np.asarray(model.loss_curve_, np.float64) for model in models.values())
    return assert_within(what, "losses", models, float(np.max(np.abs(ours / theirs - 1))), LOSS_TOLERANCE)


def assert_same_scores(what: str, scores: Mapping[str, Any]) -> float:
    """Require close scores, single ones or arrays; returns the largest difference."""
    difference = float(np.max(np.abs(np.subtract(*scores.values()))))
    return assert_within(what, "scores", scores, difference, SCORE_TOLERANCE)
