"""What becomes of the columns before the networks, in C: `Layout.encode`, or standardisation."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from fastnn.export.c.literals import array, number, quoted
from fastnn.export.c.template import Dialect
from fastnn.export.prediction import Prediction, Standardization, TableEncoding
from fastnn.tabular.levels import Levels

STANDARDIZE = """
static const double model_means[$n] = $means;
static const double model_scales[$n] = $scales;

/* x = (row - mean) / scale */
static inline void model_prepare(const double *row, float *x)
{
    for (int j = 0; j < $n; ++j)
        x[j] = (float)((row[j] - model_means[j]) / model_scales[j]);
}
"""

SCALED = """
/* s / sqrt(1 + (s / 3)^2), a smooth clip to -3 to 3, of s = (x - median) factor; 0 for a missing number. */
static inline float model_scaled(double x, double median, double factor)
{
    double s = (x - median) * factor;
    if (s != s)
        s = 0;
    s = s < -3e9 ? -3e9 : s > 3e9 ? 3e9 : s; /* the square of a larger number may overflow */
    return (float)(s / sqrt(1 + (s / 3) * (s / 3)));
}
"""

NUMBER_TABLE = """
/* $what: the column, its median and 1 / its scale. */
static const struct {
    int column;
    double median, factor;
} model_$name[$n] = {
$rows
};
"""

SMALL_TABLE = """
/* Columns for few categories, [code is plus] - [code is minus]: the place among the codes, and scaling as above. */
static const struct {
    int place, plus, minus;
    double median, factor;
} model_small[$n] = {
$rows
};
"""

LEVEL_SEARCH = """
/* The code from 1 on of a number among n levels in ascending order; 0 if it is none of them. */
static inline int model_search_number(double number, const double *levels, int n)
{
    int first = 0, last = n;
    while (first < last) {
        const int middle = first + (last - first) / 2;
        if (levels[middle] < number)
            first = middle + 1;
        else
            last = middle;
    }
    return first < n && levels[first] == number ? first + 1 : 0;
}
"""

LEVEL_TABLE = """
/* The levels of $column. */
static const double model_numbers_of_$place[$n] = $levels;
"""

PREPARE = """
/* The encoding of a row: numbers, columns for few categories, indicators of missing numbers, codes. */
static inline void model_prepare(const double *row, float *x)
{
$body}
"""

CODES = """
    const int codes[$n] = {
$codes
    };
"""

NUMBERS = """
    for (int j = 0; j < $n; ++j)
        x[j] = model_scaled(row[model_numbers[j].column], model_numbers[j].median, model_numbers[j].factor);
"""

SMALL = """
    for (int j = 0; j < $n; ++j) {
        const int code = codes[model_small[j].place];
        const int value = (code == model_small[j].plus) - (code == model_small[j].minus);
        x[$first + j] = model_scaled(value, model_small[j].median, model_small[j].factor);
    }
"""

INDICATORS = """
    for (int j = 0; j < $n; ++j) {
        const double number = row[model_indicators[j].column];
        const double value = number != number ? 1 : -1; /* whether it is NAN */
        x[$first + j] = model_scaled(value, model_indicators[j].median, model_indicators[j].factor);
    }
"""


def definition(dialect: Dialect, prediction: Prediction) -> str:
    """The function that prepares a row for the networks, and its tables; nothing if they take rows as they are."""
    preprocessing = prediction.preprocessing
    if isinstance(preprocessing, Standardization):
        means, scales = array(preprocessing.means), array(preprocessing.scales)
        return dialect.fill(STANDARDIZE, n=prediction.n_features, means=means, scales=scales)
    if isinstance(preprocessing, TableEncoding):
        return _Encoding(dialect, preprocessing).definition()
    return ""


class _Encoding:
    """The encoding of a table in C."""

    def __init__(self, dialect: Dialect, encoding: TableEncoding) -> None:
        self.dialect, self.columns, self.layout = dialect, encoding.columns, encoding.layout

    def definition(self) -> str:
        """Tables and functions."""
        layout = self.layout
        parts = [self.dialect.fill(SCALED)] if layout.n_numbers + layout.n_small else []
        parts += [*self._scalings(), *self._levels()]
        body = "".join(self._statements())
        return "\n".join([*parts, self.dialect.fill(PREPARE, body=body)])

    def _scalings(self) -> Iterator[str]:
        """The tables of encoded columns that are scaled."""
        layout, n_numbers = self.layout, self.layout.n_numbers
        n_small, n_indicators = len(layout.small_sources), len(layout.indicator_sources)
        if n_numbers:
            rows = self._rows(0, [(layout.numeric[place],) for place in layout.number_sources])
            yield self.dialect.fill(NUMBER_TABLE, what="Numbers", name="numbers", n=n_numbers, rows=rows)
        if n_small:
            rows = self._rows(n_numbers, zip(layout.small_sources, layout.plus, layout.minus, strict=True))
            yield self.dialect.fill(SMALL_TABLE, n=n_small, rows=rows)
        if n_indicators:
            rows = self._rows(n_numbers + n_small, [(layout.numeric[place],) for place in layout.indicator_sources])
            what = "Indicators, 1 if a number is missing and else -1"
            yield self.dialect.fill(NUMBER_TABLE, what=what, name="indicators", n=n_indicators, rows=rows)

    def _rows(self, first: int, sources: Iterable[Sequence[int]]) -> str:
        """Lines for encoded columns from `first` on: integers, median and factor."""
        layout, scaling = self.layout, self.layout.scaling
        lines = []
        for column, source in enumerate(sources, first):
            numbers = [*map(str, source), number(scaling.medians[column]), number(scaling.factors[column])]
            lines.append(f"    {{{', '.join(numbers)}}}, /* {quoted(layout.names[column])} */")
        return "\n".join(lines)

    def _levels(self) -> Iterator[str]:
        """The levels of categories that are numbers."""
        numeric = [(place, levels) for place, (_, levels) in enumerate(self.layout.categorical) if not levels.is_text]
        if numeric:
            yield self.dialect.fill(LEVEL_SEARCH)
        for place, levels in numeric:
            column, values = self.columns[self.layout.categorical[place][0]], np.array([*levels.code_of], np.float64)
            yield self.dialect.fill(
                LEVEL_TABLE, column=quoted(column.name), place=place, n=len(values), levels=array(values)
            )

    def _statements(self) -> Iterator[str]:
        """The body of the function."""
        layout, n_scaled = self.layout, self.layout.n_numbers + self.layout.n_small
        if layout.categorical:
            codes = "\n".join(self._code(place, *each) for place, each in enumerate(layout.categorical))
            yield self.dialect.fill(CODES, n=len(layout.categorical), codes=codes)
        first = layout.n_numbers
        if first:
            yield self.dialect.fill(NUMBERS, n=first)
        for template, sources in ((SMALL, layout.small_sources), (INDICATORS, layout.indicator_sources)):
            if len(sources):
                yield self.dialect.fill(template, n=len(sources), first=first)
            first += len(sources)
        for column, place in enumerate(layout.code_sources, n_scaled):
            yield f"    x[{column}] = ({self.dialect.real})codes[{place}];\n"

    def _code(self, place: int, position: int, levels: Levels) -> str:
        """The code of a cell."""
        call = f"model_search_number(row[{position}], model_numbers_of_{place}, {len(levels)})"
        if levels.is_text:
            call = f"model_code(row[{position}], {len(levels) + 1})"
        return f"        {self.dialect.fill(call)}, /* {quoted(self.columns[position].name)} */"
