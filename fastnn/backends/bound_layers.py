"""A network as a backend sees it while it computes: each layer an object with named views of all its numbers."""

from dataclasses import dataclass

import numpy as np

from fastnn.architecture import NORMALIZATIONS, STATISTICS_PER_UNIT, Architecture, aligned_zeros
from fastnn.updates import Rule

#: Numbers that every view of a work vector starts at a multiple of: a cache line of single precision.
GRANULE = 16


@dataclass
class BoundLayer:
    """Layer l of a network, bound to the vectors of its parameters and to room for the samples of a batch.

    Attributes
    ----------
    number : int
        l - 1: the position of the layer.
    activation, loss : int
        Positions in the backends' tables.
    normalization : str
        A member of `fastnn.architecture.NORMALIZATIONS`.
    dropout : float
        Share of the outputs that is dropped.
    W, b, scale, shift : ndarray
        Parameters: (n_in, n_out), and (n_out,) each; scale and shift are empty where the layer is not normalised.
    dW, db, dscale, dshift : ndarray
        Their gradient.
    statistics : ndarray of shape (3, n_out)
        Running mean, running variance and 1 / deviation of the last batch; no columns where none are kept.
    Z, A, dZ : ndarray of shape (n, n_out)
        Pre-activations, activations and errors of the samples of a batch.
    normalized, passed_on : ndarray of shape (n, n_out)
        The result of normalisation, or Z itself without it; and the activations that the next layer gets: A after dropout.
    precision : ndarray of shape (n,)
        1 / deviation of each sample's z_l, where samples are normalised.
    options : ndarray
        Those of the loss.
    """

    number: int
    activation: int
    loss: int
    normalization: str
    dropout: float
    W: np.ndarray
    b: np.ndarray
    scale: np.ndarray
    shift: np.ndarray
    dW: np.ndarray  # noqa: N815 (dW is not DW)
    db: np.ndarray
    dscale: np.ndarray
    dshift: np.ndarray
    statistics: np.ndarray
    Z: np.ndarray
    A: np.ndarray
    dZ: np.ndarray  # noqa: N815
    normalized: np.ndarray
    passed_on: np.ndarray
    precision: np.ndarray
    options: np.ndarray


def bind_layers(
    architecture: Architecture,
    parameters: np.ndarray,
    gradient: np.ndarray,
    statistics: np.ndarray,
    n_samples: int,
    *,
    trains: bool = True,
    in_columns: bool = False,
) -> list[BoundLayer]:
    """The layers of a network, with room for batches of `n_samples`, as they train or as they are at inference."""
    records = architecture.layers if trains else architecture.inference_layers
    room = _Room(parameters.dtype, n_samples, in_columns)
    layers = []
    for number, record in enumerate(records):
        n_in, n_out, first = int(record["n_inputs"]), int(record["n_outputs"]), int(record["statistics"])
        normalization = NORMALIZATIONS[record["normalization"]]
        kept = STATISTICS_PER_UNIT * n_out if normalization in ("batch", "running") else 0
        W, b, scale, shift = _views(parameters, record, n_in, n_out)
        dW, db, dscale, dshift = _views(gradient, record, n_in, n_out)
        Z, A, dZ = (room.block(n_out) for _ in range(3))
        layers.append(
            BoundLayer(
                number,
                int(record["activation"]),
                int(record["loss"]),
                normalization,
                float(record["dropout"]),
                W,
                b,
                scale,
                shift,
                dW,
                db,
                dscale,
                dshift,
                statistics[first : first + kept].reshape(STATISTICS_PER_UNIT, -1),
                Z,
                A,
                dZ,
                Z if normalization == "none" else room.block(n_out),
                room.block(n_out) if record["dropout"] > 0 else A,
                aligned_zeros(n_samples, parameters.dtype),
                record["options"][: record["n_options"]].copy(),
            )
        )
    return layers


def _views(vector: np.ndarray, record: np.ndarray, n_in: int, n_out: int) -> tuple[np.ndarray, ...]:
    """W_l, b_l, gamma_l and beta_l within a flat vector."""
    b, scale, shift, end = (int(record[name]) for name in ("biases", "scales", "shifts", "end"))
    W = vector[int(record["weights"]) : b].reshape(n_in, n_out)
    return W, vector[b : b + n_out], vector[scale:shift], vector[shift:end]


class _Room:
    """Makes blocks of numbers for the samples of a batch, in rows or in columns."""

    def __init__(self, dtype: np.dtype, n_samples: int, in_columns: bool) -> None:
        self.dtype, self.n_samples, self.in_columns = dtype, n_samples, in_columns

    def block(self, width: int) -> np.ndarray:
        """Room for `width` numbers of each sample."""
        vector = aligned_zeros(self.n_samples * width, self.dtype)
        if self.in_columns:
            return vector.reshape(width, self.n_samples).T
        return vector.reshape(self.n_samples, width)


@dataclass(frozen=True)
class Stretch:
    """Some parameters in a row, with their gradient, what an optimizer keeps of them, and whether penalties cover them."""

    theta: np.ndarray
    gradient: np.ndarray
    states: np.ndarray
    penalized: bool


class Descent:
    """What an optimizer moves: the parameters of bound layers, their gradient, and its states of them.

    Parameters
    ----------
    rule : Rule
        How it moves them.
    states : ndarray of shape (n_states, n_parameters)
        What it keeps of them.
    network : list of BoundLayer
        The layers.
    parameters, gradient : ndarray
        The flat vectors that the layers are views of.
    """

    def __init__(
        self, rule: Rule, states: np.ndarray, network: list[BoundLayer], parameters: np.ndarray, gradient: np.ndarray
    ) -> None:
        self.rule, self.states, self.network = rule, states, network
        self.parameters, self.gradient = parameters, gradient

    def stretches(self) -> list[Stretch]:
        """All parameters: in one where penalties cover all or nothing, else weights and others of each layer apart."""
        if not self.rule.penalizes or self.rule.penalizes_biases:
            return [Stretch(self.parameters, self.gradient, self.states, self.rule.penalizes)]
        return [self.stretch(*pair) for layer in self.network for pair in pairs(layer)]

    def stretch(self, theta: np.ndarray, gradient: np.ndarray, *, first_state: int = 0) -> Stretch:
        """One of the arrays of a layer as a vector; matrices are weights, which penalties always cover."""
        start = (theta.ctypes.data - self.parameters.ctypes.data) // theta.itemsize
        states = self.states[first_state:, start : start + theta.size]
        penalized = self.rule.penalizes and (theta.ndim == 2 or self.rule.penalizes_biases)
        return Stretch(theta.reshape(-1), gradient.reshape(-1), states, penalized)


def pairs(layer: BoundLayer) -> list[tuple[np.ndarray, np.ndarray]]:
    """The parameters of a layer with their gradients: weights, biases and, where it is normalised, scales and shifts."""
    pairs = (layer.W, layer.dW), (layer.b, layer.db), (layer.scale, layer.dscale), (layer.shift, layer.dshift)
    return [pair for pair in pairs if pair[0].size > 0]
