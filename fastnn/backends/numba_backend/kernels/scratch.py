"""Small scratch vectors on the stack, for operations that process some samples at a time without allocating."""

import numpy as np
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

#: Length of a scratch vector.
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


#: `scratch(like)`: an uninitialised vector of `SCRATCH` numbers with the dtype of an array.
scratch = _scratch if config.DISABLE_JIT else _typed_scratch
