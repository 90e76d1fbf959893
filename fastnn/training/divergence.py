"""Divergence of training: how it is detected, undone and reported."""

import math
from typing import Any

from fastnn.exceptions import DivergenceError
from fastnn.feed_forward import FeedForward
from fastnn.validation import check_finite


class Divergence:
    """Training diverges when the loss or a parameter is not finite; the epoch is then undone.

    Parameters
    ----------
    X : array-like, optional
        Features that have not been checked for NaN and infinity, because reading all of X would take a tenth of an epoch.
        Such a value always makes the gradient of W_1, and so W_1 itself, NaN or infinite, because even 0 times it is NaN.
    """

    #: What is restored after an epoch that diverged: "all", the "parameters", or "nothing".
    undoes = "all"

    def __init__(self, X: Any = None) -> None:
        self.X = X

    def is_met(self, loss: float, network: FeedForward) -> bool:
        """Whether an epoch with this loss has diverged."""
        return not (math.isfinite(loss) and network._is_finite)

    def error(self, when: str, loss: float, rate: float, network: FeedForward) -> Exception:
        """The exception to raise; `when` is the epoch or batch, with its number."""
        if self.X is not None:
            check_finite(self.X, "X", network.dtype)
        return DivergenceError(
            f"Training diverged in {when}: the loss became {loss}. Try a smaller learning rate (it is {rate:g}), "
            "standardised inputs, or another initializer. The parameters are those from before that "
            f"{when.split(maxsplit=1)[0]}, or those of the best epoch with EarlyStopping."
        )
