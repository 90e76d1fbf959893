"""Tables in files of every kind, intact, damaged, compressed, or from standard input."""

import bz2
import gzip
import io
import lzma
import random
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fastnn.datasets import file_type, load_samples, load_table, table_name


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zip"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "CSV"])
def test_compressed_text_is_read(tmp_path, kind, ending):
    frame = pd.DataFrame({"x": [1.5, 2, 4], "y": ["u", "v", "u"]})
    path = tmp_path / f"file.{kind}{ending}"
    frame.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
    dataset = load_table(path)
    np.testing.assert_array_equal(dataset.X, frame[["x"]])
    assert dataset.name == "file"


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_what_is_small_only_until_it_is_unpacked_is_refused(tmp_path, ending, compress, monkeypatch):
    monkeypatch.setattr("fastnn.datasets.compressed.ALWAYS_READ", 2**20)
    path = tmp_path / f"file.csv.{ending}"
    path.write_bytes(compress(b"x,y\n" + b"0" * 2**22))
    with pytest.raises(ValueError, match=r"cannot be read as a table: its content is more than 1 MiB, over 200 times"):
        load_table(path)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_parquet_and_feather_are_read(tmp_path, ending):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "flag": [True, False, True],
            "count": pd.array([1, 5, 2], dtype="Int64"),
            "size": np.array([0.5, 1.5, 7], np.float32),
            "kind": pd.Categorical(["a_1", None, "b"]),
        }
    )
    path = tmp_path / f"file.{ending}"
    getattr(frame, f"to_{ending}")(path)
    dataset = load_table(path)
    np.testing.assert_array_equal(dataset.X, [[1, 1, 0.5], [1, 2, 7]])
    assert dataset.class_names == ("a_1", "b")
    assert dataset.feature_names == ("flag", "count", "size")
    getattr(frame.assign(count=pd.array([1, None, 2], dtype="Int64"), y=[0.5, 1, 2]), f"to_{ending}")(path)
    with pytest.raises(ValueError, match=r"missing in 'count' \(1 of 3\).*words in 'kind' \('a_1' in row 1\)"):
        load_table(path)


def test_an_index_of_parquet_is_a_column_if_it_has_a_name(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": [1.5, 2, 4], "y": ["u", "v", "u"]}, index=[4, 9, 7])
    frame.to_parquet(tmp_path / "file.parquet")
    assert load_table(tmp_path / "file.parquet").feature_names == ("x",)
    frame.rename_axis("number").to_parquet(tmp_path / "file.parquet")
    assert load_table(tmp_path / "file.parquet").feature_names == ("number", "x")


@pytest.mark.parametrize("name", ["file.parquet", "file.feather", "file.csv.gz", "file.csv.zip", "file.csv.xz"])
@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04rubbish", b"PAR1rubbishPAR1", b"\x1f\x8b\x08rubbish"])
def test_damaged_files_are_refused_with_a_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} (cannot be read as a table|is empty)"):
        load_table(tmp_path / name)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Content with some bytes changed, inserted, duplicated or removed."""
    for _ in range(draw.randint(1, 5)):
        start, length = draw.randrange(len(content)), draw.randint(0, 20)
        middle = draw.choice([b"", b'"', b",", b";", b"\n", b"\r", b"\0", b"1e999", b"NA,", draw.randbytes(4)])
        content = content[:start] + middle + content[start + draw.choice([0, 0, length]) :]
        if draw.random() < 0.1:
            content = content[: draw.randint(1, len(content))]
    return content


@pytest.mark.parametrize("name", ["file.csv", "file.tsv.gz", "file.csv.zip", "file.parquet", "file.feather"])
def test_mutated_files_are_read_or_refused_with_a_sentence(tmp_path, name):
    frame = pd.DataFrame({"x": np.arange(20) / 7, "flag": [True, False] * 10, "y": ["u", "v"] * 10})
    path = tmp_path / name
    if path.suffix in (".parquet", ".feather"):
        pytest.importorskip("pyarrow")
        getattr(frame, f"to_{path.suffix[1:]}")(path)
    else:
        frame.to_csv(path)
    content = path.read_bytes()
    for seed in range(40):
        path.write_bytes(mutated(content, random.Random(seed)))
        for load in (load_table, lambda path: load_samples(path, 2, feature_names=["x", "flag"], target_name="y")):
            with suppress(ValueError):
                load(path)


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "file.parquet").touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'needs PyArrow, which is not installed: pip install "\.\[data\]"'):
        load_table(tmp_path / "file.parquet")


def test_the_standard_input_stream_is_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x;y\n0,5;u\n1,5;v\n")))
    dataset = load_table("-")
    np.testing.assert_array_equal(dataset.X, [[0.5], [1.5]])
    assert dataset.name == "stdin"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "standard input is empty or not a table"),
        ("x,y\n", "standard input has a header but no rows"),
        ("x,y\n1,NA\n", "standard input: the target is missing"),
        ("x,y\na,1.5\nb,2.5\n", "standard input: Expected numbers"),
        ("x,y\n1,2,3,4\n", "standard input: the first row has 4 cells"),
        ("x,y\n\xff", "standard input must be text in UTF-8"),
    ],
)
def test_faults_of_the_standard_input_stream_are_told_by_its_name(monkeypatch, text, message):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode("latin-1"))))
    with pytest.raises(ValueError, match=f"^{message}"):
        load_table("-")


def test_a_row_with_too_many_cells_is_told_by_its_line(table):
    with pytest.raises(ValueError, match=r"table\.csv cannot be read as a table: Expected 2 fields in line 5, saw 3$"):
        load_table(table("x,y\n1,a\n2,b\n3,a\n4,b,5\n"))


def test_files_are_known_by_their_endings():
    assert [file_type(Path(name)) for name in ("a.CSV", "a.tsv.xz", "-", "a.npy", "a.npy.gz", "a.gz", "a.xlsx")] == [
        ".csv",
        ".tsv",
        ".csv",
        ".npy",
        None,
        None,
        None,
    ]
    assert [table_name(Path(name)) for name in ("f/a.csv", "a.b.csv.gz", "-")] == ["a", "a.b", "stdin"]
