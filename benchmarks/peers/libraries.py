"""The libraries that are compared, in the order of the table, and which of them are installed.

The folder ``implementations`` has no ``__init__.py``: asv imports every module of the packages it finds, and must not
import libraries that it does not measure.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from benchmarks.peers.peer import Peer
from benchmarks.workloads.training import Training

#: The library that the others are compared with, both in results and in time.
REFERENCE = "fastnn NumPy"
SUBJECT = "fastnn Numba"


@dataclass(frozen=True)
class Library:
    """The module and package of a peer, imported only when needed, because importing a library may start threads."""

    distribution: str
    module: str
    class_name: str
    arguments: tuple[str, ...] = ()

    @property
    def installed_version(self) -> str | None:
        """Installed version, or None."""
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return None

    def prepare(self, workload: Training) -> Peer:
        """The library, ready to train a workload."""
        module = import_module(f"benchmarks.peers.implementations.{self.module}")
        return getattr(module, self.class_name)(workload, *self.arguments)


LIBRARIES = {
    "scikit-learn": Library("scikit-learn", "with_scikit_learn", "ScikitLearn"),
    "PyTorch": Library("torch", "with_torch", "Torch"),
    "JAX": Library("jax", "with_jax", "Jax"),
    REFERENCE: Library("numpy", "with_fastnn", "Fastnn", ("numpy",)),
    SUBJECT: Library("numba", "with_fastnn", "Fastnn", ("numba",)),
}


def installed() -> dict[str, str]:
    """Version of each installed library, by name."""
    versions = {name: library.installed_version for name, library in LIBRARIES.items()}
    return {name: found for name, found in versions.items() if found is not None}


def missing() -> list[str]:
    """Names of the libraries that are not installed."""
    return [name for name in LIBRARIES if name not in installed()]
