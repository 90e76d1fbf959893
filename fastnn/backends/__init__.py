"""The two backends behind one contract: a network bound to its vectors, which infers, takes losses and gradients, and trains.

The equations stand in both packages under the same names, so that they can be read side by side: one equation a line in the
NumPy backend, and as operations that programs are made of in the compiled one. `CONTRACT` names what the rest of fastnn calls.
"""

from functools import cache
from importlib import import_module
from types import ModuleType

from fastnn.names import unknown

BACKENDS = ("numpy", "numba")

#: What a backend offers:
#:
#: - `Model(architecture, parameters, gradient, statistics)`: a network, bound to its flat vectors. It has `infer`, outputs or
#:   logits of any number of samples, which returns whether Z_1 is finite, as it is not where X is not; `loss` of a batch and
#:   `backward` from there; `evaluate`, the losses of any number of samples at inference; `step`, one update of the parameters
#:   from the gradient; and `training`, which makes an object whose `run` makes a step for each record of
#:   `fastnn.optimizers.SETTINGS`, and whose `compile` gets ready for that. Weights of samples come relative to the mean weight
#:   of their batch, so that plain means of what they multiply are weighted means;
#: - `add_activation`, `add_loss`: functions that users have registered, by a code that no other has.
CONTRACT = ("Model", "add_activation", "add_loss")

_PACKAGES = {"numpy": "numpy_backend", "numba": "numba_backend"}


def available_backends() -> tuple[str, ...]:
    """Names of the backends."""
    return BACKENDS


def get_backend(name: str) -> ModuleType:
    """The backend of that name, imported when it is first asked for.

    Raises
    ------
    ValueError
        If there is none; the message lists the known ones.
    """
    if not isinstance(name, str) or name not in BACKENDS:
        raise ValueError(unknown("backend", name, BACKENDS))
    return _package(name)


@cache
def _package(name: str) -> ModuleType:
    return import_module(f"fastnn.backends.{_PACKAGES[name]}")
