"""L-BFGS: its options and its source. It is SciPy's."""

from dataclasses import dataclass, field

from fastnn.validation import check_count, check_flag, check_number


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS, a quasi-Newton method on the loss of all samples at once: SciPy's ``L-BFGS-B``, without bounds.

    It minimises L + (lambda_2 / 2) sum W^2. In `Network.fit` an epoch is an iteration, batch size and shuffling have no
    meaning, and there are neither schedules nor checkpoints; work vectors have room for all samples. The history's losses
    are those after each iteration. PyTorch's `LBFGS` has another line search and takes other steps.

    Parameters
    ----------
    history_size : int, default 10
        Pairs of steps and gradients that the curvature is estimated from, positive.
    l2 : float, default 0.0
        Strength lambda_2 of the penalty on the weights, at least 0.
    penalize_biases : bool, default False
        Whether the penalty covers the biases too.
    gradient_tolerance : float, default 1e-5
        It stops when no entry of the gradient is larger.
    loss_tolerance : float, default 1e-9
        It stops when an iteration lowers the loss by no larger share.
    max_evaluations : int, default 15000
        It stops after this many evaluations of loss and gradient.

    References
    ----------
    Liu, Nocedal (1989), On the Limited Memory BFGS Method for Large Scale Optimization, algorithm 2.1; Byrd, Lu, Nocedal,
    Zhu (1995), A Limited Memory Algorithm for Bound Constrained Optimization.
    """

    history_size: int = 10
    l2: float = field(default=0.0, kw_only=True)
    penalize_biases: bool = field(default=False, kw_only=True)
    gradient_tolerance: float = field(default=1e-5, kw_only=True)
    loss_tolerance: float = field(default=1e-9, kw_only=True)
    max_evaluations: int = field(default=15_000, kw_only=True)

    def __post_init__(self) -> None:
        check_count(self.history_size, "history_size")
        check_count(self.max_evaluations, "max_evaluations")
        for name in ("l2", "gradient_tolerance", "loss_tolerance"):
            check_number(getattr(self, name), name)
        check_flag(self.penalize_biases, "penalize_biases")
