"""The methods by name: each makes an estimator that is fitted to a table with categories and missing numbers.

Every method runs with its defaults, on one thread, behind the preprocessing that its users cannot do without: networks other
than fastnn's refuse missing numbers, and scikit-learn's need numbers of one scale.
"""

import importlib
import importlib.metadata
import importlib.util
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.tables.preparation import Prepared, WithoutGaps
from benchmarks.tables.registry import Task

SUBJECT = "fastnn RealMLP"

#: The method that others' errors are relative to.
REFERENCE = "pytabkit TD"


@dataclass(frozen=True)
class Method:
    """A method, the package it comes from, and what makes its estimator for a task and a seed."""

    name: str
    package: str
    module: str
    make: Callable[[Task, int], Any]

    def version(self) -> str:
        """The installed version of its package."""
        return importlib.metadata.version(self.package)

    def missing(self) -> str | None:
        """What has to be installed first, if anything."""
        return None if importlib.util.find_spec(self.module) else self.package


def _sklearn_mlp(task: Task, seed: int) -> Any:
    from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_include="category")),
    )
    if task == "classification":
        return make_pipeline(columns, MLPClassifier(random_state=seed))
    # With a target of prices in dollars, the default learning rate would be judged, and not the network.
    learner = TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler())
    return make_pipeline(columns, learner)


def _sklearn_boosting(task: Task, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    made = HistGradientBoostingClassifier if task == "classification" else HistGradientBoostingRegressor
    return made(categorical_features="from_dtype", random_state=seed)


def _lightgbm(task: Task, seed: int) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    made = LGBMClassifier if task == "classification" else LGBMRegressor
    return made(random_state=seed, n_jobs=1, verbose=-1)


def _catboost(task: Task, seed: int) -> Any:
    from catboost import CatBoostClassifier, CatBoostRegressor

    made = CatBoostClassifier if task == "classification" else CatBoostRegressor
    return Prepared(made(random_seed=seed, thread_count=1, verbose=False, allow_writing_files=False))


def _pytabkit(preset: str) -> Callable[[Task, int], Any]:
    def make(task: Task, seed: int) -> Any:
        import pytabkit
        import torch

        torch.set_num_threads(1)
        for name in ("pytorch_lightning", "lightning", "lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        made = getattr(pytabkit, f"RealMLP_{preset}_{'Classifier' if task == 'classification' else 'Regressor'}")
        return WithoutGaps(made(n_cv=1, n_refit=0, device="cpu", n_threads=1, random_state=seed, verbosity=0))

    return make


def _fastnn(**settings: Any) -> Callable[[Task, int], Any]:
    def make(task: Task, seed: int) -> Any:
        import fastnn

        made = fastnn.RealMLPClassifier if task == "classification" else fastnn.RealMLPRegressor
        return made(random_state=seed, n_threads=1, **settings)

    return make


METHODS = (
    Method("scikit-learn MLP", "scikit-learn", "sklearn", _sklearn_mlp),
    Method("LightGBM", "lightgbm", "lightgbm", _lightgbm),
    Method("HistGradientBoosting", "scikit-learn", "sklearn", _sklearn_boosting),
    Method("CatBoost", "catboost", "catboost", _catboost),
    Method("pytabkit TD-S", "pytabkit", "pytabkit", _pytabkit("TD_S")),
    Method(REFERENCE, "pytabkit", "pytabkit", _pytabkit("TD")),
    Method(SUBJECT, "fastnn", "fastnn", _fastnn()),
    Method("fastnn TD", "fastnn", "fastnn", _fastnn(preset="td", n_members=1)),
    Method("fastnn TD-S", "fastnn", "fastnn", _fastnn(preset="td-s", n_members=1)),
)


def quietly() -> warnings.catch_warnings:
    """A context in which the methods' warnings, of networks that have not converged and of coming versions, are not shown."""
    return warnings.catch_warnings(action="ignore")
