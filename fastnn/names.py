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
