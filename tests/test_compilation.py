"""Machine code is kept between processes, is thrown away when any source changes, and costs nothing but time to lose."""

import errno
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import caching

import fastnn
from fastnn.backends.numba_backend import compilation

PACKAGE = Path(fastnn.__file__).parent
KERNELS = Path("backends") / "numba_backend"

#: A layer of one unit at -2, with weight 1 and bias 1/4: -0.0175 from a slope of 0.01.
PROGRAM = """
import json
from numba.core import event
with event.install_recorder("numba:compile") as recorder:
    import fastnn
    network = fastnn.Network([1, 1], ["leaky_relu"], "squared_error", dtype="float64")
    network.parameters[:] = [1, 0.25]
    output = network.forward([[-2.0]])[0, 0]
print(json.dumps([fastnn.__file__, output, len(recorder.buffer)]))
"""

#: One kernel of it alone, found as `layers.bind` finds it and kept under the same signature, at 2: compiled in a moment.
ONE_KERNEL = """
import json
import numpy as np
from numba import types
from numba.core import event
with event.install_recorder("numba:compile") as recorder:
    import fastnn
    from fastnn.backends.numba_backend.activations import find_activation
    from fastnn.backends.numba_backend.compilation import address_of
    kernel, _ = find_activation(fastnn.activations.ACTIVATIONS["leaky_relu"].code)
    block = types.Array(types.float64, 2, "F")
    address_of(kernel, types.void, block, block)
    A = np.empty((2, 2), order="F")
    kernel(A, np.full((2, 2), -2.0, order="F"))
print(json.dumps([fastnn.__file__, A[0, 0], len(recorder.buffer)]))
"""


@pytest.fixture
def package(tmp_path):
    """A copy of the sources, to be edited."""
    return shutil.copytree(PACKAGE, tmp_path / "fastnn", ignore=shutil.ignore_patterns("__pycache__"))


def run(package: Path, cache: Path, program: str = ONE_KERNEL) -> tuple[float, bool, str]:
    """Output, whether anything was compiled, and what was written to standard error, of a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "always::RuntimeWarning", "-c", program],
        env=environment,
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    file, output, n_events = json.loads(done.stdout)
    assert Path(file).parent == package
    return output, n_events > 0, done.stderr


def test_machine_code_is_kept_until_a_source_changes(package, tmp_path):
    cache = tmp_path / "cache"
    assert run(package, cache, PROGRAM) == (pytest.approx(-0.0175), True, "")
    assert run(package, cache, PROGRAM) == (pytest.approx(-0.0175), False, "")
    # All kernels carry the same stamp, so the one that is used alone tells of all. It is the one that the network called.
    assert run(package, cache) == (pytest.approx(-0.02), False, "")
    # A constant, in the file of the kernel that is called by address.
    activations = package / KERNELS / "activations.py"
    activations.write_text(activations.read_text().replace("LEAKY_SLOPE = 0.01", "LEAKY_SLOPE = 0.5"))
    assert run(package, cache) == (pytest.approx(-1.0), True, "")
    # A function that is called from another file: from now on there is nothing to be seen of a block.
    with (package / KERNELS / "layouts.py").open("a") as layouts:
        layouts.write("\n\n@inlined\ndef flat(block):\n    block[0, 0] = 7.0\n    return block[0, :0]\n")
    assert run(package, cache) == (pytest.approx(7.0), True, "")


def test_an_edit_in_any_kernel_file_changes_the_stamp(package):
    specification = importlib.util.spec_from_file_location("copied", package / KERNELS / "compilation.py")
    copied = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(copied)
    stamps = [copied.source_stamp.__wrapped__()]
    assert copied.source_stamp.__wrapped__() == stamps[0]
    files = sorted((package / KERNELS).rglob("*.py"))
    assert len(files) > 7
    for file in files:
        file.write_text(file.read_text() + "# edited\n")
        stamps.append(copied.source_stamp.__wrapped__())
    files[0].rename(files[0].with_name("renamed.py"))
    stamps.append(copied.source_stamp.__wrapped__())
    assert len(set(stamps)) == len(stamps)


def test_bounds_checks_change_the_stamp(monkeypatch):
    before = compilation.source_stamp.__wrapped__()
    monkeypatch.setattr(compilation.config, "BOUNDSCHECK", 1)
    assert compilation.source_stamp.__wrapped__() != before


# Without a cache


def test_a_cache_folder_that_cannot_be_written_costs_one_warning_and_nothing_else(package, tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    output, compiled, messages = run(package, tmp_path / "file" / "cache")
    assert output == pytest.approx(-0.02)
    assert compiled
    assert messages.count("Warning:") == 1
    assert "RuntimeWarning: fastnn cannot write to " in messages
    assert "Set NUMBA_CACHE_DIR to a writable folder" in messages


def test_machine_code_lies_beside_the_sources_or_in_the_users_cache(monkeypatch):
    monkeypatch.setattr(compilation.config, "CACHE_DIR", "")
    monkeypatch.setattr(compilation, "_is_writable", lambda folder: True)
    beside = compilation.cache_folder.__wrapped__()
    assert Path(beside) == PACKAGE / KERNELS / "__pycache__"
    monkeypatch.setattr(compilation, "_is_writable", lambda folder: folder != beside)
    assert "numba" in Path(compilation.cache_folder.__wrapped__()).parts
    monkeypatch.setattr(compilation, "_is_writable", lambda folder: False)
    with pytest.warns(RuntimeWarning, match="fastnn cannot write to .* or .*, so its kernels are compiled anew"):
        assert compilation.cache_folder.__wrapped__() is None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder for this process."""
    monkeypatch.setattr(compilation, "cache_folder", lambda: str(tmp_path))
    return tmp_path


def half(x):
    return x / 2


def n_compiled_and_loaded(dispatcher) -> tuple[int, int]:
    return sum(dispatcher.stats.cache_misses.values()), sum(dispatcher.stats.cache_hits.values())


def test_a_second_dispatcher_loads_what_the_first_has_saved(folder):
    first, second = compilation.entry_point(half), compilation.entry_point(half)
    assert first(3.0) == second(3.0) == 1.5
    assert n_compiled_and_loaded(first) == (1, 0)
    assert n_compiled_and_loaded(second) == (0, 1)
    assert list(folder.glob("*.nbc"))


def test_a_full_disk_costs_one_warning_and_nothing_else(folder, monkeypatch):
    def no_space(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(caching.IndexDataCacheFile, "save", no_space)
    dispatchers = [compilation.entry_point(half) for _ in range(2)]
    with pytest.warns(RuntimeWarning) as warned:
        halves = [dispatcher(number) for dispatcher in dispatchers for number in (3.0, 3)]
    assert halves == [1.5] * 4
    assert len(warned) == 1
    assert "fastnn could not write its compiled kernels" in str(warned[0].message)
    assert "No space left" in str(warned[0].message)


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("content", [b"", b"rubbish"], ids=["empty", "rubbish"])
def test_damaged_files_cost_one_warning_and_nothing_else(content, suffix, folder):
    compilation.entry_point(half)(3.0)
    (damaged,) = folder.glob(f"*.{suffix}")
    damaged.write_bytes(content)
    with pytest.warns(RuntimeWarning, match="fastnn could not read its compiled kernels") as warned:
        assert compilation.entry_point(half)(3.0) == 1.5
    assert len(warned) == 1


def test_functions_of_one_factory_are_kept_apart_by_name(folder):
    def times(factor):
        def apply(x):
            return factor * x

        return apply

    for _ in range(2):  # compiled, then loaded
        double, triple = (compilation.entry_point(times(factor), name=str(factor)) for factor in (2, 3))
        assert (double(1.0), triple(1.0)) == (2.0, 3.0)
    assert n_compiled_and_loaded(triple) == (0, 1)
