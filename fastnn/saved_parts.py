"""Parts of fitted estimators in JSON types, and back, checked: the file that they come from may be damaged or hostile."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

import numpy as np

from fastnn.losses import Loss, find_loss
from fastnn.optimizers import OPTIMIZERS, Optimizer
from fastnn.quasi_newton import LBFGS
from fastnn.saved_metadata import check_strings

#: Parameters that belong to the machine, and are chosen on loading.
OF_MACHINE = ("backend", "n_threads", "progress")

#: Optimizers by the names of their classes.
_OPTIMIZERS: dict[str, type[Any]] = {type(each).__name__: type(each) for each in (*OPTIMIZERS.values(), LBFGS())}


class _NoFormError(TypeError):
    """A value has no form in JSON types."""


def plain_parameters(estimator: Any) -> dict[str, Any]:
    """The constructor's parameters in JSON types, without those of the machine and those that have no such form."""
    parameters = {}
    for name, value in estimator.get_params(deep=False).items():
        if name not in OF_MACHINE:
            with suppress(_NoFormError):
                parameters[name] = _plain(value)
    return parameters


def restored_parameters(parameters: Any) -> dict[str, Any]:
    """The inverse of `plain_parameters`."""
    return {name: _restored(value) for name, value in dict(parameters).items()}


def _plain(value: Any) -> Any:
    """A value in JSON types."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, np.dtype | np.generic | type):
        return _plain_type_or_scalar(value)
    if isinstance(value, list | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_plain(item) for item in value]}
    if isinstance(value, dict):
        return {"items": [[_plain(key), _plain(item)] for key, item in value.items()]}
    if isinstance(value, Loss):
        return {"loss": value.name, "options": value.settings}
    if type(value) in _OPTIMIZERS.values():
        return {"optimizer": type(value).__name__, "options": _plain_options(value)}
    raise _NoFormError


def _plain_type_or_scalar(value: Any) -> Any:
    """NumPy's strings, booleans and floating-point types, which have forms of their own."""
    if isinstance(value, np.str_ | np.bool_):
        return value.item()
    if isinstance(value, np.dtype) or value in (np.float32, np.float64):
        return np.dtype(value).name
    raise _NoFormError


def _plain_options(optimizer: Optimizer | LBFGS) -> dict[str, Any]:
    options = {}
    for option in fields(optimizer):
        with suppress(_NoFormError):
            options[option.name] = _plain(getattr(optimizer, option.name))
    return options


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "tuple" in value:
        return tuple(_restored(item) for item in value["tuple"])
    if "items" in value:
        return {_restored(key): _restored(item) for key, item in value["items"]}
    if "loss" in value:
        return find_loss(value["loss"], value["options"])
    return _OPTIMIZERS[value["optimizer"]](**{name: _restored(each) for name, each in value["options"].items()})


def plain_labels(labels: np.ndarray, what: str = "Classes") -> dict[str, Any]:
    """Labels with their dtype, by which numbers come back as they were."""
    values = labels.tolist()
    is_plain = labels.dtype.kind in "biufU" or all(isinstance(value, str) for value in values)
    if not is_plain:
        raise ValueError(f"{what} must be numbers, strings or booleans to be saved, got {values[0]!r}.")
    if labels.dtype.kind == "U":
        check_strings(values)
    return {"dtype": labels.dtype.str if labels.dtype.kind in "biuf" else labels.dtype.kind, "values": values}


def restored_labels(saved: dict[str, Any]) -> np.ndarray:
    """At least one label, in ascending order."""
    values, dtype = saved["values"], np.dtype(saved["dtype"])
    kinds = {"b": (bool,), "i": (int,), "u": (int,), "f": (float,), "U": (str,), "O": (str,)}[dtype.kind]
    if not isinstance(values, list) or not all(type(value) in kinds for value in values):
        raise ValueError("classes must be a list of values of their dtype")
    if dtype.kind in "OU" and saved["dtype"] not in ("O", "U"):
        raise ValueError(f"classes must not have dtype {saved['dtype']!r}")
    if dtype.kind == "U":
        check_strings(values)
    with np.errstate(over="raise"):
        labels = np.array(values, dtype)
    if len(labels) < 1 or not (labels[:-1] < labels[1:]).all():
        raise ValueError("classes must be in ascending order")
    return labels


def restored_vectors(saved: dict[str, Any], names: Sequence[str]) -> np.ndarray:
    """Finite numbers (len(names), n) from lists of equal lengths."""
    vectors = [saved[name] for name in names]
    if not all(isinstance(vector, list) and all(type(value) is float for value in vector) for vector in vectors):
        raise ValueError(f"{', '.join(names)} must be lists of numbers")
    numbers = np.array(vectors)
    if numbers.size == 0 or not np.isfinite(numbers).all():
        raise ValueError(f"{', '.join(names)} must be finite")
    return numbers


def check_networks(networks: Sequence[Any], loss: Loss, sizes: tuple[int, int]) -> None:
    """Raise ValueError unless networks have a loss, these numbers of inputs and outputs, and finite parameters."""
    architecture = networks[0].architecture
    found = architecture.n_inputs, architecture.n_outputs
    if found != sizes:
        raise ValueError(f"networks must have {sizes[0]} inputs and {sizes[1]} outputs, got {found[0]} and {found[1]}")
    if architecture.loss.name != loss.name or architecture.activations[-1] != loss.matched_activation:
        raise ValueError(f"networks must have the loss {loss.name}, got {architecture.loss.name}")
    if not all(np.isfinite(network._learned).all() for network in networks):
        raise ValueError("parameters must be finite")
