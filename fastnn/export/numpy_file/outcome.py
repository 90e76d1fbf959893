"""`predict` and `predict_proba` in a written file."""

import numpy as np

from fastnn.export.numpy_file.literals import WIDTH, laid_out, literal
from fastnn.export.numpy_file.module import Module
from fastnn.export.prediction import Classes, Indicators, Prediction, Values


def add_outcome(module: Module, prediction: Prediction) -> None:
    """Add `predict`, and for classes `predict_proba`, which call `outputs`."""
    outcome, n_outputs = prediction.outcome, prediction.n_outputs
    if isinstance(outcome, Classes):
        _add_labels(module, outcome.labels)
        _add_classes(module, outcome)
    elif isinstance(outcome, Indicators):
        shape = f"(n_rows, {n_outputs})"
        labels = "return (outputs(X) > 0.5).astype(np.int64)"
        module.function("predict(X)", f"Whether each label applies, 0 or 1: {shape}.", [labels])
        module.function("predict_proba(X)", f"The probability of each label: {shape}.", ["return outputs(X)"])
    else:
        _add_numbers(module, outcome, n_outputs)


def _add_labels(module: Module, labels: np.ndarray) -> None:
    """The classes, as an array of the dtype that they have."""
    plain, dtype = labels.tolist(), ""
    if labels.dtype.kind == "O":
        dtype = "dtype=object"
    elif labels.dtype.kind in "biuf" and labels.dtype != np.array(plain).dtype:
        dtype = f"dtype=np.{labels.dtype.name}"
    line = f"CLASSES = np.array({literal(plain)}{', ' * bool(dtype)}{dtype})"
    if len(line) > WIDTH:
        end = f",\n    {dtype}," if dtype else ""
        line = f"CLASSES = np.array(\n{laid_out('', plain, end, 4)}\n)"
    module.constants.append(line)


def _add_classes(module: Module, outcome: Classes) -> None:
    best, lines = "outputs(X).argmax(axis=1)", ["return outputs(X)"]
    if outcome.from_one:
        best = "(outputs(X)[:, 0] > 0.5).astype(np.int64)"
        lines = ["p = outputs(X)", "return np.hstack([1 - p, p])"]
    if outcome.temperature != 1:
        lines = [f"return tempered(outputs(X), {outcome.temperature!r})"]
    shape = f"(n_rows, {len(outcome.labels)})"
    module.function("predict(X)", "The most probable class of each row: (n_rows,).", [f"return CLASSES[{best}]"])
    module.function("predict_proba(X)", f"The probability of each class: {shape}.", lines)


def _add_numbers(module: Module, outcome: Values, n_outputs: int) -> None:
    y, lines = "outputs(X)", []
    if outcome.means is not None and outcome.scales is not None:
        module.vector("TARGET_MEANS", outcome.means)
        module.vector("TARGET_SCALES", outcome.scales)
        y = f"{y} * TARGET_SCALES + TARGET_MEANS"
    if outcome.minima is not None and outcome.maxima is not None:
        module.vector("MINIMA", outcome.minima)
        module.vector("MAXIMA", outcome.maxima)
        y, lines = "np.clip(y, MINIMA, MAXIMA)", [f"y = {y}"]
    if outcome.is_vector:
        y, lines = "y[:, 0]", [*lines, f"y = {y}"]
    shape = "(n_rows,)" if outcome.is_vector else f"(n_rows, {n_outputs})"
    module.function("predict(X)", f"The predicted numbers: {shape}.", [*lines, f"return {y}"])
