"""Activations and losses by code, including registered ones."""

from typing import Any

import numpy as np

from fastnn.backends.numba_backend.operations import COLUMNS, FLAT, NUMBERS, Operation
from fastnn.backends.numba_backend.table import DERIVATIVE_PASSES, LOSSES, PASSES
from fastnn.losses import N_FROM_LOGITS

#: Registered functions by code: A = f(Z) and dZ = dA * f'(Z); and losses.
_ACTIVATIONS: dict[int, tuple[Operation, Operation]] = {}
_LOSSES: dict[int, Operation] = {}


def activation(code: int) -> Operation:
    """The operation A = f(Z)."""
    if code in _ACTIVATIONS:
        return _ACTIVATIONS[code][0]
    return PASSES[code]


def activation_backward(code: int) -> tuple[Operation, bool]:
    """The operation dZ = dA * f'(Z), and whether it takes Z in addition to A."""
    if code in _ACTIVATIONS:
        return _ACTIVATIONS[code][1], True
    return DERIVATIVE_PASSES[code], code < len(DERIVATIVE_PASSES) - 1


def loss_function(code: int) -> tuple[Operation, bool]:
    """The operation that computes losses and errors, and whether it takes logits."""
    if code in _LOSSES:
        return _LOSSES[code], False
    return LOSSES[code], code < N_FROM_LOGITS


def add_activation(code: int, function: Any, derivative: Any) -> None:
    """Register a = f(z) and f'(z, a): functions of arrays, or scalar functions compiled by Numba."""
    name = f"registered_{code}"
    forward = _compiled_pass if hasattr(function, "py_func") else _python_pass
    backward = _compiled_derivative if hasattr(derivative, "py_func") else _python_derivative
    _ACTIVATIONS[code] = forward(function, name), backward(derivative, f"{name}_backward")


def _compiled_pass(function: Any, name: str) -> Operation:
    def apply(a, z):
        for i in range(len(z)):
            a[i] = function(z[i])

    return Operation(name, (FLAT, FLAT), apply)


def _compiled_derivative(derivative: Any, name: str) -> Operation:
    def apply(dz, z, a):
        for i in range(len(z)):
            dz[i] *= derivative(z[i], a[i])

    return Operation(name, (FLAT, FLAT, FLAT), apply)


def _python_pass(function: Any, name: str) -> Operation:
    def apply(a, z):
        a[:] = function(_read_only(z))

    return Operation(name, (FLAT, FLAT), apply, in_python=True)


def _python_derivative(derivative: Any, name: str) -> Operation:
    def apply(dz, z, a):
        dz *= derivative(_read_only(z), _read_only(a))

    return Operation(name, (FLAT, FLAT, FLAT), apply, in_python=True)


def add_loss(code: int, function: Any, derivative: Any) -> None:
    """Register L_i = sum_k l(a_ik, y_ik) and dA: functions of arrays, or scalar functions compiled by Numba."""
    if hasattr(function, "py_func") and hasattr(derivative, "py_func"):
        compute, in_python = _compiled_loss(function, derivative), False
    else:
        compute, in_python = _python_loss(function, derivative), True
    kinds = NUMBERS, COLUMNS, COLUMNS, COLUMNS, NUMBERS
    _LOSSES[code] = Operation(f"registered_loss_{code}", kinds, compute, in_python=in_python)


def _compiled_loss(function: Any, derivative: Any) -> Any:
    def compute(losses, dA, A, Y, options):
        losses[:] = 0
        for k in range(A.shape[1]):
            for i in range(len(A)):
                losses[i] += function(A[i, k], Y[i, k])
                dA[i, k] = derivative(A[i, k], Y[i, k])

    return compute


def _python_loss(function: Any, derivative: Any) -> Any:
    def compute(losses, dA, A, Y, options):
        A, Y = _read_only(A), _read_only(Y)
        values, slopes = function(A, Y), derivative(A, Y)
        losses[:] = values if np.ndim(values) == 1 else np.sum(values, axis=1)
        dA[:] = slopes

    return compute


def _read_only(numbers: np.ndarray) -> np.ndarray:
    view = numbers.view()
    view.flags.writeable = False
    return view
