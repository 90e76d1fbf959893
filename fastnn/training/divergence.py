"""When training has diverged, and what is said of it."""

import math
from typing import Any

from fastnn.exceptions import DivergenceError
from fastnn.feed_forward import FeedForward
from fastnn.validation import check_finite


class Divergence:
    """A loss or a parameter that is not finite, after which everything is as it was before the epoch.

    Parameters
    ----------
    X : array-like, optional
        Features whose numbers have not been read. A number in them that is not finite makes the gradient of W_1 NaN or
        infinite, and so W_1, as 0 times it is NaN; reading all of X for nothing else would take a tenth of an epoch.
    """

    #: What is put back of an epoch that diverged: "all" that it changed, its "parameters" alone, or "nothing".
    undoes = "all"

    def __init__(self, X: Any = None) -> None:
        self.X = X

    def is_met(self, loss: float, network: FeedForward) -> bool:
        """Whether an epoch with that loss has diverged."""
        return not (math.isfinite(loss) and network._is_finite)

    def error(self, when: str, loss: float, rate: float, network: FeedForward) -> Exception:
        """What to raise; `when` is the epoch or the batch, with its number."""
        if self.X is not None:
            check_finite(self.X, "X", network.dtype)
        return DivergenceError(
            f"Training diverged in {when}: the loss became {loss}. Try a smaller learning rate (it is {rate:g}), "
            "standardised inputs, or another initializer. The parameters are those from before that "
            f"{when.split(maxsplit=1)[0]}, or of the best epoch where EarlyStopping kept it."
        )
