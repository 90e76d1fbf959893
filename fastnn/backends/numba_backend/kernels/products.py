"""Matrix products in register tiles, C = A B for any shapes and strides, near the processor's peak speed.

The result is computed in strips as wide as a tile, in blocks of rows, and for deep sums in blocks of the depth, so that the
data a tile reads repeatedly stay in cache: its rows of A in L1, its strip of B and the block of A in L2 (Goto, van de Geijn,
Anatomy of High-Performance Matrix Multiplication, 2008). If rows are so far apart that the caches hold few of them, strips
and blocks are packed, that is, copied to contiguous memory. A result with contiguous columns is computed as C^T = B^T A^T.
Each element is summed in the same order, however rows are partitioned among threads. Without compilation, NumPy multiplies.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastnn.backends.numba_backend.kernels.compilation import LINKED, inlined, linked
from fastnn.backends.numba_backend.kernels.register_tiles import (
    add_block,
    add_column,
    add_lanewise_products,
    add_outer_product,
    add_row,
    lanes_of,
    load,
    prefetch,
    prefetch_line,
    scale,
    stack_buffer,
    store,
    store_lane_sums,
    transpose,
    zeros_of,
)
from fastnn.backends.numba_backend.levels import level

VECTOR_BYTES, ROWS = level().vector_bits // 8, level().tile_rows
#: Tile for column-major blocks and for inner products: at least as many vectors as a vector has lanes.
SQUARE_ROWS, SQUARE_VECTORS = (4, 4) if VECTOR_BYTES == 64 else (4, 2)
ROW_VECTORS = 8  # vectors in the tile for a single row
DEPTH = 512  # depth of a strip of B, and of a block of A
BLOCK_ROWS = 64 * ROWS
STRIP_BYTES = 2 * VECTOR_BYTES * (DEPTH + VECTOR_BYTES)
LINE_BYTES, LEFT_BYTES = 64, 192 * 1024  # of a cache line, and of a packed block of A
#: Rows at least this far apart map to few cache sets.
FAR_BYTES = 1024
#: A matrix B of at least this size is not in the L2 cache when its strips are read.
LARGE_BYTES = 2**20

square_zeros, row_zeros, transposable_zeros = zeros_of(SQUARE_ROWS, SQUARE_VECTORS), zeros_of(1, 4), zeros_of(None, 1)


class Matrix(NamedTuple):
    """A matrix in memory; strides in bytes."""

    address: int | np.intp
    n_rows: int
    n_columns: int
    row_step: int
    column_step: int


class Hint(NamedTuple):
    """Memory to prefetch for each tile of a result: parameters and `n_states` rows of optimizer state; -1 for nothing.

    Strides in bytes: `row_step` between rows of the parameters, `step` between states.
    """

    parameters: int | np.intp
    states: int | np.intp
    n_states: int
    step: int
    row_step: int


class Epilogue(NamedTuple):
    """What to compute from the product A B: alpha A B + beta C + bias; beta = 0 overwrites, address 0 means no bias."""

    alpha: Any
    beta: Any
    bias: Matrix
    hint: Hint


MATRIX = types.NamedUniTuple(types.int64, 5, Matrix)
HINT = types.NamedUniTuple(types.int64, 5, Hint)
NO_MATRIX, NO_HINT = Matrix(0, 0, 0, 0, 0), Hint(0, 0, -1, 0, 0)


def epilogue_of(real):
    """The type of an epilogue for numbers of this type."""
    return types.NamedTuple((real, real, MATRIX, HINT), Epilogue)


@inlined
def multiply(C, A, B):
    """C = A B; A (n, m), B (m, p), each row-major or column-major -> C (n, p)."""
    one, zero = C.dtype.type(1), C.dtype.type(0)
    _multiply(_matrix(C), _matrix(A), _matrix(B), Epilogue(one, zero, NO_MATRIX, NO_HINT))


@inlined
def multiply_add_row(C, A, B, b):
    """C = A B + b; A (n, m), B (m, p), each row-major or column-major, b (p,) -> C (n, p)."""
    one, zero = C.dtype.type(1), C.dtype.type(0)
    bias = Matrix(np.intp(b.ctypes.data), C.shape[0], C.shape[1], 0, b.itemsize)
    _multiply(_matrix(C), _matrix(A), _matrix(B), Epilogue(one, zero, bias, NO_HINT))


@inlined
def accumulate(C, A, B, alpha, beta):
    """C = alpha A B + beta C, where beta = 0 overwrites; A (n, m), B (m, p) -> C (n, p)."""
    alpha, beta = C.dtype.type(alpha), C.dtype.type(beta)
    _multiply(_matrix(C), _matrix(A), _matrix(B), Epilogue(alpha, beta, NO_MATRIX, NO_HINT))


@inlined
def multiply_with_hint(C, A, B, alpha, parameters, state, first):
    """C = alpha A B, with a prefetch hint for the following update of the parameters; A (n, m), B (m, p) -> C (n, p).

    The parameters, (n, p), begin at `first` in each row of the state.
    """
    size, zero = C.itemsize, C.dtype.type(0)
    states = np.intp(state.ctypes.data + first * size)
    hint = Hint(np.intp(parameters.ctypes.data), states, len(state), state.strides[0], C.shape[1] * size)
    _multiply(_matrix(C), _matrix(A), _matrix(B), Epilogue(C.dtype.type(alpha), zero, NO_MATRIX, hint))


@inlined
def sum_rows(c, B, factor):
    """c = factor sum_i b_i; B (n, p) in rows -> c (p,)."""
    factor, one, size = c.dtype.type(factor), c.dtype.type(1), c.itemsize
    width = 4 * lanes_of(factor)
    for j in range(0, len(c), width):
        n_columns, column = min(width, len(c) - j), j * size
        total = row_zeros(factor)
        for i in range(len(B)):
            total = add_block(total, one, np.intp(B.ctypes.data) + i * B.strides[0] + column, 0, 1, n_columns)
        store(scale(total, factor), np.intp(c.ctypes.data) + column, 0, 1, n_columns)


@inlined
def inner_products(C, A, B, factor):
    """C = factor A B, vectorised over the summation index; A (n, m) row-major, B (m, p) column-major -> C (n, p).

    An extra row of C, beyond those of A, gets factor times the column sums of B, as if A had a row of ones.
    """
    _inner_products(_matrix(C), _matrix(A), _matrix(B), C.dtype.type(factor))


@inlined
def copy(C, A):
    """C = A, each row-major or column-major; A (n, p) -> C (n, p)."""
    _copy(_matrix(C), _matrix(A), C.dtype.type(1))


@intrinsic
def _matrix(typing_context, array):
    """The matrix of a two-dimensional array."""

    def generate(context, builder, signature, values):
        array_value = context.make_array(array)(context, builder, values[0])
        address = builder.ptrtoint(array_value.data, cgutils.intp_t)
        steps = [
            builder.extract_value(numbers, i) for numbers in (array_value.shape, array_value.strides) for i in (0, 1)
        ]
        return cgutils.pack_array(builder, [address, *steps])

    return MATRIX(array), generate


@intrinsic
def _part(typing_context, M, first_row, n_rows, first_column, n_columns):
    """A rectangle within a matrix."""

    def generate(context, builder, signature, values):
        matrix, first_row, n_rows, first_column, n_columns = values
        address, _, _, row_step, column_step = cgutils.unpack_tuple(builder, matrix)
        down, right = builder.mul(first_row, row_step), builder.mul(first_column, column_step)
        address = builder.add(builder.add(address, down), right)
        return cgutils.pack_array(builder, [address, n_rows, n_columns, row_step, column_step])

    return MATRIX(MATRIX, *[types.int64] * 4), generate


@intrinsic
def _transposed(typing_context, M):
    """The transpose, on the same memory."""

    def generate(context, builder, signature, values):
        address, n_rows, n_columns, row_step, column_step = cgutils.unpack_tuple(builder, values[0])
        return cgutils.pack_array(builder, [address, n_columns, n_rows, column_step, row_step])

    return MATRIX(MATRIX), generate


@intrinsic
def _epilogue_part(typing_context, epilogue, row, column):
    """The epilogue of the rectangle of the result that begins at this row and column."""
    size = epilogue.types[0].bitwidth // 8

    def generate(context, builder, signature, values):
        epilogue, row, column = values
        alpha, beta, bias, hint = cgutils.unpack_tuple(builder, epilogue)
        address, n_rows, n_columns, row_step, column_step = cgutils.unpack_tuple(builder, bias)
        address = builder.add(address, builder.add(builder.mul(row, row_step), builder.mul(column, column_step)))
        bias = cgutils.pack_array(builder, [address, n_rows, n_columns, row_step, column_step])
        parameters, states, n_states, step, row_step = cgutils.unpack_tuple(builder, hint)
        shift = builder.add(builder.mul(row, row_step), builder.mul(column, row.type(size)))
        parameters, states = builder.add(parameters, shift), builder.add(states, shift)
        hint = cgutils.pack_array(builder, [parameters, states, n_states, step, row_step])
        return context.make_tuple(builder, epilogue_type, [alpha, beta, bias, hint])

    epilogue_type = epilogue_of(epilogue.types[0])
    return epilogue_type(epilogue_type, types.int64, types.int64), generate


def _copy_tiles(C, A, like):
    """C = A, padded with zeros in rows and columns beyond A; C row-major or column-major."""
    lanes = lanes_of(like)
    size, zeros = VECTOR_BYTES // lanes, transposable_zeros(like)
    if C.column_step != size:
        C, A = _transposed(C), _transposed(A)
    in_rows = A.column_step == size
    downwards = not in_rows and VECTOR_BYTES == LINE_BYTES  # else a line of C is completed before the next
    n_outer, n_inner = (C.n_columns, C.n_rows) if downwards else (C.n_rows, C.n_columns)
    for outer in range(0, n_outer, lanes):
        for inner in range(0, n_inner, lanes):
            i, j = (inner, outer) if downwards else (outer, inner)
            n_rows, n_columns = A.n_rows - i, A.n_columns - j
            block = A.address + i * A.row_step + j * A.column_step
            if in_rows:
                tile = load(zeros, block, A.row_step, n_rows, n_columns)
            else:
                tile = transpose(load(zeros, block, A.column_step, n_columns, n_rows))
            store(tile, C.address + i * C.row_step + j * size, C.row_step, C.n_rows - i, C.n_columns - j)


_copy = linked(_copy_tiles, lambda real: (MATRIX, MATRIX, real))


@inlined
def _prefetch_rows(M, first, last):
    """Prefetch some rows of a matrix; its `column_step` is the number of bytes per row."""
    for row in range(first, last):
        address = M.address + row * M.row_step
        for offset in range(0, M.column_step, LINE_BYTES):
            prefetch_line(address + offset)


@inlined
def _ahead(B, j, width):
    """The memory of the strip of B that begins at column j, to prefetch; empty beyond the end of B, or if B is small."""
    if B.n_rows * B.n_columns * min(B.row_step, B.column_step) < LARGE_BYTES:
        return NO_MATRIX
    n_columns = max(0, min(width, B.n_columns - j))
    address = B.address + j * B.column_step
    if B.row_step >= B.column_step:
        return Matrix(address, B.n_rows, n_columns, B.row_step, n_columns * B.column_step + LINE_BYTES - 1)
    return Matrix(address, n_columns, B.n_rows, B.column_step, B.n_rows * B.row_step + LINE_BYTES - 1)


def _strip_product(rows, vectors):
    """The micro-kernel C = alpha A B + beta C + bias for a strip of columns, in tiles of rows x vectors.

    It is compiled once, and linked by name into all loops that call it.
    """
    zeros = zeros_of(rows, vectors)

    def multiply_strip(C, A, B, epilogue, ahead):
        alpha, beta, bias, hint = epilogue
        for i in range(0, C.n_rows, rows):
            n_rows, result, tile = min(rows, C.n_rows - i), C.address + i * C.row_step, zeros(alpha)
            for s in range(-1, hint.n_states):
                beside = hint.parameters if s < 0 else hint.states + s * hint.step
                prefetch(tile, beside + i * hint.row_step, hint.row_step, n_rows)
            _prefetch_rows(ahead, ahead.n_rows * i // C.n_rows, ahead.n_rows * (i + n_rows) // C.n_rows)
            column, row = A.address + i * A.row_step, B.address
            for _ in range(A.n_columns):
                tile = add_outer_product(tile, column, A.row_step, n_rows, row)
                column += A.column_step
                row += B.row_step
            tile = scale(tile, alpha)
            if bias.row_step != 0:
                tile = add_column(tile, bias.address + i * bias.row_step, bias.row_step, n_rows)
            elif bias.address != 0:
                tile = add_row(tile, bias.address, C.n_columns)
            if beta != 0:
                tile = add_block(tile, beta, result, C.row_step, n_rows, C.n_columns)
            store(tile, result, C.row_step, n_rows, C.n_columns)

    multiply_strip.__qualname__ = f"multiply_strip_{rows}x{vectors}"
    return linked(multiply_strip, lambda real: (MATRIX, MATRIX, MATRIX, epilogue_of(real), MATRIX))


_multiply_row_strip = _strip_product(1, ROW_VECTORS)
_multiply_wide_strip = _strip_product(ROWS, 2)
_multiply_rest_of_strip = _strip_product(ROWS // 2, 2)
_multiply_narrow_strip = _strip_product(2 * ROWS, 1)


@inlined
def _packs_right(C, B):
    """Whether to pack strips of B: its rows are far apart, and the strips are read often enough to pay for the copy.

    A vector as wide as a cache line takes longer to multiply than to load, unless it straddles two lines.
    """
    if VECTOR_BYTES < LINE_BYTES:
        return B.row_step >= FAR_BYTES and C.n_rows * B.row_step >= 160 * FAR_BYTES
    return B.row_step % LINE_BYTES != 0 and B.row_step >= 4 * FAR_BYTES and C.n_rows * B.row_step >= 720 * FAR_BYTES


@inlined
def _strip_width(C, B, n_columns, lanes):
    """Width of the next strip, with `n_columns` columns left: wider for a single row."""
    if C.n_rows == 1 and n_columns >= ROW_VECTORS * lanes and B.column_step * lanes == VECTOR_BYTES:
        return ROW_VECTORS * lanes
    return 2 * lanes if n_columns > lanes or C.n_rows <= ROWS // 2 else lanes


def _strips(C, A, B, epilogue):
    """C = alpha A B + beta C + bias strip by strip, B at most DEPTH deep; the edge of B is padded with zeros."""
    lanes, rest, j = lanes_of(epilogue.alpha), C.n_rows % ROWS, 0
    size, buffer, m = VECTOR_BYTES // lanes, stack_buffer(STRIP_BYTES), A.n_columns
    packs = B.column_step != size or _packs_right(C, B)
    n = C.n_rows - rest if rest <= ROWS // 2 else C.n_rows
    while j < C.n_columns:
        width = _strip_width(C, B, C.n_columns - j, lanes)
        n_columns = min(width, C.n_columns - j)
        strip, ahead = _part(B, 0, m, j, n_columns), _ahead(B, j + width, width)
        if width <= 2 * lanes and (packs or n_columns < width):
            packed = Matrix(buffer, m, width, width * size, size)
            _copy(packed, strip, epilogue.alpha)
            strip = packed
        if width == 2 * lanes:
            _multiply_wide_strip(_part(C, 0, n, j, n_columns), A, strip, _epilogue_part(epilogue, 0, j), ahead)
            if n < C.n_rows:
                lower, left = _part(C, n, rest, j, n_columns), _part(A, n, rest, 0, m)
                _multiply_rest_of_strip(lower, left, strip, _epilogue_part(epilogue, n, j), NO_MATRIX)
        else:
            part, beside = _part(C, 0, C.n_rows, j, n_columns), _epilogue_part(epilogue, 0, j)
            if width > lanes:
                _multiply_row_strip(part, A, strip, beside, NO_MATRIX)
            else:
                _multiply_narrow_strip(part, A, strip, beside, NO_MATRIX)
        j += width


_multiply_strips = linked(_strips, lambda real: (MATRIX, MATRIX, MATRIX, epilogue_of(real)))


def _few(C, A, B, one, bias):
    """C = A B + bias for an A with few rows and columns, if the columns of C fill whole tiles; B and C row-major."""
    width = SQUARE_VECTORS * lanes_of(one)
    for i in range(0, C.n_rows, SQUARE_ROWS):
        n_rows = min(SQUARE_ROWS, C.n_rows - i)
        for j in range(0, C.n_columns, width):
            column, row = A.address + i * A.row_step, B.address + j * B.column_step
            tile = square_zeros(one)
            if bias.address != 0:
                tile = add_column(tile, bias.address + i * bias.row_step, bias.row_step, n_rows)
            for _ in range(A.n_columns):
                tile = add_outer_product(tile, column, A.row_step, n_rows, row)
                column += A.column_step
                row += B.row_step
            store(tile, C.address + i * C.row_step + j * C.column_step, C.row_step, n_rows, width)


_multiply_by_few = linked(_few, lambda real: (MATRIX, MATRIX, MATRIX, real, MATRIX))


@inlined
def _packs_left(C, A, size):
    """Whether to pack blocks of A: its columns are far apart, so that a tile reads whole cache lines for few numbers."""
    is_far = A.row_step == size and A.column_step >= 2 * FAR_BYTES
    return VECTOR_BYTES < LINE_BYTES and is_far and A.n_columns >= 64 and C.n_columns >= 64


def _multiply_blocks(C, A, B, epilogue):
    """C = alpha A B + beta C + bias; C row-major or column-major."""
    alpha, beta, bias, hint = epilogue
    lanes = lanes_of(alpha)
    size = VECTOR_BYTES // lanes
    if C.column_step != size:
        C, A, B, bias = _transposed(C), _transposed(B), _transposed(A), _transposed(bias)
        fills_tiles = C.n_columns % (SQUARE_VECTORS * lanes) == 0 and B.column_step == size
        if fills_tiles and alpha == 1 and beta == 0:
            _multiply_by_few(C, A, B, alpha, bias)
            return
    n_blocks, buffer = (A.n_columns + DEPTH - 1) // DEPTH, stack_buffer(LEFT_BYTES)
    packs, itself = _packs_left(C, A, size), Hint(C.address, 0, 0, 0, C.row_step)
    first = Epilogue(alpha, beta, bias, itself if beta != 0 else hint)
    rest = Epilogue(alpha, type(alpha)(1), NO_MATRIX, itself)
    left_step = ((LEFT_BYTES // LINE_BYTES // min(A.n_columns, DEPTH) - 1) | 1) * LINE_BYTES  # an odd number of lines
    block_rows = min(BLOCK_ROWS, left_step // size // ROWS * ROWS) if packs else BLOCK_ROWS
    for i in range(0, C.n_rows, block_rows):
        n_rows = min(block_rows, C.n_rows - i)
        for block in range(n_blocks):
            k, end = A.n_columns * block // n_blocks, A.n_columns * (block + 1) // n_blocks
            left, right = _part(A, i, n_rows, k, end - k), _part(B, k, end - k, 0, C.n_columns)
            if packs:
                packed = Matrix(buffer, n_rows, end - k, size, left_step)
                _copy(packed, left, alpha)
                left = packed
            rows, beside = _part(C, i, n_rows, 0, C.n_columns), _epilogue_part(first if block == 0 else rest, i, 0)
            _multiply_strips(rows, left, right, beside)


_multiply = linked(_multiply_blocks, lambda real: (MATRIX, MATRIX, MATRIX, epilogue_of(real)))


def _inner_product_tiles(C, A, B, alpha):
    """C = alpha A B, vectorised over the summation index; A, row-major, is padded with rows of ones; B column-major."""
    lanes, completes = lanes_of(alpha), 1 if C.n_rows > A.n_rows else 0
    for i in range(0, C.n_rows, SQUARE_ROWS):
        for j in range(0, C.n_columns, SQUARE_VECTORS):
            n_rows, n_columns = min(SQUARE_ROWS, A.n_rows - i), min(SQUARE_VECTORS, C.n_columns - j)
            row, column = A.address + i * A.row_step, B.address + j * B.column_step
            tile = square_zeros(alpha)
            for k in range(0, A.n_columns, lanes):
                tile = add_lanewise_products(
                    tile, row, A.row_step, n_rows, column, B.column_step, n_columns, A.n_columns - k, completes
                )
                row += VECTOR_BYTES
                column += VECTOR_BYTES
            corner = C.address + i * C.row_step + j * C.column_step
            store_lane_sums(tile, alpha, corner, C.row_step, C.n_rows - i, n_columns)


_inner_products = linked(_inner_product_tiles, lambda real: (MATRIX, MATRIX, MATRIX, real))

if config.DISABLE_JIT:  # tiles need the compiler: without it, NumPy multiplies

    def multiply(C, A, B):
        """C = A B."""
        np.matmul(A, B, out=C)

    def multiply_add_row(C, A, B, b):
        """C = A B + b."""
        C[:] = A @ B + b

    def accumulate(C, A, B, alpha, beta):
        """C = alpha A B + beta C, where beta = 0 overwrites."""
        C[:] = alpha * (A @ B) + (beta * C if beta else 0)

    def multiply_with_hint(C, A, B, alpha, parameters, state, first):
        """C = alpha A B."""
        C[:] = alpha * (A @ B)

    def sum_rows(c, B, factor):
        """c = factor sum_i b_i."""
        c[:] = factor * B.sum(axis=0)

    def inner_products(C, A, B, factor):
        """C = factor A B, A padded with rows of ones."""
        C[: len(A)] = factor * (A @ B)
        C[len(A) :] = factor * B.sum(axis=0)

    def copy(C, A):
        """C = A."""
        C[:] = A


#: All linked functions, each after the functions it calls.
PRODUCTS = tuple(LINKED)
