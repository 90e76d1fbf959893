"""The lines that commands print."""

import click
import numpy as np

from fastnn.cli.model import Model
from fastnn.cli.optimizers import described
from fastnn.cli.training import Part, Plan
from fastnn.datasets import Dataset
from fastnn.history import History
from fastnn.optimizers import Optimizer
from fastnn.schedules import Schedule


def report(label: str, text: str) -> None:
    """Print a line of a report."""
    click.echo(f"{label:<12} {text}")


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where that is due."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def report_setup(
    dataset: Dataset,
    model: Model,
    train: Part,
    test: Part,
    plan: Plan,
    optimizer: Optimizer,
    schedule: Schedule,
) -> None:
    """What is learned, by which network, and how."""
    network = model.network
    scaled = ", standardized" if model.features is not None else ""
    report("Data", f"{dataset.name}, {counted(model.n_features, 'feature')}{scaled}, {_task(dataset)}")
    report("", f"{counted(len(train.X), 'sample')} to train on, {len(test.X):,} held out")
    sizes = "-".join(str(size) for size in network.architecture.layer_sizes)
    activations = ", ".join(dict.fromkeys(network.architecture.activations))
    parameters = counted(network.architecture.n_parameters, "parameter")
    report("Network", f"{sizes}, {activations}, {parameters}, {network.dtype}")
    report("Backend", f"{network.backend}, {counted(network.team, 'thread')}")

    batches = "one batch" if plan.batch_size == len(train.X) else f"batches of {plan.batch_size:,}"
    report("Training", ", ".join([counted(plan.epochs, "epoch"), batches, *described(optimizer, schedule)]))


def _task(dataset: Dataset) -> str:
    of_target = "" if dataset.target_name is None else f" of {dataset.target_name}"
    if dataset.class_names is None:
        return f"regression{of_target}"
    n_classes = len(dataset.class_names)
    have_names = dataset.class_names != tuple(map(str, range(n_classes)))
    listed = f": {', '.join(dataset.class_names)}" if have_names and n_classes <= 10 else ""
    return f"{n_classes} classes{of_target}{listed}"


def report_results(model: Model, history: History, seconds: float, train: Part, test: Part) -> None:
    """How well the network does on the samples it was trained on and on others, and how fast it learned."""
    measures = _classification_measures if model.loss.classifies else _regression_measures
    report("", f"{'training':>10} {'held out':>10}")
    held_out = measures(model, test)
    for label, on_training in measures(model, train).items():
        report(label, f"{on_training:>10} {held_out[label]:>10}")
    if history.seconds:  # not where Ctrl-C came within the first epoch
        report("Throughput", f"{len(train.X) * len(history.seconds) / sum(history.seconds):,.0f} samples/s")
    report("Time", f"{sum(history.seconds):.2f} s of training, {seconds:.2f} s with preparation and validation")


def _classification_measures(model: Model, part: Part) -> dict[str, str]:
    accuracy = np.mean(model.network.predict(part.X) == part.y)
    return {"Loss": f"{model.network.evaluate(part.X, part.y):.4g}", "Accuracy": f"{accuracy:.4f}"}


def _regression_measures(model: Model, part: Part) -> dict[str, str]:
    return squared_error(model.predict(part.X)[:, 0], part.targets)


def squared_error(predictions: np.ndarray, targets: np.ndarray) -> dict[str, str]:
    """Mean squared error, in the unit of the targets squared, and the share of their variance that is explained."""
    error, variance = np.mean((predictions - targets) ** 2), np.var(targets)
    return {"MSE": f"{error:.4g}", "R2": f"{1 - error / variance:.4f}" if variance > 0 else "undefined"}
