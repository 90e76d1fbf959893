"""``fastnn predict``."""

import csv
import io
from pathlib import Path

import click
import numpy as np

from fastnn import datasets
from fastnn.cli.checks import check_data_options, check_writable
from fastnn.cli.model import Model
from fastnn.cli.options import backend_option, data_dir_option, data_source, decimal_option, threads_option
from fastnn.cli.reports import counted, squared_error


@click.command(short_help="Predict with a trained network.")
@click.argument("model_file", metavar="MODEL", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("data", metavar="DATA", type=data_source)
@data_dir_option
@decimal_option
@click.option(
    "--probabilities", is_flag=True, help="Also give the probability of each class, as a table with a header."
)
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE.csv", help="Write a table to a file instead.")
@backend_option
@threads_option
def predict(
    model_file: Path,
    data: str | Path,
    data_dir: Path | None,
    decimal: str | None,
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

    The columns of a table are matched by name, in any order. The target may be missing; where DATA has it, the standard
    error stream says how well the predictions agree with it. DATA - is CSV from the standard input stream.
    """  # noqa: D301
    check_data_options(data, data_dir, decimal=decimal)
    if output is not None:
        _check_output(output, model_file, data)
    model = Model.load(model_file, backend, threads)
    if probabilities and not model.loss.classifies:
        raise click.UsageError(
            f"--probabilities needs a network that predicts classes, and {model_file} predicts numbers."
        )
    X, targets = _load_samples(model, data, data_dir, decimal)
    inputs = model.inputs(X)
    predictions = model.predict(inputs)
    lines = _readable(model, predictions)
    if probabilities or output is not None:
        _write_table(output, model, lines, model.probabilities(inputs) if probabilities else None)
    else:
        click.echo("\n".join(",".join(line) for line in lines))
    if targets is not None and len(lines[0]) == 1:
        _report_agreement(model, predictions.reshape(len(targets)), lines, targets)


def _check_output(output: Path, *inputs: str | Path) -> None:
    check_writable(output, "--output")
    for path in inputs:
        if isinstance(path, Path) and path.exists() and output.exists() and output.samefile(path):
            raise click.BadParameter(f"{output} is read by this command, and would be replaced.", param_hint="--output")


def _load_samples(
    model: Model, data: str | Path, data_dir: Path | None, decimal: str | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Features, and the names of the targets' classes, or numbers, if the data has them."""
    if isinstance(data, Path):
        return datasets.load_samples(
            data,
            model.n_features,
            feature_names=model.feature_names,
            target_name=model.target_name,
            target_index=model.target_index,
            dropped=model.dropped,
            class_names=model.output_names if model.loss.classifies else None,
            decimal=decimal or model.decimal,
        )
    dataset = datasets.load_named(data, data_dir=data_dir, seed=model.seed)
    X, y = (dataset.X, dataset.y) if dataset.X_test is None else (dataset.X_test, dataset.y_test)
    if X.shape[1] != model.n_features:
        raise click.UsageError(f"The network takes {model.n_features} features, and {data} has {X.shape[1]}.")
    return X, np.array(dataset.class_names)[y]


def _readable(model: Model, predictions: np.ndarray) -> list[list[str]]:
    """Each sample's prediction as text: one class or number, or one for each output of the network."""
    if model.loss.targets == "classes" or model.has_two_classes:
        return [[model.output_names[label]] for label in predictions]
    if not model.loss.classifies:
        predictions = predictions.astype(model.network.dtype)  # no more digits are shown than were computed
    return [[str(value) for value in row] for row in predictions.reshape(len(predictions), -1)]


def _write_table(path: Path | None, model: Model, lines: list[list[str]], probabilities: np.ndarray | None) -> None:
    """A table with a header, to a file or to the standard output stream."""
    names = model.output_names
    header = ["prediction"] if len(lines[0]) == 1 else [f"prediction_{name}" for name in names]
    if probabilities is not None:
        header += ["probability"] if len(names) == 1 else [f"probability_{name}" for name in names]
        lines = [[*line, *map(str, row)] for line, row in zip(lines, probabilities, strict=True)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *lines])
    if path is None:
        click.echo(text.getvalue(), nl=False)
    else:
        path.write_text(text.getvalue(), encoding="utf-8")
        click.echo(f"{len(lines):,} predictions saved to {path}", err=True)


def _report_agreement(model: Model, predictions: np.ndarray, lines: list[list[str]], targets: np.ndarray) -> None:
    """How well predictions agree with the targets that are known."""
    known = ~datasets.is_missing(targets)
    if not known.any():
        return
    if model.loss.classifies:
        correct = np.array([line[0] for line in lines], dtype=object) == targets
        measures = {"Accuracy": f"{np.mean(correct[known]):.4f}"}
    elif targets.dtype.kind not in "iuf":  # words instead of numbers
        return
    else:
        measures = squared_error(predictions[known], targets[known])
    agreement = ", ".join(f"{name} {value}" for name, value in measures.items())
    samples = f"these {counted(len(known), 'sample')}"
    if not known.all():
        samples = f"the {known.sum():,} of {len(known):,} samples that have a target"
    click.echo(f"{agreement} on {samples}", err=True)
