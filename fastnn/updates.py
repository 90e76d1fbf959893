"""What the backends need to know about an optimizer: its update rule, and a record of each step."""

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Updates in the order of the backends' tables.
UPDATES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "rmsprop_momentum", "adam", "amsgrad")

#: One step: the batch, `n_samples` samples from `start` on in the order of the data; the options of penalties, clipping and
#: updates; and the results, `loss` (the mean) and `not_finite` (about Z_1). In a batch that is cut into tiles, `tile` is the
#: number of the tile, and `offset` the position of its first sample in the batch. `mask_key` is the key of the dropout mask.
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
        )
    ]
)


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
    """

    update: int
    penalizes: bool
    penalizes_biases: bool
    clips: bool
    is_product: bool
    reports_penalty: bool
    orthogonal: Any = None
