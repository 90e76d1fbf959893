"""A classifier of digits exported as C99: size, and time for one row, checked and then timed: ``python -m benchmarks.c_export``.

The headers, with weights as trained and with 8-bit weights, are compiled with -O3 and -Os for any processor of this kind. C is
timed in a loop over rows in C, without a call from Python. fastnn and ONNX Runtime are called from Python, with one row and
with all of them. ONNX Runtime is left out where it or fastnn's writer of ONNX is missing.
"""

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from benchmarks.harness.agreement import assert_close
from benchmarks.harness.markdown import line, table, three_digits
from benchmarks.harness.turns import exactly, medians, seconds_of, take_turns
from benchmarks.settings import QUICK
from fastnn import MLPClassifier
from fastnn.export.c import to_c

N_CLASSES = 10
N_TRAINING = 1200

#: Allowed difference of probabilities; 8-bit weights are checked against the difference that `to_c` measured.
TOLERANCE = 1e-6

ROUNDS = 1 if QUICK else 15
SECONDS_PER_TURN = 1e-4 if QUICK else 0.05

#: A program around the header. Its functions are all that a library exports.
SOURCE = """
#include "digits.h"

void probabilities(const float *rows, size_t n, float *out);
void probabilities(const float *rows, size_t n, float *out)
{
    digits_predict_proba_many(rows, n, out);
}
"""


@dataclass(frozen=True)
class Contestant:
    """A way to predict: the probabilities of any rows, the largest difference allowed, and the size of code and weights."""

    name: str
    predict: Callable[[NDArray[Any]], NDArray[Any]]
    tolerance: float = TOLERANCE
    n_bytes: int | None = None
    in_c: bool = False  # rows are predicted one by one there, and a call from Python would outweigh a row

    def check(self, X: NDArray[Any], expected: NDArray[Any]) -> None:
        """Compare with fastnn's probabilities."""
        assert_close(self.name, self.predict(X), expected, self.tolerance)

    def seconds_per_row(self, X: NDArray[Any]) -> float:
        """Time for a row when all of X is predicted at once, over some milliseconds."""
        n_calls = max(1, int(SECONDS_PER_TURN / seconds_of(lambda: self.predict(X))))
        return seconds_of(lambda: [self.predict(X) for _ in range(n_calls)]) / (n_calls * len(X))


def in_c(classifier: MLPClassifier, weights: str, level: str, data: Any, folder: Path) -> Contestant:
    """The header, compiled."""
    report = to_c(classifier, folder / "digits.h", weights=weights, data=data if weights == "int8" else None)
    source, compiled = folder / "digits.c", folder / "digits.o"
    source.write_text(SOURCE, encoding="ascii")
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise click.ClickException("A C compiler, gcc or cc, is needed.")
    _run(compiler, "-std=c99", level, "-fPIC", "-c", source, "-o", compiled)
    library = folder / f"{weights}{level}.so"
    _run(compiler, "-shared", compiled, "-o", library, "-lm")
    tolerance = TOLERANCE if report.accuracy is None else 1.01 * report.accuracy.largest
    name = f"C, {weights} weights, {level}"
    return Contestant(name, _caller(library), tolerance, _size(compiled), in_c=True)


def _run(*command: str | Path) -> str:
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout


def _size(compiled: Path) -> int:
    """Bytes of code and constants."""
    text, data, *_ = map(int, _run("size", compiled).splitlines()[1].split()[:3])
    return text + data


def _caller(library: Path) -> Callable[[NDArray[Any]], NDArray[Any]]:
    function = ctypes.CDLL(str(library)).probabilities

    def predict(X: NDArray[Any]) -> NDArray[Any]:
        out = np.empty((len(X), N_CLASSES), np.float32)
        function(ctypes.c_void_p(X.ctypes.data), ctypes.c_size_t(len(X)), ctypes.c_void_p(out.ctypes.data))
        return out

    return predict


def with_onnx_runtime(classifier: MLPClassifier, folder: Path) -> Iterator[Contestant]:
    """ONNX Runtime on one thread, if it can be had."""
    if not (find_spec("fastnn.export.onnx_graph") and find_spec("onnx") and find_spec("onnxruntime")):
        return
    import onnxruntime

    import_module("fastnn.export.onnx_graph").to_onnx(classifier, folder / "digits.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "digits.onnx", options, providers=["CPUExecutionProvider"])
    name, output = session.get_inputs()[0].name, session.get_outputs()[-1].name
    yield Contestant("ONNX Runtime", lambda X: np.asarray(session.run([output], {name: X})[0]))


def contestants(classifier: MLPClassifier, data: Any, folder: Path) -> Iterator[Contestant]:
    """All of them, fastnn first."""
    yield Contestant("fastnn, predict_proba", classifier.predict_proba)
    yield from with_onnx_runtime(classifier, folder)
    for weights in ("float", "int8"):
        for level in ("-O3", "-Os"):
            yield in_c(classifier, weights, level, data, folder)


def measure(each: Contestant, X: NDArray[Any]) -> tuple[float, float]:
    """Median seconds per row: when called with one row, and with all rows at once."""
    turns = {"all": lambda: each.seconds_per_row(X)}
    if not each.in_c:
        turns["one"] = lambda: each.seconds_per_row(X[:1])
    seconds = medians(take_turns(turns, exactly(ROUNDS, pause=0.0)))
    return seconds.get("one", seconds["all"]), seconds["all"]


def row(each: Contestant, seconds: tuple[float, float]) -> str:
    """Name, size and times."""
    size = "" if each.n_bytes is None else three_digits(each.n_bytes / 1000)
    return line([each.name, size, *(three_digits(1e6 * number) for number in seconds)])


@click.command()
def main() -> None:
    """Export a classifier of digits as C99, check it, and print its size and the time for one row."""
    X, y = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    classifier = MLPClassifier((64,), n_threads=1, random_state=0).fit(X[:N_TRAINING], y[:N_TRAINING])
    X, data = X[N_TRAINING:], (X[N_TRAINING:], y[N_TRAINING:])
    expected, rows = classifier.predict_proba(X), []
    with tempfile.TemporaryDirectory() as folder:
        for each in contestants(classifier, data, Path(folder)):
            each.check(X, expected)
            rows.append(row(each, measure(each, X)))
    header = ["network 64-64-10", "code and weights, kB", "one row, µs", f"{len(X)} rows at once, µs per row"]
    click.echo("\n".join(table(header, 1, rows)))


if __name__ == "__main__":
    main()
