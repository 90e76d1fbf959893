"""A network as the backends see it: each layer is an object with named views of all its arrays."""

from dataclasses import dataclass

import numpy as np

from fastnn.architecture import NORMALIZATIONS, STATISTICS_PER_UNIT, Architecture, aligned_zeros
from fastnn.updates import Rule

#: Alignment of views into a work vector, in elements: one cache line in single precision.
GRANULE = 16


@dataclass
class BoundLayer:
    """Layer l of a network, bound to its parameter vectors and to a workspace for a batch.

    Attributes
    ----------
    number : int
        Position of the layer, l - 1.
    activation, loss : int
        Positions in the backends' tables.
    normalization : str
        A member of `fastnn.architecture.NORMALIZATIONS`.
    dropout : float
        Dropout rate.
    W, b, scale, shift : ndarray
        Parameters: (n_in, n_out), and (n_out,) each; scale and shift are empty if the layer is not normalised.
    dW, db, dscale, dshift : ndarray
        Their gradients.
    statistics : ndarray of shape (3, n_out)
        Running mean, running variance and 1 / standard deviation of the last batch; shape (3, 0) without batch normalisation.
    Z, A, dZ : ndarray of shape (n, n_out)
        Pre-activations, activations and errors of a batch.
    normalized, passed_on : ndarray of shape (n, n_out)
        The normalised pre-activations, or Z itself without normalisation; and the inputs of the next layer: A after dropout.
    precision : ndarray of shape (n,)
        1 / standard deviation of each sample's z_l, for layer normalisation.
    options : ndarray
        Options of the loss.
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


#: W_l, b_l, gamma_l and beta_l.
Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


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
    """The layers of a network, with a workspace for batches of `n_samples`, for training or for inference."""
    records = architecture.layers if trains else architecture.inference_layers
    room = _Room(parameters.dtype, n_samples, in_columns)
    vectors = parameters, gradient, statistics
    return [_bind_layer(number, record, vectors, room) for number, record in enumerate(records)]


def _bind_layer(
    number: int, record: np.ndarray, vectors: tuple[np.ndarray, np.ndarray, np.ndarray], room: "_Room"
) -> BoundLayer:
    """One layer, by its record in the architecture."""
    parameters, gradient, statistics = vectors
    n_in, n_out, first = int(record["n_inputs"]), int(record["n_outputs"]), int(record["statistics"])
    normalization = NORMALIZATIONS[record["normalization"]]
    kept = STATISTICS_PER_UNIT * n_out if normalization in ("batch", "running") else 0
    Z, A, dZ = (room.block(n_out) for _ in range(3))
    return BoundLayer(
        number,
        int(record["activation"]),
        int(record["loss"]),
        normalization,
        float(record["dropout"]),
        *_views(parameters, record, n_in, n_out),
        *_views(gradient, record, n_in, n_out),
        statistics[first : first + kept].reshape(STATISTICS_PER_UNIT, -1),
        Z,
        A,
        dZ,
        Z if normalization == "none" else room.block(n_out),
        room.block(n_out) if record["dropout"] > 0 else A,
        aligned_zeros(room.n_samples, room.dtype),
        record["options"][: record["n_options"]].copy(),
    )


def _views(vector: np.ndarray, record: np.ndarray, n_in: int, n_out: int) -> Parts:
    """Views W_l, b_l, gamma_l and beta_l of a flat vector."""
    b, scale, shift, end = (int(record[name]) for name in ("biases", "scales", "shifts", "end"))
    W = vector[int(record["weights"]) : b].reshape(n_in, n_out)
    return W, vector[b : b + n_out], vector[scale:shift], vector[shift:end]


class _Room:
    """Allocates row-major or column-major blocks for the samples of a batch."""

    def __init__(self, dtype: np.dtype, n_samples: int, in_columns: bool) -> None:
        self.dtype, self.n_samples, self.in_columns = dtype, n_samples, in_columns

    def block(self, width: int) -> np.ndarray:
        """A block of `width` numbers per sample."""
        vector = aligned_zeros(self.n_samples * width, self.dtype)
        if self.in_columns:
            return vector.reshape(width, self.n_samples).T
        return vector.reshape(self.n_samples, width)


@dataclass(frozen=True)
class ParameterRange:
    """A contiguous range of parameters, with its gradient, its optimizer state, and whether penalties apply to it."""

    theta: np.ndarray
    gradient: np.ndarray
    states: np.ndarray
    penalized: bool


class Descent:
    """The arrays that an update works on: the parameters of bound layers, their gradient, and the optimizer state.

    Parameters
    ----------
    rule : Rule
        The update rule.
    states : ndarray of shape (n_states, n_parameters)
        The optimizer state.
    network : list of BoundLayer
        The layers.
    parameters, gradient : ndarray
        The flat vectors behind the layers' views.
    """

    def __init__(
        self, rule: Rule, states: np.ndarray, network: list[BoundLayer], parameters: np.ndarray, gradient: np.ndarray
    ) -> None:
        self.rule, self.states, self.network = rule, states, network
        self.parameters, self.gradient = parameters, gradient

    def ranges(self) -> list[ParameterRange]:
        """All parameters: in one range if penalties apply to all or none of them, otherwise one range per array."""
        if not self.rule.penalizes or self.rule.penalizes_biases:
            return [ParameterRange(self.parameters, self.gradient, self.states, self.rule.penalizes)]
        return [self.range_of(*pair) for layer in self.network for pair in pairs(layer)]

    def range_of(self, theta: np.ndarray, gradient: np.ndarray, *, first_state: int = 0) -> ParameterRange:
        """One array of a layer as a vector; matrices are weights, to which penalties always apply."""
        start = (theta.ctypes.data - self.parameters.ctypes.data) // theta.itemsize
        states = self.states[first_state:, start : start + theta.size]
        penalized = self.rule.penalizes and (theta.ndim == 2 or self.rule.penalizes_biases)
        return ParameterRange(theta.reshape(-1), gradient.reshape(-1), states, penalized)


def pairs(layer: BoundLayer) -> list[tuple[np.ndarray, np.ndarray]]:
    """The parameters of a layer with their gradients: weights, biases and, if it is normalised, scales and shifts."""
    pairs = (layer.W, layer.dW), (layer.b, layer.db), (layer.scale, layer.dscale), (layer.shift, layer.dshift)
    return [pair for pair in pairs if pair[0].size > 0]
