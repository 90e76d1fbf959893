"""Headers in C99: compiled without a warning, and equal to fastnn."""

import re
import shutil
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.exceptions import NotFittedError

import fastnn
from fastnn import (
    CategoryEmbedding,
    MLPClassifier,
    MLPRegressor,
    Network,
    PeriodicEmbedding,
    RealMLPClassifier,
    RealMLPRegressor,
)
from fastnn.activations import ACTIVATIONS, ELEMENTWISE
from fastnn.export.c import to_c
from fastnn.export.c.identifiers import Names, member
from fastnn.export.c.literals import string
from fastnn.model import Model, Scaling
from tests.export.compiled_headers import (
    C99,
    CC,
    CPP11,
    CXX,
    CompiledHeader,
    largest_error,
    needs_compilers,
    run,
    tolerance,
)
from tests.export.double_precision import own_error
from tests.export.random_models import SEEDS, frame_of, move, random_model

#: Texts that would end a literal or a comment, or start something else in C.
HOSTILE = (
    "quote \" and ' and \\",
    "*/ int x; /*",
    "??/",
    "??=define",
    "two\nlines\r\t\v",
    "// \\\n",
    "größe",
    "年齢",
    "\ud800 alone",
    "\u202e reversed",
    "a\0b",
    "",
    " ",
    "int",
    "NAN",
    "linux",
    "0",
    "\\0",
    "%s %n",
    "$x ${y}",
    "model_predict",
    "é" * 3000,
)


def a_network(*layers: Any, seed: int = 0, **options: Any) -> Network:
    """A network whose parameters and statistics are all different from 0 and 1."""
    network = Network(*layers, seed=seed, backend="numpy", **options)
    move(network, np.random.default_rng(seed))
    return network


def rows_for(n_columns: int, size: float = 1.0) -> np.ndarray:
    return size * np.random.default_rng(1).standard_normal((20, n_columns))


def assert_equal(trained: Any, X: Any, folder: Path, **given: Any) -> CompiledHeader:
    """Compile the header and compare it with fastnn."""
    compiled = CompiledHeader(trained, folder, **given)
    assert largest_error(compiled, trained, X) < tolerance(compiled)
    return compiled


# Networks


@needs_compilers
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ELEMENTWISE)
def test_activations_are_those_of_fastnn_at_any_size(activation, dtype, tmp_path):
    z = np.array([0, 1e-30, 1e-8, 1e-3, 0.3, 1, 3, 5, 9, 20, 50, 88, 120, 1e3, 1e6], dtype)
    z = np.concatenate([-z[::-1], z])[:, np.newaxis]
    network = Network([1, 1], [activation], "squared_error", dtype=dtype, backend="numpy", seed=0)
    network.weights[0][:], network.biases[0][:] = 1, 0
    found = CompiledHeader(network, tmp_path).predict(z)
    epsilon, exact = np.finfo(dtype).eps, z.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        lower, expected, upper = (ACTIVATIONS[activation](exact * (1 + k * epsilon)) for k in (-1, 0, 1))
        allowed = 4 * epsilon * np.abs(expected) + np.abs(upper - lower)  # as a rounding of z would change f(z)
        expected = expected.astype(dtype)
        is_exact = (found == expected) | (np.abs(found - expected) <= allowed + np.finfo(dtype).tiny)
    assert is_exact.all()


@needs_compilers
def test_softmax_does_not_overflow(tmp_path):
    network = a_network([2, 4], "softmax")
    network.weights[0][:] *= 1000
    compiled = assert_equal(network, rows_for(2), tmp_path)
    assert compiled.predict_proba(rows_for(2)).max() == 1


@needs_compilers
@pytest.mark.parametrize("options", [{}, {"parametric": True}, {"normalization": "batch"}, {"normalization": "layer"}])
@pytest.mark.parametrize("activation", ["relu", "gelu", "selu"])
def test_layers_are_those_of_fastnn(activation, options, tmp_path):
    network = a_network([5, 7, 9, 3], activation, **options)
    assert_equal(network, rows_for(5, 3.0), tmp_path)


@needs_compilers
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("input_scaling", [False, True])
@pytest.mark.parametrize(
    "embeddings",
    [
        [PeriodicEmbedding((3, 0), 5, 4)],
        [CategoryEmbedding(2, 4, 3)],
        [CategoryEmbedding(0, 6, 1), PeriodicEmbedding((1, 2, 3), 2, 2)],
        [],
    ],
)
def test_input_stages_are_those_of_fastnn(embeddings, input_scaling, dtype, tmp_path):
    network = a_network([4, 6, 2], embeddings=embeddings, input_scaling=input_scaling, dtype=dtype)
    X = rows_for(4)
    codes = [embedding.column for embedding in embeddings if isinstance(embedding, CategoryEmbedding)]
    X[:, codes] = np.resize([0, 1, 2, 3, 3.9, -1, -0.5, 4, 6, 1e20, np.inf, np.nan], len(X))[:, np.newaxis]
    assert_equal(network, X, tmp_path)


# Outcomes


@needs_compilers
@pytest.mark.parametrize(
    ("loss", "n_outputs"),
    [
        ("softmax_cross_entropy", 3),
        ("binary_cross_entropy", 1),
        ("binary_cross_entropy", 3),
        ("squared_error", 1),
        ("squared_error", 3),
        ("poisson", 1),
    ],
)
def test_networks_predict_as_fastnn_does(loss, n_outputs, tmp_path):
    activation = (
        {"s": "softmax", "b": "sigmoid", "p": "exponential"}[loss[0]] if loss != "squared_error" else "identity"
    )
    assert_equal(a_network([4, 6, n_outputs], ["tanh", activation], loss), rows_for(4), tmp_path)


@needs_compilers
def test_models_predict_names_and_units_of_the_targets(tmp_path):
    scaling = Scaling(np.array([3.0, -1e3]), np.array([0.5, 200.0]))
    X = scaling.mean + scaling.scale * rows_for(2)
    network = a_network([2, 5, 2], ["relu", "identity"], "squared_error")
    targets = Scaling(np.array([1e4, -5.0]), np.array([30.0, 1e-3]))
    assert_equal(Model(network, features=scaling, targets=targets), X, tmp_path)
    names = ("no", "*/ yes")
    classifier = Model(a_network([2, 5, 1], ["relu", "sigmoid"], "binary_cross_entropy"), scaling, class_names=names)
    compiled = assert_equal(classifier, X, tmp_path)
    assert [compiled.class_name(k).decode() for k in range(2)] == list(names)


@needs_compilers
@pytest.mark.parametrize(
    ("labels", "table"),
    [
        (np.array([-7, 0, 3]), "int64_t model_labels[3] = {-7, 0, 3}"),
        (np.array([-(2**63), -(2**31), 2**63 - 1]), "{INT64_MIN, INT64_C(-2147483648), INT64_C(9223372036854775807)}"),
        (np.array([1, 2**64 - 1], np.uint64), "uint64_t model_labels[2] = {1, UINT64_C(18446744073709551615)}"),
        (np.array([-2.0, 1.0]), "double model_labels[2] = {-2.0, 1.0}"),
        (np.array([False, True]), None),
        (np.array(["ant", "bee"]), None),
    ],
)
def test_labels_are_in_tables(labels, table, tmp_path):
    X, y = rows_for(3), np.resize(labels, 20)
    classifier = MLPClassifier((4,), backend="numpy", random_state=0, solver="lbfgs", max_iter=5000).fit(X, y)
    compiled = assert_equal(classifier, X, tmp_path)
    assert [compiled.class_name(k).decode() for k in range(len(labels))] == [str(label) for label in labels.tolist()]
    text = compiled.header.read_text()
    assert table in text if table else "model_labels" not in text


# Tables


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """A table with everything that an encoder knows."""
    random = np.random.default_rng(0)
    n = 60
    return pd.DataFrame(
        {
            "number": random.normal(10, 3, n),
            "with gaps": np.where(np.arange(n) % 5 == 0, np.nan, random.lognormal(size=n)),
            "two": random.choice(["left", "right"], n),
            "few": random.choice(["red", "green", "blue", None], n),
            "many": random.choice([f"word {k}" for k in range(20)], n),
            "flag": random.choice([True, False], n),
            "sizes": pd.Series(random.choice([1.5, 2.0, 7.0], n)).astype("category"),
            "always": "same",
        }
    )


@pytest.fixture(scope="module")
def strange(table) -> pd.DataFrame:
    """Rows with missing, infinite and unknown cells."""
    rows = table[:9].copy()
    for column in ("number", "with gaps"):
        rows[column] = [np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0, -0.0, 1e-300, 10.0]
    for column in ("two", "few", "many"):
        rows[column] = ["left", "right", "red", None, "", "word 7", "word", "RED", "unknown"]
    rows["flag"] = [True, False, None, True, False, True, True, False, False]
    rows["sizes"] = pd.Series([1.5, 2.0, 7.0, np.nan, 0.0, np.inf, 2.5, -1.5, 8.0]).astype("category")
    return rows


@pytest.fixture(scope="module")
def classifier(table) -> RealMLPClassifier:
    y = np.where(table["number"] > 10, "large", "small")
    return _fitted(RealMLPClassifier, table, y)


def _fitted(kind: Any, X: Any, y: Any, **options: Any) -> Any:
    sizes = {"hidden_layer_sizes": (6, 5), "n_members": 2, "n_epochs": 2, "n_threads": 1}
    return kind(**sizes, backend="numpy", random_state=0, **options).fit(X, y)


@needs_compilers
@pytest.mark.parametrize("max_one_hot", [None, 0, 30])
def test_tables_are_encoded_as_in_fastnn(max_one_hot, table, strange, tmp_path):
    y = np.stack([table["number"] * 10, 1000 + np.arange(len(table))], axis=1)
    regressor = _fitted(RealMLPRegressor, table, y, max_one_hot=max_one_hot)
    compiled = CompiledHeader(regressor, tmp_path)
    assert "x[7] = 0; /* not read */" in compiled.header.read_text()
    for rows in (table, strange):
        assert largest_error(compiled, regressor, rows) < 1e-6


@needs_compilers
def test_classes_of_rows_of_a_table_are_those_of_fastnn(classifier, table, strange, tmp_path):
    compiled = assert_equal(classifier, table, tmp_path)
    assert largest_error(compiled, classifier, strange) < tolerance(compiled)
    assert [compiled.code("few", text) for text in ("blue", "green", "red", "", "blues", None)] == [1, 2, 3, 0, 0, 0]


@needs_compilers
def test_invalid_codes_of_text_count_as_missing(classifier, table, tmp_path):
    compiled = CompiledHeader(classifier, tmp_path)
    cells = compiled.cells(table[:3])
    missing, invalid = cells.copy(), cells.copy()
    missing[:, 2:5] = 0
    invalid[:, 2:5] = [[-1, 99, np.nan], [3, 4, 21], [-1e300, 1e300, np.inf]]
    results = [compiled.filled("predict_proba", "_many_array", each, 2) for each in (missing, invalid)]
    assert np.array_equal(*results)


@needs_compilers
def test_temperature_and_limits_of_targets_are_part_of_the_header(table, tmp_path):
    classifier = _fitted(RealMLPClassifier, table, np.arange(len(table)) % 3)
    classifier.temperature_ = 2.5
    assert_equal(classifier, table, tmp_path)
    regressor = _fitted(RealMLPRegressor, table, np.arange(len(table)) % 7)
    for network in regressor.networks_:
        network.biases[-1][:] = 50
    compiled = assert_equal(regressor, table, tmp_path)
    assert set(compiled.predict(table)) == {6.0}


# Any models


@needs_compilers
@pytest.mark.parametrize("seed", SEEDS)
def test_random_models_predict_as_fastnn_does(seed, tmp_path):
    trained, X = random_model(seed)
    compiled = CompiledHeader(trained, tmp_path)
    assert largest_error(compiled, trained, X) <= tolerance(compiled) + own_error(trained, X)


# Names


@pytest.fixture(scope="module")
def hostile() -> tuple[RealMLPClassifier, pd.DataFrame]:
    """A classifier of a table where every name is hostile."""
    random = np.random.default_rng(3)
    n = 4 * len(HOSTILE)
    columns = [random.permutation(np.resize(np.array(HOSTILE, object), n)) for _ in HOSTILE[:4]]
    numbers = random.standard_normal((len(HOSTILE) - 4, n))
    X = frame_of(dict(zip(HOSTILE, [*columns, *numbers], strict=True)))
    y = np.resize([name for name in HOSTILE if "\ud800" not in name], n)
    return _fitted(RealMLPClassifier, X, y), X


@needs_compilers
def test_any_names_of_columns_levels_and_classes_can_be_exported(hostile, tmp_path):
    classifier, X = hostile
    levels = {level: code for code, level in enumerate(sorted(HOSTILE), 1)}
    compiled = CompiledHeader(classifier, tmp_path)
    for field in compiled.fields[:4]:
        found = {text: compiled.code(field.stem, text) for text in HOSTILE if "\0" not in text}
        assert found == {text: code for text, code in levels.items() if "\0" not in text}
        assert compiled.code(field.stem, "a") == 0
    names = [compiled.class_name(k).decode() for k in range(len(classifier.classes_))]
    assert names == [name.split("\0")[0] for name in classifier.classes_]
    rows = X[(X[X.columns[:4]].map(lambda text: "\0" not in text)).all(axis=1)]
    assert largest_error(compiled, classifier, rows) < tolerance(compiled)


@needs_compilers
@pytest.mark.parametrize("standard", [C99, CPP11, ("-std=gnu99", *C99[1:]), ("-std=c++20", *CPP11[1:])])
def test_hostile_names_compile_in_every_dialect(hostile, standard, tmp_path):
    to_c(hostile[0], tmp_path / "model.h")
    _compile_alone(tmp_path / "model.h", standard, "-O1")


def _compile_alone(header: Path, standard: tuple[str, ...], *options: str) -> Path:
    """An object file of nothing but the header."""
    is_cpp = "++" in standard[0]
    source, output = header.with_suffix(".cpp" if is_cpp else ".c"), header.with_suffix(".o")
    source.write_text(f'#include "{header.name}"\nint nothing(void);\nint nothing(void) {{ return 0; }}\n')
    run(CXX if is_cpp else CC, *standard, *options, "-c", source, "-o", output)
    return output


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ('"\\', r'"\"\\"'),
        ("a\0001", r'"a\0001"'),
        ("??/", r'"\?\?/"'),
        ("é", r'"\303\251"'),
        ("*/", r'"*\057"'),
        ("/*", r'"\057*"'),
    ],
)
def test_strings_are_escaped(text, literal):
    assert string(text) == literal


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("sepal length (cm)", "sepal_length_cm"),
        ("MedInc", "MedInc"),
        ("AGE", "age"),
        ("2nd", "x2nd"),
        ("class", "class_"),
        ("__x__", "x"),
        ("Größe", "Grosse"),
        ("年齢", "column"),
    ],
)
def test_members_are_named_after_columns(column, name):
    assert member(column) == name


def test_equal_names_are_numbered():
    names = Names(["b_2"])
    assert [names.unique(name) for name in ("a", "a", "class_", "class_", "b", "b")] == [
        "a",
        "a_2",
        "class_",
        "class_2",
        "b",
        "b_3",
    ]


# The header as a whole


def some_models() -> dict[str, Any]:
    """Models that have all functions between them."""
    return {f"seed {seed}": random_model(seed)[0] for seed in (0, 5, 6, 7, 9)}


@needs_compilers
@pytest.mark.parametrize("level", ["-O0", "-O2", "-Os"])
@pytest.mark.parametrize("standard", [C99, CPP11], ids=["C99", "C++11"])
def test_headers_compile_without_a_warning(standard, level, classifier, tmp_path):
    for name, trained in {"table": classifier, **some_models()}.items():
        to_c(trained, tmp_path / "model.h", name=f"m_{name.replace(' ', '_')}")
        _compile_alone(tmp_path / "model.h", standard, level)


def example_in(header: Path) -> str:
    """The program in the comment at the top."""
    comment = header.read_text().split("*/")[0]
    lines = [line[7:] for line in comment.split("Example:")[1].splitlines() if line.startswith(" *     ")]
    return "\n".join(lines) + "\n"


@needs_compilers
@pytest.mark.parametrize("sanitizer", [(), ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")])
def test_the_example_in_the_header_runs(sanitizer, classifier, hostile, tmp_path):
    if sanitizer and not _can_sanitize(tmp_path):
        pytest.skip("the compiler has no sanitizers here")
    for trained in (classifier, hostile[0], *some_models().values()):
        to_c(trained, tmp_path / "model.h")
        (tmp_path / "example.c").write_text(example_in(tmp_path / "model.h"))
        run(CC, *C99, "-O1", *sanitizer, tmp_path / "example.c", "-o", tmp_path / "example", "-lm")
        assert run(tmp_path / "example")


def _can_sanitize(folder: Path) -> bool:
    (folder / "empty.c").write_text("int main(void) { return 0; }\n")
    try:
        run(CC, "-fsanitize=address,undefined", folder / "empty.c", "-o", folder / "empty")
        run(folder / "empty")
    except AssertionError:
        return False
    return True


DRIVER = """
#include <stdio.h>
#include "model.h"

int main(void)
{
    double x[MODEL_N_FEATURES];
    float p[MODEL_N_CLASSES];
    while (fread(x, sizeof x, 1, stdin) == 1) {
        model_predict_proba_array(x, p);
        fwrite(p, sizeof p, 1, stdout);
    }
    return 0;
}
"""


@needs_compilers
def test_strange_rows_pass_the_sanitizers(classifier, strange, tmp_path):
    if not _can_sanitize(tmp_path):
        pytest.skip("the compiler has no sanitizers here")
    compiled = CompiledHeader(classifier, tmp_path)
    cells = compiled.cells(strange)
    cells[-1] = [1e308, -1e308, -5, 1e9, np.nan, 1e300, -np.inf, 0]
    source, driver = compiled.header.with_name("driver.c"), tmp_path / "driver"
    source.write_text(DRIVER)
    sanitizers = "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"
    run(CC, *C99, "-O1", *sanitizers, source, "-o", driver, "-lm")
    found = np.frombuffer(run(driver, given=cells.tobytes()), np.float32).reshape(-1, 2)
    np.testing.assert_allclose(found[:-1], classifier.predict_proba(strange)[:-1], rtol=1e-5)
    assert np.isfinite(found).all()


@needs_compilers
@pytest.mark.skipif(shutil.which("nm") is None, reason="there is no nm here")
def test_headers_have_no_state_and_need_only_mathematics_and_strings(classifier, tmp_path):
    compiled = CompiledHeader(classifier, tmp_path)
    run(CC, *C99, "-O1", "-fno-pie", "-c", compiled.source, "-o", tmp_path / "model.o")
    symbols = [line.split()[-2:] for line in run("nm", tmp_path / "model.o").decode().splitlines()]
    assert {kind for kind, _ in symbols} <= {"t", "T", "r", "U"}  # functions, constants, what is not defined here
    known = {"cosf", "expf", "expm1f", "logf", "log1pf", "tanhf", "erfcf", "sqrt", "memcpy", "memset", "strcmp"}
    assert {name for kind, name in symbols if kind == "U"} <= known


@pytest.fixture(scope="module")
def digits() -> tuple[MLPClassifier, np.ndarray, np.ndarray]:
    X, y = load_digits(return_X_y=True)
    classifier = MLPClassifier((64,), max_iter=20, random_state=0, tol=0, n_iter_no_change=1000, backend="numpy")
    with pytest.warns(match="Maximum iterations"):
        classifier.fit(X[:1200], y[:1200])
    return classifier, X[1200:], y[1200:]


@needs_compilers
@pytest.mark.skipif(shutil.which("size") is None, reason="there is no size here")
@pytest.mark.parametrize(("weights", "most"), [("float", 50_000), ("int8", 9_000)])
def test_the_classifier_of_digits_is_small(weights, most, digits, tmp_path):
    classifier, X, _ = digits
    compiled = CompiledHeader(classifier, tmp_path, weights=weights, data=X if weights == "int8" else None)
    run(CC, *C99, "-Os", "-c", compiled.source, "-o", tmp_path / "model.o")
    _, numbers = run("size", tmp_path / "model.o").decode().splitlines()
    assert compiled.report.n_parameter_bytes < sum(map(int, numbers.split()[:3])) < most


# 8-bit weights


@needs_compilers
def test_the_accuracy_of_8_bit_weights_is_measured(digits, tmp_path):
    classifier, X, y = digits
    compiled = CompiledHeader(classifier, tmp_path, weights="int8", data=(X, y))
    accuracy, labels, p = compiled.report.accuracy, compiled.predict(X), compiled.predict_proba(X)
    assert accuracy.n_rows == len(X)
    assert accuracy.before == (classifier.predict(X) == y).mean()
    assert accuracy.after == (labels == y).mean()
    assert accuracy.changed == (labels != classifier.predict(X)).mean() < 0.01
    largest = np.abs(p - classifier.predict_proba(X)).max()
    assert 0 < accuracy.largest == pytest.approx(largest, rel=1e-3)
    text = " ".join(compiled.header.read_text().replace("\n * ", " ").split())
    assert str(accuracy) in text
    assert str(accuracy) in str(compiled.report)


@needs_compilers
def test_8_bit_weights_of_regressions_are_compared_in_units_of_the_target(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:100], y[:100]
    regressor = MLPRegressor(
        hidden_layer_sizes=(5,), solver="lbfgs", max_iter=5000, standardize=True, random_state=0, backend="numpy"
    ).fit(X, y)
    compiled = CompiledHeader(regressor, tmp_path, weights="int8", data=(X, y))
    accuracy, before, after = compiled.report.accuracy, regressor.predict(X), compiled.predict(X)
    assert accuracy.largest == pytest.approx(np.abs(after - before).max(), rel=1e-3)
    assert accuracy.changed == pytest.approx(np.sqrt(np.square(after - before).mean()) / before.std(), rel=1e-3)
    assert accuracy.before == pytest.approx(regressor.score(X, y), abs=1e-6)
    assert 0 < accuracy.changed < 0.05
    assert "R^2" in str(accuracy)


@needs_compilers
@pytest.mark.parametrize("seed", [1, 2, 6, 8, 9, 16, 18, 19])
def test_any_model_can_have_8_bit_weights(seed, tmp_path):
    trained, X = random_model(seed)
    compiled = CompiledHeader(trained, tmp_path, weights="int8", data=X)
    accuracy = compiled.report.accuracy
    error = largest_error(compiled, trained, X)
    assert 0 < error < 0.2
    assert accuracy.n_rows == len(X)
    assert "int8_t weights_1" in compiled.header.read_text()


# What cannot be written


def test_8_bit_weights_need_data(tmp_path):
    network = a_network([2, 3])
    with pytest.raises(ValueError, match="weights='int8' needs data, X or \\(X, y\\), on which the loss of accuracy"):
        to_c(network, tmp_path / "model.h", weights="int8")
    with pytest.raises(ValueError, match="data is for weights='int8'"):
        to_c(network, tmp_path / "model.h", data=rows_for(2))
    with pytest.raises(ValueError, match=r"must be as many as the predictions for X, \(20,\), got shape \(3,\)"):
        to_c(network, tmp_path / "model.h", weights="int8", data=(rows_for(2), [0, 1, 2]))
    network.weights[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="some of this network are NaN or infinite"):
        to_c(network, tmp_path / "model.h", weights="int8", data=rows_for(2))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format_name", ["to_c", "to_numpy", "to_onnx"])
def test_methods_have_the_parameters_of_the_functions(format_name):
    method = signature(getattr(MLPClassifier, format_name)).parameters
    function = signature(getattr(fastnn.export, format_name)).parameters
    assert [*method][1:] == [*function][1:]
    assert [each.default for each in method.values()][1:] == [each.default for each in function.values()][1:]


def test_unknown_weights_are_an_error(tmp_path):
    with pytest.raises(ValueError, match="weights must be 'float' or 'int8', got 'int4'"):
        to_c(a_network([2, 3]), tmp_path / "model.h", weights="int4")


@pytest.mark.parametrize("file", ["3d.h", "int.h", "ähre.h", "_x.h", "-.h"])
def test_a_file_name_that_is_no_identifier_needs_a_name(file, tmp_path):
    with pytest.raises(
        ValueError, match=r"makes no C identifier .*: choose another file name, such as 'model.h', or pass name='model'"
    ):
        to_c(a_network([2, 3]), tmp_path / file)
    report = to_c(a_network([2, 3]), tmp_path / file, name="model")
    assert report.prefix == "model"
    assert "model_predict" in (tmp_path / file).read_text()


@pytest.mark.parametrize("file", ["digits-model.h", "digits model.h", "digits.model.h"])
def test_other_characters_of_the_file_name_become_underscores(file, tmp_path):
    report = to_c(a_network([2, 3]), tmp_path / file)
    assert report.prefix == "digits_model"
    assert "int digits_model_predict(" in (tmp_path / file).read_text()


@pytest.mark.parametrize("name", ["", "a b", "1x", "double", "x\n", "ß"])
def test_a_name_must_be_an_identifier(name, tmp_path):
    with pytest.raises(
        ValueError, match=re.escape(f"must be a C identifier that begins with a letter, such as 'model', got {name!r}")
    ):
        to_c(a_network([2, 3]), tmp_path / "model.h", name=name)
    with pytest.raises(TypeError, match="name must be a string, got 3"):
        to_c(a_network([2, 3]), tmp_path / "model.h", name=3)


def test_an_estimator_must_be_fitted(tmp_path):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        to_c(MLPClassifier(), tmp_path / "model.h")
    with pytest.raises(TypeError, match="can be exported, got ndarray"):
        to_c(np.zeros(3), tmp_path / "model.h")


def test_the_comment_says_what_columns_of_categories_hold(tmp_path):
    n = np.arange(40)
    table = pd.DataFrame({"flag": n % 2 == 0, "code": n % 3 * 2.5, "size": n, "many": n % 10})
    options = {"n_members": 1, "n_epochs": 1, "hidden_layer_sizes": (4,), "backend": "numpy", "random_state": 0}
    to_c(
        RealMLPClassifier(categorical_features=["flag", "code", "many"], **options).fit(table, n % 4 > 1),
        tmp_path / "model.h",
    )
    text = (tmp_path / "model.h").read_text()
    assert '0: "flag", 0 for false or 1 for true, member flag\n' in text
    assert '1: "code", one of the numbers 0, 2.5, 5, member code\n' in text
    assert '2: "size", number, member size\n' in text
    assert '3: "many", one of the numbers 0, 1, 2, 3, 4, 5, 6, 7, ..., member many\n' in text
    assert "row.flag = 0;" in text
    assert "row.size = 1.5;" in text


def test_the_same_model_is_the_same_file(tmp_path):
    X, y = load_iris(return_X_y=True, as_frame=True)
    classifier = MLPClassifier((5,), solver="lbfgs", standardize=True, random_state=0, backend="numpy").fit(X, y)
    texts = []
    for _ in range(2):
        to_c(classifier, tmp_path / "iris.h")
        texts.append((tmp_path / "iris.h").read_text())
    assert texts[0] == texts[1]
    assert 'double sepal_length_cm; /* "sepal length (cm)" */' in texts[0]
