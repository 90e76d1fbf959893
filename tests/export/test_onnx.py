"""ONNX models: ONNX Runtime computes the predictions of fastnn, without a warning."""

import doctest
import json
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

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
from fastnn.export import register_converters, to_onnx
from fastnn.export.description import prediction_of
from fastnn.export.prediction import Classes, Values
from fastnn.model import Model, Scaling
from tests.cases import DTYPES, OUTPUTS
from tests.export.double_precision import own_error
from tests.export.random_models import SEEDS, frame_of, move, outputs_for, random_model

onnx = pytest.importorskip("onnx", reason="ONNX models need the package onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX models are run by onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx", reason="pipelines are converted by skl2onnx")

#: A string that is in no table, for missing text.
MISSING_TEXT = "(missing)"

#: Largest difference, relative to the largest prediction: 8 units in the last place of float32, and many of float64.
TOLERANCES = {"float32": 1e-6, "float64": 1e-13}


@pytest.fixture(autouse=True)
def _no_warnings_on_stderr(capfd):
    """ONNX Runtime writes its warnings to stderr."""
    yield
    assert capfd.readouterr().err == ""


class Runtime:
    """A checked model in ONNX Runtime."""

    def __init__(self, model: Any) -> None:
        onnx.checker.check_model(model, full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    @property
    def inputs(self) -> dict[str, tuple[str, list]]:
        """Types and shapes of the inputs by name."""
        return {each.name: (each.type, each.shape) for each in self.session.get_inputs()}

    def __call__(self, X: Any) -> dict[str, np.ndarray]:
        """The outputs by name, for a data frame, an array or the inputs by name."""
        given = X if isinstance(X, dict) else self._given(X)
        names = [each.name for each in self.session.get_outputs()]
        outputs = dict(zip(names, self.session.run(None, given), strict=True))
        for each in self.session.get_outputs():
            assert list(outputs[each.name].shape[1:]) == each.shape[1:]
        return outputs

    def _given(self, X: Any) -> dict[str, np.ndarray]:
        frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X).add_prefix("x")
        if "X" in self.inputs and "X" not in frame:
            kind, _ = self.inputs["X"]
            matrix = np.hstack([as_tensor(frame[name], "tensor(double)") for name in frame])
            return {"X": matrix.astype(np.float32 if kind == "tensor(float)" else np.float64)}
        return {name: as_tensor(frame[name], kind) for name, (kind, _) in self.inputs.items()}


def as_tensor(column: pd.Series, kind: str) -> np.ndarray:
    """A column (n, 1) as the documentation of `to_onnx` says."""
    cells = column.to_numpy(object)[:, np.newaxis]
    if kind == "tensor(string)":
        return np.where(pd.isna(cells), MISSING_TEXT, cells)
    if kind == "tensor(bool)":
        return cells.astype(bool)
    is_text = np.array([[isinstance(cell, str)] for (cell,) in cells])  # in columns that are not read
    return np.where(pd.isna(cells) | is_text, np.nan, cells).astype(np.float64)


def assert_same_predictions(trained: Any, X: Any, rounding: float = 0.0, **options: Any) -> Runtime:
    """Require ONNX Runtime to predict what fastnn does, for all rows and for the first one.

    `rounding` is fastnn's own error, which is allowed in addition.
    """
    runtime = Runtime(to_onnx(trained, **options))
    check(runtime(X), trained, X, rounding)
    check(runtime(X[:1]), trained, X[:1], rounding and own_error(trained, X[:1]))
    return runtime


def check(found: dict[str, np.ndarray], trained: Any, X: Any, rounding: float = 0.0) -> None:
    prediction = prediction_of(trained)
    tolerance = TOLERANCES[prediction.dtype.name] + rounding
    predicted = np.asarray(trained.predict(X))
    if isinstance(prediction.outcome, Values):
        assert set(found) == {"variable"}
        expected = predicted.reshape(found["variable"].shape)
        assert found["variable"].dtype == expected.dtype
        assert_close(found["variable"], expected, tolerance * np.abs(expected).max())
        return
    assert set(found) == {"label", "probabilities"}
    expected = probabilities_of(trained, X)
    assert found["probabilities"].dtype == prediction.dtype
    if isinstance(prediction.outcome, Classes):
        if expected.shape[1] == 1:
            expected = np.hstack([1 - expected, expected])
        # p^(1/T) multiplies relative errors of p by 1/T.
        tolerance /= min(1.0, prediction.outcome.temperature)
    assert_close(found["probabilities"], expected, tolerance * np.abs(expected).max(axis=1, keepdims=True))
    kind = np.int64 if predicted.dtype.kind in "biuf" else object
    np.testing.assert_array_equal(found["label"], predicted.reshape(found["label"].shape).astype(kind), strict=True)


def probabilities_of(trained: Any, X: Any) -> np.ndarray:
    if isinstance(trained, Network):
        return trained.forward(np.asarray(X, trained.dtype))
    return np.asarray(trained.predict_proba(X))


def assert_close(found: np.ndarray, expected: np.ndarray, most: Any) -> None:
    assert (np.abs(found - expected) <= most).all(), np.abs(found - expected).max()


# Functions


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_activations_are_exact_to_the_last_digits_close_to_0_and_far_from_it(name, dtype):
    network = Network([1, 1], [name], "squared_error", dtype=dtype, backend="numpy")
    network.weights[0][:], network.biases[0][:] = 1, 0
    z = np.concatenate([np.linspace(-30, 30, 999), 10.0 ** np.arange(-9, 1), -(10.0 ** np.arange(-9, 1)), [-200, 80]])
    z = z.astype(dtype)[:, np.newaxis]
    expected = ACTIVATIONS[name](z.astype(np.float64))
    eps = np.finfo(dtype).eps
    # Phi(z) has an absolute error, everything else a relative one; the tail of exp(z) has the error of z.
    most = 2 * eps * np.abs(z) if name == "gelu" else 8 * eps * np.abs(expected) + np.finfo(dtype).tiny
    assert_close(Runtime(to_onnx(network))(z)["variable"], expected, most)


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax_neither_overflows_nor_loses_small_probabilities(dtype):
    network = Network([3, 3], ["softmax"], dtype=dtype, backend="numpy")
    network.weights[0][:], network.biases[0][:] = np.eye(3), 0
    z = np.array([[0.0, 1.0, -20.0], [1000.0, -1000.0, 999.0], [-500.0, -501.0, -502.0]], dtype)
    expected = ACTIVATIONS["softmax"](z.astype(np.float64))
    found = Runtime(to_onnx(network))(z)["probabilities"]
    assert_close(found, expected, 8 * np.finfo(dtype).eps * expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("loss", "output"), OUTPUTS, ids=str)
def test_outputs_of_every_loss(loss, output, dtype):
    random = np.random.default_rng(1)
    n_outputs = outputs_for(loss, output, random)
    network = Network([3, 4, n_outputs], ["tanh", output], loss, dtype=dtype, backend="numpy", seed=1)
    move(network, random)
    assert_same_predictions(network, random.standard_normal((20, 3)).astype(dtype))


INGREDIENTS: dict[str, dict[str, Any]] = {
    "batch normalisation": {"normalization": "batch"},
    "layer normalisation": {"normalization": "layer"},
    "both": {"normalization": ["batch", "layer"]},
    "parametric activations": {"parametric": True},
    "all of these": {"normalization": "layer", "parametric": True, "dropout": 0.5},
    "input scales": {"input_scaling": True},
    "periodic": {"embeddings": PeriodicEmbedding([3, 1], 5, 3)},
    "periodic for all columns": {"embeddings": PeriodicEmbedding([0, 1, 2, 3], 4, 2), "input_scaling": True},
    "categories": {"embeddings": [CategoryEmbedding(2, 5, 3), CategoryEmbedding(0, 1, 2)]},
    "both embeddings": {
        "embeddings": [CategoryEmbedding(2, 5, 3), PeriodicEmbedding([0, 3], 4, 3)],
        "input_scaling": True,
    },
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("options", INGREDIENTS.values(), ids=list(INGREDIENTS))
def test_every_ingredient_of_a_network(options, dtype):
    random = np.random.default_rng(2)
    network = Network([4, 6, 5, 3], ["silu", "mish", "softmax"], dtype=dtype, backend="numpy", seed=1, **options)
    move(network, random)
    X = random.standard_normal((30, 4))
    X[:, 2] = random.choice([0, 1, 4, 4.75, 5, 77, -1, -0.5, np.nan], 30)
    X[:, 2] = X[:, 2] if "CategoryEmbedding" in repr(options) else 0.5
    assert_same_predictions(network, X.astype(dtype))


def test_layer_normalisation_keeps_its_digits_where_the_mean_is_large():
    network = Network(
        [2, 8, 1], ["identity", "identity"], "squared_error", normalization="layer", backend="numpy", seed=1
    )
    random = np.random.default_rng(1)
    network.weights[0][:], network.biases[0][:] = random.integers(-9, 10, (2, 8)), 100_000  # so that z is exact
    assert_same_predictions(network, random.integers(-9, 10, (9, 2)).astype(np.float32))


@pytest.mark.parametrize("seed", SEEDS)
def test_random_models(seed):
    trained, X = random_model(seed)
    assert_same_predictions(trained, X, rounding=own_error(trained, X))


# Tables

#: Cells of a column in training, and others to predict for.
COLUMNS: dict[str, tuple[list, list]] = {
    "numbers": ([1.0, 2.0, 4.0, 8.0], [3.0, -1e300, np.inf, -np.inf, np.nan]),
    "large numbers": ([1e308, -1e308, 0.0, 1.0], [5e307, 1.7e308, np.inf]),
    "close numbers": ([1e9, 1e9 + 1e-3, 1e9 + 2e-3], [1e9 + 1.5e-3, 1e9 - 1]),
    "missing numbers": ([1.0, np.nan, 4.0, 8.0], [2.0, np.nan, np.inf]),
    "an indicator alone": ([5.0, None], [5.0, 7.0, np.inf, np.nan]),
    "two words": (["b", "a"], ["a", "b", "c", None, ""]),
    "some words": (["b", "", "nan", "ä"], ["", "nan", "NaN", "ä", "?", None]),
    "one word or none": (["b", None], ["b", None, "c"]),
    "many words": ([f"w{k}" for k in range(12)], ["w0", "w11", "w12", None]),
    "booleans": ([True, False], [True, False]),
    "missing booleans": ([True, None, False], [True, False, None]),
    "numbers as categories": ([0.1, 2.0, -3.0, -0.0], [0.1, 0.1 + 1e-16, 0.3, 0.0, np.nan, np.inf]),
    "many numbers as categories": ([k / 10 for k in range(12)], [0.3, 0.30000000000000004, 1.1, np.nan, 1e308]),
}


def table(*kinds: str, place: int) -> pd.DataFrame:
    """The columns in training or those to predict for, beside a column of numbers, repeated to the same length."""
    columns = {kind: pd.Series(np.resize(np.array(COLUMNS[kind][place], object), 36)) for kind in kinds}
    for kind, column in columns.items():
        if isinstance(COLUMNS[kind][0][0], float):
            columns[kind] = column.astype(float).astype("category" if "categories" in kind else float)
    return pd.DataFrame({**columns, "beside": np.linspace(-1, 1, 36)})


def realmlp(kind: type, X: Any, y: Any, **options: Any) -> Any:
    """A small RealMLP."""
    given = {"hidden_layer_sizes": (5, 4), "n_members": 2, "n_epochs": 1, "backend": "numpy", "random_state": 1}
    estimator = kind(**(given | options)).fit(X, y)
    for network in estimator.networks_:
        move(network, np.random.default_rng(3), 0.2)
    return estimator


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_kind_of_column(kind):
    y = np.resize(["x", "y", "z"], 36)
    assert_same_predictions(realmlp(RealMLPClassifier, table(kind, place=0), y), table(kind, place=1))


@pytest.mark.parametrize("n_rows", [1, 5, 1000])
def test_all_kinds_of_columns_together(n_rows):
    regressor = realmlp(RealMLPRegressor, table(*COLUMNS, place=0), 1e6 + np.arange(36.0))
    more = table(*COLUMNS, place=1)
    assert_same_predictions(regressor, more.iloc[np.resize(np.arange(36), n_rows)])


def test_inputs_have_the_names_and_types_of_the_columns_that_are_read():
    kinds = ["numbers", "two words", "booleans", "missing booleans", "numbers as categories"]
    frame = table(*kinds, place=0).assign(constant=1.0, empty=None)
    runtime = Runtime(to_onnx(realmlp(RealMLPRegressor, frame, np.arange(36.0))))
    types = ["tensor(double)", "tensor(string)", "tensor(bool)", "tensor(double)", "tensor(double)", "tensor(double)"]
    assert runtime.inputs == {name: (kind, [None, 1]) for name, kind in zip([*kinds, "beside"], types, strict=True)}


def test_columns_of_text_without_names_are_called_by_their_position():
    X = np.array([[1.0, "a"], [2.0, "b"], [4.0, "a"]] * 8, object)
    regressor = realmlp(RealMLPRegressor, X, np.arange(24.0))
    assert list(assert_same_predictions(regressor, X).inputs) == ["x0", "x1"]


def test_names_of_columns_may_be_those_of_outputs_and_nodes_or_empty():
    frame = pd.DataFrame(
        np.random.default_rng(1).normal(size=(24, 4)), columns=["label", "", "x1", "network_1/layer_1/W"]
    )
    classifier = MLPClassifier((3,), max_iter=1, backend="numpy", random_state=1)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        classifier.fit(frame, np.resize(["a", "b", "c"], 24))
    runtime = Runtime(to_onnx(classifier))
    assert list(runtime.inputs) == ["label", "x1", "x1_2", "network_1/layer_1/W"]
    columns = frame.to_numpy()[:, :, np.newaxis]
    outputs = runtime({name: columns[:, place] for place, name in enumerate(runtime.inputs)})
    assert list(outputs) == ["label_2", "probabilities"]
    np.testing.assert_array_equal(outputs["label_2"], classifier.predict(frame))


def test_columns_of_numbers_can_be_one_matrix():
    kinds = ("numbers", "missing booleans", "numbers as categories")
    regressor = realmlp(RealMLPRegressor, table(*kinds, place=0), np.arange(36.0))
    runtime = assert_same_predictions(regressor, table(*kinds, place=1), as_matrix=True)
    assert runtime.inputs == {"X": ("tensor(double)", [None, 4])}


# Labels, scales and metadata


@pytest.mark.parametrize(
    ("labels", "returned"),
    [
        (["ant", "größe", ""], ["ant", "größe", ""]),
        ([-7, 0, 2**40], [-7, 0, 2**40]),
        ([0, 1, 2], [0, 1, 2]),
        ([-2.0, 0.0, 5.0], [-2, 0, 5]),
        ([False, True], [0, 1]),
    ],
)
def test_labels(labels, returned):
    X = np.random.default_rng(1).standard_normal((36, 2))
    classifier = realmlp(RealMLPClassifier, X, np.resize(np.array(labels), 36))
    found = Runtime(to_onnx(classifier))(X)["label"]
    expected = dict(zip(labels, returned, strict=True))
    assert found.tolist() == [expected[label] for label in classifier.predict(X).tolist()]
    assert found.dtype == np.array(returned, object if isinstance(returned[0], str) else None).dtype


@pytest.mark.parametrize("clips", ["td", "td-s"])
def test_targets_far_from_0_keep_their_digits_and_their_range(clips):
    X = np.random.default_rng(1).standard_normal((36, 2))
    y = 1e9 + np.stack([np.arange(36.0), np.sin(np.arange(36.0))], axis=1)
    regressor = realmlp(RealMLPRegressor, X, y, preset=clips)
    found, expected = Runtime(to_onnx(regressor))(100 * X)["variable"], regressor.predict(100 * X)
    assert_close(found - 1e9, expected - 1e9, 1e-6 * np.abs(expected - 1e9).max())


def test_models_of_tables_scale_features_and_name_classes():
    network = Network([2, 3, 1], ["relu", "sigmoid"], "binary_cross_entropy", backend="numpy", seed=1)
    scaling = Scaling(np.array([1e6, -3.0]), np.array([1e-2, 7.0]))
    model = Model(network, features=scaling, class_names=("no", "yes"), feature_names=("size", "age"))
    X = pd.DataFrame(scaling.mean + scaling.scale * np.random.default_rng(1).standard_normal((20, 2)))
    X.columns = ["size", "age"]
    runtime = assert_same_predictions(model, X)
    assert set(runtime(X)["label"]) <= {"no", "yes"}


def run_the_docstring(monkeypatch, tmp_path, names, lines):
    """The names after some of the lines in the docstring of `to_onnx`."""
    monkeypatch.chdir(tmp_path)
    names |= {"fastnn": fastnn, "onnxruntime": onnxruntime}
    examples = doctest.DocTestParser().get_examples(to_onnx.__doc__)
    for line in lines:
        exec(examples[line].source, names)
    return names


@pytest.mark.parametrize("standardize", [False, True])
def test_the_example_for_arrays_runs(standardize, monkeypatch, tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    options = {"solver": "lbfgs", "max_iter": 999, "standardize": standardize, "backend": "numpy", "random_state": 0}
    classifier = MLPClassifier((3,), **options).fit(X, X[:, 0] > 0)
    names = run_the_docstring(monkeypatch, tmp_path, {"classifier": classifier, "X": X}, range(5))
    np.testing.assert_allclose(names["probabilities"], classifier.predict_proba(X), rtol=1e-6)


def test_the_example_for_data_frames_runs(monkeypatch, tmp_path):
    n = np.arange(40)
    frame = pd.DataFrame({"whole": n % 7, "small": np.float32(n / 3), "flag": n % 3 == 0, "text": [*"ab"] * 20})
    frame["sometimes"] = [True, False, None, True] * 10
    frame.loc[5:9, "text"] = None
    options = {"n_members": 1, "n_epochs": 1, "hidden_layer_sizes": (4,), "backend": "numpy", "random_state": 0}
    classifier = RealMLPClassifier(**options).fit(frame, n % 2)
    names = run_the_docstring(monkeypatch, tmp_path, {"classifier": classifier, "frame": frame}, [0, 1, 2, 5, 6])
    np.testing.assert_allclose(names["probabilities"], classifier.predict_proba(frame), rtol=1e-6)


def test_metadata_name_features_classes_and_fastnn():
    classifier = realmlp(RealMLPClassifier, table("two words", place=0), np.resize([3, 4], 36))
    model = to_onnx(classifier)
    assert (model.producer_name, model.producer_version) == ("fastnn", fastnn.__version__)
    assert model.doc_string == f"RealMLPClassifier of fastnn {fastnn.__version__}: 2 networks of layers 5-5-4-2."
    metadata = {each.key: json.loads(each.value) for each in model.metadata_props}
    assert metadata == {"feature_names": ["two words", "beside"], "class_names": ["3", "4"]}
    assert {each.domain: each.version for each in model.opset_import} == {"": 13, "ai.onnx.ml": 2}
    assert model.ir_version == 7


def test_the_file_holds_the_model_that_is_returned(tmp_path):
    network = Network([2, 1], ["identity"], "squared_error", backend="numpy", seed=1)
    model = to_onnx(network, tmp_path / "network.onnx")
    assert onnx.load(tmp_path / "network.onnx") == model
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]


# Pipelines

register_converters()


def mlp(kind: type, X: Any, y: Any, *steps: Any, **options: Any) -> Any:
    """A pipeline that ends with a small MLP."""
    estimator = kind(hidden_layer_sizes=(6, 5), max_iter=2, backend="numpy", random_state=1, **options)
    pipeline = make_pipeline(*steps, estimator) if steps else estimator
    with pytest.warns(UserWarning, match="Maximum iterations"):
        return pipeline.fit(X, y)


def converted(estimator: Any, X: Any, **options: Any) -> Runtime:
    return Runtime(skl2onnx.to_onnx(estimator, X[:1], **options))


def with_plain_names(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with names that skl2onnx leaves as they are."""
    return frame.rename(columns=lambda name: name.replace(" ", "_"))


def numbers(dtype: str) -> np.ndarray:
    return np.random.default_rng(1).normal(3, 2, (36, 4)).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [MLPClassifier, RealMLPClassifier])
@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "c"], [5, 7, 9]])
def test_pipelines_with_classifiers(kind, labels, dtype):
    X, y = numbers(dtype), np.resize(labels, 36)
    if kind is MLPClassifier:
        pipeline = mlp(kind, X, y, StandardScaler())
    else:
        pipeline = make_pipeline(StandardScaler(), realmlp(kind, X, y)).fit(X, y)
    found = converted(pipeline, X, options={"zipmap": False})({"X": X})
    np.testing.assert_array_equal(found["label"], pipeline.predict(X))
    expected = pipeline.predict_proba(X)
    temperature = getattr(pipeline[-1], "temperature_", 1.0)
    assert found["probabilities"].dtype == dtype
    assert_close(found["probabilities"], expected, 1e-6 / min(1.0, temperature))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [MLPRegressor, RealMLPRegressor])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_pipelines_with_regressors(kind, n_targets, dtype):
    X, y = numbers(dtype), 100 + np.random.default_rng(2).normal(size=(36, n_targets)).squeeze()
    if kind is MLPRegressor:
        pipeline = mlp(kind, X, y, MinMaxScaler(), standardize=True, dtype="float32")
    else:
        pipeline = make_pipeline(MinMaxScaler(), realmlp(kind, X, y)).fit(X, y)
    found = converted(pipeline, X)({"X": X})["variable"]
    assert found.dtype == dtype
    assert_close(found, pipeline.predict(X).reshape(36, n_targets), 1e-6 * 100)


def test_pipelines_with_several_labels():
    X, y = numbers("float32"), np.random.default_rng(1).integers(0, 2, (36, 3))
    pipeline = mlp(MLPClassifier, X, y, StandardScaler())
    found = converted(pipeline, X, options={"zipmap": False})({"X": X})
    np.testing.assert_array_equal(found["label"], pipeline.predict(X))
    assert_close(found["probabilities"], pipeline.predict_proba(X), 1e-6)


def test_pipelines_with_a_column_transformer():
    frame = with_plain_names(table("numbers", "some words", place=0))
    encoder = ColumnTransformer(
        [("numbers", StandardScaler(), ["numbers", "beside"]), ("words", OneHotEncoder(), ["some_words"])],
        sparse_threshold=0,
    )
    pipeline = mlp(MLPClassifier, frame, np.resize(["a", "b", "c"], 36), encoder)
    runtime = converted(pipeline, frame, options={"zipmap": False})
    assert_close(runtime(frame)["probabilities"], pipeline.predict_proba(frame), 1e-6)


def test_a_realmlp_alone_takes_one_input_for_each_column():
    frame = with_plain_names(table("numbers", "many words", "booleans", place=0)).assign(constant="same")
    classifier = realmlp(RealMLPClassifier, frame, np.resize(["a", "b"], 36))
    runtime = converted(classifier, frame.astype({"booleans": bool}), options={"zipmap": False})
    found = runtime(frame)["probabilities"]
    assert_close(found, classifier.predict_proba(frame), 1e-6 / min(1.0, classifier.temperature_))


def test_probabilities_can_be_dictionaries_or_columns():
    X, y = numbers("float32"), np.resize(["a", "b", "c"], 36)
    pipeline = mlp(MLPClassifier, X, y, StandardScaler())
    expected = pipeline.predict_proba(X)
    session = converted(pipeline, X).session
    labels, dictionaries = session.run(None, {"X": X})
    assert labels.tolist() == pipeline.predict(X).tolist()
    assert_close(np.array([[row[label] for label in "abc"] for row in dictionaries]), expected, 1e-6)
    columns = converted(pipeline, X, options={"zipmap": "columns"})({"X": X})
    assert_close(np.stack([columns["sa"], columns["sb"], columns["sc"]], axis=1), expected, 1e-6)


def test_labels_can_be_numbers_instead_of_words():
    X, y = numbers("float32"), np.resize(["a", "b", "c"], 36)
    classifier = mlp(MLPClassifier, X, y)
    found = converted(classifier, X, options={"zipmap": False, "nocl": True})({"X": X})["label"]
    np.testing.assert_array_equal(classifier.classes_[found], classifier.predict(X))


@pytest.mark.parametrize("target_opset", [13, 15, 18, 21])
def test_pipelines_of_older_and_newer_opsets(target_opset):
    X, y = numbers("float32"), np.resize(["a", "b", "c"], 36)
    pipeline = mlp(MLPClassifier, X, y, StandardScaler(), normalization="layer", activation="gelu")
    found = converted(pipeline, X, options={"zipmap": False}, target_opset=target_opset)({"X": X})
    assert_close(found["probabilities"], pipeline.predict_proba(X), 1e-6)


# Errors


def test_pipelines_that_cannot_be_converted_say_why():
    X, y = numbers("float64"), np.resize(["a", "b", "c"], 36)
    classifier = mlp(MLPClassifier, X, y)
    with pytest.raises(ValueError, match=r"float32 only.*convert with options=\{'zipmap': False\}"):
        skl2onnx.to_onnx(classifier, X[:1])
    with pytest.raises(ValueError, match="need target_opset=13 or later, got 12"):
        skl2onnx.to_onnx(classifier, X[:1].astype(np.float32), target_opset=12)
    frame = table("two words", place=0)
    regressor = realmlp(RealMLPRegressor, frame, np.arange(36.0))
    with pytest.raises(ValueError, match="columns of text, which a matrix cannot hold: call fastnn"):
        skl2onnx.to_onnx(regressor, X[:1, :2])


def test_a_missing_package_is_named_with_the_way_to_install_it(monkeypatch):
    network = Network([2, 1], ["identity"], "squared_error", backend="numpy")
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"skl2onnx, which is not installed: pip install skl2onnx"):
        register_converters()
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'onnx, which is not installed: pip install "\.\[onnx\]"'):
        to_onnx(network)


def test_what_cannot_be_written_says_why(tmp_path):
    frame = table("two words", place=0)
    regressor = realmlp(RealMLPRegressor, frame, np.arange(36.0))
    with pytest.raises(
        ValueError, match="as_matrix=True needs columns of numbers, and this RealMLPRegressor was trained"
    ):
        to_onnx(regressor, as_matrix=True)
    with pytest.raises(ValueError, match="not fitted yet"):
        to_onnx(RealMLPRegressor())
    with pytest.raises(TypeError, match="can be exported, got StandardScaler"):
        to_onnx(StandardScaler())
    words = np.where(frame["two words"] == "a", "\ud800", "b").astype(object)
    odd = realmlp(RealMLPRegressor, frame_of({"two words": words, "beside": frame["beside"]}), np.arange(36.0))
    with pytest.raises(ValueError, match=r"UTF-8, which has no form for '\\ud800'"):
        to_onnx(odd)
    with pytest.raises(OSError, match="nowhere"):
        to_onnx(regressor, tmp_path / "nowhere" / "model.onnx")
    assert not list(tmp_path.iterdir())
