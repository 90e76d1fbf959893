"""Operations: compiled functions with one common signature, each the twin of a NumPy function of the same name.

An operation is written as a plain function of arrays, `affine(Z, A_previous, W, b)`. From it, a function of four integers is
generated, `(arguments, batch, thread, n_threads)`. `arguments` is the address of a record packed by `Operation.record`: the
address, shape and strides of each array, and which of its rows and columns depend on the batch and the thread. `batch` is
the address of a record of `fastnn.updates.SETTINGS`: the samples and the options of the step. So the function itself
knows neither batches nor threads, and nothing is compiled per network: networks differ in records.

An operation does not allocate, does not raise, and calls no external function, so it can be compiled ahead of time.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from fastnn.updates import SETTINGS

#: Integers at the start of an operation's record: what is partitioned among the threads, and the granule of the partition.
HEADER = 2
#: Integers that describe an array in an operation's record: address, shape, strides in bytes, range of rows and of columns.
PLACES = 7

#: Codes in the records for ranges of rows or columns: all of them; this thread's chunk; the samples of the batch, counted
#: from 0; the same, counted from the start of the data; this thread's chunk of the latter; this thread's samples, counted
#: from the start of the whole batch, of which this may be a tile; this thread's own; this tile's own.
RANGES = ALL, PART, BATCH, STREAM, STREAM_PART, PLACED, THREAD, TILE = range(8)

#: What is partitioned among the threads: the samples of the batch, or nothing, which leaves all work to the first thread.
SAMPLES, NOTHING = -1, -2


@dataclass(frozen=True)
class Kind:
    """The type of an argument of an operation: an array with some dimension and layout, a number, or the batch itself.

    Attributes
    ----------
    name : str
        Name for error messages and symbols.
    n_dimensions : int
        Number of dimensions; 0 for a number.
    layout : str
        "A" for any strides, "F" for column-major, "C" for contiguous, "S" for optimizer state.
    dtype : dtype or None
        Dtype of the elements; None for that of the network.
    parts : tuple of Kind
        The component arrays, if there are several.
    """

    name: str
    n_dimensions: int = 0
    layout: str = ""
    dtype: Any = None
    parts: tuple["Kind", ...] = ()

    @property
    def is_array(self) -> bool:
        """Whether it is described by `PLACES` integers."""
        return self.n_dimensions > 0


#: A matrix with any strides; row-major; column-major, within the memory of whole rows; its elements as a vector.
BLOCK, ROWS, COLUMNS, FLAT = Kind("block", 2, "A"), Kind("rows", 2, "C"), Kind("columns", 2, "F"), Kind("flat", 1, "C")
#: Optimizer state of a matrix: one row per state, each with the elements of the matrix in order.
STATES = Kind("states", 2, "S")
#: Double-precision vectors, and vectors of indices.
NUMBERS, INDICES = Kind("numbers", 1, "C", "float64"), Kind("indices", 1, "C", "int64")
#: Records of steps.
RECORDS = Kind("records", 1, "C", SETTINGS)
#: An integer; a real number; the record of the batch; the position in the batch of the first sample of this thread's chunk.
INTEGER, NUMBER, STEP, FIRST = (Kind(name) for name in ("integer", "number", "step", "first"))


#: Rows of a sparse matrix, as `Sparse`: all its entries, their columns, and the positions where each row begins and ends.
SPARSE = Kind("sparse", parts=(FLAT, INDICES, Kind("places", 2, "C", "int64")))


class Sparse(NamedTuple):
    """Rows of a sparse matrix: row i has the numbers data[p] in the columns indices[p], p from places[i, 0] to places[i, 1]."""

    data: Any
    indices: Any
    places: Any


def source(dtype: Any) -> Kind:
    """A matrix of data with that dtype and any strides."""
    return Kind(f"source of {np.dtype(dtype)}", 2, "A", np.dtype(dtype).name)


@dataclass(frozen=True)
class View:
    """An argument array: all of it, or the rows and columns that belong to a batch and a thread."""

    array: np.ndarray
    rows: int = ALL
    columns: int = ALL

    def places(self) -> tuple[int, ...]:
        """The `PLACES` integers of a record."""
        array = self.array if self.array.ndim == 2 else self.array.reshape(-1, 1)
        return address_of(array), *array.shape, *array.strides, self.rows, self.columns


def address_of(array: np.ndarray) -> int:
    """The address of an array's data."""
    return int(array.ctypes.data)  # its array interface describes every field of a record


class Operation:
    """A function of arrays, and how it is called from a program.

    Parameters
    ----------
    name : str
        The name of its NumPy twin, with a suffix if there are several variants.
    kinds : tuple of Kind
        The kind of each argument.
    function : callable, optional
        The body, which Numba can compile; by default the function of that name in `kernels`.
    in_python : bool, default False
        Whether it is a Python callback and not compiled, such as a registered function of arrays.
    """

    def __init__(
        self,
        name: str,
        kinds: tuple[Kind, ...],
        function: Callable[..., None] | None = None,
        *,
        in_python: bool = False,
    ) -> None:
        self.name, self.kinds, self.in_python = name, kinds, in_python
        self._function, self._own = function, function is None

    @property
    def function(self) -> Callable[..., None]:
        """The body of the operation."""
        if self._function is None:
            from fastnn.backends.numba_backend.kernels import find_body

            self._function = find_body(self.name)
        return self._function

    @property
    def returns_status(self) -> bool:
        """Whether the body itself has the four-integer signature, and returns 0 or an error status."""
        return self.name in ("run_tiles", "leave_if_paused")

    @property
    def key(self) -> Any:
        """What distinguishes a registered function from others of the same name; None for fastnn's own."""
        return None if self._own else self._function

    def symbol(self, dtype: np.dtype) -> str:
        """Its name among compiled functions, for that dtype."""
        return f"{self.name}_{dtype.name}"

    @property
    def identity(self) -> tuple[str, Any]:
        """What distinguishes it from all other operations."""
        return self.name, self.key

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    @cached_property
    def parts(self) -> list[Kind]:
        """The kinds of its arguments, with composite ones replaced by their parts."""
        return [part for kind in self.kinds for part in kind.parts or (kind,)]

    def record(self, partition: tuple[int, int], arguments: tuple[Any, ...]) -> np.ndarray:
        """The record of its arguments: the partition and its granule, then views and numbers in order."""
        numbers: list[int] = [*partition]
        given = iter(arguments)
        for kind in self.parts:
            if kind.is_array:
                numbers += next(given).places()
            elif kind is INTEGER:
                numbers.append(int(next(given)))
            elif kind is NUMBER:
                numbers.append(int(np.float64(next(given)).view(np.int64)))
        return np.array(numbers, np.int64)

    @cached_property
    def positions(self) -> list[int]:
        """The position of each given argument in the record."""
        positions, position = [], HEADER
        for kind in self.parts:
            if kind not in (STEP, FIRST):
                positions.append(position)
                position += PLACES if kind.is_array else 1
        return positions

    def interpret(self, arguments: int, batch: int, thread: int, n_threads: int, dtype: np.dtype) -> int:
        """Run the body in the Python interpreter, on the arrays described by a record, for that dtype; returns its status."""
        if self.returns_status:
            status: Any = self.function(arguments, batch, thread, n_threads)
            return int(status)
        step = array_at(batch, (1,), (SETTINGS.itemsize,), np.dtype((np.void, SETTINGS.itemsize))).view(SETTINGS)[0]
        reader = RecordReader(arguments, step, thread, n_threads)
        if reader.first < reader.last:
            self.function(*(reader.next(kind, dtype) for kind in self.kinds))
        return 0


class RecordReader:
    """Unpacks a record made by `Operation.record`, argument by argument, for a batch and a thread."""

    def __init__(self, arguments: int, step: Any, thread: int, n_threads: int) -> None:
        self.address, self.step = arguments, step
        n, granule = self._integer(), self._integer()
        n = int(step["n_samples"]) if n == SAMPLES else n
        self.first, self.last = partition(n, thread, n_threads, granule)
        start, n_samples = int(step["start"]), int(step["n_samples"])
        self.ranges = {
            PART: (self.first, self.last - self.first),
            BATCH: (0, n_samples),
            STREAM: (start, n_samples),
            STREAM_PART: (start + self.first, self.last - self.first),
            PLACED: (int(step["offset"]) + self.first, self.last - self.first),
            TILE: (int(step["tile"]), 1),
        }
        self.thread = thread

    def next(self, kind: Kind, dtype: np.dtype) -> Any:
        """The next argument, of that kind."""
        if kind.parts:
            return Sparse(*(self.next(part, dtype) for part in kind.parts))
        if kind is STEP:
            return self.step
        if kind is FIRST:
            return int(self.step["offset"]) + self.first
        if kind.is_array:
            return self._array(kind, np.dtype(kind.dtype or dtype))
        return np.int64(self._integer()).view(np.float64) if kind is NUMBER else self._integer()

    def _integer(self) -> int:
        value = ctypes.c_int64.from_address(self.address).value
        self.address += 8
        return value

    def _array(self, kind: Kind, dtype: np.dtype) -> np.ndarray:
        address, n_rows, n_columns, row_step, column_step, rows, columns = (self._integer() for _ in range(PLACES))
        first_row, n_rows = self._range(rows, n_rows)
        first_column, n_columns = self._range(columns, n_columns)
        address += first_row * row_step + first_column * column_step
        if kind.layout == "A":
            return array_at(address, (n_rows, n_columns), (row_step, column_step), dtype)
        if kind.layout == "S":
            n_columns = n_columns * column_step // dtype.itemsize
            return array_at(address, (n_rows, n_columns), (row_step, dtype.itemsize), dtype)
        if kind.layout == "F":
            return array_at(address, (n_rows, n_columns), (dtype.itemsize, n_rows * dtype.itemsize), dtype)
        if kind.n_dimensions == 2:
            return array_at(address, (n_rows, n_columns), (n_columns * dtype.itemsize, dtype.itemsize), dtype)
        return array_at(address, (n_rows * n_columns,), (dtype.itemsize,), dtype)

    def _range(self, code: int, n: int) -> tuple[int, int]:
        return (0, n) if code == ALL else (self.thread * n, n) if code == THREAD else self.ranges[code]


def partition(n: int, thread: int, n_threads: int, granule: int) -> tuple[int, int]:
    """The chunk of `range(n)` for this thread, cut at multiples of `granule`; for `NOTHING`, all work goes to the first thread."""
    if n == NOTHING:
        return 0, int(thread == 0)
    pieces = (n + granule - 1) // granule
    return min(n, pieces * thread // n_threads * granule), min(n, pieces * (thread + 1) // n_threads * granule)


class _Memory:
    """Memory owned by another object, described by NumPy's array interface."""

    def __init__(self, interface: dict[str, Any]) -> None:
        self.__array_interface__ = interface


def array_at(address: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array at a memory address."""
    interface = {"data": (address, False), "shape": shape, "strides": strides, "typestr": dtype.str, "version": 3}
    array = np.asarray(_Memory(interface))
    return array if dtype.names is None else array.view(dtype)
