"""scikit-learn's own callbacks, where it has them: an iteration is a task of its fit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastnn.estimators.samples import LabelledSamples
from fastnn.training.callbacks import Callback
from fastnn.training.history import History

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing to support."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """The method itself."""
        return method


__all__ = ["STOP_REASON", "CallbackSupportMixin", "fit_tasks", "with_callbacks"]

#: What the history says of a training that one of scikit-learn's callbacks ended.
STOP_REASON = "a callback of scikit-learn's asked for it"


class FitTasks(Callback):
    """The fit and its iterations, as scikit-learn's callbacks see them."""

    def __init__(self, estimator: Any, samples: LabelledSamples, max_iter: int) -> None:
        self.estimator = estimator
        metadata = None if samples.sample_weight is None else {"sample_weight": samples.sample_weight}
        self.data = {"X": samples.given_X, "y": samples.labels, "metadata": metadata}
        self.fit = estimator._init_callback_context(max_subtasks=max_iter)
        self.fit.call_on_fit_task_begin(estimator=estimator, **self.data)
        self.iteration: Any = None

    def on_epoch_begin(self, network: Any, history: History) -> None:
        """Announce an iteration, unless one is under way."""
        if self.iteration is not None:
            return
        self.iteration = self.fit.subcontext(task_name="iteration")
        self.iteration.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_end(self, network: Any, history: History) -> str:
        """Whether a callback wants no more iterations after this one."""
        return STOP_REASON if self._end_iteration() else ""

    def end(self) -> None:
        """Announce the end of the fit, and of an iteration that has come to nothing."""
        if self.iteration is not None:
            self._end_iteration()
        self.fit.call_on_fit_task_end(estimator=self.estimator, reconstruction_attributes=self._fitted, **self.data)

    def _end_iteration(self) -> bool:
        iteration, self.iteration = self.iteration, None
        return bool(
            iteration.call_on_fit_task_end(
                estimator=self.estimator, reconstruction_attributes=self._fitted, **self.data
            )
        )

    def _fitted(self) -> dict[str, Any]:
        """What makes a copy of the estimator a fitted one."""
        arrays = self.estimator.coefs_, self.estimator.intercepts_
        coefs, intercepts = ([array.copy() for array in part] for part in arrays)
        return {"coefs_": coefs, "intercepts_": intercepts}


@contextmanager
def fit_tasks(estimator: Any, samples: LabelledSamples, max_iter: int) -> Iterator[list[Callback]]:
    """What to tell of each iteration, if anybody listens."""
    if not getattr(estimator, "_skl_callbacks", None):
        yield []
        return
    tasks = FitTasks(estimator, samples, max_iter)
    yield [tasks]
    tasks.end()
