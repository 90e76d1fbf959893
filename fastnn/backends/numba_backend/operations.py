"""Operations: compiled functions of one fixed type, each the twin of a NumPy function with the same name and arguments.

An operation is written as a plain function of arrays, `affine(Z, A_previous, W, b)`. What runs is made from it:
`(arguments, batch, thread, n_threads)`, four integers. `arguments` is the address of a record that `Operation.record` packs:
where each array lies, its shape and steps, and which of its rows and columns depend on the batch and on the thread. `batch`
is the address of a record of `fastnn.optimizers.SETTINGS`: which samples, and what the step takes. So the function itself
knows neither batches nor threads, and nothing is compiled for a network: networks differ in records.

An operation allocates nothing, raises nothing and calls nothing outside, so that it can be compiled ahead of time.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from fastnn.updates import SETTINGS

#: Integers at the start of an operation's record: what is partitioned among the threads, and the granule of the parts.
HEADER = 2
#: Integers that describe an array in an operation's record: address, shape, steps in bytes, range of rows and of columns.
PLACES = 7

#: Ranges of rows or columns, the codes of which stand in the records. All of them; this thread's part; the samples of the
#: batch, from 0 or from where they start in the data, or this thread's part of these; this thread's samples at their places
#: in the whole batch, of which this may be a tile; what belongs to this thread alone; what belongs to this tile alone.
RANGES = ALL, PART, BATCH, STREAM, STREAM_PART, PLACED, THREAD, TILE = range(8)

#: What is partitioned among the threads: the samples of the batch, or nothing, which leaves all the work to the first.
SAMPLES, NOTHING = -1, -2


@dataclass(frozen=True)
class Kind:
    """What an argument of an operation is: an array of this many dimensions and layout, a number, or the batch itself.

    Attributes
    ----------
    name : str
        For error messages and symbols.
    n_dimensions : int
        0 for a number.
    layout : str
        "A" for any steps, "F" for columns one after the other, "C" for contiguous numbers.
    dtype : str or None
        Type of the numbers; None for that of the network.
    parts : tuple of Kind
        What it consists of, if it is several arrays.
    """

    name: str
    n_dimensions: int = 0
    layout: str = ""
    dtype: str | None = None
    parts: tuple["Kind", ...] = ()

    @property
    def is_array(self) -> bool:
        """Whether it is described by `PLACES` integers."""
        return self.n_dimensions > 0


#: A matrix with any steps; in rows; in columns, one after the other in the memory of whole rows; its numbers as a vector.
BLOCK, ROWS, COLUMNS, FLAT = Kind("block", 2, "A"), Kind("rows", 2, "C"), Kind("columns", 2, "F"), Kind("flat", 1, "C")
#: What an optimizer keeps of a matrix: a row for each of its states, with the numbers of the matrix one after the other.
STATES = Kind("states", 2, "S")
#: Numbers in double precision, and positions.
NUMBERS, INDICES = Kind("numbers", 1, "C", "float64"), Kind("indices", 1, "C", "int64")
#: A whole number; a number; the record of the batch; the place in the batch of the first sample of this thread's part.
INTEGER, NUMBER, STEP, FIRST = (Kind(name) for name in ("integer", "number", "step", "first"))


#: Rows of a sparse matrix, as `Sparse`: all its entries, their columns, and where in these each row begins and ends.
SPARSE = Kind("sparse", parts=(FLAT, INDICES, Kind("places", 2, "C", "int64")))


class Sparse(NamedTuple):
    """Rows of a sparse matrix: row i has the numbers data[p] in the columns indices[p], p from places[i, 0] to places[i, 1]."""

    data: Any
    indices: Any
    places: Any


def source(dtype: Any) -> Kind:
    """A matrix of data of any type, with any steps."""
    return Kind(f"source of {np.dtype(dtype)}", 2, "A", np.dtype(dtype).name)


@dataclass(frozen=True)
class View:
    """An array as an operation gets it: the whole of it, or the rows and columns that a batch and a thread have of it."""

    array: np.ndarray
    rows: int = ALL
    columns: int = ALL

    def places(self) -> tuple[int, ...]:
        """The `PLACES` integers of a record."""
        array = self.array if self.array.ndim == 2 else self.array.reshape(-1, 1)
        return address_of(array), *array.shape, *array.strides, self.rows, self.columns


def address_of(array: np.ndarray) -> int:
    """Where the numbers of an array lie."""
    return int(array.ctypes.data)  # its array interface describes every field of a record


class Operation:
    """A function of arrays, and how it is called from a program.

    Parameters
    ----------
    name : str
        The name of its NumPy twin, with what tells it from others of the same twin.
    kinds : tuple of Kind
        The kind of each argument.
    function : callable, optional
        What is computed, in terms that Numba compiles; by default what `kernels` has under that name.
    in_python : bool, default False
        Whether it is not compiled but called back, as functions are that users have registered.
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
        """What is computed."""
        if self._function is None:
            from fastnn.backends.numba_backend.kernels import find_body

            self._function = find_body(self.name)
        return self._function

    @property
    def returns_status(self) -> bool:
        """Whether the function is itself what runs, and returns 0 or what went wrong."""
        return self.name == "run_tiles"

    @property
    def key(self) -> Any:
        """What tells a function of a user's from others of the same name; None for those of fastnn's own."""
        return None if self._own else self._function

    def symbol(self, dtype: np.dtype) -> str:
        """Its name among compiled functions, for numbers of that type."""
        return f"{self.name}_{dtype.name}"

    @property
    def identity(self) -> tuple[str, Any]:
        """What tells it from all other operations."""
        return self.name, self.key

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    @cached_property
    def parts(self) -> list[Kind]:
        """The kinds of its arguments, those of the parts where one consists of several."""
        return [part for kind in self.kinds for part in kind.parts or (kind,)]

    def record(self, partition: tuple[int, int], arguments: tuple[Any, ...]) -> np.ndarray:
        """The record of its arguments: what is partitioned in which granule, then views and numbers in their order."""
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
        """Where in the record each argument that is given begins."""
        positions, position = [], HEADER
        for kind in self.parts:
            if kind not in (STEP, FIRST):
                positions.append(position)
                position += PLACES if kind.is_array else 1
        return positions

    def interpret(self, arguments: int, batch: int, thread: int, n_threads: int, dtype: np.dtype) -> None:
        """Run the function as it stands, on the arrays that a record describes, for numbers of that type."""
        step = array_at(batch, (1,), (SETTINGS.itemsize,), np.dtype((np.void, SETTINGS.itemsize))).view(SETTINGS)[0]
        reader = RecordReader(arguments, step, thread, n_threads)
        if reader.first < reader.last:
            self.function(*(reader.next(kind, dtype) for kind in self.kinds))


class RecordReader:
    """Reads what `Operation.record` has packed, argument by argument, for a batch and a thread."""

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
    """The range of `range(n)` that is this thread's, cut at multiples of `granule`; of `NOTHING`, one piece for the first."""
    if n == NOTHING:
        return 0, int(thread == 0)
    pieces = (n + granule - 1) // granule
    return min(n, pieces * thread // n_threads * granule), min(n, pieces * (thread + 1) // n_threads * granule)


class _Memory:
    """Memory that belongs to somebody else, as NumPy's array interface describes it."""

    def __init__(self, interface: dict[str, Any]) -> None:
        self.__array_interface__ = interface


def array_at(address: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The numbers at an address."""
    interface = {"data": (address, False), "shape": shape, "strides": strides, "typestr": dtype.str, "version": 3}
    return np.asarray(_Memory(interface))
