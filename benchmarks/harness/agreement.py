"""Checks that results agree, made before anything is timed.

Each function raises an AssertionError if they do not. `what` names the workload. A pair has two entries by name: first the
reference, then the one compared with it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray


def refuse(what: str, difference: str) -> NoReturn:
    """Raise an error that says what differs."""
    raise AssertionError(f"{what}: {difference}. Nothing was timed.")


def assert_within(what: str, noun: str, pair: Iterable[str], deviation: float, tolerance: float) -> float:
    """Require a deviation of at most `tolerance`, and return it."""
    if not deviation <= tolerance:  # refuses NaN too
        reference, subject = pair
        refuse(what, f"{noun} of {subject} and {reference} are {deviation:.2g} apart; {tolerance:g} is allowed")
    return deviation


def assert_close(what: str, array: NDArray[Any], expected: NDArray[Any], tolerance: float) -> None:
    """Require numbers to differ by at most `tolerance` times the largest expected one."""
    difference, largest = float(np.abs(array - expected).max()), float(np.abs(expected).max())
    if not difference <= tolerance * largest:
        refuse(
            what,
            f"differs by {difference:.3g} where the largest number is {largest:.3g}; {tolerance:.1g} of it is allowed",
        )


def assert_same_shapes(what: str, pair: Mapping[str, Iterable[NDArray[Any]]]) -> None:
    """Require arrays of the same shapes."""
    (reference, expected), (subject, shapes) = ((name, [part.shape for part in parts]) for name, parts in pair.items())
    if shapes != expected:
        refuse(what, f"{subject} has arrays of shapes {shapes} and {reference} of shapes {expected}")


def assert_same_bits(what: str, pair: Mapping[str, Iterable[NDArray[Any]]]) -> None:
    """Require arrays that are equal bit for bit."""
    (reference, expected), (subject, found) = ((name, list(parts)) for name, parts in pair.items())
    assert_same_shapes(what, pair)
    if any(ours.tobytes() != theirs.tobytes() for ours, theirs in zip(found, expected, strict=True)):
        refuse(what, f"{subject} and {reference} differ in their bits")


def relative_deviation(array: NDArray[Any], expected: NDArray[Any]) -> float:
    """|array - expected| / |expected|, Euclidean norms in double precision."""
    array, expected = np.asarray(array, np.float64), np.asarray(expected, np.float64)
    return float(np.linalg.norm(array - expected) / np.linalg.norm(expected))
