"""The columns of the input in C: a struct for a row of a table, and the codes of text."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastnn.export.c.identifiers import Names, member, words
from fastnn.export.c.literals import braced, quoted, table_of_strings
from fastnn.export.c.template import Dialect
from fastnn.export.prediction import Prediction, TableEncoding
from fastnn.tabular.levels import Levels

#: Macros of a header that levels of a column named n could have as constants.
MACROS = ("N_FEATURES", "N_CLASSES", "N_OUTPUTS", "N_NETWORKS")


@dataclass(frozen=True)
class Field:
    """A column that the model reads, as a member of the row.

    Attributes
    ----------
    position : int
        Its position in the table.
    name, member : str
        Its name in the table and in C.
    levels : tuple of str or None
        The levels of a column of text, whose codes are 1, 2, ...; None for numbers.
    categories : Levels or None
        The levels of a column of numbers or booleans that are categories.
    """

    position: int
    name: str
    member: str
    levels: tuple[str, ...] | None = None
    categories: Levels | None = None

    @property
    def stem(self) -> str:
        """What names of functions and constants for the column end with or contain; no keyword, so without underscore."""
        return self.member.rstrip("_")

    @property
    def declaration(self) -> str:
        """The member, with the name of the column."""
        kind = "double" if self.levels is None else "int"
        return f"    {kind} {self.member}; /* {quoted(self.name)} */"


def fields_of(prediction: Prediction) -> tuple[Field, ...]:
    """The members of a row; none if the columns have neither names nor text."""
    encoding, names = prediction.preprocessing, prediction.names
    levels: dict[int, tuple[str, ...]] = {}
    categories: dict[int, Levels] = {}
    if isinstance(encoding, TableEncoding):
        categorical = encoding.layout.categorical
        levels = {position: tuple(map(str, each.code_of)) for position, each in categorical if each.is_text}
        categories = {position: each for position, each in categorical if not each.is_text}
        if levels:
            names = tuple(column.name for column in encoding.columns)
    if names is None:
        return ()
    taken = Names()
    return tuple(
        Field(place, names[place], taken.unique(member(names[place])), levels.get(place), categories.get(place))
        for place in positions_read(prediction)
    )


def positions_read(prediction: Prediction) -> list[int]:
    """The columns that the model reads."""
    encoding = prediction.preprocessing
    if not isinstance(encoding, TableEncoding):
        return list(range(prediction.n_features))
    return sorted([*encoding.layout.numeric, *(position for position, _ in encoding.layout.categorical)])


ROW = """
/* One row of the table. $cells */
typedef struct {
$members
} model_row;
"""

CODES = """
/* The codes of $column. */
enum {
$constants
};
"""

SEARCH = """
/* The code from 1 on of a text among n levels in ascending order; 0 if it is NULL or none of them. */
static inline int model_search_text(const char *text, const char *const *levels, int n)
{
    int first = 0, last = text == NULL ? 0 : n;
    while (first < last) {
        const int middle = first + (last - first) / 2;
        const int order = strcmp(text, levels[middle]);
        if (order == 0)
            return middle + 1;
        if (order < 0)
            last = middle;
        else
            first = middle + 1;
    }
    return 0;
}
"""

CODE_OF = """
$levels
/* The code of a UTF-8 text in $column; 0 if it is NULL or was not seen in training. */
static inline int model_code_of_$stem(const char *text)
{
$body}
"""

PLAIN_BODY = """
    return model_search_text(text, model_levels_of_$stem, $n);
"""

#: Levels with a NUL character are no C strings, so that the places of others are not their codes.
PARTLY_BODY = """
    static const int codes[$n_codes] = $codes;
    return codes[model_search_text(text, model_levels_of_$stem, $n)]; /* levels with a NUL character cannot be found */
"""

CELLS = """
/* The cells of a row as numbers, in the order of the table. */
static inline void model_cells(const model_row *row, $number *x)
{
$assignments
}
"""


def definition(dialect: Dialect, prediction: Prediction, fields: Sequence[Field]) -> str:
    """The struct of a row, how it becomes numbers, and the codes of text."""
    if not fields:
        return ""
    texts = [field for field in fields if field.levels is not None]
    constants = Names(f"{dialect.prefix.upper()}_{name}" for name in MACROS)
    members = "\n".join(field.declaration for field in fields)
    parts = [dialect.fill(ROW, cells=meaning_of_cells(prediction, fields), members=members)]
    parts += [_codes(dialect, field, constants) for field in texts]
    parts += [dialect.fill(SEARCH)] if texts else []
    parts += [_lookup(dialect, field) for field in texts]
    parts.append(_cells(dialect, prediction, fields))
    return "\n".join(parts)


def meaning_of_cells(prediction: Prediction, fields: Sequence[Field]) -> str:
    """What cells may be, in words."""
    if not isinstance(prediction.preprocessing, TableEncoding):
        return "Numbers must be finite."
    text = "A missing number is NAN."
    if any(field.levels is not None for field in fields):
        text += " Text is given by its code, which is 0 if it is missing or unknown."
    return text


def _codes(dialect: Dialect, field: Field, taken: Names) -> str:
    """The constants for the levels of a column of text."""
    lines = [f"    {_constant(dialect, field, 'MISSING', taken)} = 0,"]
    for code, level in enumerate(field.levels or (), 1):
        constant = _constant(dialect, field, words(level) or "EMPTY", taken)
        lines.append(f"    {constant} = {code}, /* {quoted(level)} */")
    return dialect.fill(CODES, column=quoted(field.name), constants="\n".join(lines))


def _constant(dialect: Dialect, field: Field, level: str, taken: Names) -> str:
    return taken.unique(f"{dialect.prefix}_{field.stem}_{level}".upper())


def _lookup(dialect: Dialect, field: Field) -> str:
    """The function that finds the code of a text."""
    levels = field.levels or ()
    codes = [code for code, level in enumerate(levels, 1) if "\0" not in level]
    template = PLAIN_BODY if len(codes) == len(levels) else PARTLY_BODY
    body = dialect.fill(
        template,
        stem=field.stem,
        n=len(codes),
        n_codes=len(codes) + 1,
        codes=braced([str(code) for code in (0, *codes)], "    "),
    )
    name, item = (dialect.fill(f"model_{what}_of_{field.stem}") for what in ("levels", "level"))
    table = table_of_strings(name, item, [levels[code - 1] for code in codes])
    return dialect.fill(CODE_OF, levels=table, column=quoted(field.name), stem=field.stem, body=body)


def _cells(dialect: Dialect, prediction: Prediction, fields: Sequence[Field]) -> str:
    """The function that turns a row into an array."""
    number = number_type(prediction)
    read = {field.position: field for field in fields}
    cast = "" if number == "double" else "(float)"
    lines = [
        f"    x[{place}] = {cast}row->{read[place].member};" if place in read else f"    x[{place}] = 0; /* not read */"
        for place in range(prediction.n_features)
    ]
    return dialect.fill(CELLS, number=number, assignments="\n".join(lines))


def number_type(prediction: Prediction) -> str:
    """The C type of numbers in an array of cells."""
    return "float" if prediction.input_dtype.itemsize == 4 else "double"
