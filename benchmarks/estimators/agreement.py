"""What both libraries must agree on before either is timed.

Every function raises an AssertionError where they do not. `what` names the task, and a mapping has what each library came
to, by its name.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.estimators.libraries import REFERENCE, SUBJECT

#: |W - W_reference| / |W_reference| of any layer's weights or biases, and of predicted numbers, after a short training in
#: double precision.
PARAMETER_TOLERANCE = 1e-6

#: How far the losses of an epoch in single precision may be apart, relative to the reference's; and scores, as they are.
LOSS_TOLERANCE = 1e-3
SCORE_TOLERANCE = 5e-3


def assert_same_parameters(what: str, models: Mapping[str, Any]) -> float:
    """Demand the same weights and biases but for rounding in double precision; returns the largest deviation."""
    ours, theirs = ([*models[name].coefs_, *models[name].intercepts_] for name in (SUBJECT, REFERENCE))
    shapes, expected = ([part.shape for part in parts] for parts in (ours, theirs))
    if shapes != expected:
        _refuse(what, f"{SUBJECT} has parameters of shapes {shapes} and {REFERENCE} of shapes {expected}")
    deviations = [relative_deviation(our, their) for our, their in zip(ours, theirs, strict=True)]
    return _within(what, "parameters", max(deviations), PARAMETER_TOLERANCE)


def assert_same_predictions(what: str, predictions: Mapping[str, NDArray[Any]]) -> None:
    """Demand the same class for every sample, or the same number but for rounding in double precision."""
    ours, theirs = predictions[SUBJECT], predictions[REFERENCE]
    if ours.shape != theirs.shape:
        _refuse(what, f"{SUBJECT} predicts an array of shape {ours.shape} and {REFERENCE} one of {theirs.shape}")
    if theirs.dtype.kind == "f":
        _within(what, "predictions", relative_deviation(ours, theirs), PARAMETER_TOLERANCE)
    elif n_different := int(np.sum(ours != theirs)):
        _refuse(what, f"{SUBJECT} and {REFERENCE} predict different classes for {n_different} of {len(ours)} samples")


def assert_as_many_epochs(what: str, models: Mapping[str, Any]) -> int:
    """Demand that both trained for the same number of epochs, so that times are those of equal work; returns it."""
    epochs, expected = models[SUBJECT].n_iter_, models[REFERENCE].n_iter_
    if epochs != expected:
        _refuse(what, f"{SUBJECT} trained for {epochs} epochs and {REFERENCE} for {expected}")
    return int(epochs)


def assert_same_losses(what: str, models: Mapping[str, Any]) -> float:
    """Demand as many epochs with losses that are close in each of them; returns the largest deviation."""
    assert_as_many_epochs(what, models)
    ours, theirs = (np.asarray(models[name].loss_curve_, np.float64) for name in (SUBJECT, REFERENCE))
    return _within(what, "losses", float(np.max(np.abs(ours / theirs - 1))), LOSS_TOLERANCE)


def assert_same_scores(what: str, scores: Mapping[str, Any]) -> float:
    """Demand scores that are close, one of each library or an array of them; returns the largest difference."""
    difference = float(np.max(np.abs(np.subtract(scores[SUBJECT], scores[REFERENCE]))))
    return _within(what, "scores", difference, SCORE_TOLERANCE)


def relative_deviation(array: NDArray[Any], expected: NDArray[Any]) -> float:
    """|array - expected| / |expected|, Euclidean norms in double precision."""
    array, expected = np.asarray(array, np.float64), np.asarray(expected, np.float64)
    return float(np.linalg.norm(array - expected) / np.linalg.norm(expected))


def _within(what: str, noun: str, deviation: float, tolerance: float) -> float:
    if not deviation <= tolerance:  # a deviation that is not a number is none to accept
        _refuse(what, f"{noun} of {SUBJECT} and {REFERENCE} are {deviation:.2g} apart; {tolerance:g} is allowed")
    return deviation


def _refuse(what: str, difference: str) -> None:
    raise AssertionError(f"{what}: {difference}. Nothing was timed.")
