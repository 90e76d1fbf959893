"""What all workloads have in common: a name, a data set and a quick form."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self, TypeVar

from benchmarks.settings import QUICK
from benchmarks.workloads.data import Data, made


@dataclass(frozen=True, kw_only=True)
class Workload(ABC):
    """A task on a data set; `make_data` creates the data set from a number of samples."""

    name: str
    make_data: Callable[[int], Data]
    n_samples: int

    def data(self) -> Data:
        """Return the data set, cached while workloads that share it run."""
        return made(self.make_data, self.n_samples)

    @abstractmethod
    def quick(self) -> Self:
        """Return the same workload in a tiny size, to check that it runs."""


AnyWorkload = TypeVar("AnyWorkload", bound=Workload)


def at_size(workloads: Iterable[AnyWorkload], quick: bool = QUICK) -> tuple[AnyWorkload, ...]:
    """Return the workloads at full size, or their quick forms."""
    return tuple(workload.quick() if quick else workload for workload in workloads)
