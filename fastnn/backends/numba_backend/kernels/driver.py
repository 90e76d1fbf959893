"""The driver: runs a program, a list of operations, for batch after batch, in every thread of a team.

A program is an array of `ITEM` records, and the work of the driver is described by a `WORK` record. Every thread runs every
operation, which computes the thread's chunk; barriers follow the items that ask for them.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.memory import INT64, integer_at, put_integer
from fastnn.backends.numba_backend.kernels.subnormals import SUBNORMALS_ARE_ZERO, control_register, set_control_register
from fastnn.backends.numba_backend.layout import (
    ARGUMENTS,
    ARRIVALS,
    BROKEN,
    FLUSHES,
    ITEM_SIZE,
    N_ITEMS,
    N_STEPS,
    N_THREADS,
    OPERATION,
    OWN_STEP,
    PROGRAM,
    STEP_SIZE,
    STEPS,
    WAITS,
    YIELD_PROCESSOR,
)
from fastnn.backends.numba_backend.levels import is_x86

#: Checks of the counter before a waiting thread yields its processor: about ten microseconds.
LOOKS_BEFORE_YIELD = 400

_IS_X86 = is_x86()


@inlined
def wait(work, arrivals):
    """Barrier: wait for `arrivals` arrivals in total; returns False if the team has been broken up."""
    arrive(work + ARRIVALS)
    looks, whole = 0, True
    while whole and number_at(work + ARRIVALS) < arrivals:
        looks += 1
        if looks < LOOKS_BEFORE_YIELD:
            pause()
        else:
            call_function(integer_at(work, YIELD_PROCESSOR))
        whole = number_at(work + BROKEN) == 0
    return whole


@intrinsic
def call_operation(typing_context, address, arguments, batch, thread, n_threads):
    """Call the operation at an address, and return its status, normally 0."""

    def generate(context, builder, signature, values):
        # Numba's calling convention: pointers for the result and for an exception come first; neither is used.
        nothing = ir.Constant(ir.IntType(8).as_pointer(), None)
        result = cgutils.alloca_once_value(builder, INT64(0))
        room = builder.bitcast(result, nothing.type)
        function = ir.FunctionType(ir.IntType(32), [nothing.type] * 2 + [INT64] * 4)
        pointer = builder.inttoptr(values[0], function.as_pointer())
        status = builder.sext(builder.call(pointer, [room, room, *values[1:]]), INT64)
        return builder.or_(status, builder.load(result))

    return types.int64(*[types.int64] * 5), generate


@intrinsic
def call_function(typing_context, address):
    """Call a C function without arguments at an address."""

    def generate(context, builder, signature, values):
        builder.call(builder.inttoptr(values[0], ir.FunctionType(ir.IntType(32), []).as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def arrive(typing_context, counter):
    """Add 1 to the counter at an address, atomically."""

    def generate(context, builder, signature, values):
        return builder.atomic_rmw("add", builder.inttoptr(values[0], INT64.as_pointer()), INT64(1), "seq_cst")

    return types.int64(types.int64), generate


@intrinsic
def number_at(typing_context, address):
    """Atomically load the number at an address that other threads write to."""

    def generate(context, builder, signature, values):
        return builder.load_atomic(builder.inttoptr(values[0], INT64.as_pointer()), "seq_cst", 8)

    return types.int64(types.int64), generate


@intrinsic
def pause(typing_context):
    """Tell the processor that this is a spin loop."""

    def generate(context, builder, signature, values):
        if _IS_X86:
            function = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, function, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), generate


@inlined
def _run_steps(work, thread):
    """Run every operation of a program for every step, with the barriers between them."""
    n_threads, arrivals = integer_at(work, N_THREADS), 0
    for s in range(integer_at(work, N_STEPS)):
        batch = integer_at(work, STEPS) + s * STEP_SIZE
        for k in range(integer_at(work, N_ITEMS)):
            item = integer_at(work, PROGRAM) + k * ITEM_SIZE
            own = integer_at(item, OWN_STEP)
            step = own if own != 0 else batch
            status = call_operation(integer_at(item, OPERATION), integer_at(item, ARGUMENTS), step, thread, n_threads)
            if status != 0:
                put_integer(work, BROKEN, 1)
                return status
            if n_threads > 1 and integer_at(item, WAITS) != 0:
                arrivals += n_threads
                if not wait(work, arrivals):
                    return 0
    return 0


def run(work, thread):
    """Run a program for every step, as one thread of a team; returns 0, or the status of an operation that failed."""
    before = control_register()
    if integer_at(work, FLUSHES) != 0:
        set_control_register(before | SUBNORMALS_ARE_ZERO)
    status = _run_steps(work, thread)
    set_control_register(before)
    return status
