"""Rows or columns: the two ways in which the samples of a block (n, n_l) lie in memory.

In rows, C order, the units of a sample are neighbours and fill the lanes of a vector. In columns, Fortran order, the
samples of a unit do, however few units there are.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import config, types
from numba.core import imputils
from numba.extending import intrinsic, overload
from numba.np.arrayobj import populate_array

from fastnn.backends.numba_backend.compilation import FLAGS, inlined

#: Widest layer, and most inputs, of a network that trains in columns.
NARROW_OUTPUTS, NARROW_INPUTS = 32, 64

TILE = 384  # samples that are taken through a narrow network together
GRANULE = 64  # what tiles of samples and shares of parameters are multiples of, so that they fill vectors


class Columns(NamedTuple):
    """A workspace whose blocks are in columns; a plain vector is one whose blocks are in rows."""

    vector: Any


def block(workspace, start, n_samples, width):
    """The (n, width) block that begins at `start`, in the layout of the workspace."""
    if isinstance(workspace, Columns):
        return in_columns(workspace.vector, start, n_samples, width)
    return in_rows(workspace, start, n_samples, width)


@overload(block, jit_options=FLAGS, inline="always")
def _typed_block(workspace, start, n_samples, width):
    if isinstance(workspace, types.BaseNamedTuple):
        return lambda workspace, start, n_samples, width: in_columns(workspace.vector, start, n_samples, width)
    return lambda workspace, start, n_samples, width: in_rows(workspace, start, n_samples, width)  # noqa: PLW0108, Numba wants a function


def _in_rows(vector, start, n_samples, width):
    return vector[start : start + n_samples * width].reshape(n_samples, width)


def _in_columns(vector, start, n_samples, width):
    return vector[start : start + n_samples * width].reshape(width, n_samples).T


def _view(layout):
    """The kernel that sees part of a vector as a block: what a slice and `reshape` do, in a hundredth of the code."""

    @intrinsic
    def view(typing_context, vector, start, n_samples, width):
        result = types.Array(vector.dtype, 2, layout, readonly=not vector.mutable)

        def generate(context, builder, signature, values):
            vector_value, start, n_samples, width = values
            whole, block = (
                context.make_array(vector)(context, builder, vector_value),
                context.make_array(result)(context, builder),
            )
            size = whole.itemsize
            steps = (builder.mul(width, size), size) if layout == "C" else (size, builder.mul(n_samples, size))
            data = builder.gep(whole.data, [start])
            populate_array(block, data, (n_samples, width), steps, size, whole.meminfo, whole.parent)
            return imputils.impl_ret_borrowed(context, builder, result, block._getvalue())

        return result(vector, types.intp, types.intp, types.intp), generate

    return view


#: The numbers of a vector from `start` on as a block (n, width), in rows or in columns.
in_rows = _in_rows if config.DISABLE_JIT else _view("C")
in_columns = _in_columns if config.DISABLE_JIT else _view("F")


def _flat(block):
    return block.reshape(-1, order="A")


@intrinsic
def _typed_flat(typing_context, block):
    result = types.Array(block.dtype, 1, "C", readonly=not block.mutable)

    def generate(context, builder, signature, values):
        whole, vector = (
            context.make_array(block)(context, builder, values[0]),
            context.make_array(result)(context, builder),
        )
        size = (whole.nitems,)
        populate_array(vector, whole.data, size, (whole.itemsize,), whole.itemsize, whole.meminfo, whole.parent)
        return imputils.impl_ret_borrowed(context, builder, result, vector._getvalue())

    return result(block), generate


#: All numbers of a block without gaps, as they follow each other in memory: the simplest loop makes the fastest code.
flat = _flat if config.DISABLE_JIT else _typed_flat


@inlined
def same_memory_in_columns(block):
    """The memory of a block in rows as a block of the same shape in columns."""
    return block.reshape(block.shape[1], block.shape[0]).T


def part(block, start, stop):
    """Samples `start` to `stop` of a block in rows; a block in columns is always taken whole."""
    return block[start:stop]


@overload(part, jit_options=FLAGS, inline="always")
def _typed_part(block, start, stop):
    return (lambda block, start, stop: block[start:stop]) if block.layout == "C" else (lambda block, start, stop: block)


def along_lanes(block):
    """A block in rows or in columns as one in columns, for what treats each number alone."""
    return block


@overload(along_lanes, jit_options=FLAGS, inline="always")
def _typed_along_lanes(block):
    return (lambda block: block.T) if block.layout == "C" else (lambda block: block)


def is_narrow(layers):
    """Whether a network trains in columns. One that is normalised does not: a batch is normalised as a whole."""
    return _is_narrow(layers.tobytes(), layers.dtype)


@lru_cache(maxsize=256)
def _is_narrow(records, dtype):
    """The same by the records themselves: epochs of small networks take less time than reading these by name."""
    layers = np.frombuffer(records, dtype)
    return bool(
        layers["n_outputs"].max() <= NARROW_OUTPUTS
        and layers[0]["n_inputs"] <= NARROW_INPUTS
        and not layers["normalization"].any()
    )


def n_tiles(batch_size):
    """Tiles that a batch is cut into."""
    return -(-batch_size // TILE)


def narrow_workspace_size(layers, batch_size):
    """Elements that a narrow network needs: for each tile inputs, targets and the blocks of all layers, and a gradient."""
    columns = layers[0]["n_inputs"] + layers[-1]["n_outputs"] + _columns_of_blocks(layers)
    return n_tiles(batch_size) * (_whole(min(batch_size, TILE)) * columns + _whole(layers[-1]["end"]))


def _columns_of_blocks(layers):
    """Numbers that the blocks of all layers hold for each sample."""
    return layers[-1]["workspace"] + 3 * layers[-1]["n_outputs"]


def _whole(n):
    """n, rounded up to whole vectors."""
    return (n + GRANULE - 1) // GRANULE * GRANULE


whole, columns_of_blocks = inlined(_whole), inlined(_columns_of_blocks)
