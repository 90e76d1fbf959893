"""Compile every operation for a processor level, and link them into a library; run by `fastnn.build`.

The level is `FASTNN_BUILD_LEVEL`, which must be set before this is imported, as must Numba's target.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numba
from numba import float32, float64, types

from fastnn.backends.numba_backend.jit import compiled_driver
from fastnn.backends.numba_backend.kernels.compilation import compile_linked
from fastnn.backends.numba_backend.kernels.operation_compiler import compiled
from fastnn.backends.numba_backend.kernels.products import PRODUCTS
from fastnn.backends.numba_backend.levels import level
from fastnn.backends.numba_backend.prebuilt import library_path
from fastnn.backends.numba_backend.table import OPERATIONS

#: The types of networks, by name; each is compiled in its own process.
TYPES = {"float32": float32, "float64": float64}

#: LLVM turns loops that fill or copy memory into calls of these C library functions.
STANDARD = r"""
typedef __SIZE_TYPE__ size;
#define HIDDEN __attribute__((visibility("hidden")))
HIDDEN void *memset(void *to, int value, size n) {
    for (unsigned char *p = to; n--; ) *p++ = (unsigned char)value;
    return to;
}
HIDDEN void *memcpy(void *restrict to, const void *restrict from, size n) {
    unsigned char *p = to;
    for (const unsigned char *q = from; n--; ) *p++ = *q++;
    return to;
}
HIDDEN void *memmove(void *to, const void *from, size n) {
    unsigned char *p = to;
    const unsigned char *q = from;
    if (p < q) while (n--) *p++ = *q++;
    else while (n--) p[n] = q[n];
    return to;
}
"""


def compile_operations(real: types.Float) -> Iterator[tuple[str, Any, str]]:
    """(symbol, library, LLVM name) of the matrix products and of every operation, for one type."""
    for function in PRODUCTS:
        yield function.symbol(real), *_code(compile_linked(function, real))
    for name, operation in OPERATIONS.items():
        yield f"{name}_{real}", *_code(compiled(operation, real)[1])


def _code(overload: Any) -> tuple[Any, str]:
    return overload.library, overload.fndesc.llvm_func_name


def emit(machine: llvm.TargetMachine, symbol: str, library: Any, llvm_name: str) -> bytes:
    """The object code of one function, exported under a symbol; all others in it are internal."""
    module = llvm.parse_bitcode(library._final_module.as_bitcode())
    for function in module.functions:
        if function.name == llvm_name:
            function.name, function.linkage = symbol, "external"
        elif not function.is_declaration:
            function.linkage = "internal"
    for variable in list(module.global_variables):
        if not variable.is_declaration:
            variable.linkage = "internal"
    _drop_unused(module, machine)
    object_code: bytes = machine.emit_object(module)
    return object_code


def _drop_unused(module: Any, machine: llvm.TargetMachine) -> None:
    """Remove unused functions from a module, such as the wrappers for calls from Python."""
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, builder)


def c_compiler() -> str:
    """The C compiler used to link the kernels."""
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if found is None:
        raise FileNotFoundError("no C compiler (cc, gcc or clang) to link the kernels with")
    return found


def link(compiler: str, objects: list[Path], target: Path) -> None:
    """Link object files into a self-contained library."""
    standard = objects[0].with_name("standard.c")
    standard.write_text(STANDARD)
    flags = [
        "-shared",
        "-fPIC",
        "-O3",
        "-ffreestanding",
        "-fno-builtin",
        "-fno-tree-loop-distribute-patterns",
        "-nostdlib",
    ]
    if sys.platform.startswith("linux"):
        flags += ["-Wl,-z,noexecstack", "-Wl,-z,defs", "-Wl,--gc-sections", "-Wl,-Bsymbolic", "-s"]
    command = [compiler, *flags, "-o", str(target), str(standard), *map(str, objects)]
    subprocess.run(command, check=True, capture_output=True, text=True)


def object_codes(name: str) -> list[bytes]:
    """The object code of every function for a type; that of the driver is included with single precision."""
    target = llvm.Target.from_triple(llvm.get_process_triple())
    machine = target.create_target_machine(cpu=level().name, opt=3, reloc="pic", codemodel="default")
    functions = list(compile_operations(TYPES[name]))
    if name == "float32":
        functions.append(("run_program", *_code(compiled_driver())))
    return [emit(machine, *function) for function in functions]


def build(folder: Path) -> Path:
    """Build the library for `FASTNN_BUILD_LEVEL` in a folder, with a record of versions, and return its path."""
    compiler, path = c_compiler(), folder / library_path(level()).name
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        ProcessPoolExecutor(len(TYPES), mp_context=get_context("spawn")) as processes,
    ):
        objects: list[Path] = []
        for code in chain.from_iterable(processes.map(object_codes, TYPES)):
            objects.append(Path(scratch) / f"{len(objects)}.o")
            objects[-1].write_bytes(code)
        made = Path(scratch) / path.name
        link(compiler, objects, made)
        for old in path.parent.glob(f"kernels-{level().name}-*"):
            old.unlink()
        shutil.move(made, path)
    made_with = {
        "numba": numba.__version__,
        "llvm": ".".join(map(str, llvm.llvm_version_info)),
        "llvmlite": llvmlite.__version__,
    }
    path.with_suffix(".json").write_text(json.dumps(made_with | {"level": level().name}))
    return path


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{build(Path(sys.argv[1]))}\n")
    except FileNotFoundError as error:
        sys.exit(str(error))
