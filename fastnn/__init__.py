"""fastnn: feed-forward networks on a CPU, with equations you can read and kernels that use the whole machine."""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastnn.activations import register_activation
from fastnn.backends import available_backends
from fastnn.exceptions import DivergenceError
from fastnn.gradient_check import GradientReport, check_gradients
from fastnn.inputs import CategoryEmbedding, PeriodicEmbedding
from fastnn.model import Model
from fastnn.network import Network
from fastnn.optimizers import SGD, Adagrad, Adam, AdamW, Muon, RMSprop
from fastnn.quasi_newton import LBFGS
from fastnn.registered_losses import register_loss
from fastnn.serialization import load, load_metadata, save
from fastnn.training.callbacks import Callback, EarlyStopping
from fastnn.training.checkpoints import Checkpoint
from fastnn.training.history import History
from fastnn.training.learning_rate_finder import LearningRateSearch, find_learning_rate
from fastnn.training.many import fit_many
from fastnn.version import __version__ as __version__

if TYPE_CHECKING:
    from fastnn import conversion as conversion
    from fastnn import datasets as datasets
    from fastnn import estimators as estimators
    from fastnn import export as export
    from fastnn import plotting as plotting
    from fastnn import tabular as tabular
    from fastnn.conversion import from_keras, from_sklearn, from_torch
    from fastnn.estimators import MLPClassifier, MLPRegressor
    from fastnn.realmlp import RealMLPClassifier, RealMLPRegressor

logging.getLogger("fastnn").addHandler(logging.NullHandler())  # the importing program decides what is shown

#: Modules that are imported on first use.
_ON_DEMAND = ("conversion", "datasets", "estimators", "export", "plotting", "realmlp", "tabular")

#: Names from these modules that are available as fastnn.NAME.
_FROM_MODULES = {
    "from_keras": "conversion",
    "from_sklearn": "conversion",
    "from_torch": "conversion",
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "RealMLPClassifier": "realmlp",
    "RealMLPRegressor": "realmlp",
}

__all__ = [
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Callback",
    "CategoryEmbedding",
    "Checkpoint",
    "DivergenceError",
    "EarlyStopping",
    "GradientReport",
    "History",
    "LearningRateSearch",
    "MLPClassifier",
    "MLPRegressor",
    "Model",
    "Muon",
    "Network",
    "PeriodicEmbedding",
    "RMSprop",
    "RealMLPClassifier",
    "RealMLPRegressor",
    "available_backends",
    "check_gradients",
    "find_learning_rate",
    "fit_many",
    "from_keras",
    "from_sklearn",
    "from_torch",
    "load",
    "load_metadata",
    "register_activation",
    "register_loss",
    "save",
]


#: Public modules.
_MODULES = ("activations", "backends", "initializers", "losses", "optimizers", "schedules", "training", *_ON_DEMAND)


def __dir__() -> list[str]:
    return sorted((*__all__, *_MODULES, "__version__"))


def __getattr__(name: str) -> Any:
    """Import a module, or a name from it, on first use."""
    if name in _ON_DEMAND:
        return import_module(f"fastnn.{name}")
    if name in _FROM_MODULES:
        return getattr(import_module(f"fastnn.{_FROM_MODULES[name]}"), name)
    raise AttributeError(f"module 'fastnn' has no attribute {name!r}")
