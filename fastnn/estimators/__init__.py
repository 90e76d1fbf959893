"""scikit-learn estimators: `MLPClassifier` and `MLPRegressor`, which replace those in `sklearn.neural_network`."""

from fastnn.estimators.classifier import MLPClassifier
from fastnn.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
