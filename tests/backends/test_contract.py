"""The backends are twins: the same contract, and the same scalar functions in the same order with the same docstrings."""

import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.backends import CONTRACT, get_backend
from fastnn.backends.numba_backend.table import LOSSES
from fastnn.losses import LOSS_KERNELS, N_FROM_LOGITS
from fastnn.updates import UPDATES

FOLDER = Path(fastnn.__file__).parent / "backends"

#: Where each backend has its equations.
EQUATIONS = {"numpy": "numpy_backend", "numba": "numba_backend.kernels"}

FUNCTIONS = list(CONTRACT)


def plain(function: Callable) -> Callable:
    """The Python function behind a compiled one."""
    return getattr(function, "py_func", function)


def functions(backend: str, module: str, name: str) -> list[Callable]:
    """The functions in a table of a backend."""
    table = getattr(import_module(f"fastnn.backends.{EQUATIONS[backend]}.{module}"), name)
    return [plain(function) for function in table]


def names(table: list[Callable]) -> list[str]:
    """Their names."""
    return [function.__name__ for function in table]


def test_each_backend_has_a_package():
    packages = sorted(path.name for path in FOLDER.iterdir() if (path / "__init__.py").exists())
    assert packages == ["numba_backend", "numpy_backend"]


@pytest.mark.parametrize(
    ("module", "name"), [("activations", "FUNCTIONS"), ("activations", "DERIVATIVES"), ("optimizers", "UPDATES")]
)
def test_equations_are_the_same_in_the_same_order(module, name):
    reference, compiled = (functions(backend, module, name) for backend in fastnn.available_backends())
    for one, other in zip(reference, compiled, strict=True):
        assert one.__name__ == other.__name__
        assert inspect.signature(one) == inspect.signature(other)
        assert inspect.getdoc(one) == inspect.getdoc(other)
        assert inspect.getdoc(one).endswith(".")


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_each_backend_offers_the_contract(backend):
    module = get_backend(backend)
    assert sorted(module.__all__) == sorted(CONTRACT)
    assert all(callable(getattr(module, name)) for name in FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_the_contract_take_the_same_arguments(name):
    reference, compiled = (plain(getattr(get_backend(backend), name)) for backend in fastnn.available_backends())
    assert list(inspect.signature(compiled).parameters) == list(inspect.signature(reference).parameters)


@pytest.mark.parametrize("method", ["infer", "loss", "evaluate", "backward", "step", "training"])
def test_models_of_both_backends_have_the_same_methods(method):
    reference, compiled = (getattr(get_backend(backend).Model, method) for backend in fastnn.available_backends())
    assert list(inspect.signature(compiled).parameters) == list(inspect.signature(reference).parameters)


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_tables_of_activations_follow_their_specifications(backend):
    elementwise = [name for name in ACTIVATIONS if name != "softmax"]
    assert [activation.code for activation in ACTIVATIONS.values()] == list(range(len(ACTIVATIONS)))
    assert list(ACTIVATIONS) == [*elementwise, "softmax"]
    assert names(functions(backend, "activations", "FUNCTIONS")) == elementwise
    assert names(functions(backend, "activations", "DERIVATIVES")) == [f"{name}_derivative" for name in elementwise]


def test_tables_of_losses_follow_their_specifications():
    from_logits, from_outputs = (functions("numpy", "losses", name) for name in ("FROM_LOGITS", "FROM_OUTPUTS"))
    assert tuple(names(from_logits + from_outputs)) == LOSS_KERNELS
    assert len(from_logits) == N_FROM_LOGITS
    assert tuple(operation.name for operation in LOSSES) == LOSS_KERNELS  # each with a body, says test_operations


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_tables_of_updates_follow_their_specifications(backend):
    assert tuple(names(functions(backend, "optimizers", "UPDATES"))) == UPDATES


def test_an_unknown_backend_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown backend 'cuda'; known are numpy, numba\."):
        get_backend("cuda")
