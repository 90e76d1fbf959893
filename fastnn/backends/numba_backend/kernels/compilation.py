"""How Numba compiles helper functions: inlined into their callers, or once, linked by name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import llvmlite.binding as llvm
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from fastnn.backends.numba_backend.object_cache import provide

#: Flags of every kernel. The GIL is released; division by zero gives infinity, as in NumPy, so that loops have no early
#: exits; a multiplication and an addition may fuse, but nothing may be reordered, and NaN and infinity are respected.
FLAGS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

#: Flags of functions that are only called from compiled code and do not allocate: no Python wrappers, no runtime.
BARE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}


def kernel(function: Callable) -> Any:
    """Compile a function that is called from other kernels."""
    return njit(function, **FLAGS)


def inlined(function: Callable) -> Any:
    """Inline a short function into its callers: compiling it separately takes a tenth of a second."""
    return njit(function, inline="always", **FLAGS)


@dataclass(frozen=True)
class Linked:
    """A function without a result that is compiled once, and linked by name into all kernels that call it.

    Attributes
    ----------
    function : callable
        The function.
    signature : callable
        Returns the types of its arguments for a floating-point type.
    """

    function: Callable[..., None]
    signature: Callable[[types.Float], tuple]

    def symbol(self, real: types.Float) -> str:
        """Its name for a floating-point type."""
        return f"fastnn.{self.function.__module__}.{self.function.__qualname__}.{real}"


#: All linked functions, each after the functions it calls.
LINKED: list[Linked] = []


@cache
def compile_linked(function: Linked, real: types.Float) -> Any:
    """A linked function, compiled for a floating-point type."""
    dispatcher = njit(function.function, **FLAGS, **BARE)
    dispatcher.compile(types.void(*function.signature(real)))
    (overload,) = dispatcher.overloads.values()
    return overload


@cache
def _provide_linked(function: Linked, real: types.Float) -> None:
    symbol = function.symbol(real)
    llvm.add_symbol(symbol, provide(symbol, lambda: compile_linked(function, real)))


def provide_linked(functions: Iterable[Linked], real: types.Float) -> None:
    """Compile linked functions for a floating-point type, or load them from disk, and register their addresses with LLVM.

    This must happen before any kernel that calls them is loaded from disk.
    """
    for function in functions:
        _provide_linked(function, real)


def linked(function: Callable, signature: Callable[[types.Float], tuple]) -> Any:
    """Compile a function without a result once, for all kernels that call it by name.

    It is never inlined. `signature` returns the types of the arguments for a floating-point type, which is that of the first
    floating-point number among the arguments of a call, or within a tuple among them. A linked function may call functions
    that were linked before it.
    """
    if config.DISABLE_JIT:
        return function
    target = Linked(function, signature)
    LINKED.append(target)

    @intrinsic
    def call(typing_context, *arguments):
        numbers = [number for argument in arguments for number in getattr(argument, "types", [argument])]
        real = next(number for number in numbers if isinstance(number, types.Float))
        provide_linked(LINKED[: LINKED.index(target) + 1], real)  # code from disk refers to what it calls

        def generate(context, builder, call_signature, values):
            convention, (argument_types,) = context.call_conv, call_signature.args
            function_type = convention.get_function_type(types.void, argument_types.types)
            callee = cgutils.get_or_insert_function(builder.module, function_type, target.symbol(real))
            values = cgutils.unpack_tuple(builder, values[0])
            convention.call_function(builder, callee, types.void, argument_types.types, values)
            return context.get_dummy_value()

        return types.void(types.Tuple(signature(real))), generate

    return call
