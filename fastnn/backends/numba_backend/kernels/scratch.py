"""A few numbers on the stack, for operations that work on some samples at a time: they allocate nothing."""

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

#: Numbers that a scratch vector has room for.
SCRATCH = 64


@intrinsic
def _typed_scratch(typing_context, like):
    result = types.Array(like.dtype, 1, "C")

    def generate(context, builder, signature, values):
        from llvmlite import ir

        number, size = context.get_data_type(like.dtype), ir.IntType(64)
        with builder.goto_entry_block():
            room = builder.alloca(ir.ArrayType(number, SCRATCH))
            room.align = 64
        item = size(like.dtype.bitwidth // 8)
        array = context.make_array(result)(context, builder)
        shape, steps = (cgutils.pack_array(builder, [n]) for n in (size(SCRATCH), item))
        populate_array(array, builder.bitcast(room, number.as_pointer()), shape, steps, item, None)
        return array._getvalue()

    return result(like), generate


def _scratch(like):
    return np.empty(SCRATCH, like.dtype)


#: `scratch(like)`: a vector of `SCRATCH` numbers of the type of an array, in which anything may stand.
scratch = _scratch if config.DISABLE_JIT else _typed_scratch
