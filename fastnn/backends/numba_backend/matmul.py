"""Matrix products on register tiles, C = A B for any shapes and steps, at the speed of the processor's multipliers.

The result is computed strip by strip of as many columns as a tile has, block by block of rows, and for deep sums block by
block of the depth, so that what a tile reads again lies in the caches: its rows of A in the first level, its strip of B and
the block of A in the second (Goto, van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008). Each element
is summed in one order, whatever rows the threads share out. With compilation off, NumPy multiplies.
"""

from typing import NamedTuple

import numpy as np
from numba import config

from fastnn.backends.numba_backend.compilation import inlined, kernel, vector_bits
from fastnn.backends.numba_backend.tiles import (
    add_block,
    add_outer_product,
    add_row,
    lanes_of,
    scale,
    stack_buffer,
    store,
    transpose,
    zeros_of,
)

VECTOR_BYTES = vector_bits() // 8
#: A tile's sums fill half of 32 registers, or three quarters of 16; the rest hold what is multiplied.
ROWS = 8 if VECTOR_BYTES == 64 else 6
DEPTH = 512  # of a strip of B, and of the block of A that it meets
BLOCK_ROWS = 16 * ROWS
STRIP_BYTES = 2 * VECTOR_BYTES * (DEPTH + VECTOR_BYTES)
PAGE_BYTES = 4096

wide_zeros, narrow_zeros, square_zeros, row_zeros = (
    zeros_of(ROWS, 2),
    zeros_of(2 * ROWS, 1),
    zeros_of(None, 1),
    zeros_of(1, 4),
)


class Matrix(NamedTuple):
    """A rectangle of numbers in memory; steps in bytes."""

    address: np.intp
    n_rows: int
    n_columns: int
    row_step: int
    column_step: int


@inlined
def multiply(C, A, B):
    """C = A B; A (n, m), B (m, p), each or its transpose in C order -> C (n, p)."""
    one, none = C.dtype.type(1), C.dtype.type(0)
    _multiply(_matrix(C), _matrix(A), _matrix(B), one, none, np.intp(0))


@inlined
def multiply_add_row(C, A, B, b):
    """C = A B + b; A (n, m), B (m, p), b (p,) -> C (n, p)."""
    one, none = C.dtype.type(1), C.dtype.type(0)
    _multiply(_matrix(C), _matrix(A), _matrix(B), one, none, np.intp(b.ctypes.data))


@inlined
def accumulate(C, A, B, factor, keep):
    """C = factor A B + keep C, where keep = 0 overwrites; A (n, m), B (m, p) -> C (n, p)."""
    _multiply(_matrix(C), _matrix(A), _matrix(B), C.dtype.type(factor), C.dtype.type(keep), np.intp(0))


@kernel
def accumulate_rows(c, B, factor, keep):
    """c = factor sum_i b_i + keep c, where keep = 0 overwrites; B (n, p) -> c (p,)."""
    factor, keep, one = c.dtype.type(factor), c.dtype.type(keep), c.dtype.type(1)
    width = 4 * lanes_of(factor)
    for j in range(0, len(c), width):
        n_columns, column = min(width, len(c) - j), j * c.itemsize
        total = row_zeros(factor)
        for i in range(len(B)):
            total = add_block(total, one, np.intp(B.ctypes.data) + i * B.strides[0] + column, 0, 1, n_columns)
        _finish(scale(total, factor), keep, np.intp(c.ctypes.data) + column, 0, 1, n_columns)


@inlined
def _matrix(array):
    """The matrix of a two-dimensional array."""
    return Matrix(np.intp(array.ctypes.data), array.shape[0], array.shape[1], array.strides[0], array.strides[1])


@inlined
def _part(M, first_row, n_rows, first_column, n_columns):
    """A rectangle within a matrix."""
    address = M.address + first_row * M.row_step + first_column * M.column_step
    return Matrix(address, n_rows, n_columns, M.row_step, M.column_step)


@inlined
def _finish(tile, keep, block, row_step, n_rows, n_columns):
    """block = tile + keep block."""
    if keep != 0:
        tile = add_block(tile, keep, block, row_step, n_rows, n_columns)
    store(tile, block, row_step, n_rows, n_columns)


def _strip_product(zeros, rows):
    """The kernel C = factor A B + keep C + b for one strip of columns, by tiles of `rows` rows that `zeros` makes."""

    @kernel
    def multiply_strip(C, A, B, factor, keep, bias):
        for i in range(0, C.n_rows, rows):
            n_rows = min(rows, C.n_rows - i)
            column, row = A.address + i * A.row_step, B.address
            tile = zeros(factor)
            for _ in range(A.n_columns):
                tile = add_outer_product(tile, column, A.row_step, n_rows, row)
                column += A.column_step
                row += B.row_step
            tile = scale(tile, factor)
            if bias != 0:
                tile = add_row(tile, bias, C.n_columns)
            _finish(tile, keep, C.address + i * C.row_step, C.row_step, n_rows, C.n_columns)

    return multiply_strip


_multiply_wide_strip = _strip_product(wide_zeros, ROWS)
_multiply_narrow_strip = _strip_product(narrow_zeros, 2 * ROWS)


@kernel
def _multiply(C, A, B, factor, keep, bias):
    """C = factor A B + keep C, plus the row at the address `bias` unless that is 0; within rows of C, elements are neighbours."""
    one, lanes = type(factor)(1), lanes_of(factor)
    buffer = stack_buffer(STRIP_BYTES)
    n_blocks = (A.n_columns + DEPTH - 1) // DEPTH
    for i in range(0, C.n_rows, BLOCK_ROWS):
        n_rows = min(BLOCK_ROWS, C.n_rows - i)
        for block in range(n_blocks):
            k, end = A.n_columns * block // n_blocks, A.n_columns * (block + 1) // n_blocks
            block_keep = keep if block == 0 else one
            left = _part(A, i, n_rows, k, end - k)
            j = 0
            while j < C.n_columns:
                width = 2 * lanes if C.n_columns - j > lanes else lanes
                n_columns = min(width, C.n_columns - j)
                part = _part(C, i, n_rows, j, n_columns)
                strip = _part(B, k, end - k, j, n_columns)
                if n_columns < width or strip.column_step != C.column_step or strip.row_step >= PAGE_BYTES:
                    strip = _packed(strip, buffer, width, one)
                row = bias + j * C.column_step if bias != 0 and block == 0 else 0
                if width > lanes:
                    _multiply_wide_strip(part, left, strip, factor, block_keep, row)
                else:
                    _multiply_narrow_strip(part, left, strip, factor, block_keep, row)
                j += width


@kernel
def _packed(B, buffer, width, one):
    """A copy of a strip of B with its rows side by side, each `width` numbers, zeros where B is narrower."""
    lanes = lanes_of(one)
    size = VECTOR_BYTES // lanes
    for j in range(0, width, lanes):
        n_columns = min(lanes, B.n_columns - j)
        for k in range(0, B.n_rows, lanes):
            n_rows = min(lanes, B.n_rows - k)
            block, copy = _part(B, k, n_rows, j, n_columns), buffer + size * (k * width + j)
            if B.column_step == size:
                tile = add_block(square_zeros(one), one, block.address, B.row_step, n_rows, n_columns)
            else:
                tile = transpose(add_block(square_zeros(one), one, block.address, B.column_step, n_columns, n_rows))
            store(tile, copy, width * size, lanes, lanes)
    return Matrix(buffer, B.n_rows, B.n_columns, width * size, size)


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

    def accumulate_rows(c, B, factor, keep):
        """c = factor sum_i b_i + keep c, where keep = 0 overwrites."""
        c[:] = factor * B.sum(axis=0) + (keep * c if keep else 0)
