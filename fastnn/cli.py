"""The command line: ``fastnn train``, ``fastnn predict``, ``fastnn gradcheck`` and ``fastnn info``.

A command reads its data, hands it to the library and reports. What the library raises becomes one sentence on the
standard error stream, in one place: `_Commands.invoke`.
"""

import csv
import io
import math
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from tqdm import tqdm

import fastnn
from fastnn import datasets
from fastnn.activations import ACTIVATIONS
from fastnn.exceptions import DivergenceError
from fastnn.gradient_check import check_gradients
from fastnn.losses import LOSSES, Loss
from fastnn.network import Network
from fastnn.optimizers import SGD
from fastnn.plotting import plot_decision_boundary, plot_history
from fastnn.serialization import load, load_metadata, save
from fastnn.threads import available_cpus
from fastnn.training import History

INTERRUPTED = 130  # the exit status of a program that Ctrl-C ended, by the shells' convention

HIDDEN_ACTIVATIONS = tuple(name for name, activation in ACTIVATIONS.items() if activation.hidden)
PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "scikit-learn", "matplotlib")
VECTOR_FEATURES = ("sse", "avx", "fma", "amx", "neon", "sve", "asimd", "altivec", "vsx")

LEARNING_RATES = {"classification": 0.2, "regression": 0.002}

# Small data sets want many small steps, large ones few passes in batches that keep the processor busy.
LARGE = 10_000  # samples to train on


class _Schedule(NamedTuple):
    """How long to train, and on how many samples at a time."""

    epochs: int
    batch_size: int


SMALL_SCHEDULE, LARGE_SCHEDULE = _Schedule(100, 16), _Schedule(10, 64)


class _Commands(click.Group):
    """Turns what the library raises into one sentence, and Ctrl-C into exit status 130."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            context.exit(INTERRUPTED)
        except (ValueError, TypeError, OSError, ImportError, MemoryError, DivergenceError) as error:
            if context.params["traceback"]:
                raise
            raise click.ClickException(_sentence(error)) from error


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    if isinstance(error, MemoryError):
        return f"Not enough memory. {error}".strip()
    return " ".join(str(error).split()) or type(error).__name__


# What the options accept.


class _DataType(click.ParamType):
    """The name of a data set, or a file that exists."""

    name = "data"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> str | Path:
        if value in datasets.NAMES:
            return str(value)
        path = Path(value)
        if not path.is_file():
            self.fail(f"{value!r} is neither a data set ({', '.join(datasets.NAMES)}) nor a file.", parameter, context)
        if path.suffix.lower() not in datasets.FILE_TYPES:
            self.fail(f"{value!r} must be a file that ends in {', '.join(datasets.FILE_TYPES)}.", parameter, context)
        return path


class _SizesType(click.ParamType):
    """Numbers of units, separated by commas."""

    name = "sizes"

    def __init__(self, *, may_be_none: bool) -> None:
        self.may_be_none = may_be_none

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        if self.may_be_none and value.strip().lower() == "none":
            return ()
        try:
            sizes = tuple(int(size) for size in value.split(","))
        except ValueError:
            sizes = ()
        if not sizes or min(sizes) < 1:
            alternative = ", or none" if self.may_be_none else ""
            self.fail(f"{value!r} must be positive whole numbers such as 128,64{alternative}.", parameter, context)
        return sizes


class _ActivationsType(click.ParamType):
    """One activation for all hidden layers, or one for each layer, separated by commas."""

    name = "names"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> str | tuple[str, ...]:
        names = tuple(name.strip() for name in value.split(","))
        unknown = [name for name in names if name not in ACTIVATIONS]
        if unknown:
            self.fail(f"{unknown[0]!r} is not one of {', '.join(ACTIVATIONS)}.", parameter, context)
        return names[0] if len(names) == 1 else names


class _BatchSizeType(click.ParamType):
    """A number of samples, or all of them."""

    name = "batch size"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        if value.strip().lower() == "all":
            return sys.maxsize  # more than there can be
        if not value.isdecimal() or int(value) < 1:
            self.fail(f"{value!r} must be a positive whole number, or all.", parameter, context)
        return int(value)


class _NumberType(click.FloatRange):
    """A finite number that is positive, or at least not negative."""

    def __init__(self, *, may_be_zero: bool = False) -> None:
        super().__init__(min=0, min_open=not may_be_zero)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        number: float = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{value!r} must be a finite number.", parameter, context)
        return number


# A trained network with what its data went through.


class _Scaling(NamedTuple):
    """Mean and standard deviation of each column, as scikit-learn's StandardScaler finds them."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray) -> "_Scaling":
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(X)
        return cls(scaler.mean_, scaler.scale_)

    def apply(self, X: np.ndarray) -> np.ndarray:
        standardized: np.ndarray = (X - self.mean) / self.scale
        return standardized

    def undo(self, standardized: np.ndarray) -> np.ndarray:
        X: np.ndarray = standardized * self.scale + self.mean
        return X


@dataclass(frozen=True)
class _Model:
    """A network, the scaling of its features and targets, and the names of classes and columns."""

    network: Network
    features: _Scaling | None = None
    targets: _Scaling | None = None
    class_names: tuple[str, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    target_name: str | None = None
    target_index: int | None = None
    seed: int = 0

    @classmethod
    def fit(
        cls,
        network: Network,
        dataset: datasets.Dataset,
        X: np.ndarray,
        y: np.ndarray,
        standardize: bool | None,
        seed: int,
    ) -> "_Model":
        """A model still to be trained, with scales from the training part (X, y) of a data set."""
        standardize = dataset.standardize if standardize is None else standardize
        scales_targets = standardize and dataset.task == "regression"
        return cls(
            network,
            features=_Scaling.fit(X) if standardize else None,
            targets=_Scaling.fit(y[:, np.newaxis]) if scales_targets else None,
            class_names=dataset.class_names,
            feature_names=dataset.feature_names,
            target_name=dataset.target_name,
            target_index=dataset.target_index,
            seed=seed,
        )

    @property
    def n_features(self) -> int:
        return self.network.architecture.n_inputs

    @property
    def classifies(self) -> bool:
        return self._loss.classifies

    @property
    def picks_a_class(self) -> bool:
        """Whether a prediction is one of several classes, rather than one answer for each output."""
        return self._loss.targets == "classes"

    @property
    def output_names(self) -> tuple[str, ...]:
        return self.class_names or tuple(str(k) for k in range(self.network.architecture.n_outputs))

    @property
    def _loss(self) -> Loss:
        return LOSSES[self.network.architecture.loss]

    def inputs(self, X: np.ndarray) -> np.ndarray:
        """Features as the network takes them."""
        return np.asarray(X if self.features is None else self.features.apply(X), self.network.dtype)

    def outputs(self, y: np.ndarray) -> np.ndarray:
        """Targets as the network takes them."""
        if self.targets is None:
            return y
        return np.asarray(self.targets.apply(y[:, np.newaxis]), self.network.dtype)

    def results(self, predictions: np.ndarray) -> np.ndarray:
        """Predictions of the network in the unit of the targets."""
        return predictions if self.targets is None else self.targets.undo(predictions)

    def save(self, path: Path) -> None:
        metadata: dict[str, Any] = {
            "class_names": self.class_names,
            "feature_names": self.feature_names,
            "target_name": self.target_name,
            "target_index": self.target_index,
            "seed": self.seed,
        }
        for name, scaling in (("features", self.features), ("targets", self.targets)):
            if scaling is not None:
                metadata |= {f"{name}_mean": scaling.mean, f"{name}_scale": scaling.scale}
        save(self.network, path, **metadata)

    @classmethod
    def load(cls, path: Path, backend: str, n_threads: int | None) -> "_Model":
        """Read a model; one that was saved from Python need not have any of the names and scales."""
        network, metadata = load(path, backend=backend, n_threads=n_threads), load_metadata(path)
        n_features, n_outputs = network.architecture.n_inputs, network.architecture.n_outputs
        return cls(
            network,
            features=_saved_scaling(path, metadata, "features", n_features),
            targets=_saved_scaling(path, metadata, "targets", n_outputs),
            class_names=_saved_names(path, metadata, "class_names", n_outputs),
            feature_names=_saved_names(path, metadata, "feature_names", n_features),
            target_name=metadata.get("target_name"),
            target_index=metadata.get("target_index"),
            seed=metadata.get("seed", 0),
        )


def _saved_scaling(path: Path, metadata: dict[str, Any], name: str, n_columns: int) -> _Scaling | None:
    mean, scale = (metadata.get(f"{name}_{statistic}") for statistic in ("mean", "scale"))
    if mean is None or scale is None:
        return None
    if np.shape(mean) != (n_columns,) or np.shape(scale) != (n_columns,):
        raise ValueError(f"{path}: {name}_mean and {name}_scale must have {n_columns} numbers each.")
    return _Scaling(np.asarray(mean), np.asarray(scale))


def _saved_names(path: Path, metadata: dict[str, Any], name: str, n_names: int) -> tuple[str, ...] | None:
    names = metadata.get(name)
    if names is None:
        return None
    if len(names) != n_names:
        raise ValueError(f"{path}: {name} must have {n_names} names, got {len(names)}.")
    return tuple(str(each) for each in names)


# The commands.


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(fastnn.__version__, prog_name="fastnn")
@click.option("--traceback", is_flag=True, help="Show where an error comes from, for a bug report.")
def main(traceback: bool) -> None:
    """Train feed-forward neural networks on the CPU.

    Start with "fastnn train": without arguments it learns to read digits, in a few seconds.
    """


def _backend_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--backend",
        type=click.Choice(fastnn.backends()),
        default="numba",
        show_default=True,
        help="numba is compiled and fast, numpy is the reference to read.",
    )(function)


def _threads_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--threads",
        type=click.IntRange(min=1),
        metavar="N",
        help="Threads to use.  [default: one for each processor]",
    )(function)


def _data_dir_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--data-dir",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder with the files of MNIST, directly or in a folder mnist.  [default: $FASTNN_DATA, then scikit-learn's data folder]",
    )(function)


@main.command(short_help="Train a network and save it.")
@click.option(
    "--data",
    type=_DataType(),
    default="digits",
    show_default=True,
    metavar="NAME|FILE",
    help="What to learn: digits, moons, circles, blobs, mnist, or a file ending in .csv, .npz or .npy.",
)
@_data_dir_option
@click.option(
    "--target",
    metavar="COLUMN",
    help="Column to predict in a .csv or .npy file: its name, or its position from 0.  [default: the last]",
)
@click.option(
    "--task",
    type=click.Choice(datasets.TASKS),
    default="auto",
    show_default=True,
    help="For a file: auto takes words and whole numbers for classes, other targets for regression.",
)
@click.option(
    "--hidden",
    type=_SizesType(may_be_none=True),
    default="128",
    show_default=True,
    metavar="SIZES",
    help="Units of the hidden layers, such as 128,64; none for no hidden layer.",
)
@click.option(
    "--activation",
    type=click.Choice(HIDDEN_ACTIVATIONS),
    default="relu",
    show_default=True,
    metavar="NAME",
    help=f"Activation of the hidden layers: {', '.join(HIDDEN_ACTIVATIONS)}.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Passes over the training data.  [default: {SMALL_SCHEDULE.epochs}; {LARGE_SCHEDULE.epochs} from {LARGE:,} samples]",
)
@click.option(
    "--batch-size",
    type=_BatchSizeType(),
    metavar="SAMPLES",
    help="Samples per update of the parameters, or all.  "
    f"[default: {SMALL_SCHEDULE.batch_size}; {LARGE_SCHEDULE.batch_size} from {LARGE:,} samples]",
)
@click.option(
    "--learning-rate",
    type=_NumberType(),
    metavar="NUMBER",
    help=f"Step size.  [default: {LEARNING_RATES['classification']}, for regression {LEARNING_RATES['regression']}]",
)
@click.option(
    "--l2",
    type=_NumberType(may_be_zero=True),
    default=0.0,
    show_default=True,
    metavar="NUMBER",
    help="Strength of the penalty on large weights.",
)
@_backend_option
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    show_default=True,
    help="Precision of the parameters and of all arithmetic.",
)
@_threads_option
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**32 - 1),
    default=0,
    show_default="0",
    metavar="N",
    help="Seed of all that is random: held-out samples, first weights, order of the samples, generated points.",
)
@click.option(
    "--standardize/--no-standardize",
    default=None,
    help="Bring each feature to mean 0 and standard deviation 1.  [default: yes, except for images]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to save the model; a model of that name is replaced.  [default: DATA-model.npz]",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.png",
    help="Draw the loss of each epoch, and for data with two features the decision boundary.",
)
def train(
    data: str | Path,
    data_dir: Path | None,
    target: str | None,
    task: str,
    hidden: tuple[int, ...],
    activation: str,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    l2: float,
    backend: str,
    dtype: str,
    threads: int | None,
    seed: int,
    standardize: bool | None,
    output: Path | None,
    plot: Path | None,
) -> None:
    """Train a network, report how well it does on held-out samples, and save it.

    \b
    fastnn train                                          digits that come with scikit-learn
    fastnn train --data moons --plot moons.png            points in the plane, with a picture
    fastnn train --data mnist --hidden 512,512            70,000 images, read from files or fetched
    fastnn train --data iris.csv --target species         a table of your own

    A .csv file has a header line and numbers, its target excepted. A .npz file holds arrays X and y, a .npy file one
    array. A fifth of the samples is held out, where the data has no test samples of its own.

    Ctrl-C stops the training and keeps what was learned.
    """  # noqa: D301 (a backspace is click's mark for lines that must not be rewrapped)
    output = output or Path(f"{data.stem if isinstance(data, Path) else data}-model.npz")
    _check_data_options(data, data_dir, target, task)
    _check_model_file(output)
    if plot is not None:
        _check_plot_file(plot)
    dataset = _load_dataset(data, data_dir, target, task, seed)
    X_train, X_test, y_train, y_test = datasets.split(dataset, seed=seed)
    network = Network(
        (dataset.X.shape[1], *hidden, dataset.n_outputs),
        activation,
        "softmax_cross_entropy" if dataset.class_names else "squared_error",
        backend=backend,
        dtype=dtype,
        seed=seed,
        n_threads=threads,
    )
    model = _Model.fit(network, dataset, X_train, y_train, standardize, seed)
    schedule = LARGE_SCHEDULE if len(X_train) >= LARGE else SMALL_SCHEDULE
    training = _Training(
        SGD(learning_rate=learning_rate or LEARNING_RATES[dataset.task], l2=l2),
        epochs or schedule.epochs,
        min(batch_size or schedule.batch_size, len(X_train)),
    )
    train_part, test_part = _Part.of(model, X_train, y_train), _Part.of(model, X_test, y_test)

    _report_setup(dataset, model, training, train_part, test_part)
    run = training.run(network, train_part, test_part)
    if run.history is None:
        click.echo("Interrupted before anything was learned: no model was saved.", err=True)
        raise click.exceptions.Exit(INTERRUPTED)
    model.save(output)
    if run.interrupted:
        click.echo("Interrupted: what was learned until now is kept.", err=True)
    _report_results(model, run.history, run, train_part, test_part)
    _report("Model", f"saved to {output}")
    if plot is not None:
        _draw(plot, model, run.history, X_test, y_test)
        _report("Plot", f"saved to {plot}")
    if run.interrupted:
        raise click.exceptions.Exit(INTERRUPTED)


class _Part(NamedTuple):
    """The samples to train on, or the held-out ones: as the network takes them, and the targets as they were."""

    X: np.ndarray
    y: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(cls, model: _Model, X: np.ndarray, y: np.ndarray) -> "_Part":
        return cls(model.inputs(X), model.outputs(y), y)


class _Run(NamedTuple):
    """How a training went."""

    history: History | None
    seconds: float
    interrupted: bool


class _Training(NamedTuple):
    """How to train."""

    optimizer: SGD
    epochs: int
    batch_size: int

    def run(self, network: Network, train: _Part, test: _Part) -> _Run:
        """Train, with a progress bar where a person is watching; Ctrl-C ends it with what was learned so far."""
        start = time.perf_counter()
        with _ProgressBar(self.epochs) as progress:
            try:
                history = network.fit(
                    train.X,
                    train.y,
                    optimizer=self.optimizer,
                    epochs=self.epochs,
                    batch_size=self.batch_size,
                    validation_data=(test.X, test.y),
                    progress=progress,
                )
                return _Run(history, time.perf_counter() - start, interrupted=False)
            except KeyboardInterrupt:
                return _Run(progress.history, time.perf_counter() - start, interrupted=True)


class _ProgressBar:
    """A bar on the standard error stream, if that is a terminal, which `Network.fit` moves forward."""

    def __init__(self, epochs: int) -> None:
        self.history: History | None = None
        self._epochs = epochs

    def __enter__(self) -> "_ProgressBar":
        self._bar = tqdm(
            total=self._epochs,
            disable=None,
            leave=False,
            bar_format="{percentage:3.0f}%|{bar}| epoch {n:.0f} of {total} [{elapsed}<{remaining}{postfix}]",
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def __call__(self, fraction_done: float, history: History) -> None:
        self.history = history
        if history.loss:
            self._bar.set_postfix_str(_last_values(history), refresh=False)
        self._bar.update(fraction_done * self._epochs - self._bar.n)


def _last_values(history: History) -> str:
    text = f"loss {history.loss[-1]:.4f}"
    if history.validation_accuracy:
        text += f", held-out accuracy {history.validation_accuracy[-1]:.4f}"
    return text


# Checks before the work starts, so that nothing learned is lost at its end.


def _check_data_options(data: str | Path, data_dir: Path | None, target: str | None, task: str) -> None:
    if isinstance(data, str) and (target is not None or task != "auto"):
        raise click.UsageError(f"--target and --task are for files of your own, and {data} has its own targets.")
    if data_dir is not None and data != "mnist":
        raise click.UsageError(f"--data-dir says where the files of mnist are, and --data is {data}.")


def _check_model_file(path: Path) -> None:
    _check_writable(path, "--output")
    if not path.exists():
        return
    try:
        load_metadata(path)
    except ValueError:
        raise click.BadParameter(
            f"{path} exists and is not a model: choose another name, or remove it.", param_hint="--output"
        ) from None


def _check_writable(path: Path, option: str) -> None:
    """Say now, rather than at the end, that a file cannot be written."""
    if path.exists() and not path.is_file():
        raise click.BadParameter(f"{path} is not a regular file.", param_hint=option)
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}.", param_hint=option)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise click.BadParameter(f"{path} cannot be written: {error.strerror}.", param_hint=option) from None


def _check_plot_file(path: Path) -> None:
    figure = _new_figure(1)
    known = sorted(figure.canvas.get_supported_filetypes())
    if path.suffix.lower().removeprefix(".") not in known:
        raise click.BadParameter(f"{path} must end in one of .{', .'.join(known)}.", param_hint="--plot")
    _check_writable(path, "--plot")


def _new_figure(n_panels: int) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise click.ClickException('--plot needs matplotlib: pip install "fastnn[plot]".') from None
    return Figure(figsize=(6.4 * n_panels, 4.8), layout="constrained")


# Reports.


def _report(label: str, text: str) -> None:
    click.echo(f"{label:<12} {text}")


def _report_setup(dataset: datasets.Dataset, model: _Model, training: _Training, train: _Part, test: _Part) -> None:
    network, optimizer = model.network, training.optimizer
    scaled = ", standardized" if model.features is not None else ""
    _report("Data", f"{dataset.name}, {_counted(model.n_features, 'feature')}{scaled}, {_task(dataset)}")
    _report("", f"{_counted(len(train.X), 'sample')} to train on, {len(test.X):,} held out")
    sizes = "-".join(str(size) for size in network.architecture.layer_sizes)
    activations = ", ".join(dict.fromkeys(network.architecture.activations))
    parameters = _counted(network.architecture.n_parameters, "parameter")
    _report("Network", f"{sizes}, {activations}, {parameters}, {network.dtype}")
    _report("Backend", f"{network.backend}, {_counted(network.n_threads or available_cpus(), 'thread')}")
    batches = "one batch" if training.batch_size == len(train.X) else f"batches of {training.batch_size:,}"
    l2 = f", l2 {optimizer.l2:g}" if optimizer.l2 else ""
    epochs = _counted(training.epochs, "epoch")
    _report("Training", f"{epochs}, {batches}, learning rate {optimizer.learning_rate:g}{l2}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _task(dataset: datasets.Dataset) -> str:
    of_target = "" if dataset.target_name is None else f" of {dataset.target_name}"
    if dataset.class_names is None:
        return f"regression{of_target}"
    n_classes = len(dataset.class_names)
    have_names = dataset.class_names != tuple(map(str, range(n_classes)))
    listed = f": {', '.join(dataset.class_names)}" if have_names and n_classes <= 10 else ""
    return f"{n_classes} classes{of_target}{listed}"


def _report_results(model: _Model, history: History, run: _Run, train: _Part, test: _Part) -> None:
    measures = _classification_measures if model.classifies else _regression_measures
    _report("", f"{'training':>10} {'held out':>10}")
    for (label, on_training), (_, held_out) in zip(measures(model, train), measures(model, test), strict=True):
        _report(label, f"{on_training:>10} {held_out:>10}")
    training_seconds = sum(history.seconds)
    if training_seconds > 0:  # not where Ctrl-C came within the first epoch
        throughput = len(train.X) * len(history.seconds) / training_seconds
        _report("Throughput", f"{throughput:,.0f} samples/s")
    _report("Time", f"{training_seconds:.2f} s of training, {run.seconds:.2f} s with preparation and validation")


def _classification_measures(model: _Model, part: _Part) -> list[tuple[str, str]]:
    loss = model.network.evaluate(part.X, part.y)
    accuracy = np.mean(model.network.predict(part.X) == part.y)
    return [("Loss", f"{loss:.4g}"), ("Accuracy", f"{accuracy:.4f}")]


def _regression_measures(model: _Model, part: _Part) -> list[tuple[str, str]]:
    """Mean squared error, in the unit of the targets squared, and the share of their variance that is explained."""
    squared_error, explained = _squared_error(model.results(model.network.predict(part.X))[:, 0], part.targets)
    return [("MSE", squared_error), ("R2", explained)]


def _squared_error(prediction: np.ndarray, targets: np.ndarray) -> tuple[str, str]:
    squared_error, variance = np.mean((prediction - targets) ** 2), np.var(targets)
    return f"{squared_error:.4g}", f"{1 - squared_error / variance:.4f}" if variance > 0 else "undefined"


def _draw(path: Path, model: _Model, history: History, X: np.ndarray, y: np.ndarray) -> None:
    """The loss of each epoch, and beside it for two features the decision boundary with the held-out samples."""
    has_boundary = model.classifies and model.n_features == 2
    figure = _new_figure(2 if has_boundary else 1)
    axes = figure.subplots(1, 2 if has_boundary else 1, squeeze=False)[0]
    if history.loss:
        plot_history(history, ax=axes[0])
    if has_boundary:

        def probabilities(points: np.ndarray) -> np.ndarray:
            return model.network.forward(model.inputs(points))

        plot_decision_boundary(probabilities, X, y, ax=axes[1], class_names=model.class_names)
        if model.feature_names is not None:
            axes[1].set(xlabel=model.feature_names[0], ylabel=model.feature_names[1])
    figure.savefig(path)


# fastnn predict


@main.command(short_help="Predict with a trained network.")
@click.argument("model_file", metavar="MODEL", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("data", metavar="DATA", type=_DataType())
@_data_dir_option
@click.option(
    "--probabilities", is_flag=True, help="Also give the probability of each class, as a table with a header."
)
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE.csv", help="Write a table to a file instead.")
@_backend_option
@_threads_option
def predict(
    model_file: Path,
    data: str | Path,
    data_dir: Path | None,
    probabilities: bool,
    output: Path | None,
    backend: str,
    threads: int | None,
) -> None:
    """Predict with a trained network, one line for each sample.

    MODEL is a file that "fastnn train" saved. DATA is a file as for training, or the name of a data set: of mnist its
    test images, of the others all samples.

    \b
    fastnn predict digits-model.npz digits
    fastnn predict iris-model.npz flowers.csv --probabilities --output species.csv

    The columns of a .csv file are matched by name, in any order. The target may be missing; where DATA has it, the
    standard error stream says how well the predictions agree with it.
    """  # noqa: D301
    _check_data_options(data, data_dir, None, "auto")
    if output is not None:
        _check_writable(output, "--output")
        _check_distinct(output, model_file, data)
    model = _Model.load(model_file, backend, threads)
    if probabilities and not model.classifies:
        raise click.UsageError(
            f"--probabilities needs a network that predicts classes, and {model_file} predicts numbers."
        )
    X, targets = _samples_to_predict(model, data, data_dir)
    inputs = model.inputs(X)
    predictions = model.results(model.network.predict(inputs))
    lines = _readable(model, predictions)
    if probabilities or output is not None:
        _write_table(output, model, lines, model.network.forward(inputs) if probabilities else None)
    else:
        click.echo("\n".join(",".join(line) for line in lines))
    if targets is not None:
        _report_agreement(model, lines, predictions, targets)


def _check_distinct(output: Path, *inputs: str | Path) -> None:
    for path in inputs:
        if isinstance(path, Path) and output.exists() and output.samefile(path):
            raise click.BadParameter(f"{output} is read by this command, and would be replaced.", param_hint="--output")


def _load_dataset(
    data: str | Path, data_dir: Path | None, target: str | None, task: str, seed: int
) -> datasets.Dataset:
    if isinstance(data, Path):
        return datasets.load_table(data, target=target, task=task)
    return datasets.load_named(data, data_dir=data_dir, seed=seed)


def _samples_to_predict(model: _Model, data: str | Path, data_dir: Path | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Features, and the targets as words or numbers if the data has them."""
    if isinstance(data, Path):
        return datasets.load_samples(
            data,
            model.n_features,
            feature_names=model.feature_names,
            target_name=model.target_name,
            target_index=model.target_index,
        )
    dataset = datasets.load_named(data, data_dir=data_dir, seed=model.seed)
    X, y = (dataset.X, dataset.y) if dataset.X_test is None else (dataset.X_test, dataset.y_test)
    if X.shape[1] != model.n_features:
        raise click.UsageError(f"The network takes {model.n_features} features, and {data} has {X.shape[1]}.")
    return X, np.array(dataset.class_names)[y]


def _readable(model: _Model, predictions: np.ndarray) -> list[list[str]]:
    """Each sample's prediction as text: one class or number, or one for each output of the network."""
    if model.picks_a_class:
        return [[model.output_names[label]] for label in predictions]
    rows = predictions.reshape(len(predictions), -1)
    if not model.classifies:
        rows = rows.astype(model.network.dtype)  # so that no more digits are shown than were computed
    return [[str(value) for value in row] for row in rows]


def _write_table(path: Path | None, model: _Model, lines: list[list[str]], probabilities: np.ndarray | None) -> None:
    """A table with a header, to a file or to the standard output stream."""
    header = ["prediction"] if len(lines[0]) == 1 else [f"prediction_{name}" for name in model.output_names]
    if probabilities is not None:
        n_outputs = probabilities.shape[1]
        header += ["probability"] if n_outputs == 1 else [f"probability_{name}" for name in model.output_names]
        lines = [[*line, *map(str, row)] for line, row in zip(lines, probabilities, strict=True)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *lines])
    if path is None:
        click.echo(text.getvalue(), nl=False)
    else:
        path.write_text(text.getvalue(), encoding="utf-8")
        click.echo(f"{len(lines):,} predictions saved to {path}", err=True)


def _report_agreement(model: _Model, lines: list[list[str]], predictions: np.ndarray, targets: np.ndarray) -> None:
    """How well predictions agree with known targets, where the network has a single prediction for each sample."""
    if len(lines[0]) > 1:
        return
    if model.classifies:
        correct = [line[0] == datasets.class_name(target) for line, target in zip(lines, targets, strict=True)]
        agreement = f"Accuracy {np.mean(correct):.4f}"
    elif targets.dtype.kind in "biuf":
        agreement = "MSE {}, R2 {}".format(*_squared_error(predictions.reshape(len(targets)), targets))
    else:
        return
    click.echo(f"{agreement} on these {_counted(len(lines), 'sample')}", err=True)


# fastnn gradcheck


@main.command(short_help="Check gradients by finite differences.")
@click.option(
    "--layers",
    type=_SizesType(may_be_none=False),
    default="4,8,6,3",
    show_default=True,
    metavar="SIZES",
    help="Units of every layer, inputs and outputs included.",
)
@click.option(
    "--activation",
    type=_ActivationsType(),
    default="tanh",
    show_default=True,
    metavar="NAMES",
    help=f"One for all hidden layers, or one for each layer, output included: {', '.join(ACTIVATIONS)}.",
)
@click.option(
    "--loss",
    type=click.Choice(tuple(LOSSES)),
    default="softmax_cross_entropy",
    show_default=True,
    help="What is differentiated; it chooses the output activation, unless --activation names it.",
)
@click.option("--backend", type=click.Choice(fastnn.backends()), help="Backend to check.  [default: each of them]")
@click.option(
    "--samples", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="Random samples."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Their seed, and the weights'.",
)
@click.option(
    "--epsilon", type=_NumberType(), default=1e-5, show_default=True, metavar="NUMBER", help="Step of the differences."
)
@click.option(
    "--rtol",
    type=_NumberType(may_be_zero=True),
    default=1e-4,
    show_default=True,
    metavar="NUMBER",
    help="Relative tolerance.",
)
@click.option(
    "--atol",
    type=_NumberType(may_be_zero=True),
    default=1e-7,
    show_default=True,
    metavar="NUMBER",
    help="Absolute tolerance.",
)
def gradcheck(
    layers: tuple[int, ...],
    activation: str | tuple[str, ...],
    loss: str,
    backend: str | None,
    samples: int,
    seed: int,
    epsilon: float,
    rtol: float,
    atol: float,
) -> None:
    """Compare the gradient from backpropagation with finite differences of the loss.

    A network with random weights meets random samples, in float64. The exit status is 1 if a gradient is wrong.
    """
    generator = np.random.default_rng(seed)
    X, y = _random_task(layers, loss, samples, generator)
    # With biases of 0, a sample that no unit of a layer answers to would put the next layer on the kink of ReLU at 0.
    biases = [generator.uniform(-0.5, 0.5, size) for size in layers[1:]]
    all_ok = True
    for name in fastnn.backends() if backend is None else (backend,):
        network = Network(layers, activation, loss, backend=name, dtype="float64", seed=seed)
        for b, values in zip(network.biases, biases, strict=True):
            b[:] = values
        report = check_gradients(network, X, y, epsilon=epsilon, rtol=rtol, atol=atol)
        click.echo(f"Backend {name}\n{report}\n")
        all_ok = all_ok and report.ok
    if not all_ok:
        raise click.exceptions.Exit(1)


def _random_task(
    layers: Sequence[int], loss: str, n_samples: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Random features, and random targets of the kind that the loss takes."""
    n_inputs, n_outputs = layers[0], layers[-1]
    X = generator.standard_normal((n_samples, n_inputs))
    match LOSSES[loss].targets:
        case "classes":
            return X, generator.integers(n_outputs, size=n_samples)
        case "probabilities":
            return X, generator.random((n_samples, n_outputs))
        case _:
            return X, generator.standard_normal((n_samples, n_outputs))


# fastnn info


@main.command(short_help="Show versions, processor and caches.")
def info() -> None:
    """Show versions, the processor's vector unit, threads and where compiled kernels are kept."""
    from fastnn.backends.numba_backend.compilation import cache_folder, vector_bits

    _report("fastnn", fastnn.__version__)
    _report("Python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        _report(package, _version(package))
    processor, features = _processor()
    _report("Processor", processor)
    _report("Vectors", f"{vector_bits()} bits ({features})")
    _report("Threads", f"{available_cpus()} of {os.cpu_count()}")
    _report("Cache", cache_folder() or "none: no folder can be written, and kernels are compiled in each process")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> tuple[str, str]:
    """Name of the processor, and its features that have to do with vectors, as LLVM knows them."""
    import llvmlite.binding as llvm

    features = sorted(name for name, present in llvm.get_host_cpu_features().items() if present)
    relevant = [name for name in features if name.startswith(VECTOR_FEATURES)]
    return llvm.get_host_cpu_name(), " ".join(relevant) or "no features known"
