"""scikit-learn's face: `MLPClassifier` and `MLPRegressor`, in place of those in `sklearn.neural_network`."""

from fastnn.estimators.classifier import MLPClassifier
from fastnn.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
