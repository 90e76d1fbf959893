"""Contradictory options are rejected with a clear message, and change nothing."""

import numpy as np
import pytest

import fastnn
from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.losses import Poisson, SoftmaxCrossEntropy
from tests.estimators.data import TARGETS
from tests.estimators.fits import CLASSES, LABELS, NUMBERS, POINTS, X, both, fitted, small

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


WRONG = {
    "activations": ({"activation": ["relu"]}, {}, r"activation must be one name, or one for each of the 2 hidden layers, got \['relu'\]"),
    "an activation": ({"activation": "softmax"}, {}, "The 'activation' parameter of MLP.* must be"),
    "an activation in a list": ({"activation": ["relu", "no"]}, {}, "no"),
    "dropout": ({"dropout": 1.0}, {}, "dropout"),
    "dropout of layers": ({"dropout": [0.1]}, {}, "dropout"),
    "dropout with L-BFGS": ({"dropout": 0.1, "solver": "lbfgs"}, {}, "L-BFGS needs a deterministic loss"),
    "dropout with LBFGS": ({"dropout": 0.1, "optimizer": fastnn.LBFGS()}, {}, "needs a deterministic loss"),
    "backend": ({"backend": "cuda"}, {}, "The 'backend' parameter"),
    "dtype": ({"dtype": "float16"}, {}, "dtype"),
    "an integer dtype": ({"dtype": np.int64}, {}, "dtype"),
    "n_threads": ({"n_threads": 0}, {}, "The 'n_threads' parameter"),
    "optimizer": ({"optimizer": "fast"}, {}, "The 'optimizer' parameter"),
    "schedule": ({"schedule": "cosine"}, {}, "schedule"),
    "max_grad_norm": ({"max_grad_norm": 0}, {}, "The 'max_grad_norm' parameter"),
    "scoring": ({"early_stopping": True, "scoring": "no"}, {}, "'no'"),
    "callbacks": ({"callbacks": ["no"]}, {}, "callback"),
    "schedule that watches": ({"schedule": fastnn.schedules.ReduceOnPlateau(monitor="validation_loss")}, {}, "validation"),
    "EarlyStopping without data": ({"callbacks": [fastnn.EarlyStopping()]}, {}, "validation"),
    "normalization of single samples": ({"normalization": "batch", "batch_size": 1}, {}, "batch"),
    "X_val alone": ({}, {"X_val": X}, "Validation data need both X_val and y_val"),
    "y_val alone": ({}, {"y_val": CLASSES}, "Validation data need both X_val and y_val"),
    "weights alone": ({}, {"sample_weight_val": np.ones(60)}, "sample_weight_val cannot be passed without them"),
    "features of X_val": ({}, {"X_val": X[:, :2], "y_val": CLASSES}, "X has 2 features, but MLP.* is expecting 5"),
    "NaN in X_val": ({}, {"X_val": X * np.nan, "y_val": CLASSES}, "Input X contains NaN"),
    "samples of y_val": ({}, {"X_val": X, "y_val": CLASSES[:3]}, "inconsistent numbers of samples"),
}  # fmt: skip


@both
@pytest.mark.parametrize(("parameters", "fit", "message"), WRONG.values(), ids=WRONG)
def test_what_contradicts_itself_gets_a_sentence(parameters, fit, message, make, y):
    with pytest.raises((ValueError, TypeError), match=message):
        fitted(make, y, fit=fit, **parameters)


WRONG_CLASSIFIERS = {
    "class_weight": ({"class_weight": "no"}, {}, "The 'class_weight' parameter"),
    "label_smoothing": ({"label_smoothing": 1.5}, {}, "The 'label_smoothing' parameter"),
    "unknown labels in y_val": ({}, {"X_val": X, "y_val": CLASSES + 1}, "`y` has classes not in"),
}


@pytest.mark.parametrize(("parameters", "fit", "message"), WRONG_CLASSIFIERS.values(), ids=WRONG_CLASSIFIERS)
def test_what_a_classifier_cannot_do_gets_a_sentence(parameters, fit, message):
    with pytest.raises(ValueError, match=message):
        fitted(MLPClassifier, CLASSES, fit=fit, **parameters)
    with pytest.raises(ValueError, match="class_weight='balanced' needs all samples"):
        MLPClassifier(class_weight="balanced").partial_fit(X, CLASSES, classes=np.unique(CLASSES))


WRONG_REGRESSORS = {
    "loss": ({"loss": "no"}, NUMBERS, {}, "The 'loss' parameter"),
    "loss of classes": ({"loss": SoftmaxCrossEntropy()}, NUMBERS, {}, "MLPRegressor needs a regression loss, got SoftmaxCrossEntropy"),
    "counts below 0": ({"loss": "poisson"}, NUMBERS, {}, "loss='poisson' needs targets of at least 0, got -.* in y"),
    "counts below 0 of a Loss": ({"loss": Poisson()}, NUMBERS, {}, "at least 0"),
    "counts below 0 to validate on": (
        {"loss": "poisson"}, TARGETS["counts"], {"X_val": X, "y_val": NUMBERS}, "at least 0, got -.* in y_val"
    ),
    "targets to validate on": ({}, NUMBERS, {"X_val": X, "y_val": TARGETS["two targets"]}, "y_val must have as many columns as y, 1"),
}  # fmt: skip


@pytest.mark.parametrize(("parameters", "y", "fit", "message"), WRONG_REGRESSORS.values(), ids=WRONG_REGRESSORS)
def test_what_a_regressor_cannot_do_gets_a_sentence(parameters, y, fit, message):
    with pytest.raises(ValueError, match=message):
        fitted(MLPRegressor, y, fit=fit, **parameters)


@pytest.mark.parametrize("labels", ["binary", "multiclass"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_several_labels_after_one_are_refused(method, labels):
    y = np.unique(TARGETS[labels], return_inverse=True)[1]
    found = fitted(MLPClassifier, y, warm_start=True)
    with pytest.raises(ValueError, match="not fitted with multilabel input"):
        getattr(found, method)(X, TARGETS["multilabel"][:, : y.max() + 1])


REFUSED = {
    "validation data by half": ({}, {"X_val": POINTS[:3]}),
    "dropout for other layers": ({"dropout": [0.1, 0.2]}, {}),
    "callbacks": ({"callbacks": 3}, {}),
    "an unknown score": ({"scoring": "foo"}, {}),
    "too long validation targets": ({}, {"X_val": POINTS[:3], "y_val": [7, 8, 9]}),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_changes_nothing(name, method):
    parameters, data = REFUSED[name]
    model = small(MLPClassifier, standardize=True).fit(POINTS, LABELS)
    before, probabilities = set(vars(model)), model.predict_proba(POINTS)
    model.set_params(**parameters)
    with pytest.raises((ValueError, TypeError)):
        getattr(model, method)(POINTS + 100, LABELS if method == "partial_fit" else LABELS > 0, **data)
    assert set(vars(model)) == before
    np.testing.assert_array_equal(model.predict_proba(POINTS), probabilities)
    assert model.classes_.tolist() == [0, 1, 2]
