"""Sums of vectors.

In double precision, four interleaved accumulators keep additions from waiting for each other; scratch vectors are summed in
their own precision, pairwise, by vector instructions.
"""

import numpy as np
from llvmlite import ir
from numba import config
from numba.extending import intrinsic

from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.scratch import SCRATCH

INT32 = ir.IntType(32)


@inlined
def total(x):
    """sum_p x_p."""
    a = b = c = d = 0.0
    whole = len(x) // 4 * 4
    for p in range(0, whole, 4):
        a += np.float64(x[p])
        b += np.float64(x[p + 1])
        c += np.float64(x[p + 2])
        d += np.float64(x[p + 3])
    for p in range(whole, len(x)):
        a += np.float64(x[p])
    return (a + b) + (c + d)


@inlined
def dot(x, y):
    """sum_p x_p y_p."""
    a = b = c = d = 0.0
    whole = len(x) // 4 * 4
    for p in range(0, whole, 4):
        a += np.float64(x[p]) * np.float64(y[p])
        b += np.float64(x[p + 1]) * np.float64(y[p + 1])
        c += np.float64(x[p + 2]) * np.float64(y[p + 2])
        d += np.float64(x[p + 3]) * np.float64(y[p + 3])
    for p in range(whole, len(x)):
        a += np.float64(x[p]) * np.float64(y[p])
    return (a + b) + (c + d)


@inlined
def scratch_dot(products, x, y):
    """sum_i x_i y_i over the elements of y, at most `SCRATCH`; their products, in a scratch vector, are summed pairwise."""
    for i in range(len(y)):
        products[i] = x[i] * y[i]
    for i in range(len(y), SCRATCH):
        products[i] = 0
    return halved_sum(products)


@intrinsic
def _typed_halved_sum(typing_context, x):
    def generate(context, builder, signature, values):
        array = context.make_array(x)(context, builder, values[0])
        whole = ir.VectorType(context.get_data_type(x.dtype), SCRATCH)
        vector = builder.load(builder.bitcast(array.data, whole.as_pointer()), align=64)
        width = SCRATCH
        while width > 1:
            width //= 2
            nothing = ir.Constant(vector.type, ir.Undefined)
            halves = (ir.Constant(ir.VectorType(INT32, width), range_) for range_ in _halves(width))
            vector = builder.fadd(*(builder.shuffle_vector(vector, nothing, half) for half in halves))
        return builder.extract_element(vector, INT32(0))

    return x.dtype(x), generate


def _halves(width):
    return list(range(width)), list(range(width, 2 * width))


def _halved_sum(x):
    while len(x) > 1:
        x = x[: len(x) // 2] + x[len(x) // 2 :]
    return x[0]


#: The sum of a scratch vector: its second half is added to its first until one element is left.
halved_sum = _halved_sum if config.DISABLE_JIT else _typed_halved_sum
