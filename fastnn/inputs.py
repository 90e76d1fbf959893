"""The input stage of a network for tables: embeddings of numbers and of categories, and a factor for each input.

Without an input stage, A_0 = X. With one, some columns of X are replaced by several numbers each, and A_0 = s * (x, e_1, e_2,
...), element-wise, where x are the columns without an embedding, e_k is the output of embedding k, and s is a vector of
learned factors.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import numpy as np


@dataclass(frozen=True)
class PeriodicEmbedding:
    """Periodic embedding of numbers: x -> (x, V^T cos(2 pi x w + b) + c), with parameters of its own for each column.

    w and b have `n_frequencies` elements, V has shape (n_frequencies, n_outputs - 1). Initially, w is normal with standard
    deviation `deviation`, b is uniform between -pi and pi, and V and c are uniform within 1 / sqrt(n_frequencies) of 0.

    Parameters
    ----------
    columns : int or sequence of int
        Columns of X that hold numbers; scale them to about -1 to 1.
    n_frequencies : int, default 16
        Number of frequencies w per column.
    n_outputs : int, default 4
        Number of outputs per column, the number x itself included; at least 2.
    deviation : float, default 0.1
        Standard deviation of the initial frequencies, positive.

    References
    ----------
    Holzmueller, Grinsztajn, Steinwart (2024), Better by Default, section 3 (PBLD embeddings); Gorishniy, Rubachev, Babenko
    (2022), On Embeddings for Numerical Features in Tabular Deep Learning, section 3.3, there without b and with sines.
    """

    columns: tuple[int, ...]
    n_frequencies: int = 16
    n_outputs: int = 4
    deviation: float = 0.1

    #: Group of its parameters, and letter in their names.
    group, letter = "periodic", "P"

    def __post_init__(self) -> None:
        given: Any = self.columns
        columns = given if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
        object.__setattr__(self, "columns", tuple(_checked_int(column, "columns", 0) for column in columns))
        if not self.columns:
            raise ValueError("PeriodicEmbedding needs at least one column, got none.")
        object.__setattr__(self, "n_frequencies", _checked_int(self.n_frequencies, "n_frequencies", 1))
        object.__setattr__(self, "n_outputs", _checked_int(self.n_outputs, "n_outputs", 2))
        object.__setattr__(self, "deviation", _checked_deviation(self.deviation))

    @property
    def width(self) -> int:
        """Number of outputs for all columns."""
        return len(self.columns) * self.n_outputs

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of its parameters: one row w, b, V, c per column."""
        return len(self.columns), self.n_frequencies * (self.n_outputs + 1) + self.n_outputs - 1

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """Initial parameters, float64."""
        n, (n_columns, width) = self.n_frequencies, self.shape
        frequencies = random.normal(0.0, self.deviation, (n_columns, n))
        phases = random.uniform(-np.pi, np.pi, (n_columns, n))
        bound = 1 / np.sqrt(n)
        return np.hstack([frequencies, phases, random.uniform(-bound, bound, (n_columns, width - 2 * n))])


@dataclass(frozen=True)
class CategoryEmbedding:
    """Embedding of a category: x -> E_x, the row of a matrix that belongs to the code x. Initially, E is standard normal.

    Parameters
    ----------
    column : int
        The column of X that holds codes, whole numbers from 0 to ``n_codes - 1``. Fractions are cut off; numbers below 0 or
        from ``n_codes`` on and NaN count as code 0, which therefore suits missing and unknown categories.
    n_codes : int
        Number of codes.
    size : int, default 8
        Number of outputs.

    References
    ----------
    Guo, Berkhahn (2016), Entity Embeddings of Categorical Variables, section 3.
    """

    column: int
    n_codes: int
    size: int = 8

    #: Group of its parameters, and letter in their names.
    group, letter = "embeddings", "E"

    def __post_init__(self) -> None:
        object.__setattr__(self, "column", _checked_int(self.column, "column", 0))
        object.__setattr__(self, "n_codes", _checked_int(self.n_codes, "n_codes", 1))
        object.__setattr__(self, "size", _checked_int(self.size, "size", 1))

    @property
    def columns(self) -> tuple[int, ...]:
        """The column, in a tuple."""
        return (self.column,)

    @property
    def width(self) -> int:
        """Number of outputs."""
        return self.size

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of E."""
        return self.n_codes, self.size

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """Initial parameters, float64."""
        return random.standard_normal(self.shape)


Embedding = PeriodicEmbedding | CategoryEmbedding

#: Embeddings by name, for files.
EMBEDDINGS: dict[str, type[Embedding]] = {cls.__name__: cls for cls in (PeriodicEmbedding, CategoryEmbedding)}


@dataclass(frozen=True)
class InputStage:
    """The computation of A_0 from the columns of X.

    Parameters
    ----------
    n_columns : int
        Number of columns of X.
    embeddings : tuple of PeriodicEmbedding or CategoryEmbedding
        Embeddings of some columns.
    scales : bool
        Whether each input has a learned factor.
    """

    n_columns: int
    embeddings: tuple[Embedding, ...] = ()
    scales: bool = False

    @classmethod
    def create(cls, n_columns: int, embeddings: Any, scales: Any) -> "InputStage":
        """Check the arguments of `Network`."""
        if embeddings is None:
            embeddings = ()
        embeddings = (embeddings,) if isinstance(embeddings, Embedding) else embeddings
        if not isinstance(embeddings, Sequence) or not all(isinstance(each, Embedding) for each in embeddings):
            raise TypeError(
                "embeddings must be a list of fastnn.PeriodicEmbedding and fastnn.CategoryEmbedding, "
                f"got {embeddings!r}."
            )
        if not isinstance(scales, bool | np.bool):
            raise TypeError(f"input_scaling must be True or False, got {scales!r}.")
        _check_columns([column for each in embeddings for column in each.columns], n_columns)
        return cls(n_columns, tuple(embeddings), bool(scales))

    @classmethod
    def from_description(cls, n_columns: int, description: dict[str, Any]) -> "InputStage":
        """The stage with a `description`; raises KeyError, TypeError or ValueError for one that is not valid."""
        embeddings = [
            EMBEDDINGS[each["kind"]](**{name: value for name, value in each.items() if name != "kind"})
            for each in description["embeddings"]
        ]
        return cls.create(n_columns, embeddings, description["scales"])

    @property
    def description(self) -> dict[str, Any]:
        """The stage in JSON types, without the number of columns."""
        embeddings = [{"kind": type(each).__name__, **asdict(each)} for each in self.embeddings]
        return {"embeddings": embeddings, "scales": self.scales}

    @property
    def is_plain(self) -> bool:
        """Whether A_0 is X itself."""
        return not self.embeddings and not self.scales

    @cached_property
    def passed(self) -> tuple[int, ...]:
        """The columns without an embedding, which come first in A_0."""
        embedded = {column for each in self.embeddings for column in each.columns}
        return tuple(column for column in range(self.n_columns) if column not in embedded)

    @property
    def n_outputs(self) -> int:
        """Length of A_0."""
        n_embedded = sum(len(each.columns) for each in self.embeddings)
        return self.n_columns - n_embedded + sum(each.width for each in self.embeddings)

    @cached_property
    def firsts(self) -> tuple[int, ...]:
        """The position in A_0 of the first output of each embedding."""
        widths = [len(self.passed), *(each.width for each in self.embeddings)]
        return tuple(int(first) for first in np.cumsum(widths)[:-1])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.n_columns, self.embeddings, self.scales)


def _checked_int(value: Any, name: str, least: int) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}.")
    return int(value)


def _checked_deviation(value: Any) -> float:
    is_real = isinstance(value, Real) and not isinstance(value, bool)
    if not is_real or not 0 < value <= sys.float_info.max:
        raise ValueError(f"deviation must be a positive number, got {value!r}.")
    return float(value)


def _check_columns(columns: list[int], n_columns: int) -> None:
    """Raise ValueError unless every column exists and has at most one embedding."""
    for column in columns:
        if column >= n_columns:
            raise ValueError(f"An embedding names column {column}, but X has only {n_columns}, counted from 0.")
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise ValueError(f"Column {min(twice)} has two embeddings; each column can have only one.")
