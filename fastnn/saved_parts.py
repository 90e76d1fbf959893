"""Parts of fitted estimators in JSON types, and back, checked: the file that they come from may be damaged or hostile."""

from collections.abc import Sequence
from dataclasses import asdict
from numbers import Integral, Real
from typing import Any

import numpy as np

from fastnn.losses import Loss, find_loss
from fastnn.optimizers import OPTIMIZERS, Optimizer
from fastnn.quasi_newton import LBFGS

#: Parameters that belong to the machine, and are chosen on loading.
OF_MACHINE = ("backend", "n_threads", "progress")

#: Optimizers by the names of their classes.
_OPTIMIZERS: dict[str, type[Any]] = {type(each).__name__: type(each) for each in (*OPTIMIZERS.values(), LBFGS())}


def plain_parameters(estimator: Any) -> dict[str, Any]:
    """The constructor's parameters in JSON types, without those of the machine and those that have no such form."""
    parameters = {}
    for name, value in estimator.get_params(deep=False).items():
        plain = None if name in OF_MACHINE else _plain(value)
        if plain is not None:
            parameters[name] = plain
    return parameters


def restored_parameters(parameters: Any) -> dict[str, Any]:
    """The inverse of `plain_parameters`."""
    return {name: _restored(value) for name, value in dict(parameters).items()}


def _plain(value: Any) -> Any:
    """A value in JSON types, or None for one that has none."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, Loss):
        return {"loss": value.name, "options": value.settings}
    if type(value).__name__ in _OPTIMIZERS:
        return {"optimizer": type(value).__name__, "options": _plain_options(value)}
    if isinstance(value, np.dtype) or value in (np.float32, np.float64):
        return np.dtype(value).name
    if isinstance(value, list | tuple | np.ndarray):
        items = [_plain(item) for item in value]
        return None if None in items else items
    return None


def _plain_options(optimizer: Optimizer | LBFGS) -> dict[str, Any]:
    return {name: value for name, value in asdict(optimizer).items() if value is None or _plain(value) is not None}


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        if "loss" in value:
            return find_loss(value["loss"], value["options"])
        return _OPTIMIZERS[value["optimizer"]](**value["options"])
    return value


def plain_labels(labels: np.ndarray, what: str = "Classes") -> dict[str, Any]:
    """Labels with their dtype, by which numbers come back as they were."""
    values = labels.tolist()
    is_plain = labels.dtype.kind in "biufU" or all(isinstance(value, str) for value in values)
    if not is_plain:
        raise ValueError(f"{what} must be numbers, strings or booleans to be saved, got {values[0]!r}.")
    return {"dtype": labels.dtype.str if labels.dtype.kind in "biuf" else labels.dtype.kind, "values": values}


def restored_labels(saved: dict[str, Any]) -> np.ndarray:
    """At least one label, in ascending order."""
    values, dtype = saved["values"], np.dtype(saved["dtype"])
    kinds = {"b": (bool,), "i": (int,), "u": (int,), "f": (float,), "U": (str,), "O": (str,)}[dtype.kind]
    if not isinstance(values, list) or not all(type(value) in kinds for value in values):
        raise ValueError("classes must be a list of values of their dtype")
    if dtype.kind in "OU" and saved["dtype"] not in ("O", "U"):
        raise ValueError(f"classes must not have dtype {saved['dtype']!r}")
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
