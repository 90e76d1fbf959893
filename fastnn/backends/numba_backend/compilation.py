"""How kernels are compiled, and where the machine code is kept between processes.

`kernel` compiles a function that other kernels call; `entry_point` one that Python calls, kept on disk. Numba's own cache
would not notice a change in a callee that lives in another file, so the entries carry a stamp made of all kernel sources.
Ctrl-C during a compilation is raised when that function is compiled, and kept on disk.
"""

import hashlib
import os
import pickle
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from numba import config, njit, types
from numba.core import caching, cgutils, imputils
from numba.extending import intrinsic
from numba.misc.appdirs import AppDirs

from fastnn.backends.engine.levels import level
from fastnn.backends.interrupts import KeptSignals, uninterrupted

#: Flags of every kernel. The GIL is released; a division by zero gives infinity, as in NumPy, so that loops have no
#: exits; a product and a sum may fuse, but nothing may be reordered and NaN and infinity keep their meaning.
FLAGS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

#: Flags of functions that only compiled code calls and that allocate nothing: machine code without a word of Python's.
BARE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False}


def kernel(function: Callable) -> Any:
    """Compile a function that is called from other kernels."""
    return njit(function, **FLAGS)


def entry_point(function: Callable, name: str = "", **flags: bool) -> Any:
    """Compile a function that is called from Python or by address, and keep its machine code on disk where possible.

    `name` tells apart the functions that one factory makes.
    """
    dispatcher = njit(function, **FLAGS, **flags)
    if config.DISABLE_JIT:
        return dispatcher
    dispatcher.compile = uninterrupted(dispatcher.compile)
    if cache_folder() is not None:
        function.__qualname__ += f"-{name}" if name else ""
        dispatcher._cache = _KernelCache(function)
    return dispatcher


def inlined(function: Callable) -> Any:
    """Compile a function of a few operations into its callers: a compilation of its own costs a tenth of a second."""
    return njit(function, inline="always", **FLAGS)


@cache
def address_of(function: Any, result: types.Type, *arguments: types.Type) -> int:
    """Compile an entry point for these types, or fetch it from disk, and return what a `caller` finds it by.

    Kernels that meet by address are compiled one by one, so an activation that a network does not use costs nothing.
    With compilation off, the address is a place in a list.
    """
    if config.DISABLE_JIT:
        _INTERPRETED.append(function)
        return len(_INTERPRETED) - 1
    with KeptSignals():
        function.compile(result(*arguments))
        compiled = function.overloads[arguments]  # kept alive, as `function` is, by the cache of this very function
        return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)


_INTERPRETED: list[Callable] = []


def caller(result: types.Type) -> Any:
    """The kernel `call(address, *arguments) -> result`, for an address from `address_of`.

    It trusts that the function at that address takes just these arguments; whether an array may be written makes no
    difference.
    """
    if config.DISABLE_JIT:
        return lambda address, *arguments: _INTERPRETED[address](*arguments)

    @intrinsic
    def call(typing_context, address, *arguments):
        def generate(context, builder, signature, values):
            address, *values = values
            convention, (_, *argument_types) = context.call_conv, signature.args
            function_type = convention.get_function_type(result, argument_types)
            function = builder.inttoptr(address, function_type.as_pointer())
            values = cgutils.unpack_tuple(builder, values[0])
            status, value = convention.call_function(builder, function, result, argument_types[0].types, values)
            with builder.if_then(status.is_error, likely=False):
                convention.return_status_propagate(builder, status)
            return value

        return result(types.int64, types.Tuple(arguments)), generate

    return call


def linked(function: Callable, signature: Callable[[types.Float], tuple]) -> Any:
    """Compile a function without result once, for all kernels that call it: they do so by its name.

    Nothing of it is compiled into its callers. `signature` gives the types of the arguments for a floating-point type,
    which is that of the first number among the arguments of a call, or in a record among them. A linked function may call
    those that were linked before it.
    """
    dispatcher = entry_point(function, "", **BARE)
    if config.DISABLE_JIT:
        return dispatcher
    _LINKED.append((dispatcher, signature))
    place = len(_LINKED)

    @intrinsic
    def call(typing_context, *arguments):
        numbers = [number for argument in arguments for number in getattr(argument, "types", [argument])]
        real = next(number for number in numbers if isinstance(number, types.Float))
        provide_linked(real, place)

        def generate(context, builder, call_signature, values):
            convention, (argument_types,) = context.call_conv, call_signature.args
            function_type = convention.get_function_type(types.void, argument_types.types)
            target = cgutils.get_or_insert_function(builder.module, function_type, _symbol(dispatcher, real))
            values = cgutils.unpack_tuple(builder, values[0])
            convention.call_function(builder, target, types.void, argument_types.types, values)
            return context.get_dummy_value()

        return types.void(types.Tuple(signature(real))), generate

    return call


_LINKED: list[tuple[Any, Callable]] = []


@cache
def provide_linked(real: types.Float, n_functions: int | None = None) -> None:
    """Compile the linked functions for a floating-point type, or fetch them from disk, and tell LLVM where they are.

    It has to be called before any kernel that calls them comes from disk. `n_functions` limits it to the first ones.
    """
    for dispatcher, signature in [] if config.DISABLE_JIT else _LINKED[:n_functions]:
        llvm.add_symbol(_symbol(dispatcher, real), address_of(dispatcher, types.void, *signature(real)))


def linked_functions(real: types.Float) -> list[tuple[str, Any]]:
    """The symbols of the linked functions for a floating-point type, and what they were compiled to."""
    provide_linked(real)
    return [(_symbol(dispatcher, real), dispatcher.overloads[signature(real)]) for dispatcher, signature in _LINKED]


def _symbol(dispatcher: Any, real: types.Float) -> str:
    return f"fastnn.{dispatcher.py_func.__module__}.{dispatcher.py_func.__qualname__}.{real}"


def _read_only(array: Any) -> Any:
    return array


@intrinsic
def _typed_read_only(typing_context, array):
    result = array.copy(readonly=True) if isinstance(array, types.Array) else array

    def generate(context, builder, signature, values):
        return imputils.impl_ret_borrowed(context, builder, result, values[0])

    return result(array), generate


#: The same array as one that cannot be written, so that a kernel is not compiled twice for arrays it only reads.
read_only = _read_only if config.DISABLE_JIT else _typed_read_only


def vector_bits() -> int:
    """Width of the vectors that the kernels use: 512, 256 or 128 bits."""
    return level().vector_bits


@cache
def source_stamp() -> str:
    """A digest of every kernel source and of the settings that change the code made from it."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update(repr((vector_bits(), config.BOUNDSCHECK, config.OPT)).encode())
    return digest.hexdigest()


@cache
def cache_folder() -> str | None:
    """Folder of the compiled kernels: `NUMBA_CACHE_DIR`, else beside the sources, else the user's cache folder.

    None, with one warning, where none of them can be written: the kernels are then compiled anew in each process.
    """
    own = "fastnn-" + hashlib.sha256(__file__.encode()).hexdigest()[:16]
    user_wide = os.path.join(AppDirs(appname="numba", appauthor=False).user_cache_dir, own)
    in_tree = os.path.join(os.path.dirname(__file__), "__pycache__")
    candidates = [os.path.join(config.CACHE_DIR, own)] if config.CACHE_DIR else [in_tree, user_wide]
    for folder in candidates:
        if _is_writable(folder):
            return folder
    warnings.warn(
        f"fastnn cannot write to {' or '.join(candidates)}, so its kernels are compiled anew in every process (some "
        "seconds each time). Set NUMBA_CACHE_DIR to a writable folder to keep them.",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def _is_writable(folder: str) -> bool:
    """Whether files can be made there, as Numba itself finds out: by making one."""
    probe = os.path.join(folder, f".fastnn-{os.getpid()}")
    try:
        os.makedirs(folder, exist_ok=True)
        with open(probe, "wb") as file:
            file.write(b"\0")
        os.unlink(probe)
    except OSError:
        return False
    return True


class _KernelLocator(caching._CacheLocator):
    """Where a kernel's machine code is kept, and the stamp that says whether it is still true."""

    def __init__(self, function: Callable, source_file: str) -> None:
        self._py_file = source_file  # named in Numba's own warnings
        self._first_line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, function: Callable, source_file: str) -> "_KernelLocator":
        return cls(function, source_file)

    def get_cache_path(self) -> str:
        return str(cache_folder())

    def get_source_stamp(self) -> str:
        return source_stamp()

    def get_disambiguator(self) -> str:
        return f"{self._first_line}-{vector_bits()}"  # each width keeps its own


class _KernelCacheImplementation(caching.CompileResultCacheImpl):
    _locator_classes = (_KernelLocator,)


class _KernelCache(caching.FunctionCache):
    """Numba's cache of compiled functions, in which a full disk or a damaged file only costs the cache."""

    _impl_class = _KernelCacheImplementation

    def _index_key(self, signature: Any, codegen: Any) -> tuple:
        # The stamp covers every source, so signature and processor are all that is left to tell entries apart.
        return signature, codegen.magic_tuple()

    def load_overload(self, signature: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(signature, target_context)
        except (OSError, EOFError, pickle.UnpicklingError, ValueError, RuntimeError) as error:
            self._give_up("read", error)
            return None

    def save_overload(self, signature: Any, data: Any) -> None:
        try:
            super().save_overload(signature, data)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            self._give_up("write", error)

    def _give_up(self, verb: str, error: Exception) -> None:
        self.disable()
        _warn_once(
            f"fastnn could not {verb} its compiled kernels in {self.cache_path}: {error}. They are compiled anew."
        )


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=4)
