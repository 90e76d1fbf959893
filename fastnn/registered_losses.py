"""Registration of user-defined losses, on both backends."""

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from fastnn.activations import (
    ACTIVATIONS,
    STEP,
    check_functions,
    check_new_name,
    check_slopes,
    checked_values,
    find_activation,
    reference_module,
)
from fastnn.backends import available_backends, get_backend
from fastnn.losses import LOSS_KERNELS, LOSSES, Loss

_OWN, _CODES = tuple(LOSSES), count(len(LOSS_KERNELS))


def register_loss(
    name: str,
    function: Callable[..., Any],
    derivative: Callable[..., Any],
    *,
    output_activation: str = "identity",
    targets: str = "numbers",
    source: str = "",
) -> Loss:
    """Register your own loss under a name, on both backends.

    The loss is computed from the outputs A, so it works with any output activation whose range lies in its domain. Networks
    are saved and pickled with the name only, so register the loss in every process that loads them. Registering a name
    again replaces the loss for networks created afterwards.

    Parameters
    ----------
    name : str
        Name to pass to `Network`; it must not be the name of a built-in loss.
    function, derivative : callable
        The losses, and their derivative dL/dA, from outputs A and targets Y. Either functions of NumPy arrays (n, K): the
        first returns the loss of each output (n, K), to be summed over outputs, or of each sample (n,); the second returns
        (n, K). The compiled backend calls them too, one thread at a time. Or two scalar functions of a and y compiled by
        ``numba.njit``, which run at full speed in the compiled backend, and element by element in the NumPy backend.
    output_activation : str, default "identity"
        Default activation of the output layer.
    targets : {"numbers", "counts", "probabilities", "classes"}, default "numbers"
        Kind of targets: any numbers, non-negative numbers, numbers from 0 to 1, or classes, which are passed on as one-hot
        rows.
    source : str, optional
        Reference.

    Returns
    -------
    Loss
        The registered loss.

    Raises
    ------
    ValueError
        If the derivative disagrees with finite differences at sample outputs and targets in double precision.

    Examples
    --------
    >>> fastnn.register_loss("log_cosh", lambda A, Y: np.log(np.cosh(A - Y)), lambda A, Y: np.tanh(A - Y))
    >>> network = fastnn.Network([2, 8, 1], loss="log_cosh")
    """
    check_new_name(name, _OWN, "loss")
    check_functions(name, function, derivative)
    if targets not in ("numbers", "counts", "probabilities", "classes"):
        raise ValueError(f"targets must be numbers, counts, probabilities or classes, got {targets!r}.")
    find_activation(output_activation)
    code, reference = next(_CODES), reference_module("losses")
    reference.add_loss(code, function, derivative)
    _check_derivative(name, reference.find_loss(code), function, output_activation, targets)
    for backend in available_backends():
        get_backend(backend).add_loss(code, function, derivative)
    description = {
        "name": name,
        "formula": "(registered)",
        "source": source,
        "matched_activation": output_activation,
        "output_activations": tuple(ACTIVATIONS),
        "targets": targets,
        "kernels": {"*": name},
        "kernel": lambda self, activation: code,
    }
    LOSSES[name] = type(name, (Loss,), description)()
    return LOSSES[name]


def _check_derivative(name: str, compute: Any, function: Any, output_activation: str, targets: str) -> None:
    """Raise ValueError unless the derivative of a loss agrees with finite differences, output by output."""
    random, n, n_outputs = np.random.default_rng(0), 16, 3
    A = _outputs(random.standard_normal((n, n_outputs)), output_activation)
    draw: dict[str, Callable[[], np.ndarray]] = {
        "numbers": lambda: random.standard_normal((n, n_outputs)),
        "counts": lambda: random.poisson(1.0, (n, n_outputs)).astype(float),
        "probabilities": lambda: random.uniform(size=(n, n_outputs)),
        "classes": lambda: np.eye(n_outputs)[np.arange(n) % n_outputs],
    }
    Y = draw[targets]()
    if not hasattr(function, "py_func"):
        checked_values(f"{name}(A, Y)", function(A, Y), A.shape, (n,))

    def losses_and_slopes(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        losses, slopes = np.empty(n), np.empty_like(A)
        compute(losses, slopes, A, Y, ())
        return losses, slopes

    expected = np.empty_like(A)
    for k, step in enumerate(STEP * np.eye(n_outputs)):
        expected[:, k] = (losses_and_slopes(A + step)[0] - losses_and_slopes(A - step)[0]) / (2 * STEP)
    found = checked_values(f"The derivative of {name}", losses_and_slopes(A)[1], A.shape)
    check_slopes(name, found, expected, lambda at: f"a = {A[at]:.4g}, y = {Y[at]:.4g}")


def _outputs(Z: np.ndarray, activation: str) -> np.ndarray:
    """Outputs of an activation, on which to check a loss."""
    A = np.empty_like(Z)
    reference_module("activations").activate(A, Z, find_activation(activation).code)
    return A
