"""The README's code runs as it is, no text installs another project's package, and the suite works next to others."""

import os
import re
import subprocess
import sys
from pathlib import Path

import sklearn.neural_network  # noqa: F401 (only libraries that are loaded can be limited)
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).parents[1]
TEXTS = [*ROOT.glob("*.md"), *(ROOT / "examples").iterdir(), *(ROOT / "fastnn").rglob("*.py")]


def python_blocks(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_readmes_python_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    with threadpool_limits(1):  # on a busy machine, scikit-learn's small products are faster on one thread
        for number, block in enumerate(python_blocks(ROOT / "README.md")):
            exec(compile(block, f"README.md, Python block {number}", "exec"), names)
    output = capsys.readouterr().out
    assert "Backpropagation and central differences agree" in output
    assert re.findall(r"^  (\w+)\[", output, re.MULTILINE) == ["W1"]  # the gradient that should be a mean
    assert (tmp_path / "moons.checkpoint").exists()


def test_no_text_installs_fastnn_from_the_index():
    """On the index, the name belongs to another project."""
    for path in filter(Path.is_file, TEXTS):
        installed = re.findall(r"pip install ([^`)\n]*)", path.read_text(encoding="utf-8"))
        assert not [words for words in installed if "fastnn" in words.partition("&&")[0]], path


def test_the_suite_is_collected_where_another_package_installs_its_tests(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("raise ImportError('the tests of a stranger')\n")
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "tests/training/test_weights.py",
            "-p",
            "no:cacheprovider",
        ],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "tests/training/test_weights.py::" in done.stdout
