"""Data sets by name, MNIST's files, and tables: their contents, and the error message if they are invalid."""

import gzip
import os
import struct
import urllib.error
from pathlib import Path

import numpy as np
import pytest

from fastnn import datasets
from fastnn.datasets import load_mnist, load_named, load_samples, load_table, read_idx, split

IMAGES = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
LABELS = np.array([7, 0, 9], dtype=np.uint8)
REAL_DATA = os.environ.get("FASTNN_DATA")


def idx_bytes(content: np.ndarray) -> bytes:
    header = struct.pack(f">4B{content.ndim}I", 0, 0, 8, content.ndim, *content.shape)
    return header + content.tobytes()


def write_mnist(folder: Path, *, ending: str = "", separator: str = "-") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "t10k"):
        for kind, content in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
            name = f"{part}-{kind.replace('-idx', f'{separator}idx')}-ubyte{ending}"
            data = idx_bytes(content)
            (folder / name).write_bytes(gzip.compress(data) if ending else data)


@pytest.fixture(autouse=True)
def no_data_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "data_home"))


@pytest.fixture
def table(tmp_path: Path):
    def write(text: str, name: str = "table.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return write


# Sets by name


@pytest.mark.parametrize(
    ("name", "shape", "n_classes"),
    [("digits", (1797, 64), 10), ("moons", (1000, 2), 2), ("circles", (1000, 2), 2), ("blobs", (1000, 2), 3)],
)
def test_named_sets_have_their_documented_shape(name, shape, n_classes):
    dataset = load_named(name)
    assert dataset.X.shape == shape
    assert len(dataset.class_names) == n_classes
    assert set(dataset.y) == set(range(n_classes))


def test_pixels_are_scaled_and_points_are_to_be_standardized():
    digits = load_named("digits")
    assert (digits.X.min(), digits.X.max(), digits.standardize) == (0, 1, False)
    assert load_named("moons").standardize


@pytest.mark.parametrize("name", ["moons", "circles", "blobs"])
def test_generated_points_follow_the_seed(name):
    np.testing.assert_array_equal(load_named(name, seed=3).X, load_named(name, seed=3).X)
    assert not np.array_equal(load_named(name, seed=3).X, load_named(name, seed=4).X)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'digit'; known are digits, moons, circles, blobs, mnist"):
        load_named("digit")


# The held-out part


def test_split_keeps_the_share_of_each_class():
    dataset = load_named("digits")
    _, X_test, y_train, y_test = split(dataset, held_out=0.2, seed=1)
    assert len(X_test) == round(0.2 * len(dataset.X))
    np.testing.assert_allclose(np.bincount(y_train) / 4, np.bincount(y_test), atol=1)


def test_split_follows_the_seed_and_loses_no_sample():
    dataset = load_named("moons")
    X_train, X_test, *_ = split(dataset, seed=5)
    np.testing.assert_array_equal(X_train, split(dataset, seed=5)[0])
    assert not np.array_equal(X_train, split(dataset, seed=6)[0])
    np.testing.assert_array_equal(np.sort(np.concatenate([X_train, X_test]), axis=0), np.sort(dataset.X, axis=0))


def test_split_of_a_tiny_table_leaves_every_class_in_both_parts(table):
    dataset = load_table(table("x,kind\n1,a\n2,a\n3,b\n4,b\n5,c\n6,c\n"))
    _, _, y_train, y_test = split(dataset)
    assert sorted(y_train) == sorted(y_test) == [0, 1, 2]


def test_split_names_a_class_with_a_single_sample(table):
    dataset = load_table(table("x,kind\n1,a\n2,a\n3,b\n"))
    with pytest.raises(ValueError, match=r"class 'b' has a single sample.*regression"):
        split(dataset)
    dataset = load_table(table("x,kind\n1,a\n2,a\n3,b\n4,c\n"))
    with pytest.raises(ValueError, match=r"2 of 3 classes, such as 'b', have a single sample"):
        split(dataset)


def test_split_says_how_many_samples_a_regression_needs(table):
    dataset = load_table(table("x,y\n1,0.5\n2,1.5\n3,2.5\n"))
    with pytest.raises(ValueError, match="has 3 samples, but at least 4 are needed"):
        split(dataset)


# MNIST


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("folder", ["mnist", "."])
@pytest.mark.parametrize("separator", ["-", "."])
def test_mnist_is_read_from_plain_and_gzip_files(tmp_path, ending, folder, separator):
    write_mnist(tmp_path / folder, ending=ending, separator=separator)
    dataset = load_mnist(tmp_path)
    np.testing.assert_array_equal(dataset.X, IMAGES.reshape(3, 16) / np.float32(255))
    np.testing.assert_array_equal(dataset.X_test, dataset.X)
    np.testing.assert_array_equal(dataset.y, LABELS)
    assert dataset.X.dtype == np.float32
    assert split(dataset)[1] is dataset.X_test


@pytest.mark.parametrize("variable", ["FASTNN_DATA", "SCIKIT_LEARN_DATA"])
def test_mnist_is_found_where_the_environment_says(tmp_path, monkeypatch, variable):
    write_mnist(tmp_path / "elsewhere")
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert len(load_mnist().X) == 3


def test_data_dir_comes_before_the_environment(tmp_path, monkeypatch):
    write_mnist(tmp_path / "first")
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "train-images-idx3-ubyte").write_bytes(b"rubbish")
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path / "second"))
    assert len(load_mnist(tmp_path / "first").X) == 3


def test_a_missing_file_of_mnist_is_named(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(ValueError, match=r"only part of MNIST: t10k-labels-idx1-ubyte .* missing"):
        load_mnist(tmp_path)


def test_images_and_labels_that_do_not_match_are_refused(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS[:2]))
    with pytest.raises(ValueError, match=r"has 3 images, but .* has 2 labels"):
        load_mnist(tmp_path)


def test_labels_in_the_place_of_images_are_refused(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(LABELS))
    with pytest.raises(
        ValueError, match=r"train-images-idx3-ubyte must hold an array of 3 dimensions, got shape \(3,\)"
    ):
        load_mnist(tmp_path)


def test_labels_beyond_nine_are_refused(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(LABELS + 1))
    with pytest.raises(ValueError, match="digits from 0 to 9, got 10"):
        load_mnist(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must start with two zero bytes"),
        (b"PNG and more", "must start with two zero bytes, got 50 4e 47 20"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "unsigned bytes .type 8., got type 13"),
        (b"\0\0\x08\x03\0\0\0\x01", "truncated: it ends after 8 bytes, within its header"),
        (idx_bytes(IMAGES)[:-1], r"truncated: its header declares 64 bytes for the shape \(3, 4, 4\), got 63"),
        (idx_bytes(IMAGES) + b"\0", "too long: its header declares 64 bytes"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "truncated"),
        (gzip.compress(idx_bytes(IMAGES), mtime=0)[:-9], "damaged or truncated"),
        (gzip.compress(idx_bytes(IMAGES), mtime=0)[:-8] + b"\0" * 8, "damaged or truncated"),
        (b"\x1f\x8b rubbish", "damaged or truncated"),
    ],
)
def test_damaged_idx_files_are_described(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(path)


def test_absent_mnist_is_fetched_into_the_given_folder(tmp_path, monkeypatch):
    def fetch(name, *, data_home, **options):
        assert (name, data_home) == ("mnist_784", tmp_path)
        return np.full((60_001, 4), 255.0), np.array(["3"] * 60_000 + ["5"])

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    dataset = load_mnist(tmp_path)
    assert dataset.X.shape == (60_000, 4)
    assert (dataset.X.max(), dataset.X.dtype) == (1, np.float32)
    np.testing.assert_array_equal(dataset.y_test, [5])


def test_offline_says_what_to_put_where(tmp_path, monkeypatch):
    def fetch(*arguments, **options):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    with pytest.raises(OSError, match="no network") as caught:
        load_mnist(tmp_path)
    for stem in datasets.MNIST_STEMS:
        assert f"{stem}.gz" in str(caught.value)
    assert str(tmp_path / "mnist") in str(caught.value)


@pytest.mark.skipif(REAL_DATA is None, reason="FASTNN_DATA does not say where MNIST is")
def test_the_real_mnist_has_its_known_size_and_first_labels():
    dataset = load_mnist(REAL_DATA)
    assert (dataset.X.shape, dataset.X_test.shape) == ((60_000, 784), (10_000, 784))
    np.testing.assert_array_equal(dataset.y[:5], [5, 0, 4, 1, 9])
    assert round(float(dataset.X.mean(dtype=np.float64)), 4) == 0.1307


# Tables


def test_csv_takes_the_last_column_as_the_target(table):
    dataset = load_table(table("width,height,kind\n1,2,pear\n3,4.5,apple\n5,6,pear\n"))
    np.testing.assert_array_equal(dataset.X, [[1, 2], [3, 4.5], [5, 6]])
    np.testing.assert_array_equal(dataset.y, [1, 0, 1])
    assert dataset.class_names == ("apple", "pear")
    assert dataset.feature_names == ("width", "height")
    assert (dataset.name, dataset.target_name, dataset.target_index) == ("table", "kind", 2)


@pytest.mark.parametrize("target", ["b", "1", "-2"])
def test_a_column_is_chosen_by_name_or_position(table, target):
    dataset = load_table(table("a,b,c\n1,0,3\n4,1,6\n"), target=target)
    assert dataset.feature_names == ("a", "c")
    np.testing.assert_array_equal(dataset.X, [[1, 3], [4, 6]])


def test_a_name_comes_before_a_position(table):
    assert load_table(table("1,0\n5,0\n6,1\n"), target="0").target_index == 1


@pytest.mark.parametrize(
    ("cells", "class_names"),
    [
        (["1", "0", "1"], ("0", "1")),
        (["10", "9", "10"], ("9", "10")),
        (["1.0", "-2.0", "1.0"], ("-2", "1")),
        (["True", "False", "True"], ("False", "True")),
        (["yes", " no", "yes "], ("no", "yes")),
        (["ä", "名", "ä"], ("ä", "名")),
        (["2a", "1", "2a"], ("1", "2a")),
        (["99999999999999999999", "1", "1"], ("1", "99999999999999999999")),
        (["007", "010", "007"], ("007", "010")),
    ],
)
def test_words_and_whole_numbers_are_classes(table, cells, class_names):
    dataset = load_table(table("x,y\n" + "".join(f"{n},{cell}\n" for n, cell in enumerate(cells))))
    assert dataset.class_names == class_names


def test_fractions_are_a_regression(table):
    dataset = load_table(table("x,y\n1,0.5\n2,3\n"))
    assert dataset.class_names is None
    np.testing.assert_array_equal(dataset.y, [0.5, 3])


@pytest.mark.parametrize(("cells", "numbers"), [(("5", "7"), [5, 7]), (("005", "010"), [5, 10])])
def test_whole_numbers_can_be_a_regression(table, cells, numbers):
    dataset = load_table(table("x,y\n1,{}\n2,{}\n".format(*cells)), task="regression")
    np.testing.assert_array_equal(dataset.y, np.array(numbers, float))
    assert dataset.class_names is None


def test_fractions_can_be_classes(table):
    path = table("x,y\n1,0.5\n2,1.5\n")
    assert load_table(path, task="classification").class_names == ("0.5", "1.5")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa,b\n1,x\n2,y\n",
        "a;b\n1;x\n2;y\n",
        "a\tb\n1\tx\n2\ty\n",
        'a,b\r\n"1",x\r\n"2",y\r\n\r\n',
        "a, b\n1, x\n\n 2,y",
        "\n\na,b\n1,x\n2,y",
        "a|b\n1|x\n2|y\n",
        "sep=;\na;b\n1;x\n2;y\n",
        "\ufeffSEP=,\r\na,b\r\n1,x\r\n2,y\r\n",
    ],
    ids=[
        "byte-order mark",
        "semicolons",
        "tabs",
        "quotes and carriage returns",
        "spaces and blank lines",
        "blank lines before the header",
        "bars",
        "Excel's first line",
        "Excel's first line after a byte-order mark",
    ],
)
def test_csv_dialects_of_spreadsheets_are_read(table, text):
    dataset = load_table(table(text))
    np.testing.assert_array_equal(dataset.X, [[1], [2]])
    assert (dataset.feature_names, dataset.target_name, dataset.class_names) == (("a",), "b", ("x", "y"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,x\n?,y\n", r"table.csv: Values are missing in 'a' \(1 of 2\)"),
        ("a,b\n1,x\n,y\n", r"Values are missing in 'a' \(1 of 2\)"),
        ("a,b\nnan,x\n", r"Values are missing in 'a' \(1 of 1\)"),
        ('"a\nb",c\n1,x\n-inf,y\n', r"Expected finite numbers, got infinite ones in 'a\\nb' \(1 of 2\)"),
        ("a,b\n1,x\n1_100,y\n", r"Expected numbers, got words in 'a' \('1_100' in row 2\)"),
        ("a,b\n1,x\n2,y,3\n", "cannot be read as a table: .*Expected 2 fields in line 3, saw 3"),
        ("a,b\n1,x,3,4\n", "the first row has 4 cells, but the header has 2"),
        ('a,b\n1,"x\n2,y\n', "cannot be read as a table: .*EOF inside string"),
        ("a,b\n1,\n2,NA\n", "the target is missing in all 2 rows"),
        ("a,b\n", "header but no rows"),
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("a\n1\n", "at least two columns, features and a target, got 1"),
        ("a,a\n1,x\n", "with a unique name for each column, got 'a' 2 times"),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", "must be a header .* got '5.1'"),
        ("a,b\n1,x\n2,x\n", "at least two classes, all are 'x'"),
        ("a,b\n1,1.5\n2,none\n", "either numbers or words, got 'none' among fractions"),
        ("a,b\n1,1.5\n2,1e999\n", "must be finite numbers, got '1e999' for sample 1"),
        ("a,b\n1,\0\n", "at least two classes|missing in all"),  # older pandas ends the cell there
    ],
)
def test_csv_faults_are_described(table, text, message):
    with pytest.raises(ValueError, match=message):
        load_table(table(text))


def test_csv_in_another_encoding_is_refused(table):
    with pytest.raises(ValueError, match="must be text in UTF-8"):
        load_table(table("a,b\n1,ä\n2,ö\n", encoding="latin-1"))


def test_words_are_no_regression(table):
    with pytest.raises(ValueError, match="The targets must be finite numbers, got 'x'"):
        load_table(table("a,b\n1,5\n2,x\n"), task="regression")


@pytest.mark.parametrize(
    ("target", "message"),
    [("d", "no column 'd'; its columns are a, b, c"), ("3", "no column 3"), ("-4", "no column -4")],
)
def test_an_unknown_column_lists_the_known_ones(table, target, message):
    with pytest.raises(ValueError, match=message):
        load_table(table("a,b,c\n1,2,3\n"), target=target)


def test_npz_holds_features_and_targets(tmp_path):
    X = np.arange(6, dtype=np.int16).reshape(3, 2)
    np.savez(tmp_path / "file.npz", X=X, y=np.array(["b", "a", "b"]))
    dataset = load_table(tmp_path / "file.npz")
    np.testing.assert_array_equal(dataset.X, X)
    assert (dataset.class_names, dataset.feature_names) == (("a", "b"), None)


def test_npz_takes_targets_in_a_column(tmp_path):
    np.savez(tmp_path / "file.npz", X=np.ones((3, 2)), y=np.array([[0.5], [1.5], [2.5]]))
    np.testing.assert_array_equal(load_table(tmp_path / "file.npz").y, [0.5, 1.5, 2.5])


@pytest.mark.parametrize(("target", "expected"), [(None, [[1, 2], [4, 5]]), ("0", [[2, 0], [5, 1]])])
def test_npy_holds_targets_in_a_column(tmp_path, target, expected):
    np.save(tmp_path / "file.npy", np.array([[1, 2, 0], [4, 5, 1]], dtype=float))
    dataset = load_table(tmp_path / "file.npy", target=target)
    np.testing.assert_array_equal(dataset.X, expected)
    assert len(dataset.class_names) == 2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.ones((3, 2))}, "must hold the targets in an array y"),
        ({"data": np.ones((3, 2))}, "must hold the arrays X and y, got data"),
        ({"X": np.ones(3), "y": np.ones(3)}, r"must hold a 2-D array of samples by columns, got shape \(3,\)"),
        ({"X": np.ones((0, 2)), "y": np.ones(0)}, r"got shape \(0, 2\)"),
        ({"X": np.ones((3, 2)), "y": np.ones(2)}, r"one target for each of the 3 rows of X, got shape \(2,\)"),
        ({"X": np.array([["a"]]), "y": np.ones(1)}, "must hold real numbers, got an array of dtype <U1"),
        (
            {"X": np.array([[1, np.nan]]), "y": np.ones(1)},
            r"Values are missing in column 1 \(1 of 1\)",
        ),
        (
            {"X": np.ones((2, 1)), "y": np.array([0.5, np.inf])},
            "must be finite numbers, got 'inf' for sample 1",
        ),
        ({"X": np.ones((2, 1)), "y": np.array([1, np.inf])}, "must be finite numbers, got 'inf' for sample 1"),
        ({"X": np.ones((2, 1)), "y": np.array([1, None])}, "cannot be read as arrays of numbers"),
        ({"X": np.ones((2, 1)), "y": np.array([1j, 2])}, "The targets must be words or real numbers, got complex128"),
    ],
)
def test_npz_faults_are_described(tmp_path, arrays, message):
    np.savez(tmp_path / "file.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        load_table(tmp_path / "file.npz")


@pytest.mark.parametrize("name", ["file.npz", "file.npy"])
@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04rubbish", b"\x93NUMPY\x01\x00\x00"])
def test_files_that_are_no_arrays_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as arrays of numbers"):
        load_table(tmp_path / name)


def test_an_archive_is_no_single_array(tmp_path):
    np.savez(tmp_path / "file.npz", X=np.ones((2, 2)))
    (tmp_path / "file.npz").rename(tmp_path / "file.npy")
    with pytest.raises(ValueError, match=r"must hold a single array; .* name ending in \.npz"):
        load_table(tmp_path / "file.npy")


def test_npz_has_no_target_column_to_choose(tmp_path):
    np.savez(tmp_path / "file.npz", X=np.ones((3, 2)), y=np.array([0, 1, 0]))
    with pytest.raises(ValueError, match="targets in the array y: a target column cannot be chosen"):
        load_table(tmp_path / "file.npz", target="2")


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"with an extension among \.csv, \.tsv, \.parquet, \.feather, \.npz, \.npy"):
        load_table(tmp_path / "file.xlsx")


# Samples to predict


@pytest.mark.parametrize("text", ["b,id,a\n2,x7,1\n5,x8,4\n", "kind,b,id,a\nu,2,x7,1\nv,5,x8,4\n"])
def test_csv_columns_are_matched_by_name(table, text):
    X, targets = load_samples(table(text), 2, feature_names=["a", "b"], target_name="kind", target_index=2)
    np.testing.assert_array_equal(X, [[1, 2], [4, 5]])
    assert (targets is None) == ("kind" not in text)
    assert targets is None or list(targets) == ["u", "v"]


def test_missing_columns_are_named(table):
    with pytest.raises(ValueError, match="lacks columns that the network was trained on: a, c; its columns are b"):
        load_samples(table("b\n1\n"), 3, feature_names=["a", "b", "c"])


def test_one_column_more_than_features_is_the_target(tmp_path):
    np.save(tmp_path / "file.npy", np.array([[1.0, 2, 0], [4, 5, 1]]))
    X, targets = load_samples(tmp_path / "file.npy", 2, target_index=0)
    np.testing.assert_array_equal(X, [[2, 0], [5, 1]])
    np.testing.assert_array_equal(targets, [1, 4])
    np.testing.assert_array_equal(load_samples(tmp_path / "file.npy", 2)[1], [0, 1])
    assert load_samples(tmp_path / "file.npy", 3)[1] is None


def test_npz_may_lack_targets(tmp_path):
    np.savez(tmp_path / "file.npz", X=np.ones((3, 2)))
    X, targets = load_samples(tmp_path / "file.npz", 2)
    assert (X.shape, targets) == ((3, 2), None)


@pytest.mark.parametrize("n_columns", [1, 4])
def test_a_wrong_number_of_columns_is_refused(tmp_path, table, n_columns):
    np.save(tmp_path / "file.npy", np.ones((3, n_columns)))
    np.savez(tmp_path / "file.npz", X=np.ones((3, n_columns)))
    csv = table(",".join("abcd"[:n_columns]) + "\n" + ",".join("word" for _ in range(n_columns)) + "\n")
    for path in (tmp_path / "file.npy", tmp_path / "file.npz", csv):
        with pytest.raises(ValueError, match=rf"{path.name} must have 2 features.* got {n_columns}"):
            load_samples(path, 2)
