"""Matrix products on register tiles, C = A B for any shapes and steps, at the speed of the processor's multipliers.

The result is computed strip by strip of as many columns as a tile has, block by block of rows, and for deep sums block by
block of the depth, so that what a tile reads again lies in the caches: its rows of A in the first level, its strip of B and
the block of A in the second (Goto, van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008). A result whose
columns are contiguous is computed as C^T = B^T A^T. Each element is summed in one order, whatever rows the threads share
out. With compilation off, NumPy multiplies.
"""

from typing import NamedTuple

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastnn.backends.numba_backend.compilation import inlined, kernel, linked, vector_bits
from fastnn.backends.numba_backend.tiles import (
    add_block,
    add_column,
    add_lanewise_products,
    add_outer_product,
    add_row,
    lanes_of,
    prefetch,
    scale,
    stack_buffer,
    store,
    store_lane_sums,
    transpose,
    zeros_of,
)

VECTOR_BYTES = vector_bits() // 8
#: A tile's sums fill half of 32 registers, or three quarters of 16; the rest hold what is multiplied.
ROWS = 8 if VECTOR_BYTES == 64 else 6
#: A tile for blocks in columns, and one of inner products: as many vectors as a vector has lanes, at least.
SQUARE_ROWS, SQUARE_VECTORS = (4, 4) if VECTOR_BYTES == 64 else (4, 2)
ROW_VECTORS = 8  # of the tile for a single row
DEPTH = 512  # of a strip of B, and of the block of A that it meets
BLOCK_ROWS = 64 * ROWS
CHUNK = 4096  # numbers of which the squares are added up by one thread, one after the other
STRIP_BYTES = 2 * VECTOR_BYTES * (DEPTH + VECTOR_BYTES)
PAGE_BYTES = 4096

square_zeros, row_zeros, transposable_zeros = zeros_of(SQUARE_ROWS, SQUARE_VECTORS), zeros_of(1, 4), zeros_of(None, 1)


class Matrix(NamedTuple):
    """A rectangle of numbers in memory; steps in bytes."""

    address: np.intp
    n_rows: int
    n_columns: int
    row_step: int
    column_step: int


class Near(NamedTuple):
    """Memory that will be needed next to a result, place by place: parameters, and an optimizer's states of them.

    Steps in bytes; `row_step` is theirs from row to row, `step` leads from one state to the next. No state: nothing is needed.
    """

    parameters: np.intp
    states: np.intp
    n_states: int
    step: int
    row_step: int


MATRIX = types.NamedUniTuple(types.int64, 5, Matrix)
NEAR = types.NamedUniTuple(types.int64, 5, Near)


@inlined
def multiply(C, A, B):
    """C = A B; A (n, m), B (m, p), each in rows or in columns -> C (n, p)."""
    one, none = C.dtype.type(1), C.dtype.type(0)
    _multiply(_matrix(C), _matrix(A), _matrix(B), one, none, _no_matrix(), _nothing_near())


@inlined
def multiply_add_row(C, A, B, b):
    """C = A B + b; A (n, m), B (m, p), each in rows or in columns, b (p,) -> C (n, p)."""
    one, none = C.dtype.type(1), C.dtype.type(0)
    rows = Matrix(np.intp(b.ctypes.data), C.shape[0], C.shape[1], 0, b.itemsize)
    _multiply(_matrix(C), _matrix(A), _matrix(B), one, none, rows, _nothing_near())


@inlined
def accumulate(C, A, B, factor, keep):
    """C = factor A B + keep C, where keep = 0 overwrites; A (n, m), B (m, p) -> C (n, p)."""
    factor, keep = C.dtype.type(factor), C.dtype.type(keep)
    _multiply(_matrix(C), _matrix(A), _matrix(B), factor, keep, _no_matrix(), _nothing_near())


@inlined
def multiply_near(C, A, B, factor, parameters, state, first):
    """C = factor A B, bringing near what the update of the parameters beside it will read; A (n, m), B (m, p) -> C (n, p).

    The parameters, (n, p), begin at `first` in each row of the state.
    """
    size, none = C.itemsize, C.dtype.type(0)
    states = np.intp(state.ctypes.data + first * size)
    near = Near(np.intp(parameters.ctypes.data), states, len(state), state.strides[0], C.shape[1] * size)
    _multiply(_matrix(C), _matrix(A), _matrix(B), C.dtype.type(factor), none, _no_matrix(), near)


@kernel
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
    """C = factor A B, with lanes along the sums; A (n, m) in rows, B (m, p) in columns -> C (n, p) in rows.

    A row of C that A does not have gets factor times the sums of the columns of B, as if A had a row of ones.
    """
    _inner_products(_matrix(C), _matrix(A), _matrix(B), C.dtype.type(factor))


@kernel
def sum_squares(squares, vector, first, last):
    """s_c = sum of x^2 over chunk c of a vector, for some chunks."""
    sums, one = np.empty((1, 1), vector.dtype), vector.dtype.type(1)
    for c in range(first, last):
        chunk = vector[c * CHUNK : (c + 1) * CHUNK]
        inner_products(sums, chunk.reshape(1, chunk.size), chunk.reshape(1, chunk.size).T, one)
        squares[c] = sums[0, 0]


@inlined
def copy(C, A):
    """C = A, each in rows or in columns; A (n, p) -> C (n, p)."""
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


@inlined
def _no_matrix():
    return Matrix(np.intp(0), 0, 0, 0, 0)


@inlined
def _nothing_near():
    return Near(np.intp(0), np.intp(0), 0, 0, 0)


@inlined
def _near_part(near, row, column_bytes):
    """What is near to a rectangle that begins at this row and so many bytes into it."""
    shift = row * near.row_step + column_bytes
    return Near(near.parameters + shift, near.states + shift, near.n_states, near.step, near.row_step)


@inlined
def _transposed(M):
    """The transpose, the same numbers in memory."""
    return Matrix(M.address, M.n_columns, M.n_rows, M.column_step, M.row_step)


@inlined
def _part(M, first_row, n_rows, first_column, n_columns):
    """A rectangle within a matrix."""
    address = M.address + first_row * M.row_step + first_column * M.column_step
    return Matrix(address, n_rows, n_columns, M.row_step, M.column_step)


def _tile_product(zeros):
    """The kernel C = factor A B + keep C + bias where C is no larger than the tile that `zeros` makes."""

    @kernel
    def multiply_tile(C, A, B, factor, keep, bias, near):
        column, row, tile = A.address, B.address, zeros(factor)
        if keep != 0:
            prefetch(tile, C.address, C.row_step, C.n_rows)
        if near.n_states > 0:
            prefetch(tile, near.parameters, near.row_step, C.n_rows)
        for s in range(near.n_states):
            prefetch(tile, near.states + s * near.step, near.row_step, C.n_rows)
        for _ in range(A.n_columns):
            tile = add_outer_product(tile, column, A.row_step, C.n_rows, row)
            column += A.column_step
            row += B.row_step
        tile = scale(tile, factor)
        if bias.address != 0:
            if bias.row_step == 0:
                tile = add_row(tile, bias.address, C.n_columns)
            else:
                tile = add_column(tile, bias.address, bias.row_step, C.n_rows)
        if keep != 0:
            tile = add_block(tile, keep, C.address, C.row_step, C.n_rows, C.n_columns)
        store(tile, C.address, C.row_step, C.n_rows, C.n_columns)

    return multiply_tile


def _strip_product(rows, vectors):
    """The kernel C = factor A B + keep C + bias for one strip of columns, by tiles of `rows` rows, the last by half of one."""
    multiply_tile, multiply_half_tile = (
        _tile_product(zeros_of(rows, vectors)),
        _tile_product(zeros_of(rows // 2, vectors)),
    )

    @kernel
    def multiply_strip(C, A, B, factor, keep, bias, near):
        for i in range(0, C.n_rows, rows):
            n_rows = min(rows, C.n_rows - i)
            part, left = _part(C, i, n_rows, 0, C.n_columns), _part(A, i, n_rows, 0, A.n_columns)
            addend, beside = _part(bias, i, n_rows, 0, C.n_columns), _near_part(near, i, 0)
            if n_rows > rows // 2:
                multiply_tile(part, left, B, factor, keep, addend, beside)
            else:
                multiply_half_tile(part, left, B, factor, keep, addend, beside)

    return multiply_strip


_multiply_row_strip = _tile_product(zeros_of(1, ROW_VECTORS))
_multiply_wide_strip = _strip_product(ROWS, 2)
_multiply_narrow_strip = _strip_product(2 * ROWS, 1)


def _multiply_blocks(C, A, B, factor, keep, bias, near):
    """C = factor A B + keep C + bias, without the last where its address is 0; C in rows or in columns."""
    one, lanes = type(factor)(1), lanes_of(factor)
    size = VECTOR_BYTES // lanes
    if C.column_step != size:
        C, A, B, bias = _transposed(C), _transposed(B), _transposed(A), _transposed(bias)
        fills_tiles = C.n_columns % (SQUARE_VECTORS * lanes) == 0 and B.column_step == size
        if fills_tiles and factor == 1 and keep == 0:
            _multiply_by_few(C, A, B, factor, bias)
            return
    buffer = stack_buffer(STRIP_BYTES)
    n_blocks = (A.n_columns + DEPTH - 1) // DEPTH
    for i in range(0, C.n_rows, BLOCK_ROWS):
        n_rows = min(BLOCK_ROWS, C.n_rows - i)
        for block in range(n_blocks):
            k, end = A.n_columns * block // n_blocks, A.n_columns * (block + 1) // n_blocks
            rows = _part(C, i, n_rows, 0, C.n_columns)
            left, right = _part(A, i, n_rows, k, end - k), _part(B, k, end - k, 0, C.n_columns)
            if block == 0:
                addend, beside = _part(bias, i, n_rows, 0, C.n_columns), _near_part(near, i, 0)
                _multiply_strips(rows, left, right, factor, keep, addend, beside, buffer)
            else:
                _multiply_strips(rows, left, right, factor, one, _no_matrix(), _nothing_near(), buffer)


@kernel
def _multiply_strips(C, A, B, factor, keep, bias, near, buffer):
    """C = factor A B + keep C + bias strip by strip, B as deep as `buffer`; the edge of B is completed there with zeros."""
    lanes, j = lanes_of(factor), 0
    size = VECTOR_BYTES // lanes
    while j < C.n_columns:
        width = _strip_width(C, B, C.n_columns - j, lanes)
        n_columns = min(width, C.n_columns - j)
        part, addend = _part(C, 0, C.n_rows, j, n_columns), _part(bias, 0, C.n_rows, j, n_columns)
        strip, beside = _part(B, 0, B.n_rows, j, n_columns), _near_part(near, 0, j * size)
        if width <= 2 * lanes and (n_columns < width or B.column_step != size or B.row_step >= PAGE_BYTES):
            strip = Matrix(buffer, B.n_rows, width, width * size, size)
            _copy(strip, _part(B, 0, B.n_rows, j, n_columns), type(factor)(1))
        if width > 2 * lanes:
            _multiply_row_strip(part, A, strip, factor, keep, addend, beside)
        elif width > lanes:
            _multiply_wide_strip(part, A, strip, factor, keep, addend, beside)
        else:
            _multiply_narrow_strip(part, A, strip, factor, keep, addend, beside)
        j += width


@inlined
def _strip_width(C, B, n_columns, lanes):
    """Columns of the next strip, of `n_columns` that are left: a single row takes more of them at once."""
    if C.n_rows == 1 and n_columns >= ROW_VECTORS * lanes and B.column_step * lanes == VECTOR_BYTES:
        return ROW_VECTORS * lanes
    return 2 * lanes if n_columns > lanes else lanes


@kernel
def _multiply_by_few(C, A, B, one, bias):
    """C = A B + bias where A has few rows and columns, and the columns of C fill whole tiles; B and C in rows."""
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
            store(tile, _part(C, i, n_rows, j, width).address, C.row_step, n_rows, width)


def _inner_product_tiles(C, A, B, factor):
    """C = factor A B with lanes along the sums, and ones in the rows that A lacks; A in rows, B in columns."""
    lanes = lanes_of(factor)
    for i in range(0, C.n_rows, SQUARE_ROWS):
        for j in range(0, C.n_columns, SQUARE_VECTORS):
            n_rows, n_columns = min(SQUARE_ROWS, A.n_rows - i), min(SQUARE_VECTORS, C.n_columns - j)
            row, column = A.address + i * A.row_step, B.address + j * B.column_step
            tile = square_zeros(factor)
            for k in range(0, A.n_columns, lanes):
                n_lanes = A.n_columns - k
                tile = add_lanewise_products(tile, row, A.row_step, n_rows, column, B.column_step, n_columns, n_lanes)
                row += VECTOR_BYTES
                column += VECTOR_BYTES
            corner = _part(C, i, 0, j, 0).address
            store_lane_sums(tile, factor, corner, C.row_step, C.n_rows - i, n_columns)


def _copy_tiles(C, A, one):
    """C = A, and zeros in the rows and columns of C that A does not have; C in rows or in columns."""
    lanes = lanes_of(one)
    size = VECTOR_BYTES // lanes
    if C.column_step != size:
        C, A = _transposed(C), _transposed(A)
    for j in range(0, C.n_columns, lanes):
        for i in range(0, C.n_rows, lanes):
            n_rows, n_columns = A.n_rows - i, A.n_columns - j
            block, target = _part(A, i, n_rows, j, n_columns).address, _part(C, i, n_rows, j, n_columns).address
            if A.column_step == size:
                tile = add_block(transposable_zeros(one), one, block, A.row_step, n_rows, n_columns)
            else:
                tile = transpose(add_block(transposable_zeros(one), one, block, A.column_step, n_columns, n_rows))
            store(tile, target, C.row_step, C.n_rows - i, C.n_columns - j)


_copy = linked(_copy_tiles, lambda real: (MATRIX, MATRIX, real))
_multiply = linked(_multiply_blocks, lambda real: (MATRIX, MATRIX, MATRIX, real, real, MATRIX, NEAR))
_inner_products = linked(_inner_product_tiles, lambda real: (MATRIX, MATRIX, MATRIX, real))

if config.DISABLE_JIT:  # tiles are machine code: without the compiler, NumPy stands in

    def multiply(C, A, B):
        """C = A B."""
        np.matmul(A, B, out=C)

    def multiply_add_row(C, A, B, b):
        """C = A B + b."""
        C[:] = A @ B + b

    def accumulate(C, A, B, factor, keep):
        """C = factor A B + keep C, where keep = 0 overwrites."""
        C[:] = factor * (A @ B) + (keep * C if keep else 0)

    def multiply_near(C, A, B, factor, parameters, state, first):
        """C = factor A B."""
        C[:] = factor * (A @ B)

    def sum_rows(c, B, factor):
        """c = factor sum_i b_i."""
        c[:] = factor * B.sum(axis=0)

    def inner_products(C, A, B, factor):
        """C = factor A B, A completed with rows of ones."""
        C[: len(A)] = factor * (A @ B)
        C[len(A) :] = factor * B.sum(axis=0)

    def copy(C, A):
        """C = A."""
        C[:] = A
