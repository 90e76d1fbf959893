"""Machine code is cached between processes, and invalidated when any source changes; losing it costs only time."""

import ctypes
import errno
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from numba import njit, types
from numba.core import event
from numba.core.registry import cpu_target

import fastnn
from fastnn.backends.numba_backend import object_cache
from fastnn.backends.numba_backend.kernels.operation_compiler import FLAGS

PACKAGE = Path(fastnn.__file__).parent
COMPILED = Path("backends") / "numba_backend"

#: One operation, a = f(z), with a slope of 0.01 at z = -2.
PROGRAM = """
import json
import numpy as np
from numba.core import event
with event.install_recorder("numba:compile") as recorder:
    import fastnn
    from fastnn.backends.numba_backend.operations import NOTHING, View
    from fastnn.backends.numba_backend.programs.program import Program
    from fastnn.backends.numba_backend.table import OPERATIONS
    from fastnn.optimizers import SETTINGS
    a, program = np.empty(2), Program(np.dtype("float64"))
    program.add(OPERATIONS["leaky_relu"], (NOTHING, 1), View(a), View(np.full(2, -2.0)))
    program.run(np.zeros(1, SETTINGS))
print(json.dumps([fastnn.__file__, a[0], len(recorder.buffer)]))
"""


@pytest.fixture
def package(tmp_path):
    """A copy of the sources, for editing."""
    return shutil.copytree(PACKAGE, tmp_path / "fastnn", ignore=shutil.ignore_patterns("__pycache__"))


def run(package: Path, cache: Path) -> tuple[float, bool, str]:
    """Output, whether anything was compiled, and standard error of a separate process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    environment |= {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "always::RuntimeWarning", "-c", PROGRAM],
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
    assert run(package, cache) == (pytest.approx(-0.02), True, "")
    assert run(package, cache) == (pytest.approx(-0.02), False, "")
    activations = package / COMPILED / "kernels" / "activations.py"
    activations.write_text(activations.read_text().replace("LEAKY_SLOPE = 0.01", "LEAKY_SLOPE = 0.5"))
    assert run(package, cache) == (pytest.approx(-1.0), True, "")


def test_an_edit_in_any_kernel_file_changes_the_stamp(package):
    specification = importlib.util.spec_from_file_location("copied", package / COMPILED / "prebuilt.py")
    copied = importlib.util.module_from_spec(specification)
    sys.modules["copied"] = copied  # its dataclass asks for it
    try:
        specification.loader.exec_module(copied)
    finally:
        del sys.modules["copied"]
    stamps = [copied.source_stamp.__wrapped__()]
    assert copied.source_stamp.__wrapped__() == stamps[0]
    files = [*sorted((package / COMPILED / "kernels").glob("*.py")), package / COMPILED / "operations.py"]
    assert len(files) > 7
    for file in files:
        file.write_text(file.read_text() + "# edited\n")
        stamps.append(copied.source_stamp.__wrapped__())
    files[0].rename(files[0].with_name("renamed.py"))
    stamps.append(copied.source_stamp.__wrapped__())
    assert len(set(stamps)) == len(stamps)


def test_bounds_checks_change_the_stamp(monkeypatch):
    before = object_cache._stamp.__wrapped__()
    monkeypatch.setattr(object_cache.config, "BOUNDSCHECK", 1)
    assert object_cache._stamp.__wrapped__() != before


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
    monkeypatch.setattr(object_cache.config, "CACHE_DIR", "")
    monkeypatch.setattr(object_cache, "_is_writable", lambda folder: True)
    beside = object_cache.cache_folder.__wrapped__()
    assert beside == PACKAGE / COMPILED / "__pycache__"
    monkeypatch.setattr(object_cache, "_is_writable", lambda folder: folder != beside)
    assert "numba" in object_cache.cache_folder.__wrapped__().parts
    monkeypatch.setattr(object_cache, "_is_writable", lambda folder: False)
    with pytest.warns(RuntimeWarning, match="cannot write to .* or .*, so every process compiles its kernels again"):
        assert object_cache.cache_folder.__wrapped__() is None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder for this process."""
    monkeypatch.setattr(object_cache, "cache_folder", lambda: tmp_path)
    return tmp_path


class Times:
    """Provide a function x -> factor x like a kernel, and count how often it is compiled."""

    def __init__(self, factor):
        self.factor, self.n_compiled = factor, 0

    def compile(self):
        factor = self.factor
        dispatcher, signature = njit(lambda x: factor * x, **FLAGS), (types.float64,)
        dispatcher.compile(types.float64(*signature))
        self.n_compiled += 1
        return dispatcher.overloads[signature]

    def __call__(self, x):
        address, result = object_cache.provide(f"times_{self.factor}", self.compile), ctypes.c_double()
        call = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double)(address)
        assert call(ctypes.addressof(result), ctypes.addressof(result), x) == 0
        return result.value


def test_a_second_process_would_load_what_the_first_has_saved(folder):
    first, second = Times(0.5), Times(0.5)
    assert first(3.0) == second(3.0) == 1.5
    assert (first.n_compiled, second.n_compiled) == (1, 0)
    assert list(folder.glob("*.kernel"))


def test_a_full_disk_costs_one_warning_and_nothing_else(folder, monkeypatch):
    def no_space(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "mkstemp", no_space)
    functions = [Times(0.5) for _ in range(2)]
    with pytest.warns(RuntimeWarning) as warned:
        halves = [function(3.0) for function in functions for _ in range(2)]
    assert halves == [1.5] * 4
    assert len(warned) == 1
    assert "fastnn could not write its compiled kernels" in str(warned[0].message)
    assert "No space left" in str(warned[0].message)


def test_a_disk_that_is_full_in_the_midst_of_a_file_leaves_nothing(folder, monkeypatch):
    class Full:
        def __init__(self, descriptor, mode):
            os.close(descriptor)

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            pass

        def write(self, content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(object_cache.os, "fdopen", Full)
    with pytest.warns(RuntimeWarning, match="No space left"):
        assert Times(0.5)(3.0) == 1.5
    assert not list(folder.glob("*.tmp"))
    assert not list(folder.glob("*.kernel"))


@pytest.mark.parametrize("content", [b"", b"rubbish"], ids=["empty", "rubbish"])
def test_damaged_files_cost_one_warning_and_nothing_else(content, folder):
    Times(0.5)(3.0)
    (damaged,) = folder.glob("*.kernel")
    damaged.write_bytes(content)
    with pytest.warns(RuntimeWarning, match="fastnn could not read its compiled kernels") as warned:
        assert Times(0.5)(3.0) == 1.5
    assert len(warned) == 1


def test_functions_are_kept_apart_by_name(folder):
    for _ in range(2):  # compiled, then loaded
        double, triple = Times(2), Times(3)
        assert (double(1.0), triple(1.0)) == (2.0, 3.0)
    assert (double.n_compiled, triple.n_compiled) == (0, 0)


# Ctrl-C


class PressesCtrlC(event.Listener):
    """It does so when some event of a compilation starts or ends, `n` times."""

    def __init__(self, moment, n=1):
        self.moment, self.n = moment, n

    def press(self, moment):
        if moment == self.moment and self.n > 0:
            self.n -= 1
            signal.raise_signal(signal.SIGINT)

    def on_start(self, event):
        self.press("start")

    def on_end(self, event):
        self.press("end")


@pytest.fixture
def heeded_ctrl_c():
    """What starts pytest in the background may ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.fixture(
    params=["numba:compile start", "numba:run_pass start", "numba:run_pass end", "numba:compile end", "LLVM"]
)
def pressed(request, monkeypatch):
    """Ctrl-C is pressed once, at some moment of the next compilation; whether it was."""
    if request.param == "LLVM":  # within its callback, when the machine code is there
        engine, done = cpu_target.target_context.codegen()._engine._ee, []
        notify = engine._object_cache_notify

        def press(*arguments):
            if not done:
                done.append(True)
                signal.raise_signal(signal.SIGINT)
            notify(*arguments)

        monkeypatch.setattr(engine, "_object_cache_notify", press)
        yield lambda: bool(done)
        return
    kind, moment = request.param.split()
    listener = PressesCtrlC(moment)
    with event.install_listener(kind, listener):
        yield lambda: listener.n == 0


@pytest.mark.usefixtures("heeded_ctrl_c")
def test_ctrl_c_during_a_compilation_is_raised_when_it_is_done(folder, pressed, capfd):
    first, second = Times(0.5), Times(0.5)
    with pytest.raises(KeyboardInterrupt):
        first(3.0)
    assert pressed()
    assert first(3.0) == second(3.0) == 1.5
    assert (first.n_compiled, second.n_compiled) == (1, 0)
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("heeded_ctrl_c")
def test_ctrl_c_pressed_twice_stops_the_compilation(folder):
    function = Times(0.5)
    with event.install_listener("numba:run_pass", PressesCtrlC("start", n=2)), pytest.raises(KeyboardInterrupt):
        function(3.0)
    assert function.n_compiled == 0
    assert not list(folder.glob("*.kernel"))
    assert function(3.0) == 1.5


def test_a_handler_of_the_users_is_called_once_and_put_back(folder):
    calls = []

    def handle(number, frame):
        calls.append((number, function.n_compiled))

    before = signal.signal(signal.SIGINT, handle)
    try:
        function = Times(0.5)
        with event.install_listener("numba:compile", PressesCtrlC("start")):
            assert function(3.0) == 1.5
        assert calls == [(signal.SIGINT, 1)]
        assert signal.getsignal(signal.SIGINT) is handle
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL], ids=str)
def test_a_signal_without_a_handler_in_python_is_left_alone(folder, handler):
    seen, before = [], signal.signal(signal.SIGINT, handler)

    class Look(PressesCtrlC):
        def press(self, moment):
            seen.append(signal.getsignal(signal.SIGINT))

    try:
        with event.install_listener("numba:compile", Look("start")):
            assert Times(0.5)(3.0) == 1.5
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [handler, handler]


def test_another_thread_compiles_and_leaves_signals_to_the_main_thread(folder):
    results, before = [], signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=lambda: results.append(Times(0.5)(3.0)))
    thread.start()
    thread.join()
    assert results == [1.5]
    assert signal.getsignal(signal.SIGINT) is before


#: A fit on an empty cache; Ctrl-C comes within a callback of LLVM, where an exception would be lost.
INTERRUPTED_FIT = """
import signal
import numpy as np
from numba.core.registry import cpu_target
import fastnn
signal.signal(signal.SIGINT, signal.default_int_handler)
engine = cpu_target.target_context.codegen()._engine._ee
notify, n_notified = engine._object_cache_notify, 0

def press(*arguments):
    global n_notified
    n_notified += 1
    if n_notified == 1:
        signal.raise_signal(signal.SIGINT)
    notify(*arguments)

engine._object_cache_notify = press
network = fastnn.Network([1, 1], ["identity"], "squared_error", seed=0)
before = network.parameters.copy()
try:
    network.fit(np.ones((8, 1)), np.ones(8), epochs=10**9)
except KeyboardInterrupt:
    print("interrupted", n_notified, (network.parameters == before).all())
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_fit_that_is_interrupted_while_it_compiles_does_not_train(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_FIT],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert re.fullmatch(r"interrupted \d+ True\n", done.stdout)
    assert done.stderr == ""
