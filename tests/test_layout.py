"""Imports point only downwards through the package, and importing it is fast."""

import ast
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastnn

PACKAGE = Path(fastnn.__file__).parent

#: From the top down: a module imports only from lines below its own. Modules on the same line do not import each other.
ORDER = (
    ("__main__", "build"),
    ("cli",),
    ("__init__",),
    ("conversion", "export", "serialization"),
    ("estimators", "gradient_check", "plotting"),
    ("finite_differences", "model", "realmlp"),
    ("saved_parts",),
    ("network", "datasets", "tabular"),
    ("training",),
    ("saved_metadata",),
    ("data_initialization", "archives"),
    ("feed_forward",),
    ("summary", "trace"),
    ("backend packages",),
    ("scaling", "batches", "kept_parameters"),
    ("optimizers", "schedules"),
    ("parameter_factors",),
    ("quasi_newton",),
    ("updates", "validation"),
    ("named_arrays", "saved_architecture"),
    ("architecture",),
    ("registered_losses",),
    ("losses", "initializers", "inputs"),
    ("activations",),
    ("backends",),
    ("threads", "exceptions", "npz", "tensor_file", "names", "portable", "version"),
)
RANK = {name: rank for rank, names in enumerate(reversed(ORDER)) for name in names}

#: The same within packages.
PACKAGE_ORDERS = {
    "cli": (
        ("__init__",),
        ("train", "predict", "export", "gradcheck", "info"),
        ("train_options", "learners", "plots", "realmlp"),
        ("column_report", "file_info"),
        ("model", "reports", "samples"),
        ("training", "scores", "checks", "choice", "optimizers", "options", "table_model"),
        ("parts", "fingerprint"),
        ("groups",),
    ),
    "schedules": (
        ("__init__",),
        ("functions", "plateau"),
        ("cycles", "decays"),
        ("schedule",),
    ),
    "datasets": (
        ("__init__",),
        ("named", "tables"),
        ("mnist", "array_file", "columns", "frame_file", "frames", "targets"),
        ("dataset", "idx", "samples", "csv_dialect"),
        ("words", "compressed"),
    ),
    "tabular": (
        ("__init__",),
        ("state",),
        ("encoder",),
        ("few_rows", "selection"),
        ("layout",),
        ("columns",),
        ("levels", "tables"),
        ("alignment", "values"),
        ("labels", "scaling"),
    ),
    "training": (
        ("many",),
        ("fit", "streaming", "learning_rate_finder"),
        ("description", "full_batch"),
        ("options",),
        ("trainer",),
        ("checkpoints", "descent"),
        ("callbacks", "stopping", "divergence", "objective", "progress"),
        ("courses", "run", "sampling", "steps"),
        ("validation",),
        ("state", "samples", "history", "splits"),
        ("__init__",),
    ),
    "estimators": (
        ("__init__", "saved"),
        ("classifier", "regressor"),
        ("base",),
        ("training",),
        ("standardizing", "rules", "validation", "protocol"),
        ("network", "solvers"),
        ("parameters",),
        ("samples",),
    ),
    "realmlp": (
        ("__init__", "saved"),
        ("classifier", "regressor"),
        ("base",),
        ("ensemble",),
        ("member",),
        ("presets", "best_epoch", "folds"),
        ("calibration", "given", "targets"),
    ),
    "conversion": (
        ("__init__",),
        ("keras_models", "scikit_learn", "torch_modules"),
        ("packages", "stack"),
    ),
    "export": (
        ("__init__",),
        ("c", "onnx_graph"),
        ("numpy_file",),
        ("description",),
        ("prediction",),
    ),
    "export/numpy_file": (
        ("__init__",),
        ("docstring", "inputs", "network", "outcome"),
        ("module",),
        ("functions", "literals"),
    ),
    "export/onnx_graph": (
        ("__init__",),
        ("converters",),
        ("model",),
        ("networks", "outcome", "preprocessing"),
        ("activations",),
        ("graph",),
    ),
    "export/c": (
        ("__init__",),
        ("header",),
        ("documentation", "outcome"),
        ("accuracy", "columns", "network", "parameters", "preprocessing"),
        ("activations", "quantization"),
        ("identifiers", "literals", "template"),
    ),
    "backends/numpy_backend": (
        ("__init__",),
        ("model",),
        ("epoch",),
        ("layers", "normalization", "dropout", "inputs", "optimizers", "batches", "shuffling", "sparse", "stopping"),
        ("losses",),
        ("activations",),
    ),
    "backends/numba_backend": (
        ("__init__", "ahead_of_time"),
        ("model",),
        ("programs",),
        ("network",),
        ("addresses",),
        ("jit",),
        ("kernels",),
        ("functions", "partition"),
        ("table",),
        ("object_cache",),
        ("prebuilt", "operations"),
        ("levels", "layout"),
    ),
    "backends/numba_backend/programs": (
        ("__init__", "training", "inference", "gradient"),
        ("equations", "tiles", "inputs"),
        ("program",),
        ("team",),
    ),
    "backends/numba_backend/kernels": (
        ("__init__",),
        ("losses", "layers", "optimizers", "orthogonal", "tiles"),
        ("activations", "normalization", "dropout", "inputs", "sparse", "batches", "driver", "shuffling", "stopping"),
        ("sums",),
        ("operation_compiler",),
        ("products",),
        ("vector_math", "register_tiles"),
        ("precision",),
        ("compilation", "subnormals", "scratch", "views", "words", "registry"),
        ("memory",),
    ),
}

#: An operation finds what it computes by its name, when something compiles it or runs it without the compiler.
BY_NAME = ("operations", "kernels")

HEAVY = ("matplotlib", "sklearn", "tqdm", "click", "pandas", "torch", "keras")


def imported_names(path: Path) -> Iterator[str]:
    """Dotted names of everything that a file imports, anywhere in it, including imports only for types."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively in line {node.lineno}"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


#: Modules of `fastnn.backends` that both the backends and all other modules may import.
SHARED_BY_ALL = ("__init__", "interrupts")


def module_of(path: Path) -> str:
    """The module or package below fastnn that a file belongs to; the packages of the backends are separate."""
    first, *others = path.relative_to(PACKAGE).with_suffix("").parts
    return "backend packages" if first == "backends" and others[0] not in SHARED_BY_ALL else first


def imported_modules(path: Path) -> set[str]:
    """Modules and packages below fastnn that a file imports from; `__init__` for the package itself."""
    names = (name.split(".") for name in imported_names(path))
    return {_module_named(parts) for parts in names if parts[0] == "fastnn"}


def _module_named(parts: list[str]) -> str:
    packages = {path.stem for path in (PACKAGE / "backends").iterdir()} - set(SHARED_BY_ALL)
    if len(parts) > 2 and parts[1] == "backends" and parts[2] in packages:
        return "backend packages"
    return parts[1] if len(parts) > 1 and parts[1] in RANK else "__init__"


def test_every_module_has_its_place_in_the_order():
    assert {module_of(path) for path in files()} <= set(RANK)


def upward_imports(path):
    module = module_of(path)
    return {name for name in imported_modules(path) if name != module and RANK[name] >= RANK[module]}


def test_imports_point_down():
    assert not {path.relative_to(PACKAGE): upward for path in files() if (upward := upward_imports(path))}


@pytest.mark.parametrize("package", PACKAGE_ORDERS)
def test_imports_within_a_package_point_down(package):
    rank = {name: place for place, names in enumerate(reversed(PACKAGE_ORDERS[package])) for name in names}
    folder, prefix = PACKAGE / package, f"fastnn.{package.replace('/', '.')}"
    for path in folder.rglob("*.py"):
        module = path.relative_to(folder).with_suffix("").parts[0]
        for name in imported_names(path):
            imported = _module_within(name, prefix)
            if imported not in (None, module) and (module, imported) != BY_NAME:
                assert rank[imported] < rank[module], f"{path} imports {name}"


def _module_within(name: str, prefix: str) -> str | None:
    """The module of a package that a dotted name belongs to, if any."""
    if not name.startswith(f"{prefix}."):
        return None
    return name.removeprefix(f"{prefix}.").split(".")[0]


#: Functions that take more arguments than others, and why.
EXCEPTIONS = {
    "multiply_with_hint": "the product's five, and where the state of the parameters beside it lies",
    "add_lanewise_products": "two blocks with steps and bounds of their own",
    "add_block": "a block with step and bounds, and its factor",
    "store_lane_sums": "a block with step and bounds, and its factor",
    "__init__": "public constructors, and the constants of a floating-point type",
    "gradcheck": "a command, whose options click passes one by one",
}
MOST_ARGUMENTS = {"": 8, "backends/numba_backend": 6}
MOST_LINES = 40


def functions(folder: Path) -> Iterator[tuple[Path, ast.FunctionDef, int]]:
    """The functions below a folder, with the number of lines of each, without its docstring."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                yield path, node, node.end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("folder", MOST_ARGUMENTS)
def test_functions_are_short_and_take_few_arguments(folder):
    for path, node, n_lines in functions(PACKAGE / folder):
        names = {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]} - {"self", "cls"}
        assert n_lines <= MOST_LINES, f"{path}: {node.name}"
        assert len(names) <= MOST_ARGUMENTS[folder] or node.name in EXCEPTIONS, f"{path}: {node.name}"


def test_the_median_function_has_at_most_eight_lines():
    assert statistics.median(n_lines for _, _, n_lines in functions(PACKAGE)) <= 8


def test_no_file_is_longer_than_500_lines():
    assert not [path for path in files() if len(path.read_text().splitlines()) > 500]


def test_importing_is_light_and_compiles_nothing():
    program = """
import json, sys
import numba.core.event as event
with event.install_recorder("numba:compile") as recorder:
    import fastnn
    from fastnn.backends import get_backend
    backends = [get_backend(name) for name in fastnn.available_backends()]
print(json.dumps([list(sys.modules), len(recorder.buffer)]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules, n_compiled = json.loads(done.stdout)
    assert not set(HEAVY) & set(modules)
    assert n_compiled == 0
    assert not done.stderr


@pytest.mark.parametrize("name", ["datasets", "plotting"])
def test_modules_that_are_not_imported_are_there_when_asked_for(name):
    program = f"""
import sys, fastnn
assert "fastnn.{name}" not in sys.modules
assert fastnn.{name} is sys.modules["fastnn.{name}"]
print([name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_does_not_exist_is_no_attribute():
    with pytest.raises(AttributeError, match="module 'fastnn' has no attribute 'ploting'"):
        fastnn.ploting  # noqa: B018
    assert "load_metadata" in fastnn.__all__
