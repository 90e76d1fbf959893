"""Factors of learning rates and weight decay for groups of parameters, as optimizers take them."""

from collections.abc import Mapping
from typing import Any

from fastnn.architecture import GROUPS
from fastnn.names import unknown
from fastnn.validation import check_number

#: Factors by group of parameters: a mapping, kept as pairs.
Factors = Mapping[str, float] | tuple[tuple[str, float], ...]


def checked_factors(factors: Any, name: str) -> tuple[tuple[str, float], ...]:
    """Factors by group, as pairs in alphabetical order."""
    try:
        given = dict(factors or ())
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a dictionary such as {{'biases': 0.1}}, got {factors!r}.") from None
    for group, factor in given.items():
        if group not in GROUPS:
            raise ValueError(unknown(f"group of parameters in {name}", group, GROUPS))
        check_number(factor, f"{name}[{group!r}]")
    return tuple(sorted((group, float(factor)) for group, factor in given.items()))
