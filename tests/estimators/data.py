"""Estimators of both libraries, and all kinds of data for them."""

import numpy as np
import sklearn.neural_network

from fastnn.estimators import MLPClassifier, MLPRegressor

N_SAMPLES, N_FEATURES = 60, 5

ESTIMATORS = {
    "MLPClassifier": (MLPClassifier, sklearn.neural_network.MLPClassifier),
    "MLPRegressor": (MLPRegressor, sklearn.neural_network.MLPRegressor),
}


def features(dtype=np.float64):
    X = np.random.RandomState(0).standard_normal((N_SAMPLES, N_FEATURES))
    return np.where(np.abs(X) < 0.3, 0, X).astype(dtype)


def targets():
    """Targets of each kind that can be learned from `features`."""
    X = features()
    rate = np.exp(0.5 * X[:, :2])
    classes = np.digitize(X[:, 0], [-0.5, 0.5])
    return {
        "binary": np.where(X[:, 0] > 0, 7, -1),
        "multiclass": 2 * classes,
        "strings": np.array(["ant", "bee", "cat"])[classes],
        "binary strings": np.array(["no", "yes"])[(X[:, 1] > 0).astype(int)],
        "multilabel": (X[:, :3] > 0).astype(int),
        "single class": np.ones(N_SAMPLES, int),
        "one target": X @ np.arange(N_FEATURES) + 1,
        "two targets": np.c_[X[:, 0] ** 2, 3 * X[:, 1]],
        "counts": np.round(2 * rate[:, 0]),
        "two counts": np.round(2 * rate),
    }


TARGETS = targets()
REGRESSIONS = {name: {} for name in ("one target", "two targets")} | {
    name: {"loss": "poisson"} for name in ("counts", "two counts")
}


def weights(kind):
    drawn = np.random.RandomState(1).uniform(0.5, 2, N_SAMPLES)
    return {"none": None, "random": drawn, "with zeros": np.where(np.arange(N_SAMPLES) % 3 == 1, 0, drawn)}[kind]


def fitted_attributes(estimator):
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") and name[0] != "_"}
