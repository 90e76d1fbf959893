"""Programs: lists of operations, built once and run for any number of batches by a team of threads."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fastnn.backends.interrupts import KeptSignals
from fastnn.backends.numba_backend import addresses
from fastnn.backends.numba_backend.operations import ALL, PLACES, Operation, Sparse, View, address_of
from fastnn.backends.numba_backend.programs.team import Items, run_team


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
    flushes : bool, default False
        Whether subnormal numbers become 0 while it runs, unless it calls functions in Python.
    """

    def __init__(self, dtype: np.dtype, *, flushes: bool = False) -> None:
        self.dtype, self.flushes = dtype, flushes
        self.operations: list[tuple[Operation, np.ndarray]] = []
        self.slots: dict[str, list[tuple[np.ndarray, int]]] = {}
        self.waits: list[bool] = []
        self.kept: list[Any] = []
        self.failures: list[BaseException] = []
        self.inner: list[Program] = []  # what operations of this program run themselves
        self.interpreted = addresses.interprets()  # whether operations run as they stand, without the compiler

    def add(self, operation: Operation, partition: tuple[int, int], *arguments: Any) -> None:
        """Let an operation follow, whose work is shared out by `partition`: what is cut, in which granule."""
        arguments = tuple(part for argument in arguments for part in _parts(argument))
        views = [View(_NOTHING, a.rows, a.columns) if isinstance(a, Slot) else a for a in arguments]
        record = operation.record(partition, tuple(views))
        for argument, place in zip(arguments, operation.positions, strict=True):
            if isinstance(argument, Slot):
                self.slots.setdefault(argument.name, []).append((record, place))
            elif isinstance(argument, View):
                self.kept.append(argument.array)  # its memory is referred to by address
        self.operations.append((operation, record))
        self.waits.append(False)

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
        for name in self.slots.keys() & arrays.keys():
            array = arrays[name]
            matrix = array if array.ndim == 2 else array.reshape(-1, 1)
            numbers = address_of(array), *matrix.shape, *matrix.strides
            for record, place in self.slots[name]:
                record[place : place + PLACES - 2] = numbers
        for program in self.inner:
            program.bind(**arrays)

    def __len__(self) -> int:
        return len(self.operations)

    @cached_property
    def calls_python(self) -> bool:
        """Whether it calls functions in Python back."""
        programs = self, *self.inner
        return any(operation.in_python for program in programs for operation, _ in program.operations)

    @cached_property
    def items(self) -> Items:
        """The program as the driver takes it, once it is complete; compiles what is not there yet."""
        found = addresses.addresses_of([operation for operation, _ in self.operations], self.dtype, self)
        records = [address_of(record) for _, record in self.operations]
        return Items.of(np.array([found, records, self.waits], np.int64).T)

    def run(self, steps: np.ndarray, n_threads: int = 1) -> None:
        """Run the program once for every record of `steps`, in which losses and findings are left."""
        if self.interpreted:
            self._interpret(steps)
        elif self.calls_python:
            with KeptSignals():  # a handler would run, and raise, before a function that is called back is on its guard
                run_team(self.items, steps, n_threads)
            self._raise_failure()
        else:
            run_team(self.items, steps, n_threads, flushes=self.flushes)

    def _raise_failure(self) -> None:
        """Raise what the first function in Python has raised that failed."""
        failures = [failure for program in (self, *self.inner) for failure in program.failures]
        for program in (self, *self.inner):
            program.failures.clear()
        if failures:
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
