"""Loads and stores of integers at addresses, for the driver and the records of programs."""

import ctypes

from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

INT64 = ir.IntType(64)


@intrinsic
def _typed_integer_at(typing_context, address, offset):
    def generate(context, builder, signature, values):
        return builder.load(builder.inttoptr(builder.add(*values), INT64.as_pointer()))

    return types.int64(types.int64, types.int64), generate


@intrinsic
def _typed_put_integer(typing_context, address, offset, value):
    def generate(context, builder, signature, values):
        builder.store(values[2], builder.inttoptr(builder.add(*values[:2]), INT64.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


def _integer_at(address, offset):
    return ctypes.c_int64.from_address(address + offset).value


def _put_integer(address, offset, value):
    ctypes.c_int64.from_address(address + offset).value = value


#: Load and store a 64-bit integer at an address plus an offset in bytes.
integer_at, put_integer = (_integer_at, _put_integer) if config.DISABLE_JIT else (_typed_integer_at, _typed_put_integer)
