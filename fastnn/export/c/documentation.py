"""The comment at the top of a header: what it is, what goes in and comes out, and an example that compiles."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from fastnn.export.c.accuracy import Accuracy
from fastnn.export.c.columns import Field, meaning_of_cells, number_type, positions_read
from fastnn.export.c.literals import quoted, string
from fastnn.export.c.network import buffers, description, n_columns
from fastnn.export.c.template import Dialect
from fastnn.export.prediction import Classes, Indicators, Prediction
from fastnn.version import __version__

#: Width of the text.
WIDTH = 110

#: The most numbers that are listed where a column has categories.
MOST_NUMBERS = 8

EXAMPLE = """
#include <stdio.h>
#include "$file"

int main(void)
{
$statements
    return 0;
}
"""

ABOUT = (
    "It needs nothing but the C standard library (link with -lm), allocates no memory, has no state, and may be called by "
    "several threads. Everything in it is static: include it in one source file of a program. It is C99 and also C++11. Do "
    "not compile it with -ffast-math, which breaks infinity and NAN."
)


def documentation(
    dialect: Dialect, file: str, prediction: Prediction, fields: Sequence[Field], accuracy: Accuracy | None
) -> list[str]:
    """The lines of the comment."""
    paragraphs = [
        [f"This {prediction.kind} was written as C99 by fastnn {__version__}."],
        wrap(ABOUT, WIDTH),
        list(_networks(prediction)),
        [] if accuracy is None else wrap(str(accuracy), WIDTH),
        list(_inputs(dialect, prediction, fields)),
        wrap(_results(dialect, prediction), WIDTH),
        [_stack(prediction)],
        ["Example:", "", *(f"    {line}".rstrip() for line in example(dialect, file, prediction, fields).splitlines())],
    ]
    return [line for paragraph in paragraphs if paragraph for line in [*paragraph, ""]][:-1]


def _networks(prediction: Prediction) -> Iterator[str]:
    """The layers."""
    networks = prediction.networks
    yield "One network:" if len(networks) == 1 else f"{len(networks)} networks, whose outputs are averaged, each:"
    for number, layer in enumerate(networks[0].layers, 1):
        yield f"    layer {number}: {layer.n_inputs} -> {layer.n_outputs}, {description(layer)}"


def _inputs(dialect: Dialect, prediction: Prediction, fields: Sequence[Field]) -> Iterator[str]:
    """The columns in order."""
    cells = number_type(prediction)
    if not fields:
        text = (
            f"A row is an array of {prediction.n_features} numbers of type {cells}, in the order of the columns of X."
        )
        yield from wrap(f"{text} {meaning_of_cells(prediction, fields)}", WIDTH)
        unread = sorted(set(range(prediction.n_features)) - set(positions_read(prediction)))
        yield from wrap(f"Not read: columns {', '.join(map(str, unread))}.", WIDTH) if unread else ()
        return
    suffix = "model_predict_array and the like take the columns in order as an array of type"
    yield from wrap(f"A row is a {dialect.prefix}_row; {dialect.fill(suffix)} {cells}. The columns:", WIDTH)
    read = {field.position: field for field in fields}
    for position in range(prediction.n_features):
        yield f"    {position}: {_column(read[position]) if position in read else 'not read'}"


def _column(field: Field) -> str:
    return f"{quoted(field.name)}, {_kind(field)}, member {field.member}"


def _kind(field: Field) -> str:
    """What the cells of a column are."""
    if field.levels is not None:
        return f"code of a text with {len(field.levels)} levels"
    if field.categories is None:
        return "number"
    if field.categories.is_boolean:
        return "0 for false or 1 for true"
    names = field.categories.names
    return f"one of the numbers {', '.join(names[:MOST_NUMBERS])}{', ...' * (len(names) > MOST_NUMBERS)}"


def _results(dialect: Dialect, prediction: Prediction) -> str:
    """What the functions return."""
    if isinstance(prediction.outcome, Classes):
        text = (
            "model_predict returns the index of the most probable class in model_class_names, and model_predict_proba the "
            "probabilities of all MODEL_N_CLASSES classes."
        )
    elif isinstance(prediction.outcome, Indicators):
        text = (
            "model_predict fills an array with MODEL_N_OUTPUTS labels of 0 or 1, and model_predict_proba one with their "
            "probabilities."
        )
    elif prediction.n_outputs == 1:
        text = "model_predict returns the prediction."
    else:
        text = "model_predict fills an array with MODEL_N_OUTPUTS predictions."
    return dialect.fill(f"{text} Functions with _many take several rows.")


def _stack(prediction: Prediction) -> str:
    """About how much of the stack a call takes."""
    network, size = prediction.networks[0], prediction.dtype.itemsize
    numbers = sum(buffers(network)) + n_columns(network) + 2 * prediction.n_outputs
    n_bytes = numbers * size + prediction.n_features * prediction.input_dtype.itemsize
    return f"A call takes about {n_bytes:,} bytes of the stack for its workspace."


def example(dialect: Dialect, file: str, prediction: Prediction, fields: Sequence[Field]) -> str:
    """A program that predicts for one row."""
    first, variable = _example_row(dialect, prediction, fields)
    statements = [*first, *_example_calls(dialect, prediction, variable)]
    body = "\n".join(f"    {statement}" for statement in statements)
    return dialect.fill(EXAMPLE, file=file, statements=body)


def _example_row(dialect: Dialect, prediction: Prediction, fields: Sequence[Field]) -> tuple[list[str], str]:
    """Statements that make a row, and how functions take it."""
    if not fields:
        return [dialect.fill(f"const {number_type(prediction)} x[MODEL_N_FEATURES] = {{0}};")], "x"
    lines = [f"row.{field.member} = {_example_value(dialect, field)};" for field in fields[:4]]
    return [f"{dialect.prefix}_row row = {{0}};", *lines], "&row"


def _example_value(dialect: Dialect, field: Field) -> str:
    if field.categories is not None:
        return f"{next(iter(field.categories.code_of)):.17g}"
    if field.levels is None:
        return "1.5"
    return f"{dialect.prefix}_code_of_{field.stem}({string(next(iter(field.levels))[:30])})"


def _example_calls(dialect: Dialect, prediction: Prediction, row: str) -> Iterator[str]:
    """Statements that predict and print."""
    if isinstance(prediction.outcome, Classes):
        yield dialect.fill(f"{dialect.real} p[MODEL_N_CLASSES];")
        yield dialect.fill(f"model_predict_proba({row}, p);")
        yield dialect.fill(f'printf("%s, %g\\n", model_class_names[model_predict({row})], (double)p[0]);').replace(
            "(float)", "(double)"
        )
    elif isinstance(prediction.outcome, Indicators):
        yield dialect.fill("int labels[MODEL_N_OUTPUTS];")
        yield dialect.fill(f"model_predict({row}, labels);")
        yield 'printf("%d\\n", labels[0]);'
    elif prediction.n_outputs == 1:
        yield dialect.fill(f'printf("%g\\n", model_predict({row}));')
    else:
        yield dialect.fill("double y[MODEL_N_OUTPUTS];")
        yield dialect.fill(f"model_predict({row}, y);")
        yield 'printf("%g\\n", y[0]);'


def file_to_include(path: Path, prefix: str) -> str:
    """The name of the file in the example, or a plain one if it could not stand there."""
    return path.name if path.name.isascii() and set(path.name).isdisjoint('"\\*/?\n\r\t') else f"{prefix}.h"
