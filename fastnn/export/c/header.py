"""`to_c`: the whole header."""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from fastnn.archives import write_atomically
from fastnn.export.c import columns, network, outcome, preprocessing
from fastnn.export.c.accuracy import Accuracy, measured
from fastnn.export.c.columns import fields_of
from fastnn.export.c.documentation import documentation, file_to_include
from fastnn.export.c.identifiers import checked_prefix
from fastnn.export.c.literals import comment
from fastnn.export.c.parameters import Parameter, definition, parameters_of
from fastnn.export.c.template import Dialect
from fastnn.export.description import prediction_of
from fastnn.export.prediction import Category, Classes, Prediction, TableEncoding

#: Types of weights.
WEIGHTS = ("float", "int8")

PREAMBLE = """
#ifndef MODEL_H
#define MODEL_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define MODEL_ALIGNED __attribute__((aligned(64)))
#define MODEL_RESTRICT __restrict__
#elif defined(_MSC_VER)
#define MODEL_ALIGNED __declspec(align(64))
#define MODEL_RESTRICT __restrict
#elif defined(__cplusplus)
#define MODEL_ALIGNED alignas(64)
#define MODEL_RESTRICT
#else
#define MODEL_ALIGNED
#define MODEL_RESTRICT restrict
#endif

#define MODEL_N_FEATURES $n_features
#define MODEL_N_$results $n_results
"""

END = """
#endif /* MODEL_H */
"""


@dataclass(frozen=True)
class CReport:
    """What `to_c` wrote; as a string, a few lines to print.

    Attributes
    ----------
    path : Path
        The header.
    prefix : str
        The prefix of its names.
    weights : str
        'float' or 'int8'.
    n_parameter_bytes : int
        Size of all parameters in a program.
    accuracy : Accuracy or None
        With 'int8', how predictions changed on the data.
    """

    path: Path
    prefix: str
    weights: str
    n_parameter_bytes: int
    accuracy: Accuracy | None = None

    def __str__(self) -> str:
        size = f"{self.n_parameter_bytes / 1000:,.1f} kB"
        line = f"{self.path}: {self.weights} weights, {size} of parameters, {self.prefix}_predict and more."
        return line if self.accuracy is None else f"{line}\n{self.accuracy}"


def to_c(
    trained: Any, path: str | PathLike[str], *, name: str | None = None, weights: str = "float", data: Any = None
) -> CReport:
    """Write a trained network, with everything around it, as one C99 header.

    The header needs nothing but the C standard library, allocates no memory and has no state. It also compiles as C++11. The
    comment at its top lists the columns and functions, and has an example.

    Parameters
    ----------
    trained : Network, Model, MLPClassifier, MLPRegressor, RealMLPClassifier or RealMLPRegressor
        What to write.
    path : str or path-like
        The header, such as ``"model.h"``. A file of that name is replaced.
    name : str, optional
        The prefix of all names in the header; by default the name of the file without its ending, with
        underscores in place of characters such as hyphens.
    weights : {'float', 'int8'}, default='float'
        Weights in the precision of the network, or as 8-bit integers with one scale per unit, which take a quarter of the
        memory. Everything else, biases and embeddings too, stays in the precision of the network.
    data : array-like, data frame or tuple (X, y)
        With 'int8', rows on which the change of the predictions is measured; with targets, also that of accuracy or R².

    Returns
    -------
    CReport
        What was written; ``print`` it to see the size and, with 'int8', the accuracy.

    Raises
    ------
    TypeError
        If `trained` is something else, or `name` no string.
    ValueError
        If it is not fitted or has parts that C cannot have, if the prefix is no identifier, if `weights` is unknown, or if
        'int8' lacks `data`.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> print(fastnn.export.c.to_c(classifier, "digits.h", weights="int8", data=(X_test, y_test)))  # doctest: +SKIP
    """
    _check_weights(weights, data)
    path = Path(path)
    prediction = prediction_of(trained)
    dialect = Dialect(checked_prefix(name, path), prediction.dtype)
    accuracy = None
    if weights == "int8":
        accuracy = measured(trained, prediction, *(data if isinstance(data, tuple) and len(data) == 2 else (data,)))
    parameters = [parameters_of(each, weights) for each in prediction.networks]
    text = header(dialect, file_to_include(path, dialect.prefix), prediction, parameters, accuracy)

    def write(file: BinaryIO) -> None:
        file.write(text.encode("ascii"))

    write_atomically(path, write)
    n_bytes = sum(each.values.nbytes for members in parameters for each in members)
    return CReport(path, dialect.prefix, weights, n_bytes, accuracy)


def _check_weights(weights: str, data: Any) -> None:
    if weights not in WEIGHTS:
        raise ValueError(f"weights must be 'float' or 'int8', got {weights!r}.")
    if weights == "int8" and data is None:
        raise ValueError("weights='int8' needs data, X or (X, y), on which the loss of accuracy is measured.")
    if weights == "float" and data is not None:
        raise ValueError("data is for weights='int8', whose accuracy is measured on it: leave it out.")


def header(
    dialect: Dialect,
    file: str,
    prediction: Prediction,
    parameters: list[list[Parameter]],
    accuracy: Accuracy | None,
) -> str:
    """The text of the header."""
    fields = fields_of(prediction)
    weights = "float" if accuracy is None else "int8"
    parts = [
        comment(documentation(dialect, file, prediction, fields, accuracy)).rstrip("\n"),
        _preamble(dialect, prediction),
        columns.definition(dialect, prediction, fields),
        dialect.fill(network.CODE) if _has_codes(prediction) else "",
        preprocessing.definition(dialect, prediction),
        definition(dialect, parameters),
        network.definition(dialect, prediction.networks[0], weights),
        outcome.definition(dialect, prediction, has_rows=bool(fields)),
        dialect.fill(END),
    ]
    return "\n".join(part for part in parts if part)


def _preamble(dialect: Dialect, prediction: Prediction) -> str:
    """Guard, standard headers, macros."""
    classes = prediction.outcome if isinstance(prediction.outcome, Classes) else None
    return dialect.fill(
        PREAMBLE,
        n_features=prediction.n_features,
        results="OUTPUTS" if classes is None else "CLASSES",
        n_results=prediction.n_outputs if classes is None else len(classes.labels),
    )


def _has_codes(prediction: Prediction) -> bool:
    """Whether a cell or an encoded number can be a code."""
    encoding = prediction.preprocessing
    reads_text = isinstance(encoding, TableEncoding) and not encoding.is_numeric
    return reads_text or any(isinstance(each, Category) for each in prediction.networks[0].embeddings)
