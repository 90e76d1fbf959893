"""Error messages for unknown names, with suggestions."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

#: Names from other libraries, and the names used here.
OTHER_NAMES = {
    "mse": "squared_error",
    "mae": "absolute_error",
    "l1": "absolute_error",
    "cross_entropy": "softmax_cross_entropy",
    "categorical_crossentropy": "softmax_cross_entropy",
    "log_loss": "softmax_cross_entropy",
    "bce": "binary_cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "linear": "identity",
    "logistic": "sigmoid",
    "swish": "silu",
    "xavier": "glorot_uniform",
    "xavier_uniform": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
    "val_loss": "validation_loss",
    "val_accuracy": "validation_accuracy",
    "l-bfgs": "lbfgs",
    "lr": "learning_rate",
    "eta": "learning_rate",
    "betas": "beta_1",
    "beta1": "beta_1",
    "beta2": "beta_2",
    "eps": "epsilon",
    "alpha": "l2",
    "clip_norm": "max_grad_norm",
    "clipnorm": "max_grad_norm",
    "max_iter": "epochs",
    "n_epochs": "epochs",
    "validation_split": "validation_fraction",
    "random_state": "seed",
    "n_jobs": "n_threads",
}


def unknown(kind: str, name: Any, known: Iterable[str], more: str = "") -> str:
    """The error message for an unknown name of some kind; `more` is appended to the known names."""
    known = tuple(known)
    return f"Unknown {kind} {name!r}; known are {', '.join(known)}{more}.{suggestion(name, known)}"


def suggestion(name: Any, known: Iterable[str]) -> str:
    """The question "Did you mean ...?" with the closest known name, or an empty string."""
    if not isinstance(name, str):
        return ""
    known = tuple(known)
    word = name.lower().replace(" ", "_")
    found = [OTHER_NAMES.get(word, word), *get_close_matches(word, known, n=1)]
    meant = next((candidate for candidate in found if candidate in known), None)
    return "" if meant is None else f" Did you mean {meant!r}?"


def check_keywords(function: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise TypeError for keyword arguments that a function does not have; the message suggests the closest one."""
    known = tuple(known)
    for name in given:
        if name not in known:
            raise TypeError(f"{function} has no argument {name!r}.{suggestion(name, known)}")
