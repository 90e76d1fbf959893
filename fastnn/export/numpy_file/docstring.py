"""The docstring of a written file."""

import textwrap
from collections.abc import Iterator

from fastnn.export.numpy_file.literals import WIDTH, in_docstring, literal
from fastnn.export.prediction import Classes, Indicators, Prediction, TableEncoding
from fastnn.version import __version__

#: The most columns that are listed.
MOST_COLUMNS = 100

#: The most cells of the example.
MOST_CELLS = 8


def docstring_of(prediction: Prediction, name: str) -> str:
    """What the file is, its inputs in order, and an example that imports it by this name."""
    written = f"Written by fastnn {__version__}. {_results(prediction)}"
    n, table = prediction.n_features, isinstance(prediction.preprocessing, TableEncoding)
    given = (
        f"X has {n} column{'s' * (n != 1)}: it is an array, a list of rows, a mapping of columns or a data frame"
        f"{', whose columns are found by name' if prediction.names else ''}."
        f"{' Missing cells are None or NaN.' if table else ''}"
    )
    kind = f"a {prediction.kind}".replace("a MLP", "an MLP")
    parts = [f"Predictions of {kind}, with NumPy alone.", _wrapped(written), _wrapped(given)]
    if listed := "\n".join(_columns(prediction)):
        parts.append(listed)
    parts.append(f"Example:\n\n    from {name} import predict\n\n    predict({_example(prediction)})")
    return in_docstring("\n\n".join(parts))


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False)


def _results(prediction: Prediction) -> str:
    if isinstance(prediction.outcome, Classes):
        return "predict(X) returns the class of each row, and predict_proba(X) probabilities in the order of CLASSES."
    if isinstance(prediction.outcome, Indicators):
        return "predict(X) returns 0 or 1 for each label, and predict_proba(X) the probabilities of 1."
    return "predict(X) returns numbers."


def _columns(prediction: Prediction) -> Iterator[str]:
    """A line for each column, if there is something to say."""
    table = prediction.preprocessing
    if prediction.names is None and not isinstance(table, TableEncoding):
        return
    names, kinds = prediction.names, _kinds(prediction)
    for column in range(min(prediction.n_features, MOST_COLUMNS)):
        name = "" if names is None else f"{literal(names[column])}"
        yield f"    {column:>3}  {'  '.join(part for part in (name, kinds[column]) if part)}"
    if prediction.n_features > MOST_COLUMNS:
        yield f"    and {prediction.n_features - MOST_COLUMNS} more"


def _kinds(prediction: Prediction) -> list[str]:
    """What each column of a table holds; nothing to say about a matrix."""
    table = prediction.preprocessing
    if not isinstance(table, TableEncoding):
        return [""] * prediction.n_features
    levels = dict(table.layout.categorical)
    kinds = []
    for place, column in enumerate(table.columns):
        kind = {"number": "a number", "constant": "not used", "missing": "not used"}.get(column.kind, "")
        if place in levels:
            held = "text" if levels[place].is_text else "true or false" if levels[place].is_boolean else "a number"
            n_levels = len(levels[place])
            kind = f"{held}, a category with {n_levels} level{'s' * (n_levels != 1)}"
        kinds.append(kind)
    return kinds


def _example(prediction: Prediction) -> str:
    """A table of one row."""
    table, n = prediction.preprocessing, prediction.n_features
    if n > MOST_CELLS:
        return f"np.zeros((1, {n}))" if not isinstance(table, TableEncoding) else "table"
    cells: list[object] = [0.0] * n
    if isinstance(table, TableEncoding):
        for place, levels in table.layout.categorical:
            cells[place] = next(iter(levels.code_of))
    return literal([cells])
