"""L-BFGS, implemented by SciPy: its options and source."""

from dataclasses import dataclass, field

from fastnn.validation import check_count, check_flag, check_number


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS, a quasi-Newton method on the loss of all samples at once: SciPy's ``L-BFGS-B``, without bounds.

    It minimises L + (lambda_2 / 2) sum W^2. In `Network.fit`, an epoch is one iteration, batch size and shuffling are
    ignored, and schedules and checkpoints are not supported; the workspace holds all samples. The losses in the history
    are those after each iteration. PyTorch's `LBFGS` uses a different line search and takes different steps.

    Parameters
    ----------
    history_size : int, default 10
        Number of past steps from which the curvature is estimated, positive.
    l2 : float, default 0.0
        Strength lambda_2 of the penalty on the weights, non-negative.
    penalize_biases : bool, default False
        Whether the penalty also applies to the biases.
    gradient_tolerance : float, default 1e-5
        Stop when no entry of the gradient is larger in magnitude.
    loss_tolerance : float, default 1e-9
        Stop when the relative decrease of the loss in an iteration is no larger.
    max_evaluations : int, default 15000
        Stop after this many evaluations of loss and gradient.

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
