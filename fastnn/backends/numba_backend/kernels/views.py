"""Contiguous vectors within larger arrays, as compiled code needs to know them to fill the lanes of vectors."""

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


def _flat(block):
    return block.reshape(-1, order="A")


def _row(block, i):
    return block[i]


#: The numbers of a contiguous block as a vector, and row i of a block whose rows are contiguous.
flat, row = (_flat, _row) if config.DISABLE_JIT else (_typed_flat, _typed_row)
