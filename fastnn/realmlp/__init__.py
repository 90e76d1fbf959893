"""RealMLP: networks for tables that need no tuning, as scikit-learn estimators.

Holzmueller, Grinsztajn, Steinwart, Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data (NeurIPS 2024),
arXiv 2407.04491. `presets` holds its hyperparameters, `member` builds and trains one network, `ensemble` several of them.
"""

from fastnn.realmlp.classifier import RealMLPClassifier
from fastnn.realmlp.regressor import RealMLPRegressor

__all__ = ["RealMLPClassifier", "RealMLPRegressor"]
