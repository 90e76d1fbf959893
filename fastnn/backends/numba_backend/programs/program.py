"""Programs: lists of operations, built once and run for any number of batches by a team of threads."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastnn.backends.interrupts import KeptSignals
from fastnn.backends.numba_backend import addresses
from fastnn.backends.numba_backend.layout import ITEM
from fastnn.backends.numba_backend.operations import ALL, PLACES, Operation, Sparse, View, address_of
from fastnn.backends.numba_backend.programs.team import run_team


@dataclass
class Slot:
    """An array of the caller's, which a program learns of when it is run: `Program.bind` enters it where it is used."""

    name: str
    rows: int = ALL
    columns: int = ALL


class Program:
    """A list of operations with their arguments, in the order in which they are run for each batch.

    Parameters
    ----------
    dtype : numpy dtype
        Type of the numbers.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.operations: list[tuple[Operation, np.ndarray]] = []
        self.slots: dict[str, list[tuple[np.ndarray, int]]] = {}
        self.waits: list[bool] = []
        self.kept: list[Any] = []
        self.failures: list[BaseException] = []
        self.inner: list[Program] = []  # what operations of this program run themselves
        self._items: np.ndarray | None = None

    def add(self, operation: Operation, partition: tuple[int, int], *arguments: Any) -> None:
        """Let an operation follow, whose work is shared out by `partition`: what is cut, in which granule."""
        arguments = tuple(part for argument in arguments for part in _parts(argument))
        views = [View(_NOTHING, a.rows, a.columns) if isinstance(a, Slot) else a for a in arguments]
        record = operation.record(partition, tuple(views))
        for argument, place in zip(arguments, operation.positions(), strict=True):
            if isinstance(argument, Slot):
                self.slots.setdefault(argument.name, []).append((record, place))
            elif isinstance(argument, View):
                self.kept.append(argument.array)  # its memory is referred to by address
        self.operations.append((operation, record))
        self.waits.append(False)
        self._items = None

    def wait(self) -> None:
        """Let all threads wait for each other here, unless nothing has been done yet."""
        if self.waits:
            self.waits[-1] = True

    def compile(self) -> None:
        """Compile what is not there yet."""
        if not self.interpreted:
            _ = self.items
            addresses.driver()

    def bind(self, **arrays: np.ndarray) -> None:
        """Enter the arrays that have been left open. They have to live until the program has run."""
        for name, array in arrays.items():
            matrix = array if array.ndim == 2 else array.reshape(-1, 1)
            numbers = address_of(array), *matrix.shape, *matrix.strides
            for record, place in self.slots.get(name, ()):
                record[place : place + PLACES - 2] = numbers
        for program in self.inner:
            program.bind(**arrays)

    def __len__(self) -> int:
        return len(self.operations)

    @property
    def calls_python(self) -> bool:
        """Whether it calls functions in Python back."""
        programs = self, *self.inner
        return any(operation.in_python for program in programs for operation, _ in program.operations)

    @property
    def interpreted(self) -> bool:
        """Whether operations run as they stand, without the compiler."""
        return addresses.interprets()

    @property
    def items(self) -> np.ndarray:
        """The program as the driver takes it; compiles what is not there yet."""
        if self._items is None:
            addresses.prepare([operation for operation, _ in self.operations], self.dtype)
            items = np.zeros(len(self.operations), ITEM)
            for item, (operation, record), waits in zip(items, self.operations, self.waits, strict=True):
                item["operation"] = addresses.address(operation, self.dtype, self)
                item["arguments"], item["waits"] = address_of(record), waits
            self._items = items
        return self._items

    def run(self, steps: np.ndarray, n_threads: int = 1) -> None:
        """Run the program once for every record of `steps`, in which losses and findings are left."""
        if self.interpreted:
            self._interpret(steps)
        elif self.calls_python:
            with KeptSignals():  # a handler would run, and raise, before a function that is called back is on its guard
                run_team(self.items, steps, n_threads)
        else:
            run_team(self.items, steps, n_threads)
        failures = [failure for program in (self, *self.inner) for failure in program.failures]
        if failures:
            for program in (self, *self.inner):
                program.failures.clear()
            raise failures[0]

    def _interpret(self, steps: np.ndarray) -> None:
        """Run it without the compiler, operation by operation."""
        for k in range(len(steps)):
            for operation, record in self.operations:
                operation.interpret(address_of(record), address_of(steps[k : k + 1]), 0, 1, self.dtype)


_NOTHING = np.empty((0, 0))


def _parts(argument: Any) -> tuple[Any, ...]:
    """An argument, or the arrays that it consists of."""
    return tuple(argument) if isinstance(argument, Sparse) else (argument,)
