"""What the operations compute, written for Numba. It is imported where something is compiled, or run without a compiler.

`find_body` gives the function of an operation by the operation's name.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module

from fastnn.backends.numba_backend.kernels.registry import BODIES

_MODULES = (
    "activations",
    "batches",
    "dropout",
    "layers",
    "losses",
    "normalization",
    "optimizers",
    "orthogonal",
    "sparse",
    "tiles",
)


@cache
def _import_bodies() -> None:
    for module in _MODULES:
        import_module(f"{__name__}.{module}")


def find_body(name: str) -> Callable[..., None]:
    """The function of the operation of that name."""
    _import_bodies()
    return BODIES[name]
