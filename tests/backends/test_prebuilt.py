"""Prebuilt libraries of kernels give the same bits as compiled kernels, and nothing is compiled."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastnn.backends.numba_backend import prebuilt
from fastnn.backends.numba_backend.levels import is_supported, levels

NOT_BUILT = "no library was made of these sources: python -m fastnn.build all"


def in_a_process(*command, **environment):
    """The output of a Python process."""
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(("FASTNN_VECTOR", "FASTNN_KERNELS"))
    }
    done = subprocess.run(
        [sys.executable, *command], env=own | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def built():
    """There is a library for the level of this process."""
    if not any(prebuilt.library_path(of).exists() for of in levels() if is_supported(of)):
        pytest.skip(NOT_BUILT)


@pytest.mark.parametrize("of", levels(), ids=lambda of: of.name)
def test_a_library_computes_what_the_compiler_makes_bit_for_bit(of, tmp_path):
    if not is_supported(of):
        pytest.skip(f"this processor is not of level {of.name}")
    if not prebuilt.library_path(of).exists():
        pytest.skip(NOT_BUILT)
    root, bits = str(Path(__file__).parents[2]), str(of.vector_bits)
    own = {"FASTNN_VECTOR_BITS": bits, "PYTHONPATH": root}
    library = in_a_process("-m", "tests.backends.kernel_bits", FASTNN_KERNELS="prebuilt", **own)
    # The oldest level has no fused multiply-add, which the compiler would take on a newer processor.
    target = {"NUMBA_CPU_NAME": of.name, "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    compiler = in_a_process("-m", "tests.backends.kernel_bits", FASTNN_KERNELS="jit", **own, **target)
    assert json.loads(library) == json.loads(compiler)


USES = {
    "a network": """
        network = fastnn.Network([4, 30, 3], seed=0)
        network.fit(X, y, epochs=2, progress=False)
        network.predict(X)
    """,
    "an estimator": """
        fastnn.MLPClassifier((30,), max_iter=3).fit(X, y).predict(X)
    """,
}


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("use", USES)
def test_nothing_is_compiled_nor_numba_imported(use):
    program = f"""if True:
        import sys, warnings
        import numpy as np
        import fastnn
        warnings.simplefilter("ignore")
        X, y = np.random.default_rng(0).standard_normal((60, 4)), np.arange(60) % 3
        {USES[use].strip()}
        print([name for name in ("numba", "llvmlite") if name in sys.modules])
    """
    assert in_a_process("-c", program, FASTNN_KERNELS="prebuilt").strip() == "[]"


@pytest.fixture
def _fresh_choice():
    prebuilt.choice.cache_clear()
    yield
    prebuilt.choice.cache_clear()


@pytest.mark.usefixtures("_fresh_choice")
class TestChoice:
    """The message if there is no library, or none that fits."""

    @pytest.fixture
    def folder(self, monkeypatch, tmp_path):
        """An empty folder instead of fastnn's own."""
        monkeypatch.setattr(prebuilt, "FOLDER", tmp_path)
        monkeypatch.delenv("FASTNN_KERNELS", raising=False)
        return tmp_path

    def test_without_a_library_kernels_are_compiled(self, folder):
        assert prebuilt.choice().library is None
        assert prebuilt.choice().reason == "none was built when fastnn was installed"

    def test_the_build_says_why_it_made_none(self, folder):
        (folder / "none.json").write_text(json.dumps({"reason": "no C compiler"}))
        assert prebuilt.choice().reason == "none was built when fastnn was installed: no C compiler"

    def test_a_library_of_other_sources_is_ignored_with_one_warning(self, folder):
        (folder / f"kernels-{levels()[0].name}-0123456789abcdef{prebuilt.ENDING}").write_bytes(b"")
        for of in levels()[1:]:
            (folder / f"kernels-{of.name}-0123456789abcdef{prebuilt.ENDING}").write_bytes(b"")
        with pytest.warns(RuntimeWarning, match="built from other sources .* python -m fastnn.build"):
            prebuilt.choice()
        assert prebuilt.choice().library is None  # and says nothing more

    def test_a_damaged_library_is_not_used(self, folder):
        prebuilt.library_path(prebuilt.level()).write_bytes(b"no library")
        assert prebuilt.choice().library is None
        assert "cannot be loaded" in prebuilt.choice().reason

    def test_who_insists_on_a_library_learns_that_there_is_none(self, folder, monkeypatch):
        monkeypatch.setenv("FASTNN_KERNELS", "prebuilt")
        with pytest.raises(
            OSError, match="FASTNN_KERNELS=prebuilt requires kernels compiled ahead of time, but there are"
        ):
            prebuilt.choice()

    def test_who_wants_the_compiler_gets_it(self, folder, monkeypatch):
        monkeypatch.setenv("FASTNN_KERNELS", "jit")
        assert prebuilt.choice().reason == "FASTNN_KERNELS=jit"

    def test_other_wishes_are_refused(self, folder, monkeypatch):
        monkeypatch.setenv("FASTNN_KERNELS", "fast")
        with pytest.raises(ValueError, match="FASTNN_KERNELS must be one of jit, prebuilt, auto, got 'fast'"):
            prebuilt.choice()
