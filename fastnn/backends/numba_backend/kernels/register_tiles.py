"""Register tiles as Numba values.

A `Tile` is a block of rows x vectors SIMD vectors. Compiled code holds it in an ordinary variable, and LLVM keeps it in
processor registers through a loop; each operation on it is one small intrinsic. Blocks of memory are given by the address
of their first element and the stride between rows in bytes; rows are contiguous. The edge of a matrix may cut a tile:
`n_rows` and `n_columns` say how much of it is inside, and only that is loaded or stored.
"""

from inspect import Parameter, Signature, signature
from itertools import product

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from fastnn.backends.numba_backend.levels import level

INT32, INT64 = ir.IntType(32), ir.IntType(64)


class Tile(types.Type):
    """Numba type of a block of `rows` x `vectors` vectors of numbers of type `scalar`."""

    def __init__(self, scalar, rows, vectors):
        self.scalar, self.vectors = scalar, vectors
        self.itemsize = scalar.bitwidth // 8
        self.lanes = level().vector_bits // scalar.bitwidth
        self.rows = rows or self.lanes
        super().__init__(name=f"Tile({scalar}, {self.rows} x {vectors} x {self.lanes})")

    @property
    def llvm_scalar(self):
        """LLVM type of one number."""
        return ir.FloatType() if self.scalar == types.float32 else ir.DoubleType()

    def llvm_vector(self, element=None):
        """LLVM type of one vector, of the tile's scalar type unless another is given."""
        return ir.VectorType(element or self.llvm_scalar, self.lanes)

    @property
    def llvm_array(self):
        """LLVM type of the tile."""
        return ir.ArrayType(self.llvm_vector(), self.rows * self.vectors)


@register_model(Tile)
class TileModel(models.PrimitiveModel):
    """A tile is an array of LLVM vectors, row by row."""

    def __init__(self, data_model_manager, tile):
        super().__init__(data_model_manager, tile, tile.llvm_array)


class Emitter:
    """Emits LLVM instructions for tiles of one type."""

    def __init__(self, builder, tile):
        self.builder, self.tile = builder, tile

    def each_vector(self):
        """(row, first column, position) of every vector of the tile."""
        tile = self.tile
        return [(r, j * tile.lanes, r * tile.vectors + j) for r in range(tile.rows) for j in range(tile.vectors)]

    def pointer(self, address, row, row_step, column):
        """Pointer to the vector at `row` and `column` of the block at `address`."""
        offset = self.builder.add(self.builder.mul(row, row_step), INT64(column * self.tile.itemsize))
        return self._moved(address, offset, self.tile.llvm_vector())

    def scalar_pointer(self, address, row, row_step):
        """Pointer to the number that is `row` steps after `address`."""
        return self._moved(address, self.builder.mul(row, row_step), self.tile.llvm_scalar)

    def _moved(self, address, offset, element):
        start = self.builder.inttoptr(address, ir.IntType(8).as_pointer())
        return self.builder.bitcast(self.builder.gep(start, [offset]), element.as_pointer())

    def load(self, pointer, mask=None):
        """The vector at `pointer`; lanes outside `mask` are 0 and not read."""
        if mask is None:
            return self.builder.load(pointer, align=self.tile.itemsize)
        vector = self.tile.llvm_vector()
        arguments = [pointer, INT32(self.tile.itemsize), mask, ir.Constant(vector, None)]
        return self.call("masked.load", vector, arguments, ".p0")

    def store(self, vector, pointer, mask=None):
        """Write a vector to `pointer`; lanes outside `mask` are not written."""
        if mask is None:
            pointer = self.builder.bitcast(pointer, vector.type.as_pointer())
            self.builder.store(vector, pointer, align=self.tile.itemsize)
        else:
            self.call("masked.store", ir.VoidType(), [vector, pointer, INT32(self.tile.itemsize), mask], ".p0")

    def broadcast(self, number):
        """A vector with `number` in every lane."""
        vector = ir.VectorType(number.type, self.tile.lanes)
        first = self.builder.insert_element(ir.Constant(vector, ir.Undefined), number, INT32(0))
        return self.builder.shuffle_vector(first, first, self.lane_numbers([0] * self.tile.lanes))

    def rows_inside(self, n, n_inside):
        """The indices of n rows, clamped to the last of the `n_inside` rows inside, or to the first row."""
        last = self.builder.sub(n_inside, INT64(1))
        return [INT64(0)] + [self.builder.select(self.below(INT64(r), last), INT64(r), last) for r in range(1, n)]

    def broadcast_column(self, column, column_step, n_inside):
        """For every row of the tile, the column's number, broadcast to a vector."""
        rows = self.rows_inside(self.tile.rows, n_inside)
        return [self.broadcast(self.builder.load(self.scalar_pointer(column, row, column_step))) for row in rows]

    def load_rows(self, block, row_step, n, n_inside, mask=None):
        """n rows, one vector each; rows from `n_inside` on repeat the last one inside."""
        return [self.load(self.pointer(block, row, row_step, 0), mask) for row in self.rows_inside(n, n_inside)]

    def exchange(self, above, below, distance):
        """Two vectors with the lanes swapped between them that are `distance` apart, as in a matrix of 2 x 2 blocks."""
        lanes = range(self.tile.lanes)
        upper = [lane if not lane & distance else len(lanes) + lane - distance for lane in lanes]
        lower = [lane + distance if not lane & distance else len(lanes) + lane for lane in lanes]
        return [self.builder.shuffle_vector(above, below, self.lane_numbers(numbers)) for numbers in (upper, lower)]

    def lane_sums(self, vectors):
        """The lane sums of as many vectors as a vector has lanes, as one vector, by recursive halving."""
        distance = self.tile.lanes // 2
        while distance:
            pairs = zip(vectors[:distance], vectors[distance:], strict=True)
            vectors = [self.builder.fadd(*self.exchange(above, below, distance)) for above, below in pairs]
            distance //= 2
        return vectors[0]

    def some_lanes(self, vector, first, n):
        """The vector of n lanes of a vector, from `first` on."""
        return self.builder.shuffle_vector(
            vector, vector, ir.Constant(ir.VectorType(INT32, n), list(range(first, first + n)))
        )

    def lane_numbers(self, numbers):
        """The constant mask of a shuffle: the source lane of each lane."""
        return ir.Constant(self.tile.llvm_vector(INT32), numbers)

    def multiply_add(self, a, b, c):
        """a * b + c, fused if the processor has an instruction for it; otherwise `llvm.fma` would be a function call."""
        return self.call("fmuladd", self.tile.llvm_vector(), [a, b, c])

    def call(self, name, result, arguments, suffix=""):
        """Call an LLVM intrinsic on vectors of this type."""
        name = f"llvm.{name}.v{self.tile.lanes}f{self.tile.scalar.bitwidth}{suffix}"
        function = self.builder.module.globals.get(name)
        if function is None:
            function_type = ir.FunctionType(result, [argument.type for argument in arguments])
            function = ir.Function(self.builder.module, function_type, name)
        return self.builder.call(function, arguments)

    def below(self, i, n):
        """Whether i < n."""
        return self.builder.icmp_signed("<", i, n)

    def first_lanes(self, n):
        """The mask of the first n lanes; lane numbers are as wide as the scalars, so that they fit in one vector."""
        integer, lanes = ir.IntType(self.tile.scalar.bitwidth), self.tile.lanes
        n = self.builder.select(self.below(n, INT64(lanes)), n, INT64(lanes))
        n = self.builder.trunc(n, integer) if integer != INT64 else n
        return self.below(ir.Constant(ir.VectorType(integer, lanes), list(range(lanes))), self.broadcast(n))

    def masks(self, n_rows, n_columns):
        """For every vector, the mask of its lanes inside a block of n_rows x n_columns."""
        nothing = ir.Constant(self.tile.llvm_vector(ir.IntType(1)), None)
        return [
            self.builder.select(
                self.below(INT64(r), n_rows),
                self.first_lanes(self.builder.sub(n_columns, INT64(column))),
                nothing,
            )
            for r, column, _ in self.each_vector()
        ]

    def is_whole(self, n_rows, n_columns):
        """Whether the tile is completely inside."""
        rows, columns = INT64(self.tile.rows - 1), INT64(self.tile.vectors * self.tile.lanes - 1)
        return self.builder.and_(self.below(rows, n_rows), self.below(columns, n_columns))

    def either(self, condition, write, otherwise):
        """The vectors emitted by `write()` if the condition holds, otherwise those emitted by `otherwise()`."""
        with self.builder.if_else(condition) as (true, false):
            with true:
                first, first_end = write(), self.builder.block
            with false:
                second, second_end = otherwise(), self.builder.block
        results = []
        for pair in zip(first, second, strict=True):
            results.append(self.builder.phi(pair[0].type))
            for vector, end in zip(pair, (first_end, second_end), strict=True):
                results[-1].add_incoming(vector, end)
        return results

    def masked_at_edges(self, n_rows, n_columns, write):
        """The vectors emitted by `write(masks)`; the masks are None unless an edge cuts the tile.

        Processors without mask registers would keep masks in the registers meant for the tile.
        """
        unmasked = [None] * self.tile.rows * self.tile.vectors
        is_whole = self.is_whole(n_rows, n_columns)
        return self.either(is_whole, lambda: write(unmasked), lambda: write(self.masks(n_rows, n_columns)))


def tile_operation(write):
    """Make an intrinsic of `write(emit, tile, *numbers)`, where `tile` is the list of the tile's vectors, row by row.

    `write` returns the vectors of the new tile, or None if it only stores.
    """

    def operation(typing_context, tile, *numbers):
        arguments = [types.intp if isinstance(number, types.Integer) else tile.scalar for number in numbers]
        result = types.void if write.__name__.startswith(("store", "prefetch")) else tile

        def generate(context, builder, signature, values):
            emit = Emitter(builder, tile)
            vectors = [builder.extract_value(values[0], i) for _, _, i in emit.each_vector()]
            vectors = write(emit, vectors, *values[1:])
            if result is types.void:
                return context.get_dummy_value()
            array = ir.Constant(tile.llvm_array, ir.Undefined)
            for i, vector in enumerate(vectors):
                array = builder.insert_value(array, vector, i)
            return array

        return result(tile, *arguments), generate

    names = ["typing_context", *list(signature(write).parameters)[1:]]
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    vars(operation).update(__signature__=Signature(parameters))
    operation.__name__, operation.__doc__ = write.__name__, write.__doc__
    return intrinsic(operation)


def zeros_of(rows, vectors):
    """The operation `zeros(like)`: a tile of zeros with the scalar type of `like`; if `rows` is None, one row per lane."""

    @intrinsic
    def zeros(typing_context, like):
        tile = Tile(like, rows, vectors)
        return tile(like), lambda context, builder, signature, values: ir.Constant(tile.llvm_array, None)

    return zeros


@tile_operation
def add_outer_product(emit, tile, column, column_step, n_rows, row):
    """tile[r, :] += column[r] * row[:]; rows from `n_rows` on repeat the last one inside."""
    left = emit.broadcast_column(column, column_step, n_rows)
    right = [emit.load(emit.pointer(row, INT64(0), INT64(0), j * emit.tile.lanes)) for j in range(emit.tile.vectors)]
    return [emit.multiply_add(a, b, total) for (a, b), total in zip(product(left, right), tile, strict=True)]


@tile_operation
def load(emit, tile, block, row_step, n_rows, n_columns):
    """tile[r, :] = block[r, :], with 0 outside"""

    def vectors(masks):
        return [emit.load(emit.pointer(block, INT64(r), row_step, j), masks[i]) for r, j, i in emit.each_vector()]

    return emit.masked_at_edges(n_rows, n_columns, vectors)


@tile_operation
def add_row(emit, tile, row, n_columns):
    """tile[r, :] += row[:]"""

    def vectors(masks):
        return [
            emit.load(emit.pointer(row, INT64(0), INT64(0), j), masks[i]) for r, j, i in emit.each_vector() if r == 0
        ]

    addends = emit.masked_at_edges(INT64(emit.tile.rows), n_columns, vectors)
    return [emit.builder.fadd(tile[i], addends[i % emit.tile.vectors]) for _, _, i in emit.each_vector()]


@tile_operation
def add_column(emit, tile, column, column_step, n_rows):
    """tile[r, :] += column[r]"""
    addends = emit.broadcast_column(column, column_step, n_rows)
    return [emit.builder.fadd(tile[i], addends[i // emit.tile.vectors]) for _, _, i in emit.each_vector()]


@tile_operation
def add_lanewise_products(emit, tile, left, left_step, n_rows, right, right_step, n_columns, n_lanes, completes):
    """tile[r, c] += left[r, :] * right[c, :] lane by lane, for the first lanes; rows outside are ones if `completes` is 1"""
    rows, lanes, ones = emit.tile.rows, emit.tile.lanes, emit.broadcast(ir.Constant(emit.tile.llvm_scalar, 1.0))

    def sums(mask=None):
        factors = emit.load_rows(left, left_step, rows, n_rows, mask)
        if mask is not None:
            factors = [emit.builder.select(emit.below(INT64(r), n_given), row, ones) for r, row in enumerate(factors)]
        others = emit.load_rows(right, right_step, emit.tile.vectors, n_columns, mask)
        return [emit.multiply_add(a, b, total) for (a, b), total in zip(product(factors, others), tile, strict=True)]

    n_given = emit.builder.select(emit.below(INT64(0), completes), n_rows, INT64(rows))
    is_whole = emit.builder.and_(emit.below(INT64(rows - 1), n_given), emit.below(INT64(lanes - 1), n_lanes))
    return emit.either(is_whole, sums, lambda: sums(emit.first_lanes(n_lanes)))


@tile_operation
def add_block(emit, tile, factor, block, row_step, n_rows, n_columns):
    """tile[r, :] += factor * block[r, :]"""
    factor = emit.broadcast(factor)

    def sums(masks):
        return [
            emit.multiply_add(factor, emit.load(emit.pointer(block, INT64(r), row_step, column), masks[i]), tile[i])
            for r, column, i in emit.each_vector()
        ]

    return emit.masked_at_edges(n_rows, n_columns, sums)


@tile_operation
def scale(emit, tile, factor):
    """tile[r, :] *= factor"""
    factor = emit.broadcast(factor)
    return [emit.builder.fmul(factor, vector) for vector in tile]


@tile_operation
def transpose(emit, tile):
    """tile[r, c] = tile[c, r], for a tile with as many rows as lanes, by recursively exchanging quadrants."""
    tile, distance = list(tile), emit.tile.lanes // 2
    while distance:
        for r in range(emit.tile.rows):
            if not r & distance:
                tile[r], tile[r + distance] = emit.exchange(tile[r], tile[r + distance], distance)
        distance //= 2
    return tile


@tile_operation
def store(emit, tile, block, row_step, n_rows, n_columns):
    """block[r, :] = tile[r, :]"""

    def store_vectors(masks):
        for r, column, i in emit.each_vector():
            emit.store(tile[i], emit.pointer(block, INT64(r), row_step, column), masks[i])
        return []

    emit.masked_at_edges(n_rows, n_columns, store_vectors)


@tile_operation
def store_lane_sums(emit, tile, factor, block, row_step, n_rows, n_columns):
    """block[r, c] = factor * (sum of the lanes of tile[r, c])"""
    builder, lanes, width = emit.builder, emit.tile.lanes, emit.tile.vectors
    sums = [emit.lane_sums(tile[first : first + lanes]) for first in range(0, len(tile), lanes)]
    sums = [builder.fmul(emit.broadcast(factor), vector) for vector in sums]
    for r in range(emit.tile.rows):
        vector, first = sums[r * width // lanes], r * width % lanes
        address = builder.add(block, builder.mul(INT64(r), row_step))
        inside = emit.below(INT64(r), n_rows)
        whole = builder.and_(inside, emit.below(INT64(width - 1), n_columns))
        with builder.if_then(whole):
            emit.store(emit.some_lanes(vector, first, width), emit.pointer(address, INT64(0), INT64(0), 0))
        with builder.if_then(builder.and_(inside, builder.not_(whole))):
            for c in range(width - 1):
                with builder.if_then(emit.below(INT64(c), n_columns)):
                    pointer = emit.scalar_pointer(address, INT64(c), INT64(emit.tile.itemsize))
                    builder.store(builder.extract_element(vector, INT32(first + c)), pointer)


@tile_operation
def prefetch(emit, tile, block, row_step, n_rows):
    """Prefetch block[r, :] for writing; rows outside repeat the last"""
    for r in emit.rows_inside(emit.tile.rows, n_rows):
        for j in range(emit.tile.vectors):
            write_prefetch(emit.builder, emit.pointer(block, r, row_step, j * emit.tile.lanes), to_write=True)


@intrinsic
def prefetch_line(typing_context, address):
    """Prefetch the cache line at `address` for reading."""

    def generate(context, builder, signature, values):
        write_prefetch(builder, builder.inttoptr(values[0], ir.IntType(8).as_pointer()), to_write=False)
        return context.get_dummy_value()

    return types.void(types.intp), generate


def write_prefetch(builder, pointer, to_write):
    """Emit a prefetch of the cache line at `pointer`: into L1 for writing, into L2 for reading.

    Too many prefetches into L1 would delay other loads.
    """
    level = 3 if to_write else 2
    arguments = [builder.bitcast(pointer, ir.IntType(8).as_pointer()), INT32(int(to_write)), INT32(level), INT32(1)]
    function_type = ir.FunctionType(ir.VoidType(), [argument.type for argument in arguments])
    builder.call(cgutils.get_or_insert_function(builder.module, function_type, "llvm.prefetch.p0"), arguments)


@intrinsic
def lanes_of(typing_context, like):
    """Number of lanes of a vector of the type of `like`."""
    lanes = level().vector_bits // like.bitwidth
    return types.intp(like), lambda context, builder, signature, values: INT64(lanes)


@intrinsic
def stack_buffer(typing_context, n_bytes):
    """Address of a stack buffer of `n_bytes` bytes, a constant; it lives until the calling kernel returns."""
    if not isinstance(n_bytes, types.IntegerLiteral):
        return None

    def generate(context, builder, signature, values):
        with builder.goto_entry_block():
            buffer = builder.alloca(ir.ArrayType(ir.IntType(8), n_bytes.literal_value))
            buffer.align = 64
        return builder.ptrtoint(buffer, INT64)

    return types.intp(n_bytes), generate
