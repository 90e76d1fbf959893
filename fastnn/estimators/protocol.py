"""Support for scikit-learn's own callbacks, if available: each iteration is a task of its fit."""

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
        """A placeholder: this version has no callbacks."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, unchanged."""
        return method


__all__ = ["STOP_REASON", "CallbackSupportMixin", "fit_tasks", "with_callbacks"]

#: The stop reason if one of scikit-learn's callbacks ended the training.
STOP_REASON = "stopped by a scikit-learn callback"


class FitTasks(Callback):
    """Reports the fit and its iterations to scikit-learn's callbacks."""

    def __init__(self, estimator: Any, samples: LabelledSamples, max_iter: int) -> None:
        self.estimator = estimator
        metadata = None if samples.sample_weight is None else {"sample_weight": samples.sample_weight}
        self.data = {"X": samples.given_X, "y": samples.labels, "metadata": metadata}
        self.fit = estimator._init_callback_context(max_subtasks=max_iter)
        self.fit.call_on_fit_task_begin(estimator=estimator, **self.data)
        self.iteration: Any = None

    def on_epoch_begin(self, network: Any, history: History) -> None:
        """Announce an iteration, unless one has already begun."""
        if self.iteration is not None:
            return
        self.iteration = self.fit.subcontext(task_name="iteration")
        self.iteration.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_end(self, network: Any, history: History) -> str:
        """Announce the end of an iteration; returns a reason to stop if a callback requests it."""
        return STOP_REASON if self._end_iteration() else ""

    def end(self) -> None:
        """Announce the end of the fit, and of an unfinished iteration."""
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
        """The attributes that turn a copy of the estimator into a fitted one."""
        arrays = self.estimator.coefs_, self.estimator.intercepts_
        coefs, intercepts = ([array.copy() for array in part] for part in arrays)
        return {"coefs_": coefs, "intercepts_": intercepts}


@contextmanager
def fit_tasks(estimator: Any, samples: LabelledSamples, max_iter: int) -> Iterator[list[Callback]]:
    """A callback that reports each iteration to scikit-learn's callbacks, if there are any."""
    if not getattr(estimator, "_skl_callbacks", None):
        yield []
        return
    tasks = FitTasks(estimator, samples, max_iter)
    yield [tasks]
    tasks.end()
