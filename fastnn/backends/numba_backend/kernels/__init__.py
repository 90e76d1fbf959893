"""The bodies of the operations, written for Numba; imported only when something is compiled or interpreted.

`find_body` returns the body of an operation by name.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module

from fastnn.backends.numba_backend.kernels.registry import BODIES

_MODULES = (
    "activations",
    "batches",
    "dropout",
    "inputs",
    "layers",
    "losses",
    "normalization",
    "optimizers",
    "orthogonal",
    "shuffling",
    "sparse",
    "stopping",
    "tiles",
)


@cache
def _import_bodies() -> None:
    for module in _MODULES:
        import_module(f"{__name__}.{module}")


def find_body(name: str) -> Callable[..., None]:
    """The body of the operation of that name."""
    _import_bodies()
    return BODIES[name]
