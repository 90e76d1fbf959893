"""The backends are twins: the same files, with the same functions in the same order, saying the same of them."""

import ast
import inspect
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.backends import CONTRACT, get_backend
from fastnn.losses import LOSS_KERNELS
from fastnn.optimizers import UPDATES

FOLDER = Path(fastnn.__file__).parent / "backends"
FILES = (
    "views.py",
    "activations.py",
    "losses.py",
    "normalization.py",
    "dropout.py",
    "layers.py",
    "sparse.py",
    "optimizers.py",
    "batches.py",
    "epoch.py",
)

FUNCTIONS = list(CONTRACT)


def public_functions(path: Path) -> list[tuple[str, str, str]]:
    """Name, arguments and first line of the docstring of every public function, in order."""
    return [
        (node.name, ast.unparse(node.args), (ast.get_docstring(node) or "").partition("\n")[0])
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]


def plain(function: Callable) -> Callable:
    """The Python function behind a compiled one."""
    return getattr(function, "py_func", function)


def table(backend: str, module: str, name: str) -> list[str]:
    """Names of the functions in a table of a backend."""
    functions = getattr(import_module(f"fastnn.backends.{backend}_backend.{module}"), name)
    return [plain(function).__name__ for function in functions]


def test_each_backend_has_a_package():
    packages = sorted(path.name for path in FOLDER.iterdir() if (path / "__init__.py").exists())
    assert packages == sorted(["engine", "reference", *(f"{name}_backend" for name in fastnn.backends())])


def test_the_reference_has_no_files_but_those_of_the_twins():
    files = {path.name for path in (FOLDER / "numpy_backend").glob("*.py")}
    assert files == {"__init__.py", *FILES}


@pytest.mark.parametrize("file", FILES)
def test_public_functions_are_the_same_in_the_same_order(file):
    reference, compiled = (public_functions(FOLDER / f"{name}_backend" / file) for name in fastnn.backends())
    assert [name for name, _, _ in compiled] == [name for name, _, _ in reference]


@pytest.mark.parametrize("file", FILES)
def test_arguments_and_first_docstring_lines_are_the_same(file):
    reference, compiled = (public_functions(FOLDER / f"{name}_backend" / file) for name in fastnn.backends())
    shared = [function for function in compiled if function[0] in {name for name, _, _ in reference}]
    assert shared == reference
    assert all(summary.endswith(".") for _, _, summary in reference)


@pytest.mark.parametrize("backend", fastnn.backends())
def test_each_backend_offers_the_contract(backend):
    module = get_backend(backend)
    assert sorted(module.__all__) == sorted(CONTRACT)
    assert all(callable(getattr(module, name)) for name in FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_the_contract_take_the_same_arguments(name):
    reference, compiled = (plain(getattr(get_backend(backend), name)) for backend in fastnn.backends())
    assert list(inspect.signature(compiled).parameters) == list(inspect.signature(reference).parameters)


@pytest.mark.parametrize("method", ["infer", "loss", "evaluate", "backward", "step", "training"])
def test_models_of_both_backends_have_the_same_methods(method):
    reference, compiled = (getattr(get_backend(backend).Model, method) for backend in fastnn.backends())
    assert list(inspect.signature(compiled).parameters) == list(inspect.signature(reference).parameters)


@pytest.mark.parametrize("backend", fastnn.backends())
def test_tables_of_activations_follow_their_specifications(backend):
    elementwise = [name for name in ACTIVATIONS if name != "softmax"]
    assert [activation.code for activation in ACTIVATIONS.values()] == list(range(len(ACTIVATIONS)))
    assert list(ACTIVATIONS) == [*elementwise, "softmax"]
    assert table(backend, "activations", "FUNCTIONS") == elementwise
    assert table(backend, "activations", "DERIVATIVES") == [f"{name}_derivative" for name in elementwise]


@pytest.mark.parametrize("backend", fastnn.backends())
def test_tables_of_losses_follow_their_specifications(backend):
    from_logits, from_outputs = table(backend, "losses", "FROM_LOGITS"), table(backend, "losses", "FROM_OUTPUTS")
    assert tuple(from_logits + from_outputs) == LOSS_KERNELS


@pytest.mark.parametrize("backend", fastnn.backends())
def test_tables_of_updates_follow_their_specifications(backend):
    assert tuple(table(backend, "optimizers", "UPDATES")) == UPDATES


def test_an_unknown_backend_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"Unknown backend 'cuda'; known are numpy, numba\."):
        get_backend("cuda")
