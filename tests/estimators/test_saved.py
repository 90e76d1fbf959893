"""MLPClassifier and MLPRegressor in files: what is loaded predicts as before and goes on, and hostile files are rejected."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone

import fastnn
from fastnn.estimators import MLPClassifier, MLPRegressor
from tests.datasets.hostile import arrays_of, header_of, rewrite_arrays, rewrite_header, texts_of
from tests.estimators.data import TARGETS, features

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = features()
STRINGS = TARGETS["strings"]
OPTIONS = {"hidden_layer_sizes": (6, 4), "max_iter": 4, "random_state": 0, "backend": "numpy"}

LEVELS = fastnn.losses.Quantile(levels=(0.1, 0.5, 0.9))

#: Keyword arguments and targets of classifiers.
CLASSIFIERS = {
    "two integers": ({}, TARGETS["binary"]),
    "integers": ({}, TARGETS["multiclass"]),
    "small integers": ({}, TARGETS["multiclass"].astype(np.int8)),
    "unsigned integers": ({}, TARGETS["multiclass"].astype(np.uint16)),
    "numbers": ({}, TARGETS["multiclass"].astype(np.float32)),
    "strings": ({}, STRINGS),
    "two strings": ({}, TARGETS["binary strings"]),
    "objects": ({}, STRINGS.astype(object)),
    "booleans": ({}, X[:, 0] > 0),
    "a single class": ({}, TARGETS["single class"]),
    "multilabel": ({}, TARGETS["multilabel"]),
    "standardized": ({"standardize": True}, STRINGS),
    "standardized features": ({"standardize": "features"}, TARGETS["binary"]),
    "early stopping": ({"early_stopping": True, "validation_fraction": 0.3}, STRINGS),
    "multilabel with early stopping": ({"early_stopping": True, "standardize": True}, TARGETS["multilabel"]),
    "lbfgs": ({"solver": "lbfgs"}, STRINGS),
    "sgd": (
        {"solver": "sgd", "learning_rate": "adaptive", "momentum": 0.5, "tol": 0.1, "n_iter_no_change": 2},
        STRINGS,
    ),
    "batch normalisation and dropout": ({"normalization": "batch", "dropout": [0.2, 0.0]}, STRINGS),
    "layer normalisation": ({"normalization": "layer", "activation": ["tanh", "gelu"]}, STRINGS),
    "optimizer": ({"optimizer": fastnn.AdamW(0.01, weight_decay=0.1, max_grad_norm=1.0)}, STRINGS),
    "name of an optimizer": ({"optimizer": "muon"}, STRINGS),
    "optimizer with another": ({"optimizer": fastnn.Muon(auxiliary=fastnn.Adam(0.003, amsgrad=True))}, STRINGS),
    "L-BFGS": ({"optimizer": fastnn.LBFGS(history_size=5, l2=0.01)}, STRINGS),
    "class weights": ({"class_weight": {"ant": 2.0, "bee": 0.5, "cat": 1}}, STRINGS),
    "balanced": ({"class_weight": "balanced", "label_smoothing": 0.1}, STRINGS),
    "patience without end": ({"n_iter_no_change": np.inf, "tol": 0.0}, STRINGS),
    "float32": ({"dtype": "float32"}, STRINGS),
    "no hidden layer": ({"hidden_layer_sizes": ()}, STRINGS),
    "one hidden layer": ({"hidden_layer_sizes": 5}, STRINGS),
    "an array of sizes": ({"hidden_layer_sizes": np.array([5, 3])}, STRINGS),
}

#: The same for regressors.
REGRESSORS = {
    "one target": ({}, TARGETS["one target"]),
    "two targets": ({}, TARGETS["two targets"]),
    "standardized": ({"standardize": True}, TARGETS["two targets"]),
    "standardized target": ({"standardize": "target"}, TARGETS["one target"]),
    "standardized features": ({"standardize": "features"}, TARGETS["one target"]),
    "poisson": ({"loss": "poisson"}, TARGETS["two counts"]),
    "quantiles": ({"loss": LEVELS}, TARGETS["one target"]),
    "standardized quantiles of several targets": ({"loss": LEVELS, "standardize": True}, TARGETS["two targets"]),
    "huber": ({"loss": fastnn.losses.Huber(delta=0.3), "normalization": "batch"}, TARGETS["one target"]),
    "early stopping": ({"early_stopping": True, "scoring": "r2", "standardize": True}, TARGETS["one target"]),
    "lbfgs": ({"solver": "lbfgs"}, TARGETS["two targets"]),
    "dropout": ({"dropout": 0.3, "dtype": "float32"}, TARGETS["one target"]),
}

ALL = [(MLPClassifier, name, *case) for name, case in CLASSIFIERS.items()]
ALL += [(MLPRegressor, name, *case) for name, case in REGRESSORS.items()]
every_estimator = pytest.mark.parametrize(
    ("make", "options", "y"),
    [(make, *case) for make, _, *case in ALL],
    ids=[f"{make.__name__}, {name}" for make, name, *_ in ALL],
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model"


def saved_and_loaded(estimator, path):
    fastnn.save(estimator, path)
    return fastnn.load(path, backend="numpy")


def assert_equal_predictions(loaded, estimator, X):
    for name in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(estimator, name):
            np.testing.assert_array_equal(getattr(loaded, name)(X), getattr(estimator, name)(X), strict=True)


def parameters_of(estimator):
    """Constructor parameters, to be compared with ==."""
    parameters = estimator.get_params()
    return parameters | {"hidden_layer_sizes": list(np.atleast_1d(parameters["hidden_layer_sizes"]))}


# Round trips


@every_estimator
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_estimator_comes_back_bit_by_bit(make, options, y, dtype, path):
    estimator = make(**OPTIONS | options).fit(X.astype(dtype), y)
    loaded = saved_and_loaded(estimator, path)
    assert type(loaded) is make
    centers = hasattr(estimator, "feature_scaler_")
    for rows in (X, X.astype("float32"), X[:1], *([] if centers else [csr_matrix(X)])):
        assert_equal_predictions(loaded, estimator, rows)
    assert loaded.network_.dtype == estimator.network_.dtype
    assert loaded.network_.architecture == estimator.network_.architecture
    assert loaded.network_._learned.tobytes() == estimator.network_._learned.tobytes()
    if make is MLPClassifier:
        np.testing.assert_array_equal(loaded.classes_, estimator.classes_, strict=True)
        assert loaded.score(X, y) == estimator.score(X, y)


@every_estimator
def test_its_parameters_and_what_it_has_learned_come_back(make, options, y, path):
    estimator = make(**OPTIONS | options).fit(X, y)
    loaded = saved_and_loaded(estimator, path)
    assert parameters_of(loaded) == parameters_of(estimator)
    assert type(loaded.hidden_layer_sizes) is type(estimator.hidden_layer_sizes) or options.keys() == {
        "hidden_layer_sizes"
    }
    names = {name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")}
    for name in names - {"coefs_", "intercepts_", "feature_scaler_", "target_scaler_", "history_", "stopped_early_"}:
        np.testing.assert_equal(getattr(loaded, name), getattr(estimator, name), err_msg=name)


@every_estimator
def test_a_loaded_estimator_is_saved_alike(make, options, y, path):
    loaded = saved_and_loaded(make(**OPTIONS | options).fit(X, y), path)
    content = path.read_bytes()
    fastnn.save(loaded, path)
    assert path.read_bytes() == content


@every_estimator
def test_a_clone_of_a_loaded_estimator_fits_alike(make, options, y, path):
    estimator = make(**OPTIONS | options).fit(X, y)
    cloned = clone(saved_and_loaded(estimator, path))
    assert not hasattr(cloned, "coefs_")
    assert_equal_predictions(cloned.fit(X, y), estimator, X)


def test_parameters_that_have_no_json_form_and_those_of_the_machine_are_left_out(path):
    objects = {"schedule": fastnn.schedules.Cosine(), "callbacks": [fastnn.EarlyStopping("loss")], "progress": False}
    objects |= {"random_state": np.random.RandomState(0), "scoring": lambda estimator, X, y: 0.0, "n_threads": 1}
    estimator = MLPClassifier(**OPTIONS | objects, optimizer=fastnn.SGD(0.1)).fit(X, STRINGS)
    loaded = saved_and_loaded(estimator, path)
    assert {name: getattr(loaded, name) for name in objects} == {
        name: getattr(MLPClassifier(), name) for name in objects
    }
    assert_equal_predictions(loaded, estimator, X)
    assert fastnn.load(path, backend="numpy", n_threads=2).n_threads == 2
    assert not {*objects} & {*header_of(path)["estimator"]["parameters"]}


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_the_backend_is_chosen_when_loading(backend, path):
    estimator = MLPRegressor(**OPTIONS).fit(X, TARGETS["one target"])
    fastnn.save(estimator, path)
    loaded = fastnn.load(path, backend=backend)
    assert loaded.backend == loaded.network_.backend == backend
    np.testing.assert_allclose(loaded.predict(X), estimator.predict(X), rtol=1e-9)


def test_a_subclass_is_saved_as_what_it_is_derived_from(path):
    class Own(MLPClassifier):
        pass

    estimator = Own(**OPTIONS).fit(X, STRINGS)
    loaded = saved_and_loaded(estimator, path)
    assert type(loaded) is MLPClassifier
    assert_equal_predictions(loaded, estimator, X)


def test_metadata_come_back_too(path):
    estimator = MLPClassifier(**OPTIONS).fit(X, STRINGS)
    fastnn.save(estimator, path, target="kind", hashes=np.arange(3))
    metadata = fastnn.load_metadata(path)
    assert metadata["target"] == "kind"
    np.testing.assert_array_equal(metadata["hashes"], np.arange(3))


# Data frames


def test_columns_of_a_data_frame_are_known_by_name(path):
    frame = pd.DataFrame(X, columns=["größe", "b", "c", "d", "e"])
    estimator = MLPClassifier(**OPTIONS, standardize=True).fit(frame, STRINGS)
    loaded = saved_and_loaded(estimator, path)
    assert_equal_predictions(loaded, estimator, frame)
    np.testing.assert_array_equal(loaded.feature_names_in_, estimator.feature_names_in_, strict=True)
    with pytest.raises(ValueError, match="The feature names should match"):
        loaded.predict(frame[frame.columns[::-1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        loaded.predict(X)


def test_columns_without_names_have_none(path):
    assert not hasattr(saved_and_loaded(MLPClassifier(**OPTIONS).fit(X, STRINGS), path), "feature_names_in_")


# Going on

#: Without momentum and shuffling, training depends only on the parameters.
PLAIN = {"solver": "sgd", "momentum": 0.0, "shuffle": False, "learning_rate_init": 0.05}
SPARSE = csr_matrix(X)


def scaler_of(estimator, name):
    scaler = getattr(estimator, name)
    return [np.asarray(getattr(scaler, each)) for each in ("mean_", "var_", "scale_", "n_samples_seen_")]


@pytest.mark.parametrize("rows", [X, SPARSE], ids=["dense", "sparse"])
@pytest.mark.parametrize("standardize", [False, "features", "target", True])
def test_partial_fit_goes_on_as_if_the_estimator_had_not_been_saved(rows, standardize, path):
    y = TARGETS["two targets"]
    estimator = MLPRegressor(**OPTIONS | PLAIN, standardize=standardize)
    estimator.partial_fit(rows[:30], y[:30]).partial_fit(rows[:20], y[:20])
    loaded = saved_and_loaded(estimator, path)
    for each in (estimator, loaded):
        each.partial_fit(rows[30:], y[30:]).partial_fit(rows[:7], y[:7])
    assert_equal_predictions(loaded, estimator, rows)
    for name in {"feature_scaler_", "target_scaler_"} & {*vars(estimator)}:
        for found, expected in zip(scaler_of(loaded, name), scaler_of(estimator, name), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert (loaded.t_, loaded.n_iter_, loaded.loss_curve_) == (estimator.t_, estimator.n_iter_, estimator.loss_curve_)


def test_partial_fit_scales_a_column_once_it_is_no_longer_binary(path):
    rows = np.c_[X[:, :2], X[:, 2] > 0]
    estimator = MLPClassifier(**OPTIONS | PLAIN, standardize=True)
    estimator.partial_fit(rows[:30], STRINGS[:30], classes=np.unique(STRINGS))
    loaded = saved_and_loaded(estimator, path)
    for each in (estimator, loaded):
        assert each.feature_scaler_.scale_[2] == 1
        each.partial_fit(5 * rows[30:], STRINGS[30:])
        assert each.feature_scaler_.scale_[2] != 1
    assert_equal_predictions(loaded, estimator, rows)


def test_partial_fit_knows_the_classes(path):
    estimator = MLPClassifier(**OPTIONS).partial_fit(X[:30], STRINGS[:30], classes=["ant", "bee", "cat", "dog"])
    loaded = saved_and_loaded(estimator, path)
    assert loaded.partial_fit(X[30:], STRINGS[30:]).classes_.tolist() == ["ant", "bee", "cat", "dog"]
    with pytest.raises(ValueError, match="`y` has classes not in"):
        loaded.partial_fit(X[:3], ["emu", "ant", "bee"])


@pytest.mark.parametrize(
    ("make", "options", "y"),
    [
        (MLPClassifier, {}, STRINGS),
        (MLPClassifier, {}, TARGETS["binary"]),
        (MLPClassifier, {}, TARGETS["multilabel"]),
        (MLPClassifier, {"standardize": True, "normalization": "batch"}, STRINGS),
        (MLPClassifier, {"solver": "lbfgs"}, STRINGS),
        (MLPRegressor, {"standardize": True, "loss": LEVELS}, TARGETS["two targets"]),
        (MLPRegressor, {"dtype": "float32"}, TARGETS["one target"]),
    ],
)
def test_a_warm_start_goes_on_as_if_the_estimator_had_not_been_saved(make, options, y, path):
    estimator = make(**OPTIONS | PLAIN | options, warm_start=True).fit(X, y)
    loaded = saved_and_loaded(estimator, path)
    before = loaded.network_._learned.copy()
    for each in (estimator, loaded):
        each.fit(X, y)
    assert (loaded.network_._learned != before).any()
    assert_equal_predictions(loaded, estimator, X)
    assert loaded.n_iter_ == estimator.n_iter_


def test_a_warm_start_with_early_stopping_knows_the_best_score(path):
    estimator = MLPClassifier(**OPTIONS | PLAIN, early_stopping=True, warm_start=True).fit(X, STRINGS)
    loaded = saved_and_loaded(estimator, path)
    assert loaded.best_validation_score_ == estimator.best_validation_score_
    for each in (estimator, loaded):
        each.fit(X, STRINGS)
    assert loaded.validation_scores_ == estimator.validation_scores_
    assert_equal_predictions(loaded, estimator, X)


# What is in a file


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("make", "options", "y"),
    [
        (MLPClassifier, {"standardize": True}, TARGETS["multilabel"]),
        (MLPClassifier, {"optimizer": fastnn.Adam()}, TARGETS["multilabel"]),
        (MLPRegressor, {"standardize": True}, TARGETS["one target"]),
    ],
)
def test_no_training_data_are_in_the_file(make, options, y, method, path):
    estimator = make(**OPTIONS | options, early_stopping=method == "fit")
    rows = np.random.default_rng(1).standard_normal(X.shape)
    options = {"classes": np.arange(3)} if (make, method) == (MLPClassifier, "partial_fit") else {}
    getattr(estimator, method)(rows, y, **options)
    fastnn.save(estimator, path)
    arrays, text = arrays_of(path), texts_of(path)["header"]
    assert {*arrays} == {f"layers.{number}.{name}" for number in (1, 2, 3) for name in ("weights", "biases")}
    assert not np.isin(np.concatenate([array.ravel() for array in arrays.values()]), rows).any()
    for number in (*rows.ravel(), *(y if make is MLPRegressor else [])):
        assert repr(float(number)) not in text


def test_the_file_is_json_and_arrays(path):
    fastnn.save(MLPClassifier(**OPTIONS).fit(X, STRINGS), path)
    header = json.loads(texts_of(path)["header"])
    assert header["object"] == "MLPClassifier"
    assert header["layer_sizes"] == [5, 6, 4, 3]
    assert header["estimator"]["classes"] == {"dtype": "U", "values": ["ant", "bee", "cat"]}


# What is refused


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_what_is_not_fitted_is_not_saved(make, path):
    with pytest.raises(ValueError, match=f"This {make.__name__} is not fitted yet: call fit before saving it"):
        fastnn.save(make(), path)
    assert not path.exists()


@pytest.mark.parametrize("other", [object(), "model", None, MLPClassifier, csr_matrix(X)])
def test_other_objects_are_not_saved(other, path):
    with pytest.raises(TypeError, match="save takes a Network, a Model, an MLPClassifier, an MLPRegressor, a RealMLP"):
        fastnn.save(other, path)
    assert not path.exists()


def test_classes_that_json_does_not_know_are_not_saved(path):
    dates = np.array(["2026-01-01", "2026-01-02", "2026-01-03"], "M8[D]")[TARGETS["multiclass"] // 2]
    estimator = MLPClassifier(**OPTIONS).fit(X, STRINGS)
    estimator.classes_ = np.unique(dates)
    with pytest.raises(ValueError, match="Classes must be numbers, strings or booleans to be saved, got "):
        fastnn.save(estimator, path)
    assert not path.exists()


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Of a classifier and of a regressor."""
    folder, contents = tmp_path_factory.mktemp("files"), {}
    frame = pd.DataFrame(X, columns=list("abcde"))
    estimators = {
        "classifier": MLPClassifier(**OPTIONS, standardize=True).fit(frame, STRINGS),
        "regressor": MLPRegressor(**OPTIONS, standardize=True, early_stopping=True).fit(X, TARGETS["two targets"]),
    }
    for name, estimator in estimators.items():
        fastnn.save(estimator, folder / name)
        contents[name] = (folder / name).read_bytes()
    return contents


def change(**entries):
    return lambda header: header["estimator"].update(entries)


def change_in(part, **entries):
    return lambda header: header["estimator"][part].update(entries)


def classes(dtype, values):
    return change(classes={"dtype": dtype, "values": values})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda header: header.update(object="os.system"), "unknown object 'os.system'"),
        (lambda header: header.update(object="sklearn.svm.SVC"), "unknown object 'sklearn.svm.SVC'"),
        (lambda header: header.update(object=["MLPClassifier"]), "unhashable"),
        (lambda header: header.update(object="MLPRegressor"), "unexpected keyword argument"),
        (lambda header: header.update(object="RealMLPClassifier"), "unexpected keyword argument"),
        (lambda header: header.update(estimator=3), "not subscriptable"),
        (lambda header: header.update(estimator={}), "parameters"),
        (lambda header: header.pop("estimator"), "estimator"),
        (lambda header: header.update(n_networks=2), "there is no members.1.layers.1.weights"),
        (
            lambda header: header.update(loss="squared_error", loss_options={}),
            "must have the loss softmax_cross_entropy|softmax",
        ),
        (change(parameters=[1]), "cannot convert"),
        (change(parameters=None), "not iterable"),
        (change_in("parameters", depth=3), "unexpected keyword argument 'depth'"),
        (change_in("parameters", solver="newton"), "'solver' parameter"),
        (change_in("parameters", hidden_layer_sizes="many"), "hidden_layer_sizes"),
        (change_in("parameters", alpha=-1.0), "'alpha' parameter"),
        (change_in("parameters", max_iter=-1), "'max_iter' parameter"),
        (change_in("parameters", dropout="much"), "'dropout' parameter"),
        (change_in("parameters", optimizer={"optimizer": "os.system", "options": {}}), "os.system"),
        (change_in("parameters", optimizer={"optimizer": "Adam", "options": {"learning_rate": -1.0}}), "learning_rate"),
        (
            change_in("parameters", optimizer={"optimizer": "Adam", "options": {"rate": 1.0}}),
            "Adam has no argument 'rate'",
        ),
        (change_in("parameters", optimizer={"optimizer": "Adam"}), "options"),
        (change_in("parameters", optimizer={"optimizer": ["Adam"], "options": {}}), "unhashable"),
        (change_in("parameters", optimizer={"loss": "huber", "options": {}}), "'optimizer' parameter"),
        (change_in("parameters", optimizer={"module": "os", "function": "system"}), "optimizer"),
        (change_in("parameters", class_weight={"items": [[[], 1.0]]}), "unhashable"),
        (change_in("parameters", class_weight={"items": [[1]]}), "not enough values"),
        (change_in("parameters", hidden_layer_sizes={"tuple": 3}), "not iterable"),
        (change(feature_names=["a"]), "feature_names must be 5 strings"),
        (change(feature_names="abcde"), "feature_names must be 5 strings"),
        (change(feature_names=["a", "b", "c", "d", 5]), "feature_names must be 5 strings"),
        (change(targets="binary"), "3 binary classes cannot have 3 outputs"),
        (change(targets="multioutput"), "targets must be one of binary, multiclass, multilabel-indicator"),
        (change(targets=["multiclass"]), "targets must be one of"),
        (classes("U", ["ant", "bee"]), "2 multiclass classes cannot have 3 outputs"),
        (classes("U", ["bee", "ant", "cat"]), "in ascending order"),
        (classes("U", ["ant", "ant", "cat"]), "in ascending order"),
        (classes("U", ["ant", "bee", 3]), "values of their dtype"),
        (classes("U", []), "in ascending order"),
        (classes("U", "abc"), "list of values of their dtype"),
        (classes("U1000000000", ["ant", "bee", "cat"]), "not have dtype|not understood"),
        (classes("O", ["ant", "bee", ["cat"]]), "values of their dtype"),
        (classes("O", ["ant", "bee", None]), "values of their dtype"),
        (classes("|O8", ["ant", "bee", "cat"]), "must not have dtype"),
        (classes("V8", ["ant", "bee", "cat"]), "'V'"),
        (classes("M8[s]", [1, 2, 3]), "'M'"),
        (classes("i8,i8", [1, 2, 3]), "'V'"),
        (classes(["i8"], [1, 2, 3]), "Field|data type|understood"),
        (classes({"names": ["a"], "formats": ["i8"]}, [1, 2, 3]), "'V'"),
        (classes("|i1", [1, 2, 300]), "out of bounds"),
        (classes("<i8", [1, 2, 10**30]), "too large|too big"),
        (classes("<i8", [1, 2, True]), "values of their dtype"),
        (classes("<f8", [1.0, float("nan"), 3.0]), "in ascending order"),
        (classes("<f2", [1.0, 2.0, 1e300]), "overflow|ascending|finite"),
        (
            classes("U", ["a"] * 1000 + ["b" * 10**5]),
            "an array of 1,001 strings must not have one of 100,000 characters",
        ),
        (change(classes=None), "not subscriptable"),
        (change_in("feature_scaler_", means=[0.0] * 4), "inhomogeneous"),
        (change_in("feature_scaler_", means=[0.0] * 4, variances=[1.0] * 4, scales=[1.0] * 4), "must have 5 means"),
        (change_in("feature_scaler_", means=[float("nan")] * 5), "must be finite"),
        (change_in("feature_scaler_", means=["0"] * 5), "lists of numbers"),
        (change_in("feature_scaler_", means=5), "lists of numbers"),
        (change_in("feature_scaler_", scales=[1.0, 1.0, 0.0, 1.0, 1.0]), "positive scales"),
        (change_in("feature_scaler_", variances=[1.0, 1.0, -1.0, 1.0, 1.0]), "positive scales"),
        (change_in("feature_scaler_", n_samples_seen=-1.0), "n_samples_seen must be counts"),
        (change_in("feature_scaler_", n_samples_seen=float("nan")), "n_samples_seen must be counts"),
        (change_in("feature_scaler_", n_samples_seen=float("inf")), "n_samples_seen must be counts"),
        (change_in("feature_scaler_", n_samples_seen=[1.0, 2.0]), "n_samples_seen must be counts"),
        (change_in("feature_scaler_", n_samples_seen="many"), "n_samples_seen must be counts"),
        (change_in("feature_scaler_", n_samples_seen=[[1.0], [1.0, 2.0]]), "inhomogeneous"),
        (change_in("feature_scaler_", is_binary=[True]), "is_binary must be 5 booleans"),
        (change_in("feature_scaler_", is_binary=[1, 0, 1, 0, 1]), "is_binary must be 5 booleans"),
        (change_in("feature_scaler_", is_binary=None), "is_binary must be 5 booleans"),
        (change_in("feature_scaler_", with_mean="yes"), "with_mean must be true or false, got 'yes'"),
        (change(feature_scaler_=3), "not subscriptable"),
        (change(feature_scaler_={}), "means"),
        (change(training=None), "not subscriptable"),
        (change(training={}), "n_iter_"),
        (change_in("training", n_iter_=-1), "n_iter_ must be a count, got -1"),
        (change_in("training", t_=1.5), "t_ must be a count, got 1.5"),
        (change_in("training", t_=True), "t_ must be a count, got True"),
        (change_in("training", loss_="small"), "loss_ must hold numbers"),
        (change_in("training", best_loss_=[1.0]), "best_loss_ must hold numbers"),
        (change_in("training", loss_curve_=3.0), "loss_curve_ must hold numbers"),
        (change_in("training", loss_curve_=["a"]), "loss_curve_ must hold numbers"),
        (change_in("training", loss_curve_=[[1.0]]), "loss_curve_ must hold numbers"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(content, damage, message, path):
    path.write_bytes(content["classifier"])
    rewrite_header(path, lambda header: damage(header) and None)
    with pytest.raises(ValueError, match=f"model is damaged: .*({message})") as caught:
        fastnn.load(path, backend="numpy")
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda header: header.update(object="MLPClassifier"), "unexpected keyword argument 'loss'"),
        (change_in("parameters", loss="poisson"), "must have the loss poisson, got squared_error"),
        (change_in("parameters", loss="guess"), "'loss' parameter|loss"),
        (change_in("parameters", loss={"loss": "guess", "options": {}}), "guess"),
        (change_in("parameters", loss={"loss": "huber", "options": {"delta": -1.0}}), "delta"),
        (change_in("parameters", loss={"loss": "huber", "options": {}}), "must have the loss huber"),
        (change_in("parameters", loss={"loss": "quantile", "options": {"levels": [2.0]}}), "levels"),
        (change_in("target_scaler_", means=[0.0], variances=[1.0], scales=[1.0]), "must have 2 means"),
        (change_in("target_scaler_", scales=[1.0, -1.0]), "positive scales"),
        (change_in("target_scaler_", with_mean=1), "with_mean must be true or false, got 1"),
        (change_in("training", validation_scores_=[None]), "validation_scores_ must hold numbers"),
        (change_in("training", best_validation_score_="best"), "best_validation_score_ must hold numbers"),
    ],
)
def test_a_description_of_a_regressor_that_does_not_fit_is_refused(content, damage, message, path):
    path.write_bytes(content["regressor"])
    rewrite_header(path, lambda header: damage(header) and None)
    with pytest.raises(ValueError, match=f"model is damaged: .*({message})"):
        fastnn.load(path, backend="numpy")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_parameters_that_are_not_finite_are_refused(content, value, path):
    path.write_bytes(content["regressor"])
    rewrite_arrays(path, lambda arrays: arrays | {"layers.2.biases": np.full(4, value)})
    with pytest.raises(ValueError, match="parameters must be finite"):
        fastnn.load(path, backend="numpy")
