"""Difficult data: large targets, divergence, batches of one, 0/1 columns, masked arrays, and parameters of other types."""

from contextlib import nullcontext, suppress
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import OptimizeResult
from scipy.sparse import csc_matrix, csr_matrix
from sklearn import config_context
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_classification
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn import MLPClassifier, MLPRegressor, Network
from fastnn.losses import Quantile
from fastnn.scaling import ColumnScaler
from tests.cli.commands import run

BACKENDS = fastnn.available_backends()


@pytest.fixture
def times():
    """Features, and targets like Unix timestamps: a large number and small differences."""
    random = np.random.default_rng(0)
    X = random.standard_normal((300, 3))
    return X, 1.6e9 + 100 * (X @ [1.0, -0.5, 0.3])


# Targets


@pytest.mark.parametrize("loss", ["squared_error", "huber", "absolute_error", Quantile(0.5)], ids=str)
def test_large_targets_keep_their_digits_in_single_precision(times, loss):
    X, y = times
    options = {"standardize": True, "backend": "numpy", "max_iter": 200, "random_state": 0}
    single, double = (MLPRegressor(loss, dtype=dtype, **options).fit(X, y) for dtype in ("float32", "float64"))
    assert single.predict(X).dtype == np.float64
    assert len(np.unique(single.predict(X))) > 250
    assert single.score(X, y) > 0.95
    assert single.score(X, y) == pytest.approx(double.score(X, y), abs=0.01)


def test_single_precision_that_comes_from_X_keeps_them_too(times):
    X, y = times
    model = MLPRegressor(standardize=True, backend="numpy", max_iter=200, random_state=0).fit(X.astype(np.float32), y)
    assert model.coefs_[0].dtype == np.float32
    assert model.score(X.astype(np.float32), y) > 0.95


def test_several_large_targets_and_the_scores_of_early_stopping(times):
    X, y = times
    Y = np.column_stack([y, -2 * y])
    options = {"standardize": True, "dtype": "float32", "backend": "numpy", "random_state": 0}
    model = MLPRegressor(early_stopping=True, learning_rate_init=0.01, max_iter=100, **options).fit(X, Y)
    assert model.best_validation_score_ > 0.9
    assert model.score(X, Y) > 0.9


# Divergence


RNG = np.random.default_rng(0)
FEATURES = RNG.standard_normal((100, 3))
NUMBERS, CLASSES = FEATURES[:, 0], RNG.integers(0, 3, 100)
TARGETS = {MLPRegressor: NUMBERS, MLPClassifier: CLASSES}
VALIDATION = {make: {"X_val": FEATURES[:30], "y_val": y[:30]} for make, y in TARGETS.items()}

#: Scores that may be monitored while training diverges.
WATCHED = [
    *((MLPRegressor, scoring) for scoring in (None, "loss", "r2", "neg_mean_squared_error")),
    *((MLPClassifier, scoring) for scoring in (None, "loss", "neg_log_loss", "roc_auc_ovr")),
]
watched = pytest.mark.parametrize(
    ("make", "scoring"), WATCHED, ids=[f"{make.__name__}-{scoring}" for make, scoring in WATCHED]
)

DIVERGES = {"solver": "sgd", "learning_rate_init": 1e200, "activation": "identity", "random_state": 0}


def train_often(model, method, **validation):
    y = TARGETS[type(model)]
    classes = {"classes": np.unique(y)} if method == "partial_fit" and type(model) is MLPClassifier else {}
    for _ in range(1 if method == "fit" else 5):
        getattr(model, method)(FEATURES, y, **classes, **validation)


def are_finite(model):
    return all(np.isfinite(array).all() for array in (*model.coefs_, *model.intercepts_))


@watched
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_training_that_diverges_says_so_whatever_is_watched(make, scoring, backend, early_stopping, method):
    model = make(scoring=scoring, early_stopping=early_stopping, backend=backend, **DIVERGES)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        train_often(model, method, **VALIDATION[make])
    assert are_finite(model)


@watched
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_early_stopping_that_diverges_on_its_own_share_ends_with_finite_parameters(make, scoring):
    """With an error where `scoring` is given, and otherwise where scikit-learn has one."""
    model = make(scoring=scoring, early_stopping=True, max_iter=30, backend="numpy", **DIVERGES)
    fails = scoring is not None
    with pytest.raises(ValueError, match="non-finite parameter weights") if fails else nullcontext():
        model.fit(FEATURES, TARGETS[make])
    assert are_finite(model)


def train_until_it_overflows(model, **fit):
    """Steps of 1e-3 first, and so a best iteration, and then one that is far too long."""
    model.set_params(schedule=lambda step: 1e-3 if step < 5 else 1e300, batch_size=100, solver="sgd", backend="numpy")
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        model.fit(FEATURES, NUMBERS, **fit)
    return model


def test_the_parameters_of_the_best_iteration_are_kept_by_early_stopping():
    options = {"random_state": 0, "early_stopping": True, "scoring": "r2", "activation": "identity"}
    model = train_until_it_overflows(MLPRegressor(**options), **VALIDATION[MLPRegressor])
    assert model.score(FEATURES[:30], NUMBERS[:30]) == pytest.approx(model.best_validation_score_)
    assert model.best_validation_score_ == max(model.validation_scores_[:5])


def test_without_early_stopping_those_of_the_last_finite_iteration_are_kept():
    model = train_until_it_overflows(MLPRegressor(random_state=0, activation="identity"))
    n_finite = int(np.isfinite(model.history_.loss).sum())
    expected = MLPRegressor(
        random_state=0, activation="identity", max_iter=n_finite, schedule=lambda step: 1e-3 if step < 5 else 1e300
    )
    expected.set_params(batch_size=100, solver="sgd", backend="numpy")
    with pytest.warns(match="Maximum iterations"):
        expected.fit(FEATURES, NUMBERS)
    np.testing.assert_array_equal(model.coefs_[0], expected.coefs_[0])


def test_partial_fit_goes_on_after_a_divergence_with_another_learning_rate():
    model = MLPRegressor(backend="numpy", batch_size=5, **DIVERGES)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        model.partial_fit(FEATURES, NUMBERS)
    model.set_params(learning_rate_init=1e-3)
    losses = [model.partial_fit(FEATURES, NUMBERS).loss_ for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]


def test_callbacks_never_see_parameters_that_are_not_finite():
    class Looks(fastnn.Callback):
        def on_epoch_end(self, network, history):
            assert np.isfinite(network.parameters).all()

    model = MLPRegressor(backend="numpy", callbacks=[Looks()], **DIVERGES)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        model.fit(FEATURES, NUMBERS)
    assert are_finite(model)


def test_l_bfgs_that_diverges_keeps_the_last_finite_iteration(monkeypatch):
    def minimize(function, x, callback, **options):
        callback(OptimizeResult(x=x + 1, fun=1.0))
        with suppress(StopIteration):
            callback(OptimizeResult(x=x * np.nan, fun=np.nan))
        return OptimizeResult(x=x * np.nan, fun=np.nan, nit=2, status=0, success=True, message="")

    monkeypatch.setattr("scipy.optimize.minimize", minimize)
    model = MLPRegressor(solver="lbfgs", scoring="r2", backend="numpy", random_state=0)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        model.fit(FEATURES, NUMBERS, **VALIDATION[MLPRegressor])
    assert are_finite(model)
    assert model.intercepts_[0].min() > 0.5  # those that SciPy began with, and 1


def test_a_scorer_of_fastnns_early_stopping_sees_no_error_where_outputs_overflow():
    network = Network([1, 1], loss="squared_error", backend="numpy", dtype="float64", seed=0)
    held_out = np.array([[0.0], [1e200]]), np.array([0.0, 1.0])
    network.weights[0][:] = 1e200
    stopping = fastnn.EarlyStopping(monitor="r2", patience=1)
    history = network.fit(
        np.zeros((2, 1)), np.ones(2), optimizer=fastnn.SGD(1e-9), validation_data=held_out, callbacks=[stopping]
    )
    assert np.isnan(history.scores["r2"]).all()


def test_a_scorer_that_fails_by_itself_is_heard():
    model = MLPRegressor(scoring=lambda model, X, y: int("no"), backend="numpy")
    with pytest.raises(ValueError, match="invalid literal"):
        model.fit(FEATURES, NUMBERS, **VALIDATION[MLPRegressor])


# Batches of one


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_estimators_reported_loss_is_right_with_a_sample_left_over(shuffle):
    """At a learning rate of almost 0, it is the mean of the batches' losses by their samples, on both backends."""
    options = {
        "normalization": "batch",
        "batch_size": 20,
        "max_iter": 1,
        "n_iter_no_change": np.inf,
        "shuffle": shuffle,
    }
    models = [
        MLPRegressor(backend=backend, solver="sgd", learning_rate_init=1e-300, random_state=0, alpha=0.0, **options)
        for backend in BACKENDS
    ]
    rows = slice(0, 41)
    for model in models:
        model.partial_fit(FEATURES[rows], NUMBERS[rows])
    assert models[0].loss_ == pytest.approx(models[1].loss_, rel=1e-12)
    if not shuffle:
        cuts = [(0, 20), (20, 41)]
        losses = [models[0].network_.loss(FEATURES[a:b], NUMBERS[a:b]) for a, b in cuts]
        assert models[0].loss_ == pytest.approx(np.average(losses, weights=[20, 21]), rel=1e-12)


@pytest.mark.parametrize("n", [201, 401])
def test_estimators_take_any_number_of_samples_under_batch_normalisation(n):
    X, y = make_classification(n, random_state=0)
    model = MLPClassifier(normalization="batch", max_iter=3, n_iter_no_change=np.inf, backend="numpy", random_state=0)
    with pytest.warns(match="Maximum iterations"):
        model.fit(X, y)
    assert model.n_iter_ == 3


@pytest.mark.parametrize("options", [[], ["--checkpoint", "kept"]], ids=["by estimator", "by network"])
def test_the_command_line_takes_any_number_of_samples_under_batch_normalisation(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", X=FEATURES, y=CLASSES)  # 80 of 100 samples are trained on
    options = ["--normalization", "batch", "--no-early-stopping", "--batch-size", "79", "--epochs", "2", *options]
    output = run("train", "--data", "data.npz", "--backend", "numpy", *options).output
    assert "80 samples to train on" in output
    assert "2 epochs, batches of 79" in output


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_cross_validation_of_501_samples_works_under_batch_normalisation():
    X, y = make_classification(501, random_state=0)
    model = MLPClassifier(normalization="batch", batch_size=100, max_iter=10, backend="numpy", random_state=0)
    assert np.isfinite(cross_val_score(model, X, y, cv=5)).all()


# Columns


@pytest.fixture
def houses():
    """A number, three columns of an encoding, and prices."""
    random = np.random.default_rng(0)
    kinds = np.eye(3)[random.integers(0, 3, 200)]
    X = np.column_stack([random.normal(1000, 50, 200), kinds])
    return X, 1e5 + 100 * X[:, 0] + 1e4 * kinds[:, 1]


def test_columns_of_0_and_1_are_left_alone(houses):
    X, y = houses
    model = MLPRegressor(standardize=True, max_iter=1, backend="numpy").partial_fit(X, y)
    scaled = model.feature_scaler_.transform(X)
    np.testing.assert_array_equal(scaled[:, 1:], X[:, 1:])
    np.testing.assert_allclose([scaled[:, 0].mean(), scaled[:, 0].std()], [0, 1], atol=1e-12)


def test_a_column_is_scaled_once_another_number_is_seen():
    scaler, first, second = ColumnScaler(), [[0.0, 3], [1, 4]], [[2.0, 5], [5, 6]]
    scaler.partial_fit(first)
    assert scaler.transform(first)[:, 0].tolist() == [0, 1]
    scaler.partial_fit(second)
    expected = StandardScaler().fit(first + second)
    np.testing.assert_allclose(scaler.transform(second), expected.transform(second))
    scaler.partial_fit(first)
    expected = StandardScaler().fit(first + second + first)
    np.testing.assert_allclose(scaler.transform(first), expected.transform(first))
    scaler.fit(first)
    assert scaler.transform(second)[:, 0].tolist() == [2, 5]


@pytest.mark.parametrize("container", [np.asarray, csr_matrix, csc_matrix, pd.DataFrame])
def test_columns_of_0_and_1_are_found_in_any_container_and_put_back(container):
    X = np.array([[0, 0, 2.0, 1], [1, 0, 0, 1], [0, 0, 1, 1], [1, 0, 5, 1]])
    scaler = ColumnScaler(with_mean=container in (np.asarray, pd.DataFrame)).set_output(transform="default")
    weights = np.array([1.0, 2, 3, 4])
    scaler.fit(container(X), sample_weight=weights)
    assert scaler.is_binary_.tolist() == [True, True, False, True]
    scaled = scaler.transform(container(X))
    back = scaler.inverse_transform(scaled)
    scaled, back = (part.toarray() if hasattr(part, "toarray") else part for part in (scaled, back))
    np.testing.assert_array_equal(scaled[:, [0, 1, 3]], X[:, [0, 1, 3]])
    expected = StandardScaler(with_mean=scaler.with_mean).fit(X, sample_weight=weights).transform(X)
    np.testing.assert_allclose(scaled[:, 2], expected[:, 2])
    np.testing.assert_allclose(back, X)


@pytest.mark.parametrize("standardize", ["features", "target", True, False])
def test_features_and_targets_are_chosen(houses, standardize):
    X, y = houses
    model = MLPRegressor(standardize=standardize, backend="numpy", random_state=0).partial_fit(X, y)
    assert hasattr(model, "feature_scaler_") == (standardize in ("features", True))
    assert hasattr(model, "target_scaler_") == (standardize in ("target", True))
    assert np.isfinite(model.predict(X)).all()


def test_scaling_the_target_alone_is_a_transformed_target(houses):
    X, y = houses
    options = {"max_iter": 5, "n_iter_no_change": np.inf, "backend": "numpy", "random_state": 0}
    with pytest.warns(match="Maximum iterations"):
        found = MLPRegressor(standardize="target", **options).fit(X, y)
    with pytest.warns(match="Maximum iterations"):
        expected = TransformedTargetRegressor(MLPRegressor(**options), transformer=StandardScaler()).fit(X, y)
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e-9)


def test_the_command_line_scales_columns_as_the_estimators_do(houses, tmp_path, monkeypatch):
    X, y = houses
    monkeypatch.chdir(tmp_path)
    np.savez("houses.npz", X=X, y=y)
    options = ["--data", "houses.npz", "--task", "regression", "--backend", "numpy", "--epochs", "2", "--hidden", "4"]
    run("train", *options, "--output", "by-estimator")
    run("train", *options, "--output", "by-network", "--normalization", "layer")
    for name in ("by-estimator", "by-network"):
        features = fastnn.load(name).features
        assert features.mean[1:].tolist() == [0, 0, 0]
        assert features.scale[1:].tolist() == [1, 1, 1]
        assert features.mean[0] > 900


def test_counts_are_not_scaled_even_if_asked_for(houses):
    X, y = houses
    with pytest.raises(ValueError, match="standardize='target' would scale counts"):
        MLPRegressor("poisson", standardize="target").fit(X, y)


def test_a_classifier_has_no_target_to_standardise():
    with pytest.raises(ValueError, match="standardize='target' needs numeric targets"):
        MLPClassifier(standardize="target").fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize("output", ["pandas", "polars"])
@pytest.mark.parametrize("container", [np.asarray, csr_matrix, csc_matrix, pd.DataFrame])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_what_transformers_give_elsewhere_makes_no_difference(houses, output, container, standardize, make):
    X, y = houses
    X, y = container(X), y if make is MLPRegressor else y > np.median(y)
    options = {"standardize": standardize, "max_iter": 3, "n_iter_no_change": np.inf, "early_stopping": True}

    def predictions():
        with pytest.warns(match="Maximum iterations"):
            return make(backend="numpy", random_state=0, **options).fit(X, y).predict(X)

    expected = predictions()
    with config_context(transform_output=output):
        found = predictions()
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_nor_does_it_for_a_stream_of_batches(houses, output):
    X, y = houses

    def parameters():
        network = Network([4, 1], loss="squared_error", backend="numpy", seed=0)
        network.fit_batches([(X[:100], y[:100] / 1e5), (X[100:], y[100:] / 1e5)], scaler=StandardScaler())
        return network.parameters

    expected = parameters()
    with config_context(transform_output=output):
        np.testing.assert_array_equal(parameters(), expected)


# Masks


def test_masked_arrays_that_mask_nothing_are_arrays():
    data, options = (FEATURES, NUMBERS, np.ones(100)), {"backend": "numpy", "random_state": 0, "standardize": True}
    unmasked = [np.ma.masked_array(part, mask=False) for part in data]
    found, expected = (MLPRegressor(**options).partial_fit(*each) for each in (unmasked, data))
    np.testing.assert_array_equal(found.predict(unmasked[0]), expected.predict(FEATURES))


@pytest.mark.parametrize("where", ["X", "y", "sample_weight"])
def test_masked_arrays_are_refused_wherever_they_enter(where):
    data = {"X": np.ones((4, 2)), "y": np.array([0, 1, 0, 1]), "sample_weight": np.ones(4)}
    data[where] = np.ma.masked_array(data[where], mask=np.zeros(data[where].shape))
    network, model = Network([2, 3, 2], backend="numpy", seed=0), MLPClassifier(max_iter=1, backend="numpy")
    network.loss(**data)  # nothing is masked yet
    data[where][0] = np.ma.masked
    for call in (network.loss, network.evaluate, network.fit, model.fit):
        with pytest.raises(ValueError, match=f"{where} is a masked array"):
            call(**data)
    with pytest.raises(ValueError, match=f"{where} is a masked array"):
        network.fit_batches([tuple(data.values())])


@pytest.mark.parametrize("where", [0, 1, 2])
def test_masked_validation_data_are_refused(where):
    data = [np.ones((4, 2)), np.array([0, 1, 0, 1]), np.ones(4)]
    given = list(data)
    given[where] = np.ma.masked_array(given[where], mask=True)
    model, network = MLPClassifier(backend="numpy"), Network([2, 2], backend="numpy", seed=0)
    with pytest.raises(ValueError, match=r"Invalid X_val and y_val: .* is a masked array"):
        model.fit(data[0], data[1], **dict(zip(("X_val", "y_val", "sample_weight_val"), given, strict=True)))
    with pytest.raises(ValueError, match="is a masked array"):
        network.fit(*data, validation_data=tuple(given))
    with pytest.raises(ValueError, match="is a masked array"):
        fastnn.check_gradients(network, *given[:2], sample_weight=given[2])


def test_rows_of_masked_arrays_are_refused_too():
    rows = [np.ma.masked_array([1.0, 2.0], mask=[False, True]), np.ma.masked_array([1.0, 2.0])]
    with pytest.raises(ValueError, match="X is a masked array, and 1 of its entries are masked"):
        Network([2, 2], backend="numpy").predict(rows)
    with pytest.raises(ValueError, match="X is a masked array"):
        MLPClassifier().fit(rows, [0, 1])


def test_masked_features_are_not_predicted():
    X = np.ma.masked_array(np.ones((4, 2)), mask=[[0, 1]] * 4)
    network = Network([2, 2], backend="numpy", seed=0)
    model = MLPClassifier(max_iter=1, backend="numpy").partial_fit(np.eye(2), [0, 1], classes=[0, 1])
    for predict in (network.predict, network.forward, model.predict, model.predict_proba):
        with pytest.raises(ValueError, match="X is a masked array"):
            predict(X)


# Parameters of other types


@pytest.mark.parametrize(
    "sizes", [(50, "20"), {"a": 3}, (5, None), "50", (5, 2.5), (5, True), object()], ids=lambda value: str(value)[:12]
)
def test_hidden_layer_sizes_of_other_types_are_told_by_name(sizes):
    with pytest.raises((TypeError, ValueError), match="hidden_layer_sizes"):
        MLPClassifier(hidden_layer_sizes=sizes).fit([[0.0], [1.0]], [0, 1])


def test_an_array_without_dimensions_is_one_hidden_layer():
    model = MLPClassifier(hidden_layer_sizes=np.array(5), max_iter=1, backend="numpy")
    assert model.partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1]).coefs_[0].shape == (1, 5)


#: Values of types that no parameter takes, and those that only some take.
WRONG = {"object": object(), "dict": {"a": 1}, "complex": 1 + 2j, "bytes": b"x", "list": ["x", None]}
TAKEN = {("class_weight", "dict")}


@pytest.mark.parametrize(
    ("make", "name"), [(make, name) for make in (MLPClassifier, MLPRegressor) for name in make().get_params()], ids=str
)
def test_every_parameter_of_another_type_is_told_by_name(make, name):
    for kind, wrong in WRONG.items():
        model = make(**{"backend": "numpy", "max_iter": 1} | {name: wrong})
        with pytest.raises((TypeError, ValueError), match="'a'|class_weight" if (name, kind) in TAKEN else name):
            model.fit(np.eye(4), [0, 1, 0, 1])


@pytest.mark.parametrize("name", ["n_threads", "max_grad_norm", "hidden_layer_sizes", "dropout"])
@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_a_flag_is_no_number(make, name):
    with pytest.raises((TypeError, ValueError), match=name):
        make(**{"backend": "numpy", name: True}).fit(np.eye(4), [0, 1, 0, 1])


NETWORK = {"layer_sizes": [2, 3, 2], "backend": "numpy"}


@pytest.mark.parametrize("name", list(signature(Network).parameters))
def test_every_parameter_of_a_network_of_another_type_is_told_by_name(name):
    for wrong in WRONG.values():
        with pytest.raises((TypeError, ValueError), match=name.removesuffix("s")):
            Network(**NETWORK | {name: wrong})


@pytest.mark.parametrize("dtype", [np.array([1.0, 2.0]), "int32", None])
def test_a_dtype_is_a_floating_point_type(dtype):
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64'"):
        Network(**NETWORK | {"dtype": dtype})


@pytest.mark.parametrize("data", [(5, None), (np.eye(2), None), (np.eye(3), [0, 1, 0]), ("a", "b")], ids=str)
def test_what_is_wrong_with_validation_data_is_said_of_these(data):
    with pytest.raises((TypeError, ValueError), match="Invalid validation_data: "):
        Network(**NETWORK).fit(np.eye(2), [0, 1], validation_data=data)


FIT = [name for name in signature(Network.fit).parameters if name not in ("self", "X", "y", "resume_from")]


@pytest.mark.parametrize("name", FIT)
def test_every_parameter_of_fit_of_another_type_is_told_by_name(name):
    for kind in ("object", "complex", "bytes"):
        with pytest.raises((TypeError, ValueError), match=name.removesuffix("s")):
            Network(**NETWORK).fit(np.eye(2), [0, 1], **{name: WRONG[kind]})
