"""RealMLP estimators in files: what is loaded predicts as before, and hostile files are rejected."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import fastnn
from fastnn.tabular import TableEncoder
from tests.datasets.hostile import arrays_of, header_of, rewrite_arrays, rewrite_header, texts_of

QUICK = {"n_members": 2, "n_epochs": 2, "hidden_layer_sizes": 4, "random_state": 0, "backend": "numpy"}
N_ROWS = 40


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "size": np.where(random.random(N_ROWS) < 0.2, np.nan, random.normal(size=N_ROWS)),
            "colour": random.choice(np.array(["red", "blue", "green", None], object), N_ROWS),
            "street": [f"street {n % 12}" for n in range(N_ROWS)],
        }
    )


@pytest.fixture(scope="module")
def kinds():
    return np.array(["rose", "lily"])[np.arange(N_ROWS) % 2]


@pytest.fixture
def saved(tmp_path, table, kinds):
    path = tmp_path / "model"
    fastnn.save(fastnn.RealMLPClassifier(**QUICK).fit(table, kinds), path, target="kind", hashes=np.arange(3))
    return path


@pytest.fixture
def saved_regressor(tmp_path, table):
    path = tmp_path / "regressor"
    fastnn.save(fastnn.RealMLPRegressor(**QUICK).fit(table, np.arange(40.0)), path)
    return path


def load(path):
    return fastnn.load(path, backend="numpy")


@pytest.mark.parametrize("dtype", ["U", "O", "int64", "int8", "bool", "float64"])
def test_a_classifier_predicts_as_before(tmp_path, table, kinds, dtype):
    labels = kinds.astype(dtype) if dtype in "OU" else (kinds == "rose").astype(dtype)
    classifier = fastnn.RealMLPClassifier(**QUICK).fit(table, labels)
    fastnn.save(classifier, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert type(loaded) is fastnn.RealMLPClassifier
    changed = table[table.columns[::-1]].assign(colour="violet")
    for X in (table, changed, changed[:1]):
        np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))
        np.testing.assert_array_equal(loaded.predict(X), classifier.predict(X))
    assert loaded.classes_.dtype == classifier.classes_.dtype
    assert loaded.columns_ == classifier.columns_
    assert loaded.best_epochs_ == classifier.best_epochs_
    assert loaded.get_params() == classifier.get_params()


@pytest.mark.parametrize("n_targets", [0, 1, 2])
@pytest.mark.parametrize("preset", ["td", "td-s"])
def test_a_regressor_predicts_as_before(tmp_path, table, n_targets, preset):
    y = np.arange(N_ROWS * max(n_targets, 1), dtype=float).reshape(N_ROWS, -1)
    regressor = fastnn.RealMLPRegressor(preset, **QUICK).fit(table, y if n_targets else y[:, 0])
    fastnn.save(regressor, tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict(table), regressor.predict(table))


def test_a_loaded_estimator_is_saved_alike_and_fitted_again_and_has_its_metadata(saved, table, kinds):
    metadata = fastnn.load_metadata(saved)
    assert metadata["target"] == "kind"
    np.testing.assert_array_equal(metadata["hashes"], np.arange(3))
    loaded, content = load(saved), saved.read_bytes()
    fastnn.save(loaded, saved, **metadata)
    assert saved.read_bytes() == content
    assert loaded.fit(table, kinds).n_members_ == 2


def test_columns_without_names_are_known_by_position(tmp_path, table, kinds):
    rows = table.fillna({"size": 0.0, "colour": "none"}).to_numpy()
    classifier = fastnn.RealMLPClassifier(categorical_features=[1, 2], **QUICK)
    fastnn.save(classifier.fit([[float(a), str(b), c] for a, b, c in rows], kinds), tmp_path / "model")
    assert not hasattr(load(tmp_path / "model"), "feature_names_in_")


def test_no_rows_are_in_the_file(tmp_path, kinds):
    X = pd.DataFrame({"size": np.random.default_rng(1).normal(size=N_ROWS)})
    fastnn.save(fastnn.RealMLPClassifier(oob_score=True, **QUICK).fit(X, kinds), tmp_path / "model")
    arrays, text = arrays_of(tmp_path / "model"), texts_of(tmp_path / "model")["header"]
    assert all(name.startswith(("members.1.", "members.2.")) for name in arrays)
    assert not any(len(array) == N_ROWS for array in arrays.values())
    assert not any(str(value) in text for value in X["size"])


def test_what_cannot_be_saved_is_refused(tmp_path, table, kinds):
    with pytest.raises(NotFittedError, match="This RealMLPClassifier is not fitted yet: call fit before saving it"):
        fastnn.save(fastnn.RealMLPClassifier(), tmp_path / "model")
    with pytest.raises(TypeError, match="got TableEncoder"):
        fastnn.save(TableEncoder(), tmp_path / "model")
    scored = fastnn.RealMLPClassifier(scoring=lambda estimator, X, y: 0.0, **QUICK).fit(table, kinds)
    fastnn.save(scored, tmp_path / "model")
    assert load(tmp_path / "model").scoring is None


def change(**entries):
    return lambda header: header["estimator"].update(entries)


def change_column(place, **entries):
    return lambda header: header["estimator"]["encoder"]["columns"][place].update(entries)


def change_parameters(**entries):
    return lambda header: header["estimator"]["parameters"].update(entries)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda header: header.update(estimator=3), "not subscriptable"),
        (lambda header: header.update(estimator={}), "parameters"),
        (lambda header: header.update(object="os.system"), "unknown object 'os.system'"),
        (lambda header: header.update(object=["a"]), "unhashable"),
        (lambda header: header.update(object="RealMLPRegressor"), "unexpected keyword argument"),
        (lambda header: header.update(object="MLPClassifier"), "too many values|unexpected keyword argument"),
        (change(parameters=[1]), "cannot convert"),
        (change_parameters(random_state={"class": "os.system"}), "optimizer"),
        (change_parameters(random_state={"optimizer": "os.system", "options": {}}), "os.system"),
        (change_parameters(random_state={"loss": "os.system", "options": {}}), "os.system"),
        (change_parameters(preset="large"), "'preset' parameter"),
        (change_parameters(hidden_layer_sizes=[-1]), "hidden_layer_sizes must be positive"),
        (change_parameters(dropout="much"), "'dropout' parameter"),
        (change_parameters(depth=3), "unexpected keyword argument 'depth'"),
        (change(classes={"dtype": "O", "values": ["a"]}), "at least two"),
        (change(classes={"dtype": "O", "values": ["a", "b", "c"]}), "3 outputs, got"),
        (change(classes={"dtype": "O", "values": ["b", "a"]}), "in ascending order"),
        (change(classes={"dtype": "O", "values": ["a", 1]}), "values of their dtype"),
        (change(classes={"dtype": "U1000000000", "values": ["a", "b"]}), "not understood"),
        (change(classes={"dtype": "f8,f8", "values": []}), "V"),
        (change(temperature=float("nan")), "temperature must be a positive number"),
        (change(temperature=0.0), "temperature must be a positive number"),
        (change(temperature="1"), "temperature must be a positive number"),
        (change(epochs=[1]), "epochs must be 2 counts"),
        (change(epochs=[1, -1]), "epochs must be 2 counts"),
        (change(encoder={"named": True, "columns": []}), "at least one column"),
        (change_column(0, number=None), "2 outputs, got"),
        (change_column(1, name="x" * 3_000_000), "may have 8,388,608 characters at most, got 9,000,000"),
        (change_column(0, number=[float("inf"), 1.0]), "must be finite"),
        (change_column(1, levels=["a", "b"]), "2 levels cannot have 3 small columns"),
        (lambda header: header.update(loss="squared_error", loss_options={}), "loss|activation"),
        (lambda header: header.pop("estimator"), "estimator"),
        (lambda header: header.update(n_networks=1200), "1 to 1,000 networks expected, got 1200"),
        (lambda header: header.update(n_networks=0), "1 to 1,000 networks expected, got 0"),
        (lambda header: header.update(n_networks=True), "1 to 1,000 networks expected, got True"),
        (lambda header: header.update(n_networks=3), "there is no members.3"),
        (lambda header: header.update(n_networks=1), "there is no layers.1.weights"),
        (lambda header: header.pop("n_networks"), "there is no layers.1.weights"),
        (lambda header: header.update(dtype="float64"), "of float64, got shape .* of float32"),
    ],
)
def test_a_header_that_does_not_fit_is_rejected(saved, damage, message):
    rewrite_header(saved, lambda header: damage(header) and None)
    with pytest.raises(ValueError, match=f"model is damaged: .*({message})"):
        load(saved)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"target_means_": [float("nan")]}, "must be finite"),
        ({"target_deviations_": [0.0]}, "deviations positive"),
        ({"target_minima_": [1e9]}, "minima below maxima"),
        ({"target_means_": [0.0, 1.0]}, "inhomogeneous"),
        ({"target_means_": ["1"]}, "lists of numbers"),
        ({name: [] for name in ("target_means_", "target_deviations_", "target_minima_", "target_maxima_")}, "finite"),
    ],
)
def test_targets_that_do_not_fit_are_rejected(saved_regressor, entries, message):
    rewrite_header(saved_regressor, lambda header: header["estimator"]["targets"].update(entries))
    with pytest.raises(ValueError, match=f"regressor is damaged: .*{message}"):
        load(saved_regressor)
    rewrite_header(saved_regressor, lambda header: header["estimator"].update(is_single=3))
    with pytest.raises(ValueError, match="regressor is damaged"):
        load(saved_regressor)


def change_array(name, change):
    return lambda arrays: arrays | {name: change(arrays[name])}


def without(prefix):
    return lambda arrays: {name: array for name, array in arrays.items() if not name.startswith(prefix)}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change_array("members.2.layers.1.weights", lambda W: np.full_like(W, np.nan)), "parameters must be finite"),
        (change_array("members.1.inputs.scales", lambda s: s * np.float32(np.inf)), "parameters must be finite"),
        (change_array("members.2.layers.1.weights", lambda W: W[1:]), "members.2.layers.1.weights must have shape"),
        (change_array("members.2.layers.1.weights", lambda W: W[:0]), "members.2.layers.1.weights must have shape"),
        (
            change_array("members.1.layers.1.biases", lambda b: b[np.newaxis]),
            "members.1.layers.1.biases must have shape",
        ),
        (change_array("members.1.layers.1.biases", lambda b: b.astype("f8")), "of float32, got shape .* of float64"),
        (without("members.2."), "there is no members.2."),
        (without("members.1.inputs."), "there is no members.1.inputs."),
        (without(""), "2 layers have as many arrays at least, got 0"),
    ],
)
def test_arrays_that_do_not_fit_are_rejected(saved, damage, message):
    rewrite_arrays(saved, damage)
    with pytest.raises(ValueError, match=f"model is damaged: .*({message})"):
        load(saved)


def test_a_count_of_epochs_for_each_network_is_needed(saved):
    rewrite_arrays(saved, without("members.2."))
    rewrite_arrays(saved, lambda arrays: {name.removeprefix("members.1."): each for name, each in arrays.items()})
    rewrite_header(saved, lambda header: header.update(n_networks=1))
    with pytest.raises(ValueError, match="epochs must be 1 counts"):
        load(saved)


def test_the_header_describes_the_estimator(saved):
    header = header_of(saved)
    assert header["object"] == "RealMLPClassifier"
    assert header["n_networks"] == 2
    assert "n_threads" not in header["estimator"]["parameters"]
