"""Contiguous vectors within larger arrays, typed as contiguous so that loops over them vectorise."""

from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array


def _vector(context, builder, result, data, size, item):
    array = context.make_array(result)(context, builder)
    shape, steps = (cgutils.pack_array(builder, [n]) for n in (size, item))
    populate_array(array, data, shape, steps, item, None)
    return array._getvalue()


@intrinsic
def _typed_flat(typing_context, block):
    result = types.Array(block.dtype, 1, "C")

    def generate(context, builder, signature, values):
        whole = context.make_array(block)(context, builder, values[0])
        size = builder.mul(*cgutils.unpack_tuple(builder, whole.shape, 2))
        return _vector(context, builder, result, whole.data, size, whole.itemsize)

    return result(block), generate


@intrinsic
def _typed_row(typing_context, block, i):
    result = types.Array(block.dtype, 1, "C")

    def generate(context, builder, signature, values):
        whole = context.make_array(block)(context, builder, values[0])
        _, size = cgutils.unpack_tuple(builder, whole.shape, 2)
        step, _ = cgutils.unpack_tuple(builder, whole.strides, 2)
        data = cgutils.pointer_add(builder, whole.data, builder.mul(step, values[1]))
        return _vector(context, builder, result, data, size, whole.itemsize)

    return result(block, types.int64), generate


@intrinsic
def _typed_column(typing_context, block, k, start, stop):
    result = types.Array(block.dtype, 1, "C")

    def generate(context, builder, signature, values):
        whole = context.make_array(block)(context, builder, values[0])
        _, step = cgutils.unpack_tuple(builder, whole.strides, 2)
        offset = builder.add(builder.mul(step, values[1]), builder.mul(whole.itemsize, values[2]))
        data = cgutils.pointer_add(builder, whole.data, offset)
        return _vector(context, builder, result, data, builder.sub(values[3], values[2]), whole.itemsize)

    return result(block, types.int64, types.int64, types.int64), generate


def _flat(block):
    return block.reshape(-1, order="A")


def _row(block, i):
    return block[i]


def _column(block, k, start, stop):
    return block[start:stop, k]


#: The elements of a contiguous block as a vector; row i of a block with contiguous rows; and elements `start` to `stop` of
#: column k of a block with contiguous columns.
flat, row, column = (_flat, _row, _column) if config.DISABLE_JIT else (_typed_flat, _typed_row, _typed_column)
