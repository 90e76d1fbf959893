"""A network as the backends see it: each layer is an object with named views of all its arrays."""

from dataclasses import dataclass

import numpy as np

from fastnn.architecture import NORMALIZATIONS, STATISTICS_PER_UNIT, Architecture, ParameterArray, aligned_zeros
from fastnn.backends.bound_inputs import BoundInputs, bind_inputs
from fastnn.updates import PENALIZED, SCALED, SETTINGS, Rule

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
    W, b, scale, shift, slope : ndarray
        Parameters: (n_in, n_out), and (n_out,) each; scale and shift are empty if the layer is not normalised, and slope,
        alpha, if its activation is not parametric.
    dW, db, dscale, dshift, dslope : ndarray
        Their gradients.
    statistics : ndarray of shape (3, n_out)
        Running mean, running variance and 1 / standard deviation of the last batch; shape (3, 0) without batch normalisation.
    Z, A, dZ : ndarray of shape (n, n_out)
        Pre-activations, activations and errors of a batch.
    F, dA : ndarray of shape (n, n_out)
        With a parametric activation, f(Z), and the derivative of the loss with respect to A; otherwise A and dZ themselves.
    normalized, passed_on : ndarray of shape (n, n_out)
        The normalised pre-activations, or Z itself without normalisation; and the inputs of the next layer: A after dropout.
    precision : ndarray of shape (n,)
        1 / standard deviation of each sample's z_l, for layer normalisation.
    options : ndarray
        Options of the loss.
    inputs : BoundInputs or None
        The input stage, which belongs to the first layer.
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
    slope: np.ndarray
    dW: np.ndarray  # noqa: N815 (dW is not DW)
    db: np.ndarray
    dscale: np.ndarray
    dshift: np.ndarray
    dslope: np.ndarray
    statistics: np.ndarray
    Z: np.ndarray
    A: np.ndarray
    dZ: np.ndarray  # noqa: N815
    F: np.ndarray
    dA: np.ndarray  # noqa: N815
    normalized: np.ndarray
    passed_on: np.ndarray
    precision: np.ndarray
    options: np.ndarray
    inputs: BoundInputs | None = None

    @property
    def is_parametric(self) -> bool:
        """Whether the activation is parametric."""
        return self.slope.size > 0


#: W_l, b_l, gamma_l, beta_l and alpha_l.
Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


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
    layers = [_bind_layer(number, record, vectors, room) for number, record in enumerate(records)]
    if not architecture.inputs.is_plain:
        layers[0].inputs = bind_inputs(architecture, parameters, gradient, n_samples)
    return layers


def _bind_layer(
    number: int, record: np.ndarray, vectors: tuple[np.ndarray, np.ndarray, np.ndarray], room: "_Room"
) -> BoundLayer:
    """One layer, by its record in the architecture."""
    parameters, gradient, statistics = vectors
    n_in, n_out, first = int(record["n_inputs"]), int(record["n_outputs"]), int(record["statistics"])
    normalization = NORMALIZATIONS[record["normalization"]]
    kept = STATISTICS_PER_UNIT * n_out if normalization in ("batch", "running") else 0
    Z, A, dZ = (room.block(n_out) for _ in range(3))
    parametric = record["end"] > record["slopes"]
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
        room.block(n_out) if parametric else A,
        room.block(n_out) if parametric else dZ,
        Z if normalization == "none" else room.block(n_out),
        room.block(n_out) if record["dropout"] > 0 and not parametric else A,
        aligned_zeros(room.n_samples, room.dtype),
        record["options"][: record["n_options"]].copy(),
    )


def _views(vector: np.ndarray, record: np.ndarray, n_in: int, n_out: int) -> Parts:
    """Views W_l, b_l, gamma_l, beta_l and alpha_l of a flat vector."""
    b, scale, shift, slope, end = (int(record[name]) for name in ("biases", "scales", "shifts", "slopes", "end"))
    W = vector[int(record["weights"]) : b].reshape(n_in, n_out)
    return W, vector[b : b + n_out], vector[scale:shift], vector[shift:slope], vector[slope:end]


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
    """A contiguous range of parameters.

    Attributes
    ----------
    theta, gradient, states : ndarray
        The parameters, their gradient, and their optimizer state.
    penalized : bool
        Whether penalties or decay apply to them.
    own : OwnStep or None
        The record of their steps, if it is not that of the batch.
    """

    theta: np.ndarray
    gradient: np.ndarray
    states: np.ndarray
    penalized: bool
    own: "OwnStep | None" = None

    @property
    def own_step(self) -> np.ndarray | None:
        """The record of their steps, (1,), or None for that of the batch."""
        return None if self.own is None else self.own.step

    @property
    def penalty_factors(self) -> tuple[float, float]:
        """Factors of the penalties l1 and l2."""
        return (1.0, 1.0) if self.own is None else self.own.penalty_factors


class OwnStep:
    """The record of the steps of some parameters, whose options are those of the batch times factors."""

    def __init__(self, factors: np.ndarray) -> None:
        self.factors, self.step = factors, np.zeros(1, SETTINGS)

    @property
    def penalty_factors(self) -> tuple[float, float]:
        """Factors of the penalties l1 and l2."""
        return float(self.factors[SCALED.index("l1")]), float(self.factors[SCALED.index("l2")])

    @property
    def decays(self) -> bool:
        """Whether weight decay applies."""
        return bool(self.factors[SCALED.index("weight_decay")] != 0)


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
    architecture : Architecture
        The arrays that parameters consist of.
    parameters, gradient : ndarray
        The flat vectors behind the layers' views.

    Attributes
    ----------
    own_steps : list of OwnStep
        The different records of steps of parameters with factors.
    """

    def __init__(
        self,
        rule: Rule,
        states: np.ndarray,
        network: list[BoundLayer],
        architecture: Architecture,
        parameters: np.ndarray,
        gradient: np.ndarray,
    ) -> None:
        self.rule, self.states, self.network, self.arrays = rule, states, network, architecture.arrays
        self.parameters, self.gradient = parameters, gradient
        has_factors = bool(rule.learning_rate_factors or rule.weight_decay_factors)
        self.own_steps: list[OwnStep] = []
        self._own_by_offset: dict[int, OwnStep] = {}
        self._penalized = {array.offset for array in self.arrays if array.group in PENALIZED}
        for array in self.arrays:
            if has_factors or array.scale != 1:
                self._own_by_offset[array.offset] = self._own_step(rule.factors(array.group, array.scale))

    def _own_step(self, factors: np.ndarray) -> OwnStep:
        """A record of steps with these factors."""
        for own in self.own_steps:
            if np.array_equal(own.factors, factors):
                return own
        self.own_steps.append(OwnStep(factors))
        return self.own_steps[-1]

    def ranges(self) -> list[ParameterRange]:
        """All parameters: in one range if all have the same steps and penalties, otherwise one range per array."""
        if not self.own_steps and (not self.rule.penalizes or self.rule.penalizes_biases):
            return [ParameterRange(self.parameters, self.gradient, self.states, self.rule.penalizes)]
        return [self.range_of_array(array) for array in self.arrays]

    def range_of_array(self, array: ParameterArray) -> ParameterRange:
        """One array of parameters."""
        return self.range_of(array.view(self.parameters), array.view(self.gradient))

    def range_of(self, theta: np.ndarray, gradient: np.ndarray, *, first_state: int = 0) -> ParameterRange:
        """One array of parameters as a vector."""
        start = (theta.ctypes.data - self.parameters.ctypes.data) // theta.itemsize
        states, own = self.states[first_state:, start : start + theta.size], self._own_by_offset.get(start)
        penalized = self.rule.penalizes and (
            start in self._penalized or self.rule.penalizes_biases or (own is not None and own.decays)
        )
        return ParameterRange(theta.reshape(-1), gradient.reshape(-1), states, penalized, own)


def pairs(layer: BoundLayer) -> list[tuple[np.ndarray, np.ndarray]]:
    """The parameters of a layer with their gradients: weights, biases and, if there are any, scales, shifts and slopes."""
    pairs = (
        (layer.W, layer.dW),
        (layer.b, layer.db),
        (layer.scale, layer.dscale),
        (layer.shift, layer.dshift),
        (layer.slope, layer.dslope),
    )
    return [pair for pair in pairs if pair[0].size > 0]
