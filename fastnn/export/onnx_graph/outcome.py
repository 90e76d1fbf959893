"""From the mean outputs of the networks to the outputs of the graph, with the names that skl2onnx gives them."""

from typing import NamedTuple

import numpy as np

from fastnn.export.onnx_graph.graph import TEXT, Tensor, concatenated
from fastnn.export.prediction import Classes, Indicators, Outcome, Values
from fastnn.realmlp.calibration import SMALLEST

#: Names of the outputs of the graph.
LABEL, PROBABILITIES, VARIABLE = "label", "probabilities", "variable"


class Output(NamedTuple):
    """An output of the graph: its name, its tensor, and the number of its columns; None for shape (n,)."""

    name: str
    tensor: Tensor
    n_columns: int | None


def outputs_of(outcome: Outcome, A: Tensor, n_outputs: int) -> list[Output]:
    """The outputs of the graph, from the outputs A (n, n_outputs) of the networks."""
    if isinstance(outcome, Values):
        return [Output(VARIABLE, _values(outcome, A), n_outputs)]
    if isinstance(outcome, Indicators):
        labels = A.test("Greater", 0.5).cast(np.int64)
        return [Output(LABEL, labels, n_outputs), Output(PROBABILITIES, A, n_outputs)]
    P = concatenated([1.0 - A, A]) if outcome.from_one else A
    labels = _labels(returned_labels(outcome.labels), P)
    return [Output(LABEL, labels, None), Output(PROBABILITIES, _calibrated(outcome, P), len(outcome.labels))]


def returned_labels(labels: np.ndarray) -> np.ndarray:
    """Labels as the graph returns them: strings, or int64, as in skl2onnx for booleans and floats too, which are whole."""
    return labels.astype(np.int64 if labels.dtype.kind in "iubf" else TEXT)


def _labels(labels: np.ndarray, P: Tensor) -> Tensor:
    """The label of the most probable class, the first of several such."""
    graph = P.graph
    most_probable = P.apply("ArgMax", dtype=np.dtype(np.int64), axis=1, keepdims=0)
    if labels.dtype == np.int64 and np.array_equal(labels, np.arange(len(labels))):
        return most_probable
    return graph.add("Gather", (graph.constant(labels, "labels"), most_probable.name), labels.dtype, {}, "")


def _calibrated(outcome: Classes, P: Tensor) -> Tensor:
    """p_k^(1/T) / sum_j p_j^(1/T): the softmax of log(p) / T."""
    if outcome.temperature == 1.0:
        return P
    return (P.apply("Max", SMALLEST).apply("Log") / outcome.temperature).apply("Softmax", axis=1)


def _values(outcome: Values, A: Tensor) -> Tensor:
    """Output * scale + mean, within the limits, in double precision; the outputs themselves without a scale."""
    values = A
    if outcome.scales is not None and outcome.means is not None:
        values = values.cast(np.float64) * outcome.scales + outcome.means
    if outcome.minima is not None and outcome.maxima is not None:
        values = values.apply("Max", outcome.minima).apply("Min", outcome.maxima)
    return values
