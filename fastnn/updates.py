"""What the backends need to know about an optimizer: its update rule, and a record of each step."""

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Updates in the order of the backends' tables.
UPDATES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "rmsprop_momentum", "adam", "amsgrad")

#: One step: the batch, `n_samples` samples from `start` on in the order of the data; the options of penalties, clipping and
#: updates; and the results, `loss` (the mean) and `not_finite` (about Z_1). In a batch that is cut into tiles, `tile` is the
#: number of the tile, and `offset` the position of its first sample in the batch. `mask_key` is the key of the dropout mask, and
#: `dropout_reduction` the fraction by which a schedule reduces the dropout rates.
SETTINGS = np.dtype(
    [(name, np.int64) for name in ("start", "n_samples", "offset", "tile", "mask_key", "not_finite")]
    + [
        (name, np.float64)
        for name in (
            "loss",
            "learning_rate",
            "l1",
            "l2",
            "weight_decay",
            "penalize_biases",
            "max_grad_norm",
            "penalties_reported",
            "momentum",
            "squares_kept",
            "epsilon",
            "momentum_correction",
            "squares_correction",
            "orthogonal_rate",
            "dropout_reduction",
        )
    ]
)

#: The options of a step that parameters may have factors for.
SCALED = ("learning_rate", "orthogonal_rate", "weight_decay", "l1", "l2", "epsilon")

#: The groups of parameters to which penalties and decay apply by default.
PENALIZED = ("weights", "embeddings")


@dataclass(frozen=True)
class Rule:
    """The update rule of an optimizer, which a backend needs before the first step.

    Attributes
    ----------
    update : int
        Position of its update in the backends' tables.
    penalizes, penalizes_biases : bool
        Whether penalties or decay apply to the weights, and also to all other parameters.
    clips : bool
        Whether the gradient is clipped, so that it must be complete before the first parameter is updated.
    is_product : bool
        Whether a weight matrix is updated by a single matrix product, without storing the gradient.
    reports_penalty : bool
        Whether training losses include the penalty.
    orthogonal : Muon or None
        The optimizer itself if it orthogonalises the updates of hidden weights.
    learning_rate_factors, weight_decay_factors : tuple of (str, float)
        Factors for groups of parameters.
    is_adaptive : bool
        Whether steps do not depend on the scale of the gradient.
    """

    update: int
    penalizes: bool
    penalizes_biases: bool
    clips: bool
    is_product: bool
    reports_penalty: bool
    orthogonal: Any = None
    learning_rate_factors: tuple[tuple[str, float], ...] = ()
    weight_decay_factors: tuple[tuple[str, float], ...] = ()
    is_adaptive: bool = False

    def factors(self, group: str, scale: float) -> np.ndarray:
        """Factors for the options `SCALED` of a group's steps, in that order.

        Parameters theta = c phi, where the optimizer works on phi, have the gradient dL/dphi = c dL/dtheta. In terms of
        theta, a step that is proportional to the gradient is then multiplied by c^2, and one that does not depend on its
        scale by c, with epsilon / c. Penalties on phi are 1 / c or 1 / c^2 times as strong on theta, and decay is the same.
        """
        rate = dict(self.learning_rate_factors).get(group, 1.0)
        penalized = float(group in PENALIZED or self.penalizes_biases)
        decay = dict(self.weight_decay_factors).get(group, penalized)
        power = scale if self.is_adaptive else scale**2
        return np.array([rate * power, rate * scale, decay / power, penalized / scale, penalized / scale**2, 1 / scale])
