"""Training a RealMLP on a table, and its report."""

import time
from dataclasses import replace
from typing import Any

import click
import numpy as np
from tqdm import tqdm

from fastnn import datasets
from fastnn.cli.checks import check_data_options, check_model_file
from fastnn.cli.column_report import report_columns
from fastnn.cli.fingerprint import fingerprint
from fastnn.cli.groups import Options
from fastnn.cli.model import baseline
from fastnn.cli.parts import Part, Parts
from fastnn.cli.reports import alternative, counted, described_task, report
from fastnn.cli.scores import beats_baseline, formatted, score_names, score_numbers
from fastnn.cli.table_model import TableModel
from fastnn.cli.training import INTERRUPTED
from fastnn.datasets import Dataset
from fastnn.model import class_labels
from fastnn.serialization import save


def train_realmlp(chosen: Options, why: str) -> None:
    """Train, save, and print what was done."""
    check_data_options(chosen.source)
    check_model_file(chosen.files.output)
    report("Model", f"realmlp, {why}")
    dataset = chosen.source.load(chosen.design.seed, as_frame=True)
    if chosen.preparation.class_weight and dataset.task == "regression":
        raise click.UsageError("--class-weight is for classification, but the task is regression.")
    X, X_test, y, y_test = datasets.split(dataset, seed=chosen.design.seed)
    parts = Parts(Part(X, y), Part(X_test, y_test))
    _report_data(dataset, parts)
    report_columns(dataset)
    estimator = _make_estimator(chosen, dataset.task)
    _report_training(estimator, parts)
    seconds = _fit(estimator, dataset, parts)
    model = _model(estimator, chosen, dataset, parts)
    save(estimator, chosen.files.output, **model.to_metadata())
    _report_results(model, dataset, parts)
    report("Time", f"{seconds:.2f} s of training")
    report("Model", f"saved to {chosen.files.output}")


def _make_estimator(chosen: Options, task: str) -> Any:
    """The estimator for the task."""
    from fastnn.realmlp import RealMLPClassifier, RealMLPRegressor

    options: dict[str, Any] = {
        "preset": chosen.choice.preset,
        "n_members": chosen.choice.n_members or "auto",
        "n_epochs": chosen.descent.epochs,
        "random_state": chosen.design.seed,
        "backend": chosen.design.backend,
        "n_threads": chosen.design.n_threads,
    }
    if task == "regression":
        return RealMLPRegressor(**options)
    return RealMLPClassifier(class_weight=chosen.preparation.class_weight, **options)


def _fit(estimator: Any, dataset: Dataset, parts: Parts) -> float:
    """Train with a progress bar; the time it took, in seconds."""
    y = parts.train.y if dataset.class_names is None else class_labels(dataset.class_names)[parts.train.y]
    start = time.perf_counter()
    try:
        with tqdm(
            total=1, disable=None, leave=False, bar_format="{percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"
        ) as bar:
            estimator.set_params(progress=lambda share, history: bar.update(share - bar.n))
            estimator.fit(parts.train.X, y)
    except KeyboardInterrupt:
        click.echo("Interrupted: no model was saved, because a realmlp is complete only at the end.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    estimator.set_params(progress=False)
    return time.perf_counter() - start


def _model(estimator: Any, chosen: Options, dataset: Dataset, parts: Parts) -> TableModel:
    model = TableModel(
        estimator,
        target_name=dataset.target_name,
        target_index=dataset.target_index,
        dropped=dataset.dropped,
        decimal=dataset.decimal,
        seed=chosen.design.seed,
        baseline=baseline(dataset, parts.train.y),
    )
    if not chosen.files.keeps_hashes:
        return model
    return replace(model, trained_rows=fingerprint(model.encoded(parts.train.X)))


def _report_data(dataset: Dataset, parts: Parts) -> None:
    report("Data", f"{dataset.name}, {counted(parts.train.X.shape[1], 'feature')}, {described_task(dataset)}")
    report("", f"{counted(len(parts.train.X), 'sample')} to train on, {len(parts.test.X):,} held out")
    for note in dataset.notes:
        report("Note", note)


def _report_training(estimator: Any, parts: Parts) -> None:
    """Print the networks and how they are trained."""
    from fastnn.realmlp.base import AUTO_MEMBERS

    preset, n_rows = estimator._preset(), len(parts.train.X)
    n_members = AUTO_MEMBERS if estimator.n_members == "auto" else estimator.n_members
    sizes = "-".join(map(str, preset.hidden_layer_sizes))
    report("Network", f"RealMLP-{estimator.preset.upper()}, {counted(n_members, 'network')} of {sizes} hidden units")
    batches = f"batches of {min(preset.batch_size, n_rows):,}"
    kept = f"; each network keeps its best epoch on {estimator.validation_fraction:.0%} of the training samples"
    report("Training", f"{counted(preset.n_epochs, 'epoch')}, {batches}{kept}")


def _report_results(model: TableModel, dataset: Dataset, parts: Parts) -> None:
    """Print the error on held-out samples beside that of always predicting the same."""
    predictions, y = model.predict(parts.test.X), parts.test.y
    if dataset.class_names is None:
        scores = score_numbers(predictions, y, model.baseline)
        error, of_baseline = (formatted("RMSE", scores[name]) for name in ("RMSE", "Baseline"))
        text = f"RMSE {error} (mean: {of_baseline}), R2 {formatted('R2', scores['R2'])}"
    else:
        names = np.array(dataset.class_names, object)[y]
        scores = score_names(predictions.astype(str), names.astype(str), model.baseline)
        text = f"error {1 - scores['Accuracy']:.4f} (majority class {model.baseline!r}: {1 - scores['Baseline']:.4f})"
    report("Held out", text)
    if not beats_baseline(scores, len(model.output_names)):
        report("Note", f"on the held-out samples, the model is no better than {alternative(model)}")
