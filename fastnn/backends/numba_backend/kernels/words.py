"""Arithmetic of 32-bit words, modulo 2^32. Numba's own would be in 64 bits, of which vector registers hold half as many."""

import numpy as np
from numba import config, types
from numba.extending import intrinsic


def _word_operation(name):
    """The kernel x op y for two words; `name` is that of the LLVM instruction."""

    @intrinsic
    def compute(typing_context, x, y):
        def generate(context, builder, signature, values):
            return getattr(builder, name)(*values)

        return types.uint32(types.uint32, types.uint32), generate

    return compute


def _add(x, y):
    return np.uint32((int(x) + int(y)) & 0xFFFFFFFF)


def _multiply(x, y):
    return np.uint32((int(x) * int(y)) & 0xFFFFFFFF)


def _shift_right(x, n):
    return np.uint32(int(x) >> int(n))


def _exclusive_or(x, y):
    return np.uint32(int(x) ^ int(y))


#: x + y, x y, x >> n and the exclusive or of x and y.
add, multiply, shift_right, exclusive_or = (
    (_add, _multiply, _shift_right, _exclusive_or)
    if config.DISABLE_JIT
    else map(_word_operation, ("add", "mul", "lshr", "xor"))
)
