"""Fitted estimators in JSON types, and back, checked: the file they come from may be damaged or hostile.

`fastnn.serialization` writes this description beside the architecture and the parameters of the network.
"""

from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import LabelBinarizer, StandardScaler

from fastnn.estimators.base import MultilayerPerceptron
from fastnn.estimators.classifier import MLPClassifier
from fastnn.estimators.regressor import MLPRegressor
from fastnn.network import Network
from fastnn.saved_parts import (
    check_networks,
    plain_labels,
    plain_parameters,
    restored_labels,
    restored_parameters,
    restored_vectors,
)
from fastnn.scaling import ColumnScaler

#: Estimators by name.
ESTIMATORS: dict[str, type[MultilayerPerceptron]] = {cls.__name__: cls for cls in (MLPClassifier, MLPRegressor)}

#: Kinds of targets of a classifier.
KINDS_OF_TARGETS = ("binary", "multiclass", "multilabel-indicator")

#: What training leaves behind: counts, values, and curves.
COUNTS = ("n_iter_", "t_", "_no_improvement_count")
VALUES = ("loss_", "best_loss_", "best_validation_score_")
CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")


def describe_estimator(estimator: MultilayerPerceptron) -> tuple[list[Network], dict[str, Any]]:
    """The network of a fitted estimator, and everything else in JSON types.

    Raises
    ------
    ValueError
        If it is not fitted, or has classes that are neither numbers, strings nor booleans.
    """
    if not hasattr(estimator, "coefs_"):
        raise NotFittedError(f"This {type(estimator).__name__} is not fitted yet: call fit before saving it.")
    names = getattr(estimator, "feature_names_in_", None)
    description: dict[str, Any] = {
        "parameters": plain_parameters(estimator),
        "training": {name: _plain(getattr(estimator, name, None)) for name in (*COUNTS, *VALUES, *CURVES)},
        "feature_names": None if names is None else [str(name) for name in names],
    }
    for name in ("feature_scaler_", "target_scaler_"):
        if name in estimator.__dict__:
            description[name] = _scaler_state(estimator.__dict__[name])
    if isinstance(estimator, MLPClassifier):
        description |= {
            "targets": str(estimator._label_binarizer.y_type_),
            "classes": plain_labels(estimator.classes_),
        }
    return [estimator.network_], description


def _plain(value: Any) -> Any:
    """A number, a list of numbers or None, in Python's types."""
    if value is None or isinstance(value, int):
        return value
    return [float(each) for each in value] if isinstance(value, list) else float(value)


def restored_estimator(kind: str, description: Any, networks: list[Network]) -> MultilayerPerceptron:
    """The estimator with a description and a network.

    Raises
    ------
    ArithmeticError, AttributeError, LookupError, TypeError, ValueError
        If they do not fit together.
    """
    (network,) = networks
    parameters = restored_parameters(description["parameters"])
    estimator = ESTIMATORS[kind](**parameters | {"backend": network.backend, "n_threads": network.n_threads})
    estimator._validate_params()
    architecture = network.architecture
    estimator.n_features_in_, estimator.n_outputs_ = architecture.n_inputs, architecture.n_outputs
    estimator.n_layers_ = architecture.n_layers + 1
    _restore_names(estimator, description["feature_names"])
    if isinstance(estimator, MLPClassifier):
        _restore_classes(estimator, description)
    _restore_scalers(estimator, description)
    estimator.out_activation_ = estimator._output()
    check_networks(networks, estimator._make_loss(network.dtype), (architecture.n_inputs, architecture.n_outputs))
    _restore_training(estimator, description["training"])
    estimator._random_state = np.random.RandomState(0)
    estimator._adopt(network)
    return estimator


def _restore_names(estimator: MultilayerPerceptron, names: Any) -> None:
    if names is None:
        return
    if not isinstance(names, list) or len(names) != estimator.n_features_in_ or set(map(type, names)) != {str}:
        raise ValueError(f"feature_names must be {estimator.n_features_in_} strings")
    estimator.feature_names_in_ = np.array(names, object)


def _restore_classes(estimator: MLPClassifier, description: dict[str, Any]) -> None:
    """Set what a classifier learns from its labels."""
    kind, classes = description["targets"], restored_labels(description["classes"])
    if kind not in KINDS_OF_TARGETS:
        raise ValueError(f"targets must be one of {', '.join(KINDS_OF_TARGETS)}, got {kind!r}")
    expected = 1 if kind == "binary" else len(classes)
    if estimator.n_outputs_ != expected or (kind == "binary" and len(classes) > 2):
        raise ValueError(f"{len(classes)} {kind} classes cannot have {estimator.n_outputs_} outputs")
    binarizer = LabelBinarizer()
    binarizer.classes_, binarizer.y_type_, binarizer.sparse_input_ = classes, kind, False
    estimator.classes_, estimator._label_binarizer = classes, binarizer


def _restore_training(estimator: Any, training: dict[str, Any]) -> None:
    """Set what training left behind; what is None was never there, or had no value."""
    for name in COUNTS:
        if training[name] is not None and (type(training[name]) is not int or training[name] < 0):
            raise ValueError(f"{name} must be a count, got {training[name]!r}")
    for name in (*VALUES, *CURVES):
        values = training[name] if name in CURVES else [training[name]]
        if training[name] is not None and not _are_numbers(values):
            raise ValueError(f"{name} must hold numbers")
    descends = training["loss_curve_"] is not None
    for name in (*COUNTS, *VALUES, *CURVES):
        if training[name] is not None or (descends and name not in COUNTS):
            setattr(estimator, name, training[name])


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is float for value in values)


def _scaler_state(scaler: StandardScaler) -> dict[str, Any]:
    """The moments of the samples that a scaler has seen, and for features which columns are binary."""
    if isinstance(scaler, ColumnScaler):
        return _scaler_state(scaler.moments_) | {"is_binary": [bool(each) for each in scaler.is_binary_]}
    return {
        "means": scaler.mean_.tolist(),
        "variances": scaler.var_.tolist(),
        "scales": scaler.scale_.tolist(),
        "n_samples_seen": np.asarray(scaler.n_samples_seen_, np.float64).tolist(),
        "with_mean": bool(scaler.with_mean),
    }


def _restore_scalers(estimator: Any, description: dict[str, Any]) -> None:
    if "feature_scaler_" in description:
        state = description["feature_scaler_"]
        moments = _restored_moments(state, estimator.n_features_in_)
        estimator.feature_scaler_ = _column_scaler(moments, state["is_binary"])
    if "target_scaler_" in description:
        estimator.target_scaler_ = _restored_moments(description["target_scaler_"], estimator.n_outputs_)


def _restored_moments(state: dict[str, Any], n_columns: int) -> StandardScaler:
    """A scaler of that many columns, which goes on in `partial_fit`."""
    means, variances, scales = restored_vectors(state, ("means", "variances", "scales"))
    n_seen, with_mean = np.array(state["n_samples_seen"]), state["with_mean"]
    if len(means) != n_columns or (scales <= 0).any() or (variances < 0).any():
        raise ValueError(f"a scaler must have {n_columns} means, variances and positive scales")
    are_counts = n_seen.dtype.kind == "f" and np.isfinite(n_seen).all() and (n_seen >= 0).all()
    if not are_counts or n_seen.shape not in ((), means.shape):
        raise ValueError("n_samples_seen must be counts")
    if type(with_mean) is not bool:
        raise ValueError(f"with_mean must be true or false, got {with_mean!r}")
    moments = StandardScaler(with_mean=with_mean).set_output(transform="default")
    moments.mean_, moments.var_, moments.scale_ = means, variances, scales
    moments.n_samples_seen_, moments.n_features_in_ = n_seen if n_seen.ndim else n_seen[()], len(means)
    return moments


def _column_scaler(moments: StandardScaler, is_binary: Any) -> ColumnScaler:
    """A scaler of features with these moments, which leaves binary columns unscaled."""
    n_columns = len(moments.mean_)
    if not isinstance(is_binary, list) or len(is_binary) != n_columns or not all(type(b) is bool for b in is_binary):
        raise ValueError(f"is_binary must be {n_columns} booleans")
    scaler = ColumnScaler(with_mean=moments.with_mean).set_output(transform="default")
    scaler.adopt(moments, np.array(is_binary))
    return scaler
