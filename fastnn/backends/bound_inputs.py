"""The input stage as the backends see it: arrays of a batch and of parameters for each embedding."""

from dataclasses import dataclass

import numpy as np

from fastnn.architecture import Architecture, ParameterArray, aligned_zeros
from fastnn.inputs import CategoryEmbedding, Embedding


@dataclass
class BoundEmbedding:
    """An embedding, bound to its parameters and to its outputs for a batch.

    Attributes
    ----------
    is_category : bool
        Whether it embeds a category, and not numbers.
    columns : ndarray of int64
        Columns of X.
    P, dP : ndarray
        Its parameters (see `fastnn.inputs`), and their gradient.
    A, dA : ndarray of shape (n, width)
        Its outputs, and the derivative of the loss with respect to them.
    """

    is_category: bool
    columns: np.ndarray
    P: np.ndarray
    dP: np.ndarray  # noqa: N815 (dP is not DP)
    A: np.ndarray
    dA: np.ndarray  # noqa: N815


@dataclass
class BoundInputs:
    """The input stage of a network, bound to its parameters and to a workspace for a batch, whose samples are in columns.

    Attributes
    ----------
    columns : ndarray of int64
        Columns of X without an embedding.
    passed : ndarray of shape (n, n_passed)
        These columns for a batch.
    embeddings : list of BoundEmbedding
        The embeddings.
    scales, dscales : ndarray of shape (n_0,)
        The factor of each input, and the gradient; empty without factors.
    E, dE : ndarray of shape (n, n_0)
        Columns without an embedding and outputs of embeddings, and the derivative of the loss with respect to them.
    A, dA : ndarray of shape (n, n_0)
        A_0, E times the factors, and the derivative; E and dE themselves without factors.
    """

    columns: np.ndarray
    passed: np.ndarray
    embeddings: list[BoundEmbedding]
    scales: np.ndarray
    dscales: np.ndarray
    E: np.ndarray
    dE: np.ndarray  # noqa: N815
    A: np.ndarray
    dA: np.ndarray  # noqa: N815

    def pairs(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The parameters with their gradients."""
        arrays = [(each.P, each.dP) for each in self.embeddings]
        return arrays + [(self.scales, self.dscales)] * (self.scales.size > 0)


def bind_inputs(
    architecture: Architecture, parameters: np.ndarray, gradient: np.ndarray, n_samples: int
) -> BoundInputs:
    """The input stage of a network, with a workspace for batches of `n_samples`."""
    stage = architecture.inputs
    arrays = [array for array in architecture.arrays if array.group in ("periodic", "embeddings")]

    def block() -> np.ndarray:
        return aligned_zeros(n_samples * stage.n_outputs, parameters.dtype).reshape(stage.n_outputs, n_samples).T

    E, dE = block(), block()
    scales = [
        array.view(vector) for array in architecture.arrays_of("input_scales") for vector in (parameters, gradient)
    ]
    return BoundInputs(
        np.array(stage.passed, np.int64),
        E[:, : len(stage.passed)],
        [
            _bind_embedding(*each, (parameters, gradient), (E, dE))
            for each in zip(stage.embeddings, arrays, stage.firsts, strict=True)
        ],
        scales[0] if scales else parameters[:0],
        scales[1] if scales else gradient[:0],
        E,
        dE,
        block() if scales else E,
        block() if scales else dE,
    )


def _bind_embedding(
    embedding: Embedding,
    array: ParameterArray,
    first: int,
    vectors: tuple[np.ndarray, np.ndarray],
    blocks: tuple[np.ndarray, np.ndarray],
) -> BoundEmbedding:
    columns, outputs = np.array(embedding.columns, np.int64), slice(first, first + embedding.width)
    views = [array.view(vector) for vector in vectors] + [block[:, outputs] for block in blocks]
    return BoundEmbedding(isinstance(embedding, CategoryEmbedding), columns, *views)
