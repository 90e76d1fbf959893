"""``fastnn predict``."""

import csv
import io
import json
import math
from pathlib import Path

import click
import numpy as np

from fastnn import datasets
from fastnn.cli.checks import check_data_options, check_writable
from fastnn.cli.fingerprint import recognized
from fastnn.cli.groups import Source
from fastnn.cli.model import load_model
from fastnn.cli.options import backend_option, data_dir_option, data_source, decimal_option, threads_option
from fastnn.cli.reports import alternative, counted
from fastnn.cli.samples import AnyModel, samples_for
from fastnn.cli.scores import Scores, beats_baseline, formatted, score_names, score_numbers
from fastnn.cli.table_model import TableModel

#: Extensions of the files that can be written.
TABLE_TYPES = (".csv", ".json")

#: A row of predictions: class names, or numbers.
Row = list[str] | list[float]


@click.command(short_help="Predict with a trained network.")
@click.argument("model_file", metavar="MODEL", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("data", metavar="DATA", type=data_source)
@data_dir_option
@decimal_option
@click.option(
    "--probabilities", is_flag=True, help="Also print the probability of each class, as a table with a header."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to a file instead: a table to FILE.csv, a list of objects to FILE.json, in UTF-8.",
)
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
    n_threads: int | None,
) -> None:
    """Predict with a trained network, one line per sample.

    MODEL is a file saved by "fastnn train" or from Python. DATA is a file as for training, or the name of a data set:
    the test images of mnist, or all samples of the others.

    \b
    fastnn predict digits-model.safetensors digits
    fastnn predict iris-model.safetensors flowers.csv --probabilities --output species.csv

    The columns of a table are matched by name, in any order. A realmlp takes missing values and categories that it has not
    seen in training. The target may be missing; if DATA has it, the scores of the
    predictions are printed to standard error, and how many of the samples the model was trained on. If DATA is -, a CSV
    table is read from standard input. Without --decimal, the decimal separator is that of the training table.
    """  # noqa: D301
    check_data_options(Source(data=data, data_dir=data_dir, decimal=decimal))
    if output is not None:
        _check_output(output, model_file, data)
    model = load_model(model_file, backend, n_threads)
    if probabilities and not model.loss.classifies:
        raise click.UsageError(
            f"--probabilities needs a network that predicts classes, but {model_file} predicts numbers."
        )
    X, targets = samples_for(model, data, data_dir, decimal)
    numbers = model.encoded(X) if isinstance(model, TableModel) else X
    rows = _readable(model, model.predict(X))
    if probabilities or output is not None:
        _write_table(output, model, rows, model.predict_proba(X) if probabilities else None)
    else:
        click.echo("\n".join(",".join(map(str, row)) for row in rows))
    _report_agreement(model, rows, targets, recognized(numbers, model.trained_rows))


def _check_output(output: Path, *inputs: str | Path) -> None:
    if output.suffix.lower() not in TABLE_TYPES:
        raise click.BadParameter(f"{output} must end in {' or '.join(TABLE_TYPES)}.", param_hint="--output")
    check_writable(output, "--output")
    for path in inputs:
        if isinstance(path, Path) and path.exists() and output.exists() and output.samefile(path):
            raise click.BadParameter(f"{output} is an input file, and would be replaced.", param_hint="--output")


def _readable(model: AnyModel, predictions: np.ndarray) -> list[Row]:
    """The prediction for each sample: one class or number, or one per output of the network."""
    if model.predicts_names:
        return [[str(name)] for name in predictions]
    if model.loss.classifies:
        predictions = predictions.astype(int)
    columns = predictions.reshape(len(predictions), -1).T
    return [list(row) for row in zip(*(_rounded(model, k, column) for k, column in enumerate(columns)), strict=True)]


def _rounded(model: AnyModel, output: int, numbers: np.ndarray) -> list[float]:
    """Numbers rounded to the digits that were computed, given the network's dtype and the scale of its targets."""
    if model.loss.classifies:
        return [int(number) for number in numbers]
    if model.targets is None:
        return [float(str(number)) for number in numbers]  # str gives the shortest text for this float32
    resolution = np.finfo(model.network.dtype).eps * model.targets.scale[output]
    decimals = math.ceil(-math.log10(resolution))
    return [round(float(number), decimals) for number in numbers]


def _write_table(path: Path | None, model: AnyModel, rows: list[Row], probabilities: np.ndarray | None) -> None:
    """Write a table with a header to a file or to standard output."""
    names = model.output_names
    header = ["prediction"] if len(rows[0]) == 1 else [f"prediction_{name}" for name in names]
    table: list[list[str | float]] = [list(row) for row in rows]
    if probabilities is not None:
        header += ["probability"] if len(names) == 1 else [f"probability_{name}" for name in names]
        table = [[*row, *(float(str(p)) for p in shares)] for row, shares in zip(table, probabilities, strict=True)]
    if path is None:
        click.echo(_csv_text(header, table), nl=False)
        return
    text = _json_text(header, table) if path.suffix.lower() == ".json" else _csv_text(header, table)
    path.write_text(text, encoding="utf-8")
    click.echo(f"{len(rows):,} predictions saved to {path}", err=True)


def _csv_text(header: list[str], table: list[list[str | float]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *table])
    return text.getvalue()


def _json_text(header: list[str], table: list[list[str | float]]) -> str:
    """A JSON list with one object per sample and line."""
    objects = (json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) for row in table)
    return "[\n" + ",\n".join(objects) + "\n]\n"


def _report_agreement(model: AnyModel, rows: list[Row], targets: np.ndarray | None, seen: np.ndarray) -> None:
    """Print the scores of the predictions, if there are targets, and how many samples the model was trained on."""
    if targets is None or len(rows[0]) > 1:
        targets = np.full(len(rows), np.nan)
    has_target, others = ~datasets.is_missing(targets), ""
    if has_target.any():
        if obstacle := _obstacle(model, targets[has_target]):
            click.echo(f"Not scored: {obstacle}", err=True)
        else:
            others = _report_scores(model, rows, targets, has_target, seen)
    if seen.any():
        of_these = f"{np.sum(seen):,} of these {counted(len(seen), 'sample')}"
        click.echo(f"{of_these} equal samples that the model was trained on{others}", err=True)


def _obstacle(model: AnyModel, targets: np.ndarray) -> str:
    """Why predictions cannot be compared with targets, or an empty string."""
    if not model.loss.classifies:
        return "" if targets.dtype.kind in "iuf" else "the targets are not all numbers"
    if np.isin(targets.astype(str), model.output_names).any():
        return ""
    return f"no target is one of the classes of the model; the first is {str(targets[0])!r}"


def _report_scores(
    model: AnyModel, rows: list[Row], targets: np.ndarray, has_target: np.ndarray, seen: np.ndarray
) -> str:
    """Print the scores of the predictions, and return those of the samples that were not trained on, as text."""
    predictions = np.array([row[0] for row in rows], object)
    samples = f"these {counted(len(rows), 'sample')}"
    if not has_target.all():
        samples = f"the {has_target.sum():,} of {len(rows):,} samples that have a target"
    click.echo(_agreement(model, predictions[has_target], targets[has_target], samples), err=True)
    new = has_target & ~seen
    if not new.any():
        return ""
    which = f"{new.sum():,}{'' if has_target.all() else ' that have a target'}"
    return f"; on the other {which}: {_words(_scores(model, predictions[new], targets[new]))}"


def _agreement(model: AnyModel, predictions: np.ndarray, targets: np.ndarray, samples: str) -> str:
    scores = _scores(model, predictions, targets)
    words = f"{_words(scores)} on {samples}"
    if "Baseline" not in scores:
        return words
    baseline = formatted("Baseline", scores["Baseline"], is_share=model.loss.classifies)
    verdict = "" if beats_baseline(scores, len(model.output_names)) else ": the model is no better"
    measure = "accuracy" if model.loss.classifies else "RMSE"
    return f"{words}; {alternative(model)}, has {measure} {baseline}{verdict}"


def _scores(model: AnyModel, predictions: np.ndarray, targets: np.ndarray) -> Scores:
    if model.loss.classifies:
        return score_names(predictions.astype(str), targets.astype(str), model.baseline)
    return score_numbers(predictions.astype(np.float64), targets, model.baseline)


def _words(scores: Scores) -> str:
    return ", ".join(f"{name} {formatted(name, score)}" for name, score in scores.items() if name != "Baseline")
