"""What a trained object computes, as plain data: what every writer of another format starts from.

A prediction has three parts: preprocessing turns the columns of a table into the numbers x that networks take; each network
computes A_L from x; and the outcome makes labels and probabilities, or numbers, of the mean of all A_L.
"""

from dataclasses import dataclass

import numpy as np

from fastnn.tabular.columns import Column
from fastnn.tabular.layout import Layout


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """y = gamma (z - mean) / sqrt(variance + epsilon) + beta over the units of a sample; scales and shifts (n_l,)."""

    scales: np.ndarray
    shifts: np.ndarray
    epsilon: float


@dataclass(frozen=True, eq=False)
class Dense:
    """One layer: z = a W + b, then perhaps a layer normalisation, then the activation.

    Batch normalisation with running statistics is affine, and already part of W and b.

    Attributes
    ----------
    weights : ndarray of shape (n_inputs, n_outputs)
        W.
    biases : ndarray of shape (n_outputs,)
        b.
    normalization : LayerNorm or None
        Applied to z before the activation.
    activation : str
        Name of f, one of fastnn's own activations.
    slopes : ndarray of shape (n_outputs,) or None
        If present, the activation is z + slope (f(z) - z).
    """

    weights: np.ndarray
    biases: np.ndarray
    normalization: LayerNorm | None
    activation: str
    slopes: np.ndarray | None

    @property
    def n_inputs(self) -> int:
        """Length of a."""
        return int(self.weights.shape[0])

    @property
    def n_outputs(self) -> int:
        """Length of z."""
        return int(self.weights.shape[1])


@dataclass(frozen=True, eq=False)
class Periodic:
    """Embedding of numbers: x -> (x, V^T cos(2 pi x w + b) + c), for d columns with parameters of their own.

    Attributes
    ----------
    columns : tuple of int
        Positions of the d columns in x.
    frequencies, phases : ndarray of shape (d, h)
        w and b.
    weights : ndarray of shape (d, h, m)
        V.
    biases : ndarray of shape (d, m)
        c.
    """

    columns: tuple[int, ...]
    frequencies: np.ndarray
    phases: np.ndarray
    weights: np.ndarray
    biases: np.ndarray


@dataclass(frozen=True, eq=False)
class Category:
    """Embedding of the code in a column: its row of a matrix (n_codes, size). Invalid codes count as 0."""

    column: int
    vectors: np.ndarray


@dataclass(frozen=True, eq=False)
class PlainNetwork:
    """A_0 = s (x without embedded columns, embeddings in order), element-wise; then the layers.

    Attributes
    ----------
    passed : tuple of int
        The columns of x without an embedding.
    embeddings : tuple of Periodic or Category
        Their outputs follow those columns in A_0.
    input_scales : ndarray or None
        s, of the length of A_0; None for 1.
    layers : tuple of Dense
        The layers.
    """

    passed: tuple[int, ...]
    embeddings: tuple[Periodic | Category, ...]
    input_scales: np.ndarray | None
    layers: tuple[Dense, ...]

    @property
    def has_plain_inputs(self) -> bool:
        """Whether A_0 is x itself."""
        return not self.embeddings and self.input_scales is None


@dataclass(frozen=True, eq=False)
class Standardization:
    """x = (X - mean) / scale in double precision, then rounded to the networks' dtype; both (n_features,)."""

    means: np.ndarray
    scales: np.ndarray


@dataclass(frozen=True, eq=False)
class TableEncoding:
    """The encoding of a table, column by column, in double precision, then rounded to float32; see `Layout.encode`.

    Attributes
    ----------
    columns : tuple of Column
        All columns of the table, in order; constant ones are not read.
    layout : Layout
        What becomes of them.
    """

    columns: tuple[Column, ...]
    layout: Layout

    @property
    def is_numeric(self) -> bool:
        """Whether all columns that are read hold numbers, so that a matrix can hold the table."""
        return not any(levels.is_text for _, levels in self.layout.categorical)


@dataclass(frozen=True, eq=False)
class Classes:
    """The label is that of the most probable class.

    Attributes
    ----------
    labels : ndarray of shape (n_classes,)
        Integers, floats, booleans or strings.
    from_one : bool
        Whether the single output is the probability of the second of two classes; the label is the second above one half.
    temperature : float
        Probabilities are p_k^(1/T) / sum_j p_j^(1/T), where no p_j counts as less than `SMALLEST`.
    """

    labels: np.ndarray
    from_one: bool = False
    temperature: float = 1.0


@dataclass(frozen=True)
class Indicators:
    """Independent labels of 0 or 1: 1 where the output is above one half."""


@dataclass(frozen=True, eq=False)
class Values:
    """Numbers: output * scale + mean, limited to the range from the minimum to the maximum, in double precision.

    Attributes
    ----------
    means, scales : ndarray of shape (n_outputs,) or None
        None if outputs are what they are, in the networks' dtype.
    minima, maxima : ndarray of shape (n_outputs,) or None
        None if there are no limits.
    is_vector : bool
        Whether predictions for several rows have the shape (n_rows,), not (n_rows, n_outputs).
    """

    means: np.ndarray | None = None
    scales: np.ndarray | None = None
    minima: np.ndarray | None = None
    maxima: np.ndarray | None = None
    is_vector: bool = False


Preprocessing = Standardization | TableEncoding
Outcome = Classes | Indicators | Values


@dataclass(frozen=True, eq=False)
class Prediction:
    """All that predicting takes.

    Attributes
    ----------
    kind : str
        The class of the object, for comments in what is written.
    n_features : int
        Number of columns.
    names : tuple of str or None
        Names of the columns.
    preprocessing : Standardization, TableEncoding or None
        None if networks take the columns as they are, in their own dtype.
    networks : tuple of PlainNetwork
        Their outputs are averaged.
    outcome : Classes, Indicators or Values
        What becomes of the outputs.
    dtype : numpy dtype
        That of the networks.
    """

    kind: str
    n_features: int
    names: tuple[str, ...] | None
    preprocessing: Preprocessing | None
    networks: tuple[PlainNetwork, ...]
    outcome: Outcome
    dtype: np.dtype

    @property
    def n_outputs(self) -> int:
        """Number of outputs of each network."""
        return self.networks[0].layers[-1].n_outputs

    @property
    def input_dtype(self) -> np.dtype:
        """The dtype of numbers in the columns: float64 before any scaling, else that of the networks."""
        return self.dtype if self.preprocessing is None else np.dtype(np.float64)
