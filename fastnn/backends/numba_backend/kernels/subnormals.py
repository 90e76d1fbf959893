"""Flushing subnormal numbers to zero, through the floating-point control register of a thread.

Moving averages, such as Adam's where a feature is rare, eventually decay to subnormal numbers, on which many processors are
a hundred times slower.
"""

import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastnn.backends.numba_backend.kernels.memory import INT64
from fastnn.backends.numba_backend.levels import is_x86

INT32 = ir.IntType(32)

_IS_X86, _IS_ARM = is_x86(), platform.machine().lower() in ("aarch64", "arm64")

#: Two bits of x86's MXCSR: flush results to zero, and treat subnormal operands as zero. One bit of Arm's FPCR does both.
SUBNORMALS_ARE_ZERO = 1 << 15 | 1 << 6 if _IS_X86 else 1 << 24


def _x86_register(builder, name, slot):
    """Store MXCSR to memory, or load it from there."""
    byte_pointer = ir.IntType(8).as_pointer()
    function = ir.FunctionType(ir.VoidType(), [byte_pointer])
    callee = cgutils.get_or_insert_function(builder.module, function, f"llvm.x86.sse.{name}")
    builder.call(callee, [builder.bitcast(slot, byte_pointer)])


def _read(builder):
    """The control register as a 64-bit number."""
    if _IS_X86:
        slot = cgutils.alloca_once(builder, INT32)
        _x86_register(builder, "stmxcsr", slot)
        return builder.zext(builder.load(slot), INT64)
    if _IS_ARM:
        function = ir.FunctionType(INT64, [])
        return builder.call(cgutils.get_or_insert_function(builder.module, function, "llvm.aarch64.get.fpcr"), [])
    return INT64(0)


def _write(builder, value):
    """Set the control register."""
    if _IS_X86:
        slot = cgutils.alloca_once_value(builder, builder.trunc(value, INT32))
        _x86_register(builder, "ldmxcsr", slot)
    elif _IS_ARM:
        function = ir.FunctionType(ir.VoidType(), [INT64])
        builder.call(cgutils.get_or_insert_function(builder.module, function, "llvm.aarch64.set.fpcr"), [value])


@intrinsic
def control_register(typing_context):
    """The control register of this thread; 0 on processors without support."""
    return types.int64(), lambda context, builder, signature, values: _read(builder)


@intrinsic
def set_control_register(typing_context, value):
    """Set the control register of this thread."""

    def generate(context, builder, signature, values):
        _write(builder, values[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate
