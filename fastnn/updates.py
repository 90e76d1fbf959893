"""An optimizer, as the backends need to know it: which update it makes, and the numbers of each step."""

from dataclasses import dataclass
from typing import Any

import numpy as np

#: Updates in the order of the backends' tables.
UPDATES = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "rmsprop_momentum", "adam", "amsgrad")

#: One step, as the backends see it: the samples of the batch, those from `start` on in the order of the data; what penalties,
#: clipping and updates take; and what comes back, the mean loss and whether Z_1 was finite. A batch that is cut into tiles
#: has the number of the tile and of its first sample in the batch, `offset`. `mask_key` is that of the units that are dropped.
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
    """How an optimizer moves the parameters, as a backend needs to know it before the first step.

    Attributes
    ----------
    update : int
        Position of its update in the backends' tables.
    penalizes, penalizes_biases : bool
        Whether penalties or decay cover the weights, and all other parameters too.
    clips : bool
        Whether the gradient has to be complete before the first parameter is updated.
    is_product : bool
        Whether the update of a weight matrix is a matrix product, without a gradient in memory.
    reports_penalty : bool
        Whether the losses of training include the penalty.
    orthogonal : Muon or None
        The optimizer itself where hidden weights move along orthogonal matrices.
    """

    update: int
    penalizes: bool
    penalizes_biases: bool
    clips: bool
    is_product: bool
    reports_penalty: bool
    orthogonal: Any = None
