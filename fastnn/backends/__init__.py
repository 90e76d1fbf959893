"""The two backends and their common interface: a network bound to its vectors, with inference, losses, gradients, training.

Both packages have the same equations under the same names, so that they can be read side by side: one equation per line in
the NumPy backend, and as operations, from which programs are built, in the compiled one. `CONTRACT` lists what the rest of
fastnn uses.
"""

from functools import cache
from importlib import import_module
from types import ModuleType

from fastnn.names import unknown

BACKENDS = ("numpy", "numba")

#: The interface of a backend:
#:
#: - `Model(architecture, parameters, gradient, statistics)`: a network, bound to its flat vectors. `infer` computes outputs or
#:   logits of any number of samples and returns whether Z_1 is finite, which it is not if X is not; `loss` computes the loss
#:   of a batch, and `backward` its gradient; `evaluate` computes the losses of any number of samples at inference; `step`
#:   makes one update of the parameters from the gradient; and `training` returns an object whose `run` makes one update per
#:   record of `fastnn.updates.SETTINGS`, and whose `compile` prepares for that. Sample weights are relative to the mean
#:   weight of their batch, so that weighted means become plain means of products;
#: - `add_activation`, `add_loss`: register a user's function under a unique code.
CONTRACT = ("Model", "add_activation", "add_loss")

_PACKAGES = {"numpy": "numpy_backend", "numba": "numba_backend"}


def available_backends() -> tuple[str, ...]:
    """Names of the backends."""
    return BACKENDS


def get_backend(name: str) -> ModuleType:
    """The backend of that name, imported on first use.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the known ones.
    """
    if not isinstance(name, str) or name not in BACKENDS:
        raise ValueError(unknown("backend", name, BACKENDS))
    return _package(name)


@cache
def _package(name: str) -> ModuleType:
    return import_module(f"fastnn.backends.{_PACKAGES[name]}")
