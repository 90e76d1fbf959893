"""The lines that commands print."""

import click
import numpy as np

from fastnn.architecture import Architecture
from fastnn.cli.model import Model
from fastnn.cli.optimizers import described
from fastnn.cli.training import Design, Part, Parts, Plan
from fastnn.datasets import Dataset
from fastnn.history import History
from fastnn.network import Network


def report(label: str, text: str) -> None:
    """Print a line of a report."""
    click.echo(f"{label:<12} {text}")


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where that is due."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def report_data(dataset: Dataset, parts: Parts, design: Design) -> None:
    """What is learned."""
    n_features, scaled = parts.train.X.shape[1], ", standardized" * design.standardize
    report("Data", f"{dataset.name}, {counted(n_features, 'feature')}{scaled}, {_task(dataset)}")
    validation = "" if parts.validation is None else f"{len(parts.validation.X):,} to validate on, "
    n_samples = len(parts.train.X)
    report("", f"{counted(n_samples, 'sample')} to train on, {validation}{len(parts.test.X):,} held out")


def report_training(network: Network, n_samples: int, plan: Plan) -> None:
    """Which network learns, and how."""
    architecture = network.architecture
    parameters = counted(architecture.n_parameters, "parameter")
    report("Network", ", ".join([*_layers(architecture), parameters, str(network.dtype)]))
    report("Backend", f"{network.backend}, {counted(network.team, 'thread')}")

    epochs = ("at most " if plan.patience else "") + counted(plan.epochs, "epoch")
    batches = "one batch" if plan.batch_size == n_samples else f"batches of {plan.batch_size:,}"
    smoothing = architecture.loss.settings.get("label_smoothing", 0.0)
    words = described(plan.optimizer, plan.schedule) + [f"label smoothing {smoothing:g}"] * bool(smoothing)
    report("Training", ", ".join([epochs, batches, *words]))


def _layers(architecture: Architecture) -> list[str]:
    """Sizes, activations, and what else is done in the hidden layers, which are all alike."""
    words = ["-".join(str(size) for size in architecture.layer_sizes), *dict.fromkeys(architecture.activations)]
    if architecture.normalizations[0] != "none":
        words.append(f"{architecture.normalizations[0]} normalization")
    if architecture.dropout[0]:
        words.append(f"dropout {architecture.dropout[0]:g}")
    return words


def _task(dataset: Dataset) -> str:
    of_target = "" if dataset.target_name is None else f" of {dataset.target_name}"
    if dataset.class_names is None:
        return f"regression{of_target}"
    n_classes = len(dataset.class_names)
    have_names = dataset.class_names != tuple(map(str, range(n_classes)))
    listed = f": {', '.join(dataset.class_names)}" if have_names and n_classes <= 10 else ""
    return f"{n_classes} classes{of_target}{listed}"


def report_epochs(history: History, plan: Plan) -> None:
    """How many epochs there were, and which one's network is kept."""
    done = f"{len(history):,} of {max(plan.epochs, len(history)):,}"  # fewer may be asked for than a checkpoint has
    impatient = "improved" in history.stop_reason  # neither Ctrl-C nor the last epoch
    reason = f", as {history.stop_reason.replace('_', ' ')}" if impatient else ""
    report("Epochs", f"{done}{reason}; the network is that of epoch {history.best_epoch}")


def report_results(model: Model, history: History, seconds: float, parts: Parts) -> None:
    """How well the network does on the samples it was trained on and on others, and how fast it learned."""
    measures = _classification_measures if model.loss.classifies else _regression_measures
    named = {"training": parts.train, "validation": parts.validation, "held out": parts.test}
    columns = {name: measures(model, part) for name, part in named.items() if part is not None}
    report("", " ".join(f"{name:>10}" for name in columns))
    for label in columns["training"]:
        report(label, " ".join(f"{column[label]:>10}" for column in columns.values()))
    if history.seconds:  # not where Ctrl-C came within the first epoch
        n_samples = len(parts.train.X) * len(history.seconds)
        report("Throughput", f"{n_samples / sum(history.seconds):,.0f} samples/s")
    report("Time", f"{sum(history.seconds):.2f} s of training, {seconds:.2f} s with preparation and validation")


def _classification_measures(model: Model, part: Part) -> dict[str, str]:
    X, y = model.prepared(*part)
    accuracy = np.mean(model.network.predict(X) == y)
    return {"Loss": f"{model.network.evaluate(X, y):.4g}", "Accuracy": f"{accuracy:.4f}"}


def _regression_measures(model: Model, part: Part) -> dict[str, str]:
    return squared_error(model.predict(model.inputs(part.X))[:, 0], part.y)


def squared_error(predictions: np.ndarray, targets: np.ndarray) -> dict[str, str]:
    """Mean squared error, in the unit of the targets squared, and the share of their variance that is explained."""
    error, variance = np.mean((predictions - targets) ** 2), np.var(targets)
    return {"MSE": f"{error:.4g}", "R2": f"{1 - error / variance:.4f}" if variance > 0 else "undefined"}
