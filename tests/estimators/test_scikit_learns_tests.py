"""scikit-learn's own tests of its multilayer perceptrons, run on fastnn's."""

import importlib.util
import inspect
from types import ModuleType
from unittest.mock import patch

import pytest
import sklearn
from sklearn.utils.fixes import parse_version

from fastnn.estimators import MLPClassifier, MLPRegressor

#: Tests that use private parts of scikit-learn's implementation, and why they cannot run on another one.
LEFT_OUT = {
    "test_gradient": "calls the private _loss_grad_lbfgs; fastnn's own gradients are checked in test_gradients.py",
}

# The originals may warn, as they do in scikit-learn: of trainings that have not converged.
pytestmark = pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")


def _load_originals() -> ModuleType:
    """scikit-learn's test module under another name, with its estimators replaced by ours."""
    spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    module = importlib.util.module_from_spec(spec)
    with (
        patch("sklearn.neural_network.MLPClassifier", MLPClassifier),
        patch("sklearn.neural_network.MLPRegressor", MLPRegressor),
    ):
        spec.loader.exec_module(module)
    return module


ORIGINALS = _load_originals()
TESTS = {name: test for name, test in inspect.getmembers(ORIGINALS, inspect.isfunction) if name.startswith("test_")}
globals().update({name: test for name, test in TESTS.items() if name not in LEFT_OUT})


@pytest.fixture
def global_random_seed() -> int:
    """scikit-learn's fixture, with the seed it takes by default."""
    return 42


def test_originals_test_our_estimators():
    assert ORIGINALS.MLPClassifier is MLPClassifier
    assert ORIGINALS.MLPRegressor is MLPRegressor


@pytest.mark.skipif(
    parse_version(sklearn.__version__).release[:2] != (1, 9), reason="counts the tests of scikit-learn 1.9"
)
def test_no_original_is_missing():
    assert len(TESTS) == 43
    assert set(TESTS) - set(globals()) == set(LEFT_OUT) == {"test_gradient"}
