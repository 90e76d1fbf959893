"""Headers compiled by the C compiler of the machine, and called through `ctypes`."""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fastnn.export.c import to_c
from fastnn.export.c.columns import Field, fields_of, positions_read
from fastnn.export.description import prediction_of
from fastnn.export.prediction import Classes, Values

CC, CXX = shutil.which("gcc") or shutil.which("cc"), shutil.which("g++") or shutil.which("c++")

needs_compilers = pytest.mark.skipif(CC is None or CXX is None, reason="there is no C or no C++ compiler here")

STRICT = ("-Wall", "-Wextra", "-pedantic", "-Werror", "-Wshadow", "-Wconversion")
C99, CPP11 = ("-std=c99", *STRICT), ("-std=c++11", *STRICT)

_TYPES = {"int": np.intc, "float": np.float32, "double": np.float64}


def run(*command: Any, given: bytes = b"") -> bytes:
    """Run a program and return what it prints; AssertionError with its messages if it fails or warns."""
    done = subprocess.run([*map(str, command)], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode() or done.stdout.decode()
    assert not done.stderr, done.stderr.decode()
    return done.stdout


class CompiledHeader:
    """The functions of a header, with the results of `predict` and `predict_proba` as NumPy arrays.

    Attributes
    ----------
    header : Path
        The header.
    source : Path
        A program that exports its functions.
    report : CReport
        What `to_c` returned.
    """

    def __init__(self, trained: Any, folder: Path, **given: Any) -> None:
        folder = Path(tempfile.mkdtemp(dir=folder))  # a library with the path of a loaded one would not be loaded
        self.prediction = prediction_of(trained)
        self.header, self.source, library = folder / "model.h", folder / "exports.c", folder / "model.so"
        self.report = to_c(trained, self.header, **given)
        self.fields = fields_of(self.prediction)
        self.source.write_text(self._exports())
        run(CC, *C99, "-O1", "-shared", "-fPIC", self.source, "-o", library, "-lm")
        self.library = ctypes.CDLL(str(library))

    def predict(self, X: Any) -> np.ndarray:
        """Labels or numbers, as fastnn returns them."""
        outcome, n_outputs = self.prediction.outcome, self.prediction.n_outputs
        if isinstance(outcome, Classes):
            return outcome.labels[self._call("predict", X, 1)[:, 0]]
        results = self._call("predict", X, n_outputs)
        return results[:, 0] if isinstance(outcome, Values) and outcome.is_vector else results

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, n_classes)."""
        outcome = self.prediction.outcome
        n_columns = len(outcome.labels) if isinstance(outcome, Classes) else self.prediction.n_outputs
        return self._call("predict_proba", X, n_columns)

    def code(self, stem: str, text: str | None) -> int:
        """The code of a text in a column."""
        given = None if text is None else text.encode("utf-8", "surrogatepass")
        return self.library[f"exported_code_of_{stem}"](ctypes.c_char_p(given))

    def class_name(self, place: int) -> bytes:
        """An entry of the table of class names."""
        function = self.library["exported_class_name"]
        function.restype = ctypes.c_char_p
        return function(place)

    def cells(self, X: Any) -> np.ndarray:
        """Rows as arrays of numbers; 0 in columns that are not read, and codes in place of text."""
        read = positions_read(self.prediction)
        texts = {field.position: field for field in self.fields if field.levels is not None}
        cells = np.zeros((len(X), self.prediction.n_features), self.prediction.input_dtype)
        for i, row in enumerate(_table(X)):
            for j in read:
                cells[i, j] = self._cell(texts[j], row[j]) if j in texts else _number(row[j])
        return cells

    @property
    def functions(self) -> dict[str, str]:
        """The types of the results of the functions for one row."""
        real = "float" if self.prediction.dtype == np.float32 else "double"
        is_value = isinstance(self.prediction.outcome, Values)
        return {"predict": "double"} if is_value else {"predict": "int", "predict_proba": real}

    def _exports(self) -> str:
        """Functions with external linkage that call those of the header."""
        lines = ['#include "model.h"', "int exported_n(void);", "int exported_n(void) { return MODEL_N_FEATURES; }"]
        texts = [field for field in self.fields if field.levels is not None]
        lines += [_exported(f"code_of_{field.stem}", "int", "const char *text") for field in texts]
        if isinstance(self.prediction.outcome, Classes):
            head = "const char *exported_class_name(int k)"
            lines.append(f"{head};\n{head} {{ return model_class_names[k]; }}")
        cells = "float" if self.prediction.input_dtype == np.float32 else "double"
        for name, kind in self.functions.items():
            suffix = "_array" if self.fields else ""
            lines.append(_exported(f"{name}_many{suffix}", "void", f"const {cells} *x, size_t n, {kind} *out"))
            if self.fields:
                lines.append(_exported(f"{name}_many", "void", f"const model_row *x, size_t n, {kind} *out"))
        return "\n".join(lines) + "\n"

    def filled(self, name: str, suffix: str, rows: Any, n_columns: int) -> np.ndarray:
        """What a function of many rows, an array or structs, writes."""
        out = np.full((len(rows), n_columns), 77, _TYPES[self.functions[name]])
        address = rows.ctypes.data if isinstance(rows, np.ndarray) else ctypes.addressof(rows)
        function = self.library[f"exported_{name}{suffix}"]
        function(ctypes.c_void_p(address), ctypes.c_size_t(len(out)), ctypes.c_void_p(out.ctypes.data))
        return out

    def _call(self, name: str, X: Any, n_columns: int) -> np.ndarray:
        """Call the function of arrays, and if there is one that of structs; both must agree."""
        cells = self.cells(X)
        results = self.filled(name, f"_many{'_array' if self.fields else ''}", cells, n_columns)
        if self.fields:
            assert np.array_equal(results, self.filled(name, "_many", self._rows(cells), n_columns), equal_nan=True)
        return results

    def _rows(self, cells: np.ndarray) -> Any:
        """Rows as an array of the header's struct."""
        members = [(each.member, ctypes.c_double if each.levels is None else ctypes.c_int) for each in self.fields]
        Row = type("Row", (ctypes.Structure,), {"_fields_": members})
        rows = (Row * len(cells))()
        for row, numbers in zip(rows, cells.tolist(), strict=True):
            for each in self.fields:
                number = numbers[each.position]
                setattr(row, each.member, number if each.levels is None else int(number))
        return rows

    def _cell(self, field: Field, value: Any) -> int:
        return self.code(field.stem, None if _is_missing(value) else value)


def _exported(name: str, kind: str, parameters: str) -> str:
    arguments = ", ".join(each.split()[-1].lstrip("*") for each in parameters.split(","))
    head = f"{kind} exported_{name}({parameters})"
    return f"{head};\n{head} {{ {'' if kind == 'void' else 'return '}model_{name}({arguments}); }}"


def _table(X: Any) -> Any:
    """The rows of an array or data frame, whose cells keep their types."""
    return X.astype(object).to_numpy() if isinstance(X, pd.DataFrame) else np.asarray(X, object)


def _number(value: Any) -> float:
    return np.nan if _is_missing(value) else float(value)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value != value


def expected_probabilities(trained: Any, X: Any, outcome: Any) -> np.ndarray:
    """The probabilities by fastnn; those of both classes if a network has one output."""
    A = trained.predict_proba(X) if hasattr(trained, "predict_proba") else trained.forward(X)
    return np.hstack([1 - A, A]) if A.shape[1] == 1 and isinstance(outcome, Classes) else A


def largest_error(compiled: CompiledHeader, trained: Any, X: Any) -> float:
    """The largest error: of a probability, relative to the largest of its row; of a number, relative to the largest.

    Where labels differ, the distance of the probabilities from a tie counts as an error.
    """
    outcome = compiled.prediction.outcome
    if isinstance(outcome, Values):
        expected, found = trained.predict(X), compiled.predict(X)
        assert expected.shape == found.shape
        return float(np.abs(found - expected).max() / (np.abs(expected).max() or 1))
    expected, found = expected_probabilities(trained, X, outcome), compiled.predict_proba(X)
    assert expected.shape == found.shape
    error = (np.abs(found - expected).max(axis=1) / expected.max(axis=1)).max()
    labels, ours = trained.predict(X), compiled.predict(X)
    if isinstance(outcome, Classes):
        ordered = np.sort(expected, axis=1)
        distances, differ = ordered[:, -1] - ordered[:, -2], ours != labels
    else:
        distances, differ = np.abs(expected - 0.5), ours != labels
    return float(max(error, distances[differ].max(initial=0.0)))


def tolerance(compiled: CompiledHeader) -> float:
    """The error allowed: 1e-6 in single precision. A temperature below 1 multiplies relative errors by 1 / T."""
    least = 1e-6 if compiled.prediction.dtype == np.float32 else 1e-14
    return least * max(1.0, 1 / getattr(compiled.prediction.outcome, "temperature", 1.0))
