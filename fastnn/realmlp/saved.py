"""Fitted RealMLP estimators in JSON types, and back, checked: the file they come from may be damaged or hostile.

`fastnn.serialization` writes this description beside the architecture and the parameters of the networks. It holds no rows of
the training table, and no predictions for them.
"""

from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError

from fastnn.network import Network
from fastnn.realmlp.base import RealMLP
from fastnn.realmlp.classifier import RealMLPClassifier
from fastnn.realmlp.member import Member
from fastnn.realmlp.regressor import RealMLPRegressor
from fastnn.saved_parts import (
    check_networks,
    plain_labels,
    plain_parameters,
    restored_labels,
    restored_parameters,
    restored_vectors,
)
from fastnn.tabular import encoder_state, restored_encoder

#: Estimators by name.
ESTIMATORS: dict[str, type[RealMLP]] = {cls.__name__: cls for cls in (RealMLPClassifier, RealMLPRegressor)}

#: The scale and range of the targets of a regression.
TARGETS = ("target_means_", "target_deviations_", "target_minima_", "target_maxima_")


def describe_estimator(estimator: RealMLP) -> tuple[list[Network], dict[str, Any]]:
    """The networks of a fitted estimator, and everything else in JSON types.

    Parameters
    ----------
    estimator : RealMLPClassifier or RealMLPRegressor
        The estimator.

    Returns
    -------
    networks : list of Network
        The networks.
    description : dict
        Of JSON types. Parameters that are none, such as functions, are left out.

    Raises
    ------
    ValueError
        If it is not fitted, or has classes that are neither numbers, strings nor booleans.
    """
    if not hasattr(estimator, "members_"):
        raise NotFittedError(f"This {type(estimator).__name__} is not fitted yet: call fit before saving it.")
    description = {
        "parameters": plain_parameters(estimator),
        "encoder": encoder_state(estimator.encoder_),
        "epochs": [int(member.epoch) for member in estimator.members_],
    }
    if isinstance(estimator, RealMLPClassifier):
        labels = plain_labels(estimator.classes_)
        return estimator.networks_, description | {"temperature": float(estimator.temperature_), "classes": labels}
    targets = {name: getattr(estimator, name).tolist() for name in TARGETS}
    return estimator.networks_, description | {"targets": targets, "is_single": estimator._is_single}


def restored_estimator(kind: str, description: Any, networks: list[Network]) -> RealMLP:
    """The estimator with a description and networks.

    Raises
    ------
    ArithmeticError, AttributeError, LookupError, TypeError, ValueError
        If they do not fit together.
    """
    parameters = restored_parameters(description["parameters"])
    estimator = ESTIMATORS[kind](**parameters | {"backend": networks[0].backend, "n_threads": networks[0].n_threads})
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


def _restore_classes(estimator: RealMLPClassifier, description: dict[str, Any]) -> int:
    """Set what a classifier learns from its labels; the number of outputs."""
    classes, temperature = restored_labels(description["classes"]), description["temperature"]
    if len(classes) < 2:
        raise ValueError("classes must be at least two")
    if type(temperature) is not float or not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be a positive number, got {temperature!r}")
    estimator.classes_, estimator.temperature_ = classes, temperature
    return len(classes)


def _restore_targets(estimator: Any, description: dict[str, Any]) -> int:
    """Set what a regressor learns from its targets; the number of outputs."""
    numbers, is_single = restored_vectors(description["targets"], TARGETS), description["is_single"]
    _, deviations, minima, maxima = numbers
    if (deviations <= 0).any() or (minima > maxima).any():
        raise ValueError(f"{', '.join(TARGETS)} must have deviations positive, and minima below maxima")
    if type(is_single) is not bool or (is_single and len(minima) != 1):
        raise ValueError("is_single must say whether there is one target")
    for name, vector in zip(TARGETS, numbers, strict=True):
        setattr(estimator, name, vector)
    estimator._is_single = is_single
    return len(minima)


def _restore_members(estimator: RealMLP, networks: list[Network], epochs: Any, n_outputs: int) -> None:
    """Set the networks, which must fit the encoder and the targets."""
    loss = estimator._loss(estimator._preset())
    check_networks(networks, loss, (len(estimator.encoder_.encoded_names_), n_outputs))
    counts_match = isinstance(epochs, list) and len(epochs) == len(networks)
    if not counts_match or not all(type(epoch) is int and epoch >= 0 for epoch in epochs):
        raise ValueError(f"epochs must be {len(networks)} counts, got {epochs!r}")
    design = estimator._design(estimator._preset(), estimator.encoder_, n_outputs)
    estimator.members_ = [
        Member.restored(design, network, epoch) for network, epoch in zip(networks, epochs, strict=True)
    ]
    estimator.n_members_, estimator.best_epochs_ = len(networks), list(epochs)
