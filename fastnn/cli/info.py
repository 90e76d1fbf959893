"""``fastnn info``."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

import fastnn
from fastnn.cli.file_info import report_file
from fastnn.cli.reports import report
from fastnn.threads import available_cpus

PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "scikit-learn", "pandas", "pyarrow", "matplotlib")
VECTOR_FEATURES = ("sse", "avx", "fma", "amx", "neon", "sve", "asimd", "altivec", "vsx")


@click.command(short_help="Show versions, processor and caches, or what is in a file.")
@click.argument(
    "model_file",
    metavar="[MODEL]",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
def info(model_file: Path | None) -> None:
    """Show versions, the processor's vector unit, threads, and where compiled kernels are cached.

    With MODEL, a file saved by "fastnn train" or from Python, show what is in it, without loading it.
    """
    if model_file is None:
        _report_machine()
    else:
        report_file(model_file)


def _report_machine() -> None:
    import llvmlite.binding as llvm

    from fastnn.backends.numba_backend.levels import level
    from fastnn.backends.numba_backend.object_cache import cache_folder

    report("fastnn", fastnn.__version__)
    report("Python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        report(package, _version(package))
    features = sorted(name for name, present in llvm.get_host_cpu_features().items() if present)
    relevant = " ".join(name for name in features if name.startswith(VECTOR_FEATURES))
    report("Processor", llvm.get_host_cpu_name())
    report("Vectors", f"{level().vector_bits} bits ({relevant or 'no features known'})")
    report("Threads", f"{available_cpus()} of {os.cpu_count()}")
    report("Kernels", kernels_in_use())
    report("Cache", str(cache_folder() or "none: no folder is writable, so every process compiles its kernels"))


def kernels_in_use() -> str:
    """Where the machine code of the compiled backend comes from, and why."""
    from fastnn.backends.numba_backend.levels import level
    from fastnn.backends.numba_backend.prebuilt import choice, versions

    chosen = choice()
    if chosen.path is None:
        return f"compiled by Numba on first use, for {level().vector_bits}-bit vectors ({chosen.reason})"
    made_with = versions(chosen.path)
    return (
        f"{chosen.path.name} ({chosen.reason}), built with Numba {made_with['numba']} (BSD licence) and "
        f"LLVM {made_with['llvm']} (Apache licence 2.0 with LLVM exceptions), neither of which is included"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
