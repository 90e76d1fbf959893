"""The preprocessing in a written file."""

from typing import Any

from fastnn.export.numpy_file.literals import columns
from fastnn.export.numpy_file.module import Module
from fastnn.export.prediction import Category, Prediction, Standardization, TableEncoding
from fastnn.tabular.levels import Levels


def add_inputs(module: Module, prediction: Prediction) -> None:
    """Add `inputs`: from the rows of X to what the networks take."""
    if prediction.names is not None:
        module.constant("COLUMNS", list(prediction.names))
    if isinstance(prediction.preprocessing, TableEncoding):
        _add_encoding(module, prediction, prediction.preprocessing)
    else:
        _add_matrix(module, prediction)


def _add_matrix(module: Module, prediction: Prediction) -> None:
    """The columns as they are, or standardised."""
    n, scaling = prediction.n_features, prediction.preprocessing
    x = f"rows(X, {n}).astype(np.float64)" if prediction.names is None else "matrix(columns(X, COLUMNS))"
    codes = {each.column for each in prediction.networks[0].embeddings if isinstance(each, Category)}
    lines = [f"x = {x}" if codes else f"x = complete({x})"]
    if 0 < len(codes) < n:
        lines.append(f"complete(x[:, {columns(column for column in range(n) if column not in codes)}])")
    if isinstance(scaling, Standardization):
        module.vector("MEANS", scaling.means)
        module.vector("SCALES", scaling.scales)
        lines.append("x = (x - MEANS) / SCALES")
    module.function(
        "inputs(X)", f"What the network takes: (n_rows, {n}).", [*lines, f"return x.astype(np.{prediction.dtype.name})"]
    )


def _add_encoding(module: Module, prediction: Prediction, encoding: TableEncoding) -> None:
    """The columns of a table, encoded as by `Layout.encode`."""
    settings = _Settings(prediction, encoding)
    for name, comment in COMMENTS.items():
        if value := getattr(settings, name):
            module.constant(name, value, comment)
    n = prediction.n_features
    cells = f"rows(X, {n}).T" if prediction.names is None else "columns(X, COLUMNS)"
    lines = [f"cells = {cells}", *settings.reading(), *settings.encoding()]
    shape = f"(n_rows, {len(encoding.layout.names)})"
    module.function(
        "inputs(X)", f"The encoded table: {shape}.", [*lines, "return np.column_stack(encoded).astype(np.float32)"]
    )


#: The settings of an encoding, and what is said above them.
COMMENTS = {
    "NUMBERS": "Encoded numbers: column, median, 1 / scale.",
    "LEVELS": "Codes of categories; 0 is for missing and unknown ones.",
    "SMALL": "1 for one code of a column and -1 for another: column, both codes, median, 1 / scale.",
    "MISSING": "1 where a number is missing, else -1: column, median, 1 / scale.",
    "CODES": "Columns whose codes are inputs, and come last.",
}


class _Settings:
    """The settings of an encoding under the names of `COMMENTS`; columns go by name, or by position without names."""

    def __init__(self, prediction: Prediction, encoding: TableEncoding) -> None:
        layout = encoding.layout
        keys: Any = prediction.names or range(prediction.n_features)
        numeric = [keys[column] for column in layout.numeric]
        categorical = [keys[column] for column, _ in layout.categorical]
        scaling = list(zip(layout.scaling.medians.tolist(), layout.scaling.factors.tolist(), strict=True))
        first, last = layout.n_numbers, layout.n_numbers + len(layout.small_sources)
        codes = list(zip(layout.plus.tolist(), layout.minus.tolist(), strict=True))
        self.NUMBERS = [(numeric[place], *scaling[k]) for k, place in enumerate(layout.number_sources)]
        self.LEVELS = {keys[column]: _codes_of(levels) for column, levels in layout.categorical}
        self.SMALL = [
            (categorical[place], *codes[k], *scaling[first + k]) for k, place in enumerate(layout.small_sources)
        ]
        self.MISSING = [(numeric[place], *scaling[last + k]) for k, place in enumerate(layout.indicator_sources)]
        self.CODES = [categorical[place] for place in layout.code_sources]

    def reading(self) -> list[str]:
        """Lines that read the cells of the columns."""
        lines, lists = [], [name for name in ("NUMBERS", "MISSING") if getattr(self, name)]
        if lists:
            lines.append(f"x = {{c: numbers(cells[c], c) for c, *_ in {' + '.join(lists)}}}")
        if self.LEVELS:
            lines.append("code = {c: codes(cells[c], c, LEVELS[c]) for c in LEVELS}")
        return lines

    def encoding(self) -> list[str]:
        """Lines that encode them."""
        lines = ["encoded = []"]
        for name, before, values in (
            ("NUMBERS", "c", "x[c]"),
            ("SMALL", "c, plus, minus", "1.0 * (code[c] == plus) - (code[c] == minus)"),
            ("MISSING", "c", "2.0 * np.isnan(x[c]) - 1"),
        ):
            if getattr(self, name):
                lines += [f"for {before}, median, factor in {name}:", f"    values = {values}"]
                lines += ["    encoded.append(scaled(values, median, factor))"]
        return [*lines, "encoded += [code[c] for c in CODES]"] if self.CODES else lines


def _codes_of(levels: Levels) -> dict[Any, int]:
    """The codes, with booleans as booleans."""
    return {bool(level) if levels.is_boolean else level: code for level, code in levels.code_of.items()}
