"""A trained object in double precision, by which the rounding of fastnn itself is measured."""

import dataclasses
from typing import Any

import numpy as np

from fastnn.export import prediction as plain
from fastnn.export.description import prediction_of
from fastnn.export.numpy_file import source_of_prediction
from fastnn.export.prediction import Classes, Values


def own_error(trained: Any, X: Any) -> float:
    """The largest error of fastnn against the same equations in float64, relative as in the tests of all formats."""
    prediction = prediction_of(trained)
    functions: dict[str, Any] = {}
    exec(source_of_prediction(widened(prediction)), functions)
    if isinstance(prediction.outcome, Values):
        expected, found = functions["predict"](X), trained.predict(X)
        return float(np.abs(found - expected).max() / (np.abs(expected).max() or 1))
    expected = functions["predict_proba"](X)
    found = trained.predict_proba(X) if hasattr(trained, "predict_proba") else trained.forward(X)
    if found.shape[1] == 1 and isinstance(prediction.outcome, Classes):
        expected = expected[:, 1:]
    return float((np.abs(found - expected).max(axis=1) / expected.max(axis=1)).max())


def widened(value: Any) -> Any:
    """A record with all its arrays and dtypes of float32 in float64."""
    if isinstance(value, np.ndarray) and value.dtype == np.float32:
        return value.astype(np.float64)
    if isinstance(value, np.dtype) and value == np.float32:
        return np.dtype(np.float64)
    if type(value) is tuple:
        return tuple(map(widened, value))
    if type(value).__module__ == plain.__name__ and dataclasses.is_dataclass(value):
        fields = {field.name: widened(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value
