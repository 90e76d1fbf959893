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
    """A placeholder for an array of the caller, which `Program.bind` fills in before a run."""

    name: str
    rows: int = ALL
    columns: int = ALL


class Program:
    """A list of operations with their arguments, in the order in which they are run for each batch.

    Parameters
    ----------
    dtype : numpy dtype
        Dtype of the network.
    flushes : bool, default False
        Whether to flush subnormal numbers to 0 while it runs, unless it calls Python functions.
    """

    def __init__(self, dtype: np.dtype, *, flushes: bool = False) -> None:
        self.dtype, self.flushes = dtype, flushes
        self.operations: list[tuple[Operation, np.ndarray]] = []
        self.slots: dict[str, list[tuple[np.ndarray, int]]] = {}
        self.waits: list[bool] = []
        self.own_steps: list[np.ndarray | None] = []
        self.kept: list[Any] = []
        self.failures: list[BaseException] = []
        self.inner: list[Program] = []  # programs run by operations of this one
        self.interpreted = addresses.interprets()  # whether operations run in the Python interpreter

    def add(
        self, operation: Operation, partition: tuple[int, int], *arguments: Any, step: np.ndarray | None = None
    ) -> None:
        """Append an operation, whose work is partitioned by `partition`: what is divided, and its granule.

        It gets the record of the batch, or another one, `step`.
        """
        arguments = tuple(part for argument in arguments for part in _parts(argument))
        views = [View(_NOTHING, a.rows, a.columns) if isinstance(a, Slot) else a for a in arguments]
        record = operation.record(partition, tuple(views))
        for argument, place in zip(arguments, operation.positions, strict=True):
            if isinstance(argument, Slot):
                self.slots.setdefault(argument.name, []).append((record, place))
            elif isinstance(argument, View):
                self.kept.append(argument.array)  # keeps alive the memory behind the address
        self.operations.append((operation, record))
        self.waits.append(False)
        self.own_steps.append(step)

    def wait(self) -> None:
        """Append a barrier, unless the program is empty."""
        if self.waits:
            self.waits[-1] = True

    def compile(self) -> None:
        """Compile the operations that are not compiled yet."""
        if not self.interpreted:
            _ = self.items
            addresses.driver()

    def bind(self, **arrays: np.ndarray) -> None:
        """Fill in the slots. The arrays must live until the program has run."""
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
        """Whether it calls back into Python."""
        programs = self, *self.inner
        return any(operation.in_python for program in programs for operation, _ in program.operations)

    @cached_property
    def items(self) -> Items:
        """The program as the driver takes it, once it is complete; compiles missing operations."""
        found = addresses.addresses_of([operation for operation, _ in self.operations], self.dtype, self)
        records = [address_of(record) for _, record in self.operations]
        own_steps = [0 if step is None else address_of(step) for step in self.own_steps]
        return Items.of(np.array([found, records, self.waits, own_steps], np.int64).T)

    def run(self, steps: np.ndarray, n_threads: int = 1) -> None:
        """Run the program once for every record of `steps`, in which losses and flags are stored."""
        if self.interpreted:
            self._interpret(steps)
        elif self.calls_python:
            with KeptSignals():  # a handler might raise in a callback before its try block
                run_team(self.items, steps, n_threads)
            self._raise_failure()
        else:
            run_team(self.items, steps, n_threads, flushes=self.flushes)

    def _raise_failure(self) -> None:
        """Raise the first exception from a Python callback, if any."""
        failures = [failure for program in (self, *self.inner) for failure in program.failures]
        for program in (self, *self.inner):
            program.failures.clear()
        if failures:
            raise failures[0]

    def _interpret(self, steps: np.ndarray) -> None:
        """Run it in the Python interpreter, operation by operation."""
        for k in range(len(steps)):
            for (operation, record), own in zip(self.operations, self.own_steps, strict=True):
                step = steps[k : k + 1] if own is None else own
                if operation.interpret(address_of(record), address_of(step), 0, 1, self.dtype):
                    return


_NOTHING = np.empty((0, 0))


def _parts(argument: Any) -> tuple[Any, ...]:
    """The argument, or its parts if it is composite."""
    return tuple(argument) if isinstance(argument, Sparse) else (argument,)
