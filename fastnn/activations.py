"""All activation functions by name, with formula, derivative and source. The loops are in the backends.

To add one: an entry here, a function and its derivative in each backend's `activations.py`, and an entry in both tables.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from typing import Any

import numpy as np

from fastnn.backends import available_backends, get_backend
from fastnn.names import unknown


@dataclass(frozen=True)
class Activation:
    """Specification of an activation a = f(z).

    Attributes
    ----------
    name : str
        Name used by users and by the backends.
    code : int
        Position in the backends' tables.
    formula, derivative : str
        f(z), and f'(z) as the backends compute it from z and a.
    source : str
        Paper or textbook section.
    hidden : bool
        Whether hidden layers may use it. Softmax couples the units of a layer, and stacked exponentials overflow, so both
        are for the output layer only.
    """

    name: str
    code: int
    formula: str
    derivative: str
    source: str
    hidden: bool = True

    def __call__(self, z: Any) -> np.ndarray:
        """f(z) for an array; softmax acts along the last axis of a matrix (n, K)."""
        z = np.asarray(z)
        z = z if z.dtype.kind == "f" else z.astype(np.float64)
        a: np.ndarray = np.empty_like(z)
        with np.errstate(all="ignore"):
            reference_module("activations").activate(a, z, self.code)
        return a


_SPECIFICATIONS = (
    ("identity", "z", "1", "Bishop, Pattern Recognition and Machine Learning (2006), section 5.1"),
    ("relu", "max(z, 0)", "1 if z > 0 else 0", "Glorot, Bordes, Bengio (2011), Deep Sparse Rectifier Neural Networks"),
    (
        "leaky_relu",
        "z if z > 0 else 0.01 z",
        "1 if z > 0 else 0.01",
        "Maas, Hannun, Ng (2013), Rectifier Nonlinearities Improve Neural Network Acoustic Models",
    ),
    (
        "elu",
        "z if z > 0 else exp(z) - 1",
        "1 if z > 0 else a + 1",
        "Clevert, Unterthiner, Hochreiter (2016), Fast and Accurate Deep Network Learning by ELUs, equation 15",
    ),
    (
        "selu",
        "s z if z > 0 else s alpha (exp(z) - 1), with s = 1.0507..., alpha = 1.6732...",
        "s if z > 0 else a + s alpha",
        "Klambauer, Unterthiner, Mayr, Hochreiter (2017), Self-Normalizing Neural Networks, equation 2",
    ),
    ("sigmoid", "1 / (1 + exp(-z))", "a (1 - a)", "Bishop (2006), equation 4.59"),
    ("tanh", "tanh(z)", "1 - a^2", "LeCun, Bottou, Orr, Mueller (1998), Efficient BackProp, section 4.4"),
    (
        "softplus",
        "log(1 + exp(z))",
        "1 / (1 + exp(-z))",
        "Dugas, Bengio, Belisle, Nadeau, Garcia (2001), Incorporating Second-Order Functional Knowledge",
    ),
    (
        "silu",
        "z s, with s = 1 / (1 + exp(-z))",
        "s + z s (1 - s)",
        "Elfwing, Uchibe, Doya (2018), Sigmoid-Weighted Linear Units, equation 5",
    ),
    (
        "gelu",
        "z Phi(z), with Phi(z) = (1 + erf(z / sqrt(2))) / 2",
        "Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi)",
        "Hendrycks, Gimpel (2016), Gaussian Error Linear Units, section 2 (the exact form)",
    ),
    (
        "mish",
        "z tanh(log(1 + exp(z)))",
        "t + z s (1 - t^2), with t = tanh(log(1 + exp(z))), s = 1 / (1 + exp(-z))",
        "Misra (2020), Mish: A Self Regularized Non-Monotonic Activation Function, section 3",
    ),
    (
        "exponential",
        "exp(z)",
        "a",
        "McCullagh, Nelder, Generalized Linear Models (1989), section 2.2.4 (inverse of the log link)",
    ),
    (
        "softmax",
        "exp(z_k) / sum_j exp(z_j)",
        "da_k / dz_j = a_k ([k = j] - a_j)",
        "Bishop (2006), equations 4.104 and 4.106",
    ),
)

#: Every activation by name, in the order of the backends' tables.
ACTIVATIONS: dict[str, Activation] = {
    name: Activation(name, code, formula, derivative, source, hidden=name not in ("exponential", "softmax"))
    for code, (name, formula, derivative, source) in enumerate(_SPECIFICATIONS)
}


#: Elementwise activations: all but softmax, which comes last.
ELEMENTWISE = tuple(ACTIVATIONS)[:-1]


def find_activation(name: str) -> Activation:
    """The activation of that name.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the known ones.
    """
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(unknown("activation", name, ACTIVATIONS, ", and what fastnn.register_activation adds"))
    return ACTIVATIONS[name]


def register_activation(
    name: str, function: Callable[..., Any], derivative: Callable[..., Any], *, source: str = ""
) -> Activation:
    """Register your own activation under a name, on both backends.

    Networks are saved and pickled with the name only, so register it in every process that loads them. Registering a name
    again replaces the activation for networks created afterwards.

    Parameters
    ----------
    name : str
        Name to pass to `Network`; it must not be the name of a built-in activation.
    function, derivative : callable
        f(z), and f'(z, a) from z and a = f(z). Either elementwise functions of NumPy arrays, which the compiled backend
        calls too, one thread at a time because of the interpreter lock. Or scalar functions compiled by ``numba.njit``,
        which run at full speed in the compiled backend, and element by element in the NumPy backend.
    source : str, optional
        Reference.

    Returns
    -------
    Activation
        Its specification.

    Raises
    ------
    ValueError
        If the derivative disagrees with finite differences of the function between -5 and 5, in double precision.

    Examples
    --------
    >>> fastnn.register_activation("softsign", lambda z: z / (1 + abs(z)), lambda z, a: (1 - abs(a)) ** 2)
    >>> network = fastnn.Network([2, 8, 2], "softsign")
    """
    check_new_name(name, _OWN, "activation")
    check_functions(name, function, derivative)
    code, reference = next(_CODES), reference_module("activations")
    reference.add_activation(code, function, derivative)
    f, slope = reference.find_activation(code)
    z = np.linspace(-5, 5, 99) + 0.00317  # avoids integers and halves, where functions tend to have kinks
    a = checked_values(f"{name}(z)", f(z), z.shape)
    found = checked_values(f"The derivative of {name}", slope(z, a), z.shape)
    expected = (np.asarray(f(z + STEP)) - f(z - STEP)) / (2 * STEP)
    check_slopes(name, found, expected, lambda at: f"z = {z[at]:.4g}")
    for backend in available_backends():
        get_backend(backend).add_activation(code, function, derivative)
    ACTIVATIONS[name] = Activation(name, code, "(registered)", "(registered)", source)
    return ACTIVATIONS[name]


#: Step of the central differences, and the largest error allowed, relative to max(1, |slope|).
STEP, SLOPE_TOLERANCE = 1e-5, 1e-5

_OWN, _CODES = tuple(ACTIVATIONS), count(len(ACTIVATIONS))


def reference_module(name: str) -> Any:
    """A module of the NumPy backend, on which registered functions are checked."""
    return import_module(f"fastnn.backends.numpy_backend.{name}")


def check_new_name(name: Any, own: tuple[str, ...], kind: str) -> None:
    """Raise unless `name` is a string and not one of fastnn's own names."""
    if not isinstance(name, str) or not name:
        raise TypeError(f"The name of the {kind} must be a string, got {name!r}.")
    if name in own:
        raise ValueError(f"{name!r} is one of fastnn's own names: choose another for the {kind}.")


def check_functions(name: str, function: Any, derivative: Any) -> None:
    """Raise TypeError unless both are callable."""
    for what, given in (f"The function of {name}", function), (f"The derivative of {name}", derivative):
        if not callable(given):
            raise TypeError(f"{what} must be a function, such as one of NumPy arrays, got {given!r}.")


def checked_values(what: str, values: Any, *shapes: tuple[int, ...]) -> np.ndarray:
    """The values that a registered function returned, checked to be finite and of one of these shapes."""
    array: np.ndarray = np.asarray(values)
    if array.shape not in shapes:
        raise ValueError(
            f"{what} must have shape {' or '.join(map(str, shapes))} for arrays of shape {shapes[0]}, got {array.shape}."
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"{what} must be finite at all points where it is checked, got {array[~np.isfinite(array)][0]}."
        )
    return array


def check_slopes(name: str, found: np.ndarray, expected: np.ndarray, place: Callable[[Any], str]) -> None:
    """Raise ValueError at the largest error against finite differences, if it exceeds the tolerance."""
    excess = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    if excess[worst] > SLOPE_TOLERANCE:
        raise ValueError(
            f"The derivative of {name} disagrees with finite differences of its function at {place(worst)}: "
            f"{found[worst]:.6g} instead of {expected[worst]:.6g}."
        )
