"""Fitted estimators in JSON types, and back, checked: the file they come from may be damaged or hostile.

`fastnn.serialization` writes this description beside the architecture and the parameters of the networks. It holds no rows of
the training table, and no predictions for them.
"""

from numbers import Integral, Real
from typing import Any

import numpy as np

from fastnn.network import Network
from fastnn.realmlp.base import RealMLP
from fastnn.realmlp.classifier import RealMLPClassifier
from fastnn.realmlp.member import Member
from fastnn.realmlp.regressor import RealMLPRegressor
from fastnn.tabular import encoder_state, restored_encoder

#: Estimators by name.
ESTIMATORS: dict[str, type[RealMLP]] = {cls.__name__: cls for cls in (RealMLPClassifier, RealMLPRegressor)}

#: The most networks of an estimator in a file.
MAX_MEMBERS = 1000

#: The scale and range of the targets of a regression.
TARGETS = ("target_means_", "target_deviations_", "target_minima_", "target_maxima_")


def describe_estimator(estimator: RealMLP) -> dict[str, Any]:
    """A fitted estimator without its networks.

    Parameters
    ----------
    estimator : RealMLPClassifier or RealMLPRegressor
        The estimator.

    Returns
    -------
    dict
        Of JSON types. Parameters that are none, such as functions, are left out.

    Raises
    ------
    ValueError
        If it is not fitted, has too many networks, or has classes that are neither numbers, strings nor booleans.
    """
    if not hasattr(estimator, "members_"):
        raise ValueError(f"This {type(estimator).__name__} is not fitted yet: call fit before saving it.")
    if len(estimator.members_) > MAX_MEMBERS:
        raise ValueError(f"At most {MAX_MEMBERS:,} networks are saved, got {len(estimator.members_):,}.")
    description = {
        "class": next(name for name, cls in ESTIMATORS.items() if isinstance(estimator, cls)),
        "parameters": _plain_parameters(estimator),
        "encoder": encoder_state(estimator.encoder_),
        "epochs": [int(member.epoch) for member in estimator.members_],
    }
    if isinstance(estimator, RealMLPClassifier):
        return description | {"temperature": float(estimator.temperature_), "classes": _plain_classes(estimator)}
    targets = {name: getattr(estimator, name).tolist() for name in TARGETS}
    return description | {"targets": targets, "is_single": estimator._is_single}


def restored_estimator(description: Any, networks: list[Network]) -> RealMLP:
    """The estimator with a description and networks.

    Raises
    ------
    ArithmeticError, AttributeError, LookupError, TypeError, ValueError
        If they do not fit together.
    """
    if description["class"] not in ESTIMATORS:
        raise ValueError(f"unknown estimator {description['class']!r}")
    cls, parameters = ESTIMATORS[description["class"]], dict(description["parameters"])
    estimator = cls(**parameters | {"backend": networks[0].backend, "n_threads": networks[0].n_threads})
    estimator._validate_params()
    estimator._preset()
    estimator.encoder_ = restored_encoder(description["encoder"])
    estimator.n_features_in_ = estimator.encoder_.n_features_in_
    if hasattr(estimator.encoder_, "feature_names_in_"):
        estimator.feature_names_in_ = estimator.encoder_.feature_names_in_
    if isinstance(estimator, RealMLPClassifier):
        n_outputs = _restore_classes(estimator, description)
    else:
        n_outputs = _restore_targets(estimator, description)
    _restore_members(estimator, networks, description["epochs"], n_outputs)
    return estimator


def _plain_parameters(estimator: RealMLP) -> dict[str, Any]:
    """Parameters in JSON types, without those of the machine."""
    parameters = {}
    for name, value in estimator.get_params(deep=False).items():
        if name in ("backend", "n_threads", "progress"):
            continue
        plain = _plain(value)
        if plain is not None:
            parameters[name] = plain
    return parameters


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
    if isinstance(value, list | tuple | np.ndarray):
        items = [_plain(item) for item in value]
        return None if None in items else items
    return None


def _plain_classes(estimator: RealMLPClassifier) -> dict[str, Any]:
    """Classes with their dtype, by which numbers come back as they were."""
    classes = estimator.classes_
    values = classes.tolist()
    is_plain = classes.dtype.kind in "biufU" or all(isinstance(value, str) for value in values)
    if not is_plain:
        raise ValueError(f"Classes must be numbers, strings or booleans to be saved, got {values[0]!r}.")
    return {"dtype": classes.dtype.str if classes.dtype.kind in "biuf" else classes.dtype.kind, "values": values}


def _restore_classes(estimator: RealMLPClassifier, description: dict[str, Any]) -> int:
    """Set what a classifier learns from its labels; the number of outputs."""
    saved, temperature = description["classes"], description["temperature"]
    values, dtype = saved["values"], np.dtype(saved["dtype"])
    kinds = {"b": (bool,), "i": (int,), "u": (int,), "f": (float,), "U": (str,), "O": (str,)}[dtype.kind]
    if not isinstance(values, list) or not all(type(value) in kinds for value in values):
        raise ValueError("classes must be a list of values of their dtype")
    if dtype.kind in "OU" and saved["dtype"] not in ("O", "U"):
        raise ValueError(f"classes must not have dtype {saved['dtype']!r}")
    classes = np.array(values, dtype)
    if len(classes) < 2 or not (classes[:-1] < classes[1:]).all():
        raise ValueError("classes must be at least two, in ascending order")
    if type(temperature) is not float or not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be a positive number, got {temperature!r}")
    estimator.classes_, estimator.temperature_ = classes, temperature
    return len(classes)


def _restore_targets(estimator: Any, description: dict[str, Any]) -> int:
    """Set what a regressor learns from its targets; the number of outputs."""
    vectors, is_single = [description["targets"][name] for name in TARGETS], description["is_single"]
    if not all(isinstance(vector, list) and all(type(value) is float for value in vector) for vector in vectors):
        raise ValueError(f"{', '.join(TARGETS)} must be lists of numbers")
    _, deviations, minima, maxima = numbers = np.array(vectors)
    if numbers.size == 0 or not np.isfinite(numbers).all() or (deviations <= 0).any() or (minima > maxima).any():
        raise ValueError(f"{', '.join(TARGETS)} must be finite, deviations positive, and minima below maxima")
    if type(is_single) is not bool or (is_single and len(minima) != 1):
        raise ValueError("is_single must say whether there is one target")
    for name, vector in zip(TARGETS, numbers, strict=True):
        setattr(estimator, name, vector)
    estimator._is_single = is_single
    return len(minima)


def _restore_members(estimator: RealMLP, networks: list[Network], epochs: Any, n_outputs: int) -> None:
    """Set the networks, which must fit the encoder and the targets."""
    architecture, n_columns = networks[0].architecture, len(estimator.encoder_.encoded_names_)
    loss = estimator._loss(estimator._preset())
    if (architecture.n_inputs, architecture.n_outputs) != (n_columns, n_outputs):
        raise ValueError(
            f"networks must have {n_columns} inputs and {n_outputs} outputs, got {architecture.n_inputs} and "
            f"{architecture.n_outputs}"
        )
    if architecture.loss.name != loss.name or architecture.activations[-1] != loss.matched_activation:
        raise ValueError(f"networks must have the loss {loss.name}, got {architecture.loss.name}")
    if not all(np.isfinite(network._learned).all() for network in networks):
        raise ValueError("parameters must be finite")
    counts_match = isinstance(epochs, list) and len(epochs) == len(networks)
    if not counts_match or not all(type(epoch) is int and epoch >= 0 for epoch in epochs):
        raise ValueError(f"epochs must be {len(networks)} counts, got {epochs!r}")
    design = estimator._design(estimator._preset(), estimator.encoder_, n_outputs)
    estimator.members_ = [
        Member.restored(design, network, epoch) for network, epoch in zip(networks, epochs, strict=True)
    ]
    estimator.n_members_, estimator.best_epochs_ = len(networks), list(epochs)
