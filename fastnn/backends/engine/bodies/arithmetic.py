"""The square root as one instruction: Numba's own calls the C library for what is left over from whole vectors."""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def _typed_sqrt(typing_context, x):
    if not isinstance(x, types.Float):
        return None

    def generate(context, builder, signature, values):
        number = context.get_data_type(x)
        name = f"llvm.sqrt.f{x.bitwidth}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(number, [number]), name)
        return builder.call(function, values)

    return x(x), generate


sqrt = np.sqrt if config.DISABLE_JIT else _typed_sqrt
