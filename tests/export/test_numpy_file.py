"""Files that predict with NumPy alone: they predict what the trained object does, from any table, and can be read."""

import ast
import builtins
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import fastnn
from fastnn import MLPClassifier, MLPRegressor, Network
from fastnn.activations import ACTIVATIONS
from fastnn.export.description import prediction_of
from fastnn.export.numpy_file import source_of, to_numpy
from fastnn.export.prediction import Classes, Values
from fastnn.model import Model, Scaling
from tests.cases import DTYPES
from tests.export.random_models import NAMES, SEEDS, WORDS, frame_of, random_model
from tests.realmlp import small

#: Largest error relative to the largest output of a row, or to the largest number.
MOST = 1e-6


def classifier(**options: Any) -> Any:
    return small.classifier(n_epochs=1, backend="numpy", **options)


def run(source: str) -> dict[str, Any]:
    """The names that a written file defines; it may import NumPy and the standard library."""

    def checked_import(name: str, *others: Any) -> Any:
        top = name.partition(".")[0]
        assert top == "numpy" or top in sys.stdlib_module_names, f"it imports {name}"
        return __import__(name, *others)

    names: dict[str, Any] = {"__builtins__": vars(builtins) | {"__import__": checked_import}}
    exec(compile(source, "written.py", "exec"), names)
    return names


def probabilities_of(trained: Any, X: Any) -> np.ndarray:
    """The probability of each class, with a column for each of two."""
    p = trained.forward(X) if isinstance(trained, Network) else trained.predict_proba(X)
    two = p.shape[1] == 1 and isinstance(prediction_of(trained).outcome, Classes)
    return np.hstack([1 - p, p]) if two else p


def assert_predicts_the_same(trained: Any, X: Any, given: Any = None) -> None:
    """The file predicts from `given`, by default X, what the trained object predicts from X."""
    written, expected = run(source_of(trained)), trained.predict(X)
    given = X if given is None else given
    found = written["predict"](given)
    assert (found.shape, found.dtype.kind) == (expected.shape, expected.dtype.kind)
    if isinstance(prediction_of(trained).outcome, Values):
        assert "predict_proba" not in written
        assert found.dtype == expected.dtype
        assert np.abs(found - expected).max() <= MOST * np.abs(expected).max()
        return
    p, expected_p = written["predict_proba"](given), probabilities_of(trained, X)
    assert (p.shape, p.dtype) == (expected_p.shape, expected_p.dtype)
    assert (np.abs(p - expected_p).max(axis=1) <= MOST * expected_p.max(axis=1)).all()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_file_predicts_what_the_trained_object_predicts(seed):
    assert_predicts_the_same(*random_model(seed))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_equal_from_far_below_zero_to_far_above(activation, dtype):
    sizes = [1, 1] if activation != "softmax" else [1, 3]
    network = Network(sizes, [activation], "squared_error", backend="numpy", dtype=dtype, seed=0)
    network.weights[0][:], network.biases[0][:] = np.linspace(1, 0.5, sizes[1]), np.linspace(0, 1, sizes[1])
    X = np.r_[-(10.0 ** np.arange(-6, 2)), 0, 10.0 ** np.arange(-6, 2), -80, 80][:, np.newaxis]
    expected, found = network.forward(X), run(source_of(network))["predict"](X)
    # A rounding of z changes the tail of the normal distribution z^2 times as much.
    assert (np.abs(found - expected) <= np.finfo(dtype).eps * (8 + X**2) * np.abs(expected) + 1e-38).all()


# What stands in the files


def functions_of(source: str) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("seed", range(5, 25))
def test_a_file_has_no_function_that_it_does_not_call(seed):
    source = source_of(random_model(seed)[0])
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    assert functions_of(source) - used <= {"predict", "predict_proba"}


def test_a_small_network_takes_one_line_for_each_layer():
    source = source_of(Network([2, 3, 2], "tanh", backend="numpy", seed=0))
    assert "    a = tanh(x @ W1 + b1)\n    return softmax(a @ W2 + b2)\n" in source
    assert functions_of(source) == {
        *("predict", "predict_proba", "outputs", "inputs", "network"),
        *("rows", "complete", "tanh", "softmax", "float32"),
    }


def ruff(*arguments: Any) -> subprocess.CompletedProcess[str]:
    found = pytest.importorskip("ruff", reason="ruff is not installed: pip install ruff")
    command = [found.find_ruff_bin(), *arguments[:1], "--isolated", *arguments[1:]]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_files_pass_the_checks_of_ruff(tmp_path):
    for seed in range(40):
        to_numpy(random_model(seed)[0], tmp_path / f"model_{seed}.py")
    done = ruff("check", tmp_path)
    assert done.returncode == 0, done.stdout


def test_files_are_laid_out_as_by_a_formatter(tmp_path):
    estimator = classifier(n_members=2).fit(small.X, small.LABELS)
    estimator.classes_ = np.array(["a class with a rather long name, number " + name for name in "123"])
    to_numpy(estimator, tmp_path / "table.py")
    to_numpy(small.regressor(n_epochs=1, backend="numpy").fit(small.X, small.NUMBERS), tmp_path / "numbers.py")
    network = Network([3, 8, 1], "mish", "squared_error", normalization="layer", backend="numpy", seed=0)
    names = tuple(f"a rather long name {k}" for k in range(3))
    scaling = Scaling(np.full(3, 1 / 3), np.full(3, 1e-5 / 7))
    to_numpy(Model(network, scaling, Scaling(np.ones(1), np.ones(1)), feature_names=names), tmp_path / "model.py")
    done = ruff("format", "--diff", tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_docstring_says_what_the_file_is():
    estimator = classifier().fit(small.X, small.LABELS)
    docstring = ast.get_docstring(ast.parse(source_of(estimator, "flowers")))
    assert docstring is not None
    assert docstring.startswith("Predictions of a RealMLPClassifier, with NumPy alone.")
    assert "Predictions of an MLPRegressor, with" in source_of(
        MLPRegressor(solver="lbfgs").fit([[0.0], [1.0]], [0.0, 1.0])
    )
    assert f"fastnn {fastnn.__version__}" in docstring
    places = [docstring.index(f'"{name}"') for name in small.X.columns]
    assert places == sorted(places)
    assert '2  "city"  text, a category with 3 levels' in docstring
    assert "from flowers import predict" in docstring


@pytest.mark.parametrize("seed", range(5, 25))
def test_the_example_in_the_docstring_can_be_run(seed):
    trained, _ = random_model(seed)
    source = source_of(trained)
    docstring = ast.get_docstring(ast.parse(source))
    assert docstring is not None
    assert len(eval(docstring.splitlines()[-1], run(source))) == 1


# Inputs


ROW = [1.5, 30, "Rome", "street 3", True]
MEANT = small.X.iloc[:20]


def as_rows(frame: pd.DataFrame) -> list[list[Any]]:
    return [[None if pd.isna(cell) else cell for cell in row] for row in frame.to_numpy(object).tolist()]


CONTAINERS = {
    "data frame": lambda frame: frame,
    "columns in another order": lambda frame: frame.assign(more=1)[["more", *reversed(frame.columns)]],
    "Polars": pl.from_pandas,
    "mapping of lists": lambda frame: {name: [row[k] for row in as_rows(frame)] for k, name in enumerate(frame)},
    "mapping of arrays": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "list of rows": as_rows,
    "list of tuples": lambda frame: list(map(tuple, as_rows(frame))),
    "array of objects": lambda frame: frame.to_numpy(object),
    "nullable types": lambda frame: frame.convert_dtypes(),
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("named", [True, False], ids=["with names", "without names"])
def test_a_table_may_have_any_form(container, named):
    trained_on = small.X if named else small.X.to_numpy(object)
    estimator = classifier().fit(trained_on, small.LABELS)
    if not named and container == "columns in another order":
        pytest.skip("without names, columns are known by their position")
    assert_predicts_the_same(estimator, MEANT if named else MEANT.to_numpy(object), CONTAINERS[container](MEANT))


@pytest.mark.parametrize("container", ["data frame", "Polars", "mapping of lists", "list of rows"])
@pytest.mark.parametrize("named", [True, False], ids=["with names", "without names"])
def test_a_matrix_may_have_any_form(container, named):
    X = pd.DataFrame(np.random.default_rng(0).normal(5, 2, (30, 3)), columns=["a", "b", "c"])
    trained_on = X if named else X.to_numpy()
    estimator = MLPRegressor(hidden_layer_sizes=(4,), standardize=True, backend="numpy").partial_fit(trained_on, X["a"])
    assert_predicts_the_same(estimator, trained_on, CONTAINERS[container](X))


#: Text that breaks out of a string, a comment or an escape, if it can.
HOSTILE = [
    *NAMES,
    *WORDS,
    *("\x1b\r", "\u2028", "\ud800", "\\N{BULLET}", "'" * 3, "'\"" * 3, "\\", '"', "'", '\\"', "# x", "\U0001f4a9"),
]


def test_names_and_categories_may_hold_any_text():
    random = np.random.default_rng(0)
    texts = np.array(list(dict.fromkeys(HOSTILE)), object)
    X = frame_of({name: random.choice(texts, 90) for name in texts})
    estimator = classifier().fit(X, texts[np.arange(90) % len(texts)])
    assert_predicts_the_same(estimator, X)


@pytest.mark.parametrize(
    "missing", [np.nan, float("nan"), np.float32("nan"), pd.NA], ids=["nan", "float", "float32", "NA"]
)
@pytest.mark.parametrize("column", range(5))
def test_all_missing_cells_are_the_same(missing, column):
    written = run(source_of(classifier().fit(small.X, small.LABELS)))
    one, other = [*ROW[:column], missing, *ROW[column + 1 :]], [*ROW[:column], None, *ROW[column + 1 :]]
    np.testing.assert_array_equal(written["predict_proba"]([one]), written["predict_proba"]([other]))


def test_numbers_are_the_same_in_every_type():
    written = run(source_of(classifier().fit(small.X, small.LABELS)))
    expected = written["predict_proba"]([[2, 30, "Rome", "street 3", True]])
    for rows in (
        [[2.0, 30.0, "Rome", "street 3", 1]],
        [[np.float32(2), np.int8(30), np.str_("Rome"), "street 3", np.True_]],
        np.array([[2, 30, "Rome", "street 3", 1.0]], object),
    ):
        np.testing.assert_array_equal(written["predict_proba"](rows), expected)


def test_no_rows_have_no_predictions():
    written = run(source_of(classifier().fit(small.X, small.LABELS)))
    assert written["predict"](small.X[:0]).shape == (0,)
    assert written["predict_proba"](small.X[:0]).shape == (0, 3)


@pytest.mark.parametrize(("X", "message"), [
    ([ROW[:4]], r"X must be \(n_rows, 5\), got \(1, 4\)\."),
    (ROW, r"X must be \(n_rows, 5\), got \(5,\)\."),
    (small.X.drop(columns=["age", "city"]), r"X lacks the columns \['age', 'city'\]\."),
    ([["large", *ROW[1:]]], r"Column 'size' holds numbers, got 'large'\."),
    ([[*ROW[:2], 3, *ROW[3:]]], r"Column 'city' holds text, got 3\."),
    ([[*ROW[:4], "yes"]], r"Column 'member' holds numbers, got 'yes'\."),
], ids=["short rows", "one row", "columns", "text", "a number", "no boolean"])  # fmt: skip
def test_another_table_is_refused(X, message):
    written = run(source_of(classifier().fit(small.X, small.LABELS)))
    with pytest.raises(ValueError, match=message):
        written["predict"](X)


@pytest.mark.parametrize("names", [None, ("a", "b")], ids=["without names", "with names"])
def test_a_matrix_must_be_complete(names):
    network = Network([2, 3], backend="numpy", seed=0)
    written = run(source_of(network if names is None else Model(network, feature_names=names)))
    for missing in (np.nan, None):
        with pytest.raises(ValueError, match=r"X has no number in row 1\."):
            written["predict"]([[1.0, 2.0], [3.0, missing]])


def test_a_code_may_be_missing_where_a_number_may_not():
    embedding = fastnn.CategoryEmbedding(0, 3)
    written = run(source_of(Network([2, 3], embeddings=[embedding], backend="numpy", seed=0)))
    np.testing.assert_array_equal(written["predict_proba"]([[None, 1]]), written["predict_proba"]([[0, 1]]))
    with pytest.raises(ValueError, match="no number"):
        written["predict"]([[0, None]])


# Writing


def test_a_file_runs_where_nothing_but_numpy_is_installed(tmp_path):
    estimator = classifier().fit(small.X, small.LABELS)
    to_numpy(estimator, tmp_path / "flowers.py")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
for name in ("fastnn", "pandas", "scipy", "sklearn", "numba"):
    sys.modules[name] = None  # importing them is an error
from flowers import predict
print(*predict({as_rows(MEANT)!r}))
"""
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == estimator.predict(MEANT).tolist()


def test_a_file_is_replaced_only_by_a_whole_one(tmp_path):
    path = tmp_path / "model.py"
    path.write_text("before")
    with pytest.raises(ValueError, match="not fitted yet"):
        to_numpy(MLPClassifier(), path)
    assert path.read_text() == "before"
    network = Network([2, 3], backend="numpy", seed=0)
    to_numpy(network, path)
    assert path.read_text(encoding="utf-8") == source_of(network)
    assert list(tmp_path.iterdir()) == [path]


def test_other_objects_and_names_are_refused(tmp_path):
    with pytest.raises(TypeError, match=r"Only a Network, .* can be exported, got str"):
        to_numpy("model", tmp_path / "model.py")
    with pytest.raises(ValueError, match=r"must end in '\.py', got '.*model\.txt'"):
        to_numpy(Network([2, 3], backend="numpy", seed=0), tmp_path / "model.txt")
    with pytest.raises(FileNotFoundError):
        to_numpy(Network([2, 3], backend="numpy", seed=0), tmp_path / "nowhere" / "model.py")
