"""Compiling operations: the code that unpacks a record into arrays, as LLVM instructions, and the compiler."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype, njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from fastnn.backends.numba_backend import operations
from fastnn.backends.numba_backend.kernels import compilation
from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.memory import INT64, integer_at, put_integer
from fastnn.backends.numba_backend.kernels.register_tiles import stack_buffer
from fastnn.backends.numba_backend.layout import N_SAMPLES, OFFSET, START
from fastnn.backends.numba_backend.layout import TILE as TILE_PLACE
from fastnn.backends.numba_backend.operations import (
    ALL,
    FIRST,
    HEADER,
    NOTHING,
    NUMBER,
    PLACES,
    RANGES,
    SAMPLES,
    STEP,
)
from fastnn.updates import SETTINGS

#: Flags of every operation: neither Python wrappers nor Numba's runtime are linked in.
FLAGS: dict[str, Any] = {**compilation.FLAGS, **compilation.BARE}

SIZE = 8  # bytes of an integer in a record
RECORD = from_dtype(SETTINGS)

RANGES_BYTES = 2 * SIZE * len(RANGES)
PART, BATCH, STREAM, STREAM_PART, PLACED, THREAD, TILE = (2 * SIZE * code for code in RANGES[1:])


@inlined
def partition(n, thread, n_threads, granule):
    """The chunk of `range(n)` for this thread, cut at multiples of `granule`."""
    pieces = (n + granule - 1) // granule
    return min(n, pieces * thread // n_threads * granule), min(n, pieces * (thread + 1) // n_threads * granule)


def _find_ranges(ranges, arguments, batch, thread, n_threads):
    """Store start and length of every range of `operations.RANGES`; returns whether this thread has work."""
    n, n_samples, start = integer_at(arguments, 0), integer_at(batch, N_SAMPLES), integer_at(batch, START)
    if n == NOTHING:
        first, last = 0, (1 if thread == 0 else 0)
    else:
        first, last = partition(n_samples if n == SAMPLES else n, thread, n_threads, integer_at(arguments, SIZE))
    put_range(ranges, PART, first, last - first)
    put_range(ranges, BATCH, 0, n_samples)
    put_range(ranges, STREAM, start, n_samples)
    put_range(ranges, STREAM_PART, start + first, last - first)
    put_range(ranges, PLACED, integer_at(batch, OFFSET) + first, last - first)
    put_range(ranges, THREAD, thread, 0)
    put_range(ranges, TILE, integer_at(batch, TILE_PLACE), 1)
    return first < last


@inlined
def put_range(ranges, place, first, n):
    """Store a range."""
    put_integer(ranges, place, first)
    put_integer(ranges, place + SIZE, n)


find_ranges = njit(_find_ranges, **FLAGS)  # not inlined, because that would take longer to compile


class Unpacker:
    """Emits the instructions that unpack a record into arrays and numbers."""

    def __init__(self, context, builder, arguments, batch, ranges):
        self.context, self.builder = context, builder
        self.ranges, self.batch = self._pointer(ranges), batch
        self.integers, self.position = self._pointer(arguments), HEADER

    def _pointer(self, address):
        return self.builder.inttoptr(address, INT64.as_pointer())

    def next_integer(self):
        """The next integer of the record."""
        value = self.builder.load(self.builder.gep(self.integers, [INT64(self.position)]))
        self.position += 1
        return value

    def next(self, kind, numba_type):
        """The value of the next argument."""
        builder = self.builder
        if kind.parts:
            parts = [self.next(*pair) for pair in zip(kind.parts, numba_type, strict=True)]
            return self.context.make_tuple(builder, numba_type, parts)
        if kind is STEP:
            return builder.inttoptr(self.batch, self.context.get_value_type(numba_type))
        if kind is FIRST:
            offset = builder.load(self._pointer(builder.add(self.batch, INT64(OFFSET))))
            return builder.add(offset, self._range(INT64(operations.PART))[0])
        if kind.is_array:
            return self._array(kind, numba_type)
        value = self.next_integer()
        return builder.bitcast(value, ir.DoubleType()) if kind is NUMBER else value

    def _array(self, kind, numba_type):
        builder, item = self.builder, INT64(numba_type.dtype.bitwidth // 8)
        address, n_rows, n_columns, row_step, column_step, rows, columns = (self.next_integer() for _ in range(PLACES))
        first_row, n_rows = self._part(rows, n_rows)
        first_column, n_columns = self._part(columns, n_columns)
        for first, step in ((first_row, row_step), (first_column, column_step)):
            address = builder.add(address, builder.mul(first, step))
        if kind.layout == "A":
            shape, steps = [n_rows, n_columns], [row_step, column_step]
        elif kind.layout == "S":
            n_numbers = builder.mul(n_columns, builder.sdiv(column_step, item))
            shape, steps = [n_rows, n_numbers], [row_step, item]
        elif kind.n_dimensions == 2 and kind.layout == "C":
            shape, steps = [n_rows, n_columns], [builder.mul(n_columns, item), item]
        elif kind.layout == "F":
            shape, steps = [n_rows, n_columns], [item, builder.mul(n_rows, item)]
        else:
            shape, steps = [builder.mul(n_rows, n_columns)], [item]
        array = self.context.make_array(numba_type)(self.context, builder)
        data = builder.inttoptr(address, self.context.get_data_type(numba_type.dtype).as_pointer())
        populate_array(array, data, cgutils.pack_array(builder, shape), cgutils.pack_array(builder, steps), item, None)
        return array._getvalue()

    def _part(self, code, n):
        """Start and number of the rows or columns, out of n, in a range."""
        builder = self.builder
        first, count = self._range(code)
        is_all = builder.icmp_signed("==", code, INT64(ALL))
        is_own = builder.icmp_signed("==", code, INT64(operations.THREAD))
        first = builder.select(is_all, INT64(0), builder.select(is_own, builder.mul(first, n), first))
        return first, builder.select(builder.or_(is_all, is_own), n, count)

    def _range(self, code):
        place = self.builder.mul(code, INT64(2))
        numbers = (self.builder.add(place, INT64(i)) for i in (0, 1))
        return [self.builder.load(self.builder.gep(self.ranges, [number])) for number in numbers]


def type_of(kind, real):
    """The Numba type of an argument of that kind, in a network of `real` numbers."""
    if kind.parts:
        return types.NamedTuple([type_of(part, real) for part in kind.parts], operations.Sparse)
    if kind is STEP:
        return RECORD
    if kind.is_array:
        number = real if kind.dtype is None else from_dtype(np.dtype(kind.dtype))
        return types.Array(number, kind.n_dimensions, kind.layout.replace("S", "A"))
    return types.float64 if kind is NUMBER else types.int64


def unpacker(kinds, real):
    """The intrinsic `unpack(arguments, batch, ranges)` for arguments of these kinds."""
    result = types.Tuple([type_of(kind, real) for kind in kinds])

    @intrinsic
    def unpack(typing_context, arguments, batch, ranges):
        def generate(context, builder, signature, values):
            reader = Unpacker(context, builder, *values)
            return context.make_tuple(builder, result, [reader.next(*pair) for pair in zip(kinds, result, strict=True)])

        return result(types.int64, types.int64, types.int64), generate

    return unpack


_TEMPLATE = """
def run(arguments, batch, thread, n_threads):
    ranges = stack_buffer(RANGES_BYTES)
    if find_ranges(ranges, arguments, batch, thread, n_threads):
        {names}, = unpack(arguments, batch, ranges)
        compute({names})
"""


def compiled(operation, real):
    """An operation compiled for a floating-point type: its dispatcher and its only overload."""
    name, signature = f"{operation.name}_{real}", (types.int64,) * 4
    if operation.returns_status:
        run, result = operation.function, types.int64
    else:
        run, result = _runner(operation, real), types.void
        run.__qualname__ = run.__name__ = name
    dispatcher = njit(run, **FLAGS)
    dispatcher.compile(result(*signature))
    return dispatcher, dispatcher.overloads[signature]


def _runner(operation, real):
    """The function that unpacks a record and calls the body of an operation with the arguments."""
    names = ", ".join(f"argument_{i}" for i in range(len(operation.kinds)))
    known = {"unpack": unpacker(operation.kinds, real), "compute": inlined(operation.function)}
    known |= {"stack_buffer": stack_buffer, "find_ranges": find_ranges, "RANGES_BYTES": RANGES_BYTES}
    # Numba can only inline a function whose arguments have names.
    exec(_TEMPLATE.format(names=names), known)
    return known["run"]
