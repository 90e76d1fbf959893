"""What becomes of the networks' outputs, in C: the functions that a program calls."""

from dataclasses import dataclass

import numpy as np

from fastnn.export.c.columns import number_type
from fastnn.export.c.literals import array, number, table_of_strings
from fastnn.export.c.network import n_columns
from fastnn.export.c.template import Dialect
from fastnn.export.prediction import Classes, Indicators, Outcome, Prediction, Values
from fastnn.realmlp.calibration import SMALLEST

ONE_NETWORK = """
/* The outputs for one row. */
static inline void model_outputs(const $number *row, float *out)
{
$prepare    model_network(&model_networks[0], $x, out);
}
"""

ENSEMBLE = """
/* The mean outputs of the networks for one row. */
static inline void model_outputs(const $number *row, float *out)
{
    float each[$n_outputs];
$prepare    memset(out, 0, sizeof each);
    for (int i = 0; i < $n; ++i) {
        model_network(&model_networks[i], $x, each);
        for (int k = 0; k < $n_outputs; ++k)
            out[k] += each[k];
    }
    for (int k = 0; k < $n_outputs; ++k)
        out[k] /= $n;
}
"""

PREPARE = """
    float x[$n];
    model_prepare(row, x);
"""

RESCALE = """
/* Temperature scaling: p_k^(1/T) / sum_j p_j^(1/T), where T = $temperature. */
static inline void model_rescale(float *p)
{
    float largest = -INFINITY, sum = 0;
    for (int k = 0; k < MODEL_N_CLASSES; ++k) {
        p[k] = logf(p[k] < $smallest ? $smallest : p[k]) / $temperature;
        largest = p[k] > largest ? p[k] : largest;
    }
    for (int k = 0; k < MODEL_N_CLASSES; ++k) {
        p[k] = expf(p[k] - largest);
        sum += p[k];
    }
    for (int k = 0; k < MODEL_N_CLASSES; ++k)
        p[k] /= sum;
}
"""

LARGEST = """
    float p[MODEL_N_CLASSES];
    model_outputs(x, p);
    int best = 0;
    for (int k = 1; k < MODEL_N_CLASSES; ++k)
        if (p[k] > p[best])
            best = k;
    return best;
"""

ABOVE_HALF = """
    float p;
    model_outputs(x, &p);
    return p > 0.5f;
"""

ALL_ABOVE_HALF = """
    float p[MODEL_N_OUTPUTS];
    model_outputs(x, p);
    for (int k = 0; k < MODEL_N_OUTPUTS; ++k)
        out[k] = p[k] > 0.5f;
"""

PROBABILITIES = """
    model_outputs(x, out);
"""

BOTH_PROBABILITIES = """
    model_outputs(x, out + 1);
    out[0] = 1 - out[1];
"""

RESCALED = """
    model_rescale(out);
"""

VALUE = """
    float y;
    model_outputs(x, &y);
    return $value;
"""

VALUES = """
    float y[MODEL_N_OUTPUTS];
    model_outputs(x, y);
    for (int k = 0; k < MODEL_N_OUTPUTS; ++k)
        out[k] = $value;
"""

CLIP = """
/* A number limited to a range. */
static inline double model_clip(double y, double minimum, double maximum)
{
    return y < minimum ? minimum : y > maximum ? maximum : y;
}
"""

SCALAR = """
/* $says */
static inline $type model_$name$suffix($row)
{
$body}

/* The same for n rows$layout. */
static inline void model_${name}_many$suffix($rows, size_t n, $type *out)
{
    for (size_t i = 0; i < n; ++i)
        out[i] = model_$name$suffix($ith);
}
"""

VECTOR = """
/* $says */
static inline void model_$name$suffix($row, $type *out)
{
$body}

/* The same for n rows$layout; those of row i begin at out[i * $length]. */
static inline void model_${name}_many$suffix($rows, size_t n, $type *out)
{
    for (size_t i = 0; i < n; ++i)
        model_$name$suffix($ith, out + i * $length);
}
"""

#: The body of a function of a struct.
OF_STRUCT = """
    $cells x[MODEL_N_FEATURES];
    model_cells(row, x);
    $call;
"""

TABLE = """
static const $type model_$name[$n] = $values;
"""

#: How the rows of an array lie in memory.
LAYOUT = ", one after the other"


@dataclass(frozen=True)
class Function:
    """A function of one row.

    Attributes
    ----------
    name : str
        Its name after the prefix.
    type : str
        The type of its result.
    says : str
        What it computes.
    body : str
        Statements of C, in which x is the array of cells.
    length : str or None
        The number of results in `out`; None if there is one, which is returned.
    """

    name: str
    type: str
    says: str
    body: str
    length: str | None = None


@dataclass(frozen=True)
class Caller:
    """How a function takes rows: as an array of cells or as structs.

    Attributes
    ----------
    suffix : str
        What follows the function's name.
    row, rows : str
        The declarations of one row and of many.
    ith : str
        Row i of many.
    layout : str
        How rows lie in memory, for the comment.
    """

    suffix: str
    row: str
    rows: str
    ith: str
    layout: str = ""


#: Callers with structs.
STRUCTS = Caller("", "const model_row *row", "const model_row *rows", "rows + i")


def definition(dialect: Dialect, prediction: Prediction, *, has_rows: bool) -> str:
    """Tables of labels or scales, and all functions to call, for structs too if the header has them."""
    outcome, cells = prediction.outcome, number_type(prediction)
    arrays = Caller(
        "_array" if has_rows else "", f"const {cells} *x", f"const {cells} *x", "x + i * MODEL_N_FEATURES", LAYOUT
    )
    parts = [_tables(dialect, outcome), _outputs(dialect, prediction)]
    if isinstance(outcome, Classes) and outcome.temperature != 1:
        parts.append(_rescale(dialect, outcome))
    for function in functions_of(outcome, prediction.n_outputs, dialect.real):
        parts.append(_called(dialect, function, arrays, function.body))
        if has_rows:
            parts.append(_called(dialect, function, STRUCTS, _body_for_structs(function, cells)))
    return "\n".join(part for part in parts if part)


def functions_of(outcome: Outcome, n_outputs: int, real: str) -> list[Function]:
    """What can be called for one row; probabilities are of the type `real`."""
    if isinstance(outcome, Values):
        return [_values(outcome, n_outputs)]
    if isinstance(outcome, Indicators):
        says = "The labels of one row: 1 where the probability is above one half, else 0."
        labels = Function("predict", "int", says, ALL_ABOVE_HALF, "MODEL_N_OUTPUTS")
        return [labels, Function("predict_proba", real, "The probabilities.", PROBABILITIES, "MODEL_N_OUTPUTS")]
    body = BOTH_PROBABILITIES if outcome.from_one else PROBABILITIES
    body = body if outcome.temperature == 1 else body + RESCALED.removeprefix("\n")
    says = "The most probable class of one row: its place in model_class_names."
    label = Function("predict", "int", says, ABOVE_HALF if outcome.from_one else LARGEST)
    return [label, Function("predict_proba", real, "The probabilities of all classes.", body, "MODEL_N_CLASSES")]


def _values(outcome: Values, n_outputs: int) -> Function:
    """The function that predicts numbers."""
    value = _value(outcome, n_outputs)
    if n_outputs == 1:
        return Function("predict", "double", "The prediction for one row.", VALUE.replace("$value", value))
    body = VALUES.replace("$value", value)
    return Function("predict", "double", "The predictions for one row.", body, "MODEL_N_OUTPUTS")


def _value(outcome: Values, n_outputs: int) -> str:
    """The expression for a prediction; the scales of one target are constants in it, those of several are in tables."""

    def constant(values: np.ndarray, name: str) -> str:
        return number(np.float64(values[0])) if n_outputs == 1 else f"model_target_{name}[k]"

    value = "y" if n_outputs == 1 else "y[k]"
    if outcome.scales is not None and outcome.means is not None:
        value = f"{value} * {constant(outcome.scales, 'scales')} + {constant(outcome.means, 'means')}"
    if outcome.minima is not None and outcome.maxima is not None:
        value = f"model_clip({value}, {constant(outcome.minima, 'minima')}, {constant(outcome.maxima, 'maxima')})"
    return value


def _tables(dialect: Dialect, outcome: Outcome) -> str:
    if isinstance(outcome, Classes):
        return _labels(dialect, np.asarray(outcome.labels))
    return _target_tables(dialect, outcome) if isinstance(outcome, Values) else ""


def _labels(dialect: Dialect, labels: np.ndarray) -> str:
    """The table of class names, and for numbers one of their values."""
    table, item = dialect.fill("model_class_names"), dialect.fill("model_class_name")
    names = table_of_strings(table, item, [str(label) for label in labels.tolist()])
    kind = {"i": "int64_t", "u": "uint64_t", "f": "double"}.get(labels.dtype.kind)
    if kind is None:
        return names
    values = labels.astype(np.float64) if kind == "double" else labels
    return names + dialect.fill(TABLE, type=kind, name="labels", n=len(values), values=array(values))


def _target_tables(dialect: Dialect, outcome: Values) -> str:
    """The scales and limits of several targets, and the function that limits."""
    tables = [
        dialect.fill(
            TABLE, type="double", name=f"target_{name}", n=len(values), values=array(values.astype(np.float64))
        )
        for name in ("means", "scales", "minima", "maxima")
        if (values := getattr(outcome, name)) is not None and len(values) > 1
    ]
    clip = [] if outcome.minima is None else [dialect.fill(CLIP)]
    return "\n".join(["".join(tables), *clip])


def _outputs(dialect: Dialect, prediction: Prediction) -> str:
    """The function of the mean outputs."""
    prepares = prediction.preprocessing is not None
    return dialect.fill(
        ONE_NETWORK if len(prediction.networks) == 1 else ENSEMBLE,
        number=number_type(prediction),
        n=len(prediction.networks),
        n_outputs=prediction.n_outputs,
        prepare=dialect.fill(PREPARE, n=n_columns(prediction.networks[0])) if prepares else "",
        x="x" if prepares else "row",
    )


def _rescale(dialect: Dialect, outcome: Classes) -> str:
    temperature, smallest = (number(dialect.dtype.type(value)) for value in (outcome.temperature, SMALLEST))
    return dialect.fill(RESCALE, temperature=temperature, smallest=smallest)


def _body_for_structs(function: Function, cells: str) -> str:
    """Statements that call the function of arrays."""
    call = "return model_{}_array(x)" if function.length is None else "model_{}_array(x, out)"
    return OF_STRUCT.replace("$cells", cells).replace("$call", call.format(function.name))


def _called(dialect: Dialect, function: Function, caller: Caller, body: str) -> str:
    """The function of one row, and that of many."""
    texts = {
        "says": function.says,
        "length": function.length or "",
        "row": caller.row,
        "rows": caller.rows,
        "ith": caller.ith,
        "layout": caller.layout,
        "body": body,
    }
    filled = {name: dialect.fill(text) for name, text in texts.items()}
    template = SCALAR if function.length is None else VECTOR
    return dialect.fill(template, name=function.name, type=function.type, suffix=caller.suffix, **filled)
