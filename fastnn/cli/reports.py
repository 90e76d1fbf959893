"""The reports printed by commands."""

from collections.abc import Sequence

import click

from fastnn.architecture import Architecture
from fastnn.cli.optimizers import described
from fastnn.cli.parts import Parts
from fastnn.cli.scores import beats_baseline, formatted, score_part
from fastnn.cli.table_model import TableModel
from fastnn.cli.training import Plan, Run
from fastnn.datasets import Dataset
from fastnn.model import Model
from fastnn.network import Network

MOST_NAMES, LONGEST_NAME = 10, 30  # in a line of a report


def report(label: str, text: str) -> None:
    """Print a line of a report."""
    click.echo(f"{label:<12} {text}")


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural if needed."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name for a report or a plot: on one line, and not too long."""
    words = " ".join(name.split())
    return words if len(words) <= longest else f"{words[: longest - 3]}..."


def report_data(plan: Plan) -> None:
    """Print the data set, the task, the number of samples, and what was noted while loading them."""
    dataset, parts = plan.dataset, plan.parts
    n_features, scaled = parts.train.X.shape[1], ", standardized" if plan.preparation.standardize else ""
    report("Data", f"{dataset.name}, {counted(n_features, 'feature')}{scaled}, {described_task(dataset)}")
    validation = "" if parts.validation is None else f"{len(parts.validation.X):,} to validate on, "
    n_samples = len(parts.train.X)
    report("", f"{counted(n_samples, 'sample')} to train on, {validation}{len(parts.test.X):,} held out")
    if plan.stopping.patience is not None and parts.validation is None:
        report("", "no early stopping: there are too few samples to validate on")
    for note in dataset.notes:
        report("Note", note)


def report_training(network: Network, plan: Plan) -> None:
    """Print the network and the training options."""
    architecture, training = network.architecture, plan.training
    parameters = counted(architecture.n_parameters, "parameter")
    report("Network", ", ".join([*_layers(architecture), parameters, str(network.dtype)]))
    report("Backend", f"{network.backend}, {counted(network._team, 'thread')}")

    epochs = ("at most " if plan.patience else "") + counted(training.epochs, "epoch")
    is_whole = training.batch_size == len(plan.parts.train.X)
    batches = "one batch" if is_whole else f"batches of {training.batch_size:,}"
    smoothing = architecture.loss.settings.get("label_smoothing", 0.0)
    words = described(training.optimizer, training.schedule) + [f"label smoothing {smoothing:g}"] * bool(smoothing)
    words += [f"{plan.preparation.class_weight} classes"] * bool(plan.preparation.class_weight)
    report("Training", ", ".join([epochs, batches, *words]))


def _layers(architecture: Architecture) -> list[str]:
    """Layer sizes, activations, normalisation and dropout; all hidden layers are alike."""
    words = ["-".join(str(size) for size in architecture.layer_sizes), *dict.fromkeys(architecture.activations)]
    if architecture.normalizations[0] != "none":
        words.append(f"{architecture.normalizations[0]} normalization")
    if architecture.dropout[0]:
        words.append(f"dropout {architecture.dropout[0]:g}")
    return words


def described_task(dataset: Dataset) -> str:
    """The task in words, with the name of the target and, if there are few, those of the classes."""
    of_target = "" if dataset.target_name is None else f" of {shortened(dataset.target_name)}"
    if dataset.class_names is None:
        return f"regression{of_target}"
    return f"{counted(len(dataset.class_names), 'class')}{of_target}{_listed(dataset.class_names)}"


def _listed(names: Sequence[str]) -> str:
    """The class names if there are few, unless they are just 0, 1, 2, ..."""
    if len(names) > MOST_NAMES or names == tuple(map(str, range(len(names)))):
        return ""
    return f": {', '.join(map(shortened, names))}"


def report_epochs(run: Run, plan: Plan) -> None:
    """Print the number of epochs, why training stopped, and which epoch's network is kept."""
    history = run.history
    words = (
        f"{len(history):,} of {max(plan.training.epochs, len(history)):,}"  # a checkpoint may have more than requested
    )
    if run.interrupted:
        words += " were done when Ctrl-C ended the training"
    elif "improved" in history.stop_reason:
        words += f", as {history.stop_reason.replace('_', ' ')}"
    if plan.patience is not None and len(history):
        words += f"; the network is that of epoch {history.best_epoch}"
    report("Epochs", words)


def report_results(run: Run, model: Model, parts: Parts) -> None:
    """Print the scores on training, validation and held-out samples, and the speed of training."""
    named = {"training": parts.train, "validation": parts.validation, "held out": parts.test}
    columns = {name: score_part(model, part) for name, part in named.items() if part is not None}
    report("", " ".join(f"{name:>10}" for name in columns))
    for name in columns["training"]:
        is_baseline = name == "Baseline"
        is_share = is_baseline and model.loss.classifies
        cells = " ".join(f"{formatted(name, column[name], is_share=is_share):>10}" for column in columns.values())
        measure = "accuracy" if is_share else "RMSE"
        report(name, f"{cells}  {measure} of {alternative(model)}" if is_baseline else cells)
    if not beats_baseline(columns["held out"], len(model.output_names)):
        report("Note", f"on the held-out samples, the network is no better than {alternative(model)}")
    _report_speed(run, len(parts.train.X))


def alternative(model: Model | TableModel) -> str:
    """The baseline in words: the same prediction for all samples."""
    if isinstance(model.baseline, float):
        return f"always {formatted('Mean', model.baseline)}, the mean"
    return f"always {shortened(str(model.baseline))!r}, the most frequent class"


def _report_speed(run: Run, n_samples: int) -> None:
    seconds = run.history.seconds
    if seconds:  # empty after Ctrl-C in the first epoch
        report("Throughput", f"{n_samples * len(seconds) / sum(seconds):,.0f} samples/s")
    report("Time", f"{sum(seconds):.2f} s of training, {run.seconds:.2f} s with preparation and validation")
