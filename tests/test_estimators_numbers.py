"""Numbers as they are: large targets, divergence, batches of one, columns of 0 and 1, masks, and parameters of other types."""

from contextlib import contextmanager

import numpy as np
import pytest
from sklearn import config_context
from sklearn.datasets import make_classification
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn import MLPClassifier, MLPRegressor, Network
from fastnn.losses import Quantile
from fastnn.scaling import ColumnScaler

BACKENDS = fastnn.backends()


@pytest.fixture
def times():
    """Features, and targets like seconds since 1970: a large number and a small difference."""
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


@contextmanager
def suppress_divergence():
    """Early stopping may end with finite parameters; any error has to be that of weights that are not."""
    try:
        yield
    except ValueError as error:
        if "non-finite parameter weights" not in str(error):
            raise


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scoring", [None, "r2", "loss"])
@pytest.mark.parametrize("validates", [False, True])
def test_a_regression_that_diverges_says_so_and_keeps_its_last_finite_weights(backend, scoring, validates):
    X = np.random.default_rng(0).standard_normal((100, 3))
    y, given = X[:, 0], {"X_val": X, "y_val": X[:, 0]} if validates else {}
    model = MLPRegressor(solver="sgd", learning_rate_init=1e30, scoring=scoring, backend=backend, random_state=0)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        model.fit(X, y, **given)
    assert all(np.isfinite(W).all() for W in model.coefs_)
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        model.partial_fit(X, y, **given)
    assert all(np.isfinite(W).all() for W in model.coefs_)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value", "ignore:Stochastic Optimizer")
@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc", None])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_classifier_that_diverges_does_not_fail_in_its_scorer(scoring, early_stopping):
    X, y = make_classification(200, random_state=0)
    options = {"solver": "sgd", "learning_rate_init": 1e300, "max_iter": 20, "random_state": 0, "backend": "numpy"}
    model = MLPClassifier(scoring=scoring, early_stopping=early_stopping, activation="identity", **options)
    given = {} if early_stopping else {"X_val": X, "y_val": y}
    with suppress_divergence():
        model.fit(X, y, **given)
    assert all(np.isfinite(W).all() for W in model.coefs_)


# Batches of one


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [41, 81])
def test_a_sample_left_over_joins_the_batch_before_under_batch_normalisation(backend, n):
    random = np.random.default_rng(0)
    X, y = random.standard_normal((n, 5)), random.integers(0, 2, n)
    weights = random.random(n)
    fitted, by_hand = (
        Network([5, 8, 2], normalization="batch", backend=backend, dtype="float64", seed=0) for _ in range(2)
    )
    history = fitted.fit(X, y, weights, epochs=1, batch_size=20, shuffle=False)
    starts, losses = np.arange(0, n - 1, 20), []
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        losses.append(by_hand.loss(X[start:stop], y[start:stop], weights[start:stop]))
        by_hand.backward()
        fastnn.SGD().step(by_hand)
    np.testing.assert_allclose(fitted.parameters, by_hand.parameters, rtol=1e-12, atol=1e-14)
    totals = np.add.reduceat(weights, starts)
    assert history.loss[0] == pytest.approx(np.average(losses, weights=totals), rel=1e-12)
    assert fitted.n_updates == len(starts)


def test_without_batch_normalisation_a_sample_left_over_is_a_batch():
    X, y = np.random.default_rng(0).standard_normal((41, 3)), np.zeros(41, int)
    network = Network([3, 4, 2], backend="numpy", seed=0)
    network.fit(X, y, epochs=1, batch_size=20)
    assert network.n_updates == 3


@pytest.mark.parametrize("n", [201, 401])
def test_estimators_take_any_number_of_samples_under_batch_normalisation(n):
    X, y = make_classification(n, random_state=0)
    model = MLPClassifier(batch_norm=True, max_iter=3, n_iter_no_change=np.inf, backend="numpy", random_state=0)
    with pytest.warns(match="Maximum iterations"):
        model.fit(X, y)
    assert model.n_iter_ == 3


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_cross_validation_of_501_samples_works_under_batch_normalisation():
    X, y = make_classification(501, random_state=0)
    model = MLPClassifier(batch_norm=True, batch_size=100, max_iter=10, backend="numpy", random_state=0)
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
    scaler = ColumnScaler().partial_fit([[0.0], [1.0]])
    assert scaler.transform([[1.0]]) == [[1.0]]
    scaler.partial_fit([[2.0], [5.0]])
    np.testing.assert_allclose(scaler.transform([[2.0]]), StandardScaler().fit([[0], [1], [2], [5]]).transform([[2.0]]))


@pytest.mark.parametrize("standardize", ["features", "target", True, False])
def test_features_and_targets_are_chosen(houses, standardize):
    X, y = houses
    model = MLPRegressor(standardize=standardize, backend="numpy", random_state=0).partial_fit(X, y)
    assert hasattr(model, "feature_scaler_") == (standardize in ("features", True))
    assert hasattr(model, "target_scaler_") == (standardize in ("target", True))
    assert np.isfinite(model.predict(X)).all()


def test_a_classifier_has_no_target_to_standardise():
    with pytest.raises(ValueError, match="standardize='target' needs targets that are numbers"):
        MLPClassifier(standardize="target").fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_what_transformers_give_elsewhere_makes_no_difference(houses, output):
    X, y = houses
    options = {"standardize": True, "max_iter": 1, "backend": "numpy", "random_state": 0}
    expected = MLPRegressor(**options).partial_fit(X, y).predict(X)
    with config_context(transform_output=output):
        np.testing.assert_array_equal(MLPRegressor(**options).partial_fit(X, y).predict(X), expected)
        network = Network([4, 1], loss="squared_error", backend="numpy", seed=0)
        network.fit_batches([(X, y / 1e5)], standardize=True)


# Masks


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


ESTIMATORS = (MLPClassifier, MLPRegressor)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("wrong", [object(), {"a": 1}, 1 + 2j], ids=["object", "dict", "complex"])
def test_every_parameter_of_another_type_is_told_by_name(estimator, wrong):
    for name in estimator().get_params():
        model = estimator(**({"backend": "numpy", "max_iter": 1} | {name: wrong}))
        with pytest.raises((TypeError, ValueError), match=name):
            model.fit(np.eye(4), [0, 1, 0, 1])


NETWORK = {"layer_sizes": [2, 3, 2], "backend": "numpy"}


@pytest.mark.parametrize("wrong", [object(), {"a": 1}, 1 + 2j], ids=["object", "dict", "complex"])
@pytest.mark.parametrize("name", ["layer_sizes", "activations", "loss", "normalization", "dropout", "backend", "dtype",
                                  "initializer", "seed", "n_threads"])  # fmt: skip
def test_every_parameter_of_a_network_of_another_type_is_told_by_name(name, wrong):
    with pytest.raises((TypeError, ValueError), match=name.removesuffix("s")):
        Network(**NETWORK | {name: wrong})


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_n_threads_is_a_number_and_not_a_flag(estimator):
    with pytest.raises((TypeError, ValueError), match="n_threads"):
        estimator(n_threads=True).fit(np.eye(4), [0, 1, 0, 1])
