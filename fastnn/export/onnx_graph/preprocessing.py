"""From the inputs of the graph to the numbers x that networks take."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fastnn.export.onnx_graph.graph import ML_DOMAIN, TEXT, Graph, Tensor, concatenated, where
from fastnn.export.prediction import Prediction, Standardization, TableEncoding
from fastnn.tabular.layout import Layout
from fastnn.tabular.levels import Levels
from fastnn.tabular.scaling import FAR, LIMIT, RobustScaling


@dataclass(frozen=True)
class Cells:
    """The cells of a table: one input (n, n_columns), or one input (n, 1) for each column that is read, by position."""

    matrix: Tensor | None
    columns: dict[int, Tensor]

    def column(self, position: int) -> Tensor:
        """One column: (n, 1)."""
        return self.columns[position] if self.matrix is None else self.matrix.take([position])

    def numbers(self, positions: Sequence[int], dtype: np.dtype) -> Tensor:
        """Columns of numbers side by side: (n, len(positions))."""
        if self.matrix is not None:
            return self.matrix.take(positions).cast(dtype)
        return concatenated([self.columns[position].cast(dtype) for position in positions])

    def all_numbers(self, dtype: np.dtype) -> Tensor:
        """All columns, which are numbers."""
        return self.numbers(sorted(self.columns), dtype) if self.matrix is None else self.matrix.cast(dtype)


def declared_cells(graph: Graph, prediction: Prediction, *, as_matrix: bool) -> Cells:
    """The inputs of the graph.

    ValueError if the columns are to be one matrix and some hold text.
    """
    table = prediction.preprocessing if isinstance(prediction.preprocessing, TableEncoding) else None
    is_numeric = table is None or table.is_numeric
    if as_matrix and not is_numeric:
        raise ValueError(
            f"as_matrix=True needs columns of numbers, and this {prediction.kind} was trained on columns of text."
        )
    if is_numeric and (as_matrix or prediction.names is None):
        description = "Columns of the training table, in their order. NaN is missing." if table else "Features."
        return Cells(graph.add_input("X", prediction.input_dtype, prediction.n_features, description), {})
    if table is not None:
        return Cells(None, _columns_of_table(graph, table))
    names = prediction.names or ()
    return Cells(
        None, {place: graph.add_input(name or f"x{place}", np.float64, 1, "") for place, name in enumerate(names)}
    )


def _columns_of_table(graph: Graph, table: TableEncoding) -> dict[int, Tensor]:
    """An input for each column that is read."""
    numbers = {position: (np.dtype(np.float64), "Numbers; NaN is missing.") for position in table.layout.numeric}
    categories = {
        position: _kind_of_category(levels, table.columns[position].n_missing > 0)
        for position, levels in table.layout.categorical
    }
    inputs = {}
    for position, (dtype, description) in sorted((numbers | categories).items()):
        name = table.columns[position].name or f"x{position}"
        inputs[position] = graph.add_input(name, dtype, 1, description)
    return inputs


def _kind_of_category(levels: Levels, may_be_missing: bool) -> tuple[np.dtype, str]:
    """The dtype and the description of a column of categories."""
    if levels.is_text:
        return TEXT, "Text; a string that was not in the training table is unknown, which is the same as missing."
    if levels.is_boolean and not may_be_missing:
        return np.dtype(bool), "Booleans."
    known = "Booleans as 0 and 1" if levels.is_boolean else "Numbers that are categories"
    return np.dtype(np.float64), f"{known}; NaN is missing."


def network_inputs(cells: Cells, prediction: Prediction) -> Tensor:
    """The numbers x, in the dtype of the networks: (n, n_inputs)."""
    preprocessing = prediction.preprocessing
    if preprocessing is None:
        return cells.all_numbers(prediction.dtype)
    if isinstance(preprocessing, Standardization):
        X = cells.all_numbers(np.dtype(np.float64))
        return ((X - preprocessing.means) / preprocessing.scales).cast(prediction.dtype)
    return _encoded(cells, preprocessing.layout).cast(prediction.dtype)


def _encoded(cells: Cells, layout: Layout) -> Tensor:
    """What `Layout.encode` computes, in float32."""
    codes = [_codes(cells.column(position), levels) for position, levels in layout.categorical]
    unscaled = _unscaled(cells, codes, layout)
    parts = [_scaled(concatenated(unscaled), layout.scaling).cast(np.float32)] if unscaled else []
    return concatenated([*parts, *(codes[place].cast(np.float32) for place in layout.code_sources)])


def _unscaled(cells: Cells, codes: Sequence[Tensor], layout: Layout) -> list[Tensor]:
    """Numbers, small columns of categories, and indicators of missing numbers, as far as there are any, in float64."""

    def numbers(places: np.ndarray) -> Tensor:
        return cells.numbers([layout.numeric[place] for place in places], np.dtype(np.float64))

    parts = [numbers(layout.number_sources)] if len(layout.number_sources) else []
    if len(layout.small_sources):
        parts.append(_signs(concatenated([codes[place] for place in layout.small_sources]), layout))
    if len(layout.indicator_sources):
        is_missing = numbers(layout.indicator_sources).test("IsNaN")
        parts.append(is_missing.cast(np.float64) * 2.0 - 1.0)
    return parts


def _signs(codes: Tensor, layout: Layout) -> Tensor:
    """The small columns of categories: [code == plus] - [code == minus]."""
    plus, minus = (codes.test("Equal", numbers.astype(np.int64)) for numbers in (layout.plus, layout.minus))
    return plus.cast(np.float64) - minus.cast(np.float64)


def _codes(column: Tensor, levels: Levels) -> Tensor:
    """The code of each cell in int64, 0 for a cell that is no level: (n, 1) -> (n, 1)."""
    codes = np.fromiter(levels.code_of.values(), np.int64)
    if levels.is_text:
        known = {"keys_strings": list(levels.code_of), "values_int64s": codes.tolist(), "default_int64": 0}
        return column.apply("LabelEncoder", dtype=np.dtype(np.int64), domain=ML_DOMAIN, **known)
    numbers = column.cast(np.float64)
    is_level = numbers.test("Equal", np.fromiter(levels.code_of, np.float64)[np.newaxis])
    return (is_level.cast(np.int64) * codes).apply("ReduceSum", np.array([1]), keepdims=1)


def _scaled(X: Tensor, scaling: RobustScaling) -> Tensor:
    """(x - median) / scale, 0 where that is NaN, and then `smooth_clip`."""
    x = (X - scaling.medians) * scaling.factors
    x = where(x.test("IsNaN"), 0.0, x).apply("Clip", -FAR * LIMIT, FAR * LIMIT)
    relative = x / LIMIT
    return x / (relative * relative + 1.0).apply("Sqrt")
