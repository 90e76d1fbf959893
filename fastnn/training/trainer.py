"""The loop over epochs: steps, validation, stopping rules, callbacks, and divergence."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from logging import DEBUG, getLogger

import numpy as np

from fastnn.backends.whole_epochs import Watch
from fastnn.training.callbacks import begin_epoch, end_epoch, epochs_until_due
from fastnn.training.divergence import Divergence
from fastnn.training.progress import check_stopped
from fastnn.training.run import Run
from fastnn.training.state import Snapshot
from fastnn.training.steps import Epochs, Report, Steps
from fastnn.training.stopping import StoppingRule

logger = getLogger("fastnn")


@dataclass(frozen=True)
class Plan:
    """When training ends, and how divergence is handled.

    Attributes
    ----------
    last_epoch : float
        The length of the history at which training ends; infinite for a stream.
    rules : sequence of StoppingRule
        Further stopping rules, checked after every epoch.
    divergence : Divergence
        How divergence is detected and reported.
    first_epoch : int
        The length of the history at the beginning, from which progress is measured.
    ending : str
        The stop reason if training ends after the last epoch.
    """

    last_epoch: float
    rules: Sequence[StoppingRule] = ()
    divergence: Divergence = field(default_factory=Divergence)
    first_epoch: int = 0
    ending: str = ""


class Trainer:
    """Trains until the last epoch, or until a rule or a callback stops the training.

    Parameters
    ----------
    run : Run
        State, callbacks and history of the training.
    steps : Steps
        Takes the steps of an epoch.
    plan : Plan
        When training ends.
    report : Report
        Called with the fraction of the work done.
    """

    def __init__(self, run: Run, steps: Steps, plan: Plan, report: Report) -> None:
        self.run, self.steps, self.plan, self.report = run, steps, plan, report
        self.before: Snapshot | None = None  # everything before an epoch
        self.parameters_before: Snapshot | None = None

    def train(self) -> None:
        """Train until the end, and record the reason in the history."""
        history = self.run.history
        while len(history) < self.plan.last_epoch and not history.stop_reason:
            if not self._train(self._epochs_at_once()):
                history.stop_reason = "there are no more batches"
        history.stop_reason = history.stop_reason or self.plan.ending

    def _epochs_at_once(self) -> int:
        """Number of epochs to train in one call: until validation, a rule, a callback or the schedule needs the results."""
        epoch = len(self.run.history)
        if self.run.validation is not None or self.steps.watches_epochs:
            return 1
        asked = [rule for rule in self.plan.rules if not (self.steps.pauses and rule.watch is not None)]
        unseen = min([epochs_until_due(self.run.callbacks, epoch), *(rule.unseen for rule in asked)])
        return int(max(1, min(self.steps.epochs_per_call(), self.plan.last_epoch - epoch, unseen)))

    def _train(self, n_epochs: int) -> bool:
        """Train for some epochs, or fewer if training diverges or ends early; False if there are no more data."""
        begin_epoch(self.run.callbacks, self.run.network, self.run.history)
        if not self.steps.begin():
            return False
        start = time.perf_counter()
        before = self._snapshot(n_epochs)
        self.run.network._forget_batch()
        with self._undone_if_broken(before):
            epochs = self.steps.train(n_epochs, self._report_within, self._watch())
        seconds = time.perf_counter() - start
        fewer = self._epochs_to_keep(epochs)
        if fewer < len(epochs.losses):
            self._undo(before)
            return self._train(fewer)
        self.check(epochs, before)
        self.end_epochs(epochs, seconds)
        return True

    def _watch(self) -> Watch:
        """The condition under which a call of several epochs pauses."""
        watches = [rule.watch for rule in self.plan.rules if rule.watch is not None]
        return watches[0] if watches else Watch()

    def _epochs_to_keep(self, epochs: Epochs) -> int:
        """Number of epochs to keep from a call of several: one if any of them diverged, or those before a rule stops."""
        if len(epochs.losses) == 1:  # which `check` looks at
            return 1
        if not (np.isfinite(epochs.losses).all() and self.run.network._is_finite):
            return 1
        return min([len(epochs.losses), *(rule.ends_within(epochs.losses) for rule in self.plan.rules)])

    def _snapshot(self, n_epochs: int) -> Snapshot | None:
        """A snapshot to undo the next epochs. Several that diverge are undone completely, and trained again one by one."""
        state, undoes = self.run.state, self.plan.divergence.undoes
        if n_epochs > 1 or undoes == "all":
            self.before = state.snapshot(self.before)
            return self.before
        if undoes == "nothing":
            return None
        self.parameters_before = state.snapshot_of_parameters(self.parameters_before)
        return self.parameters_before

    def check(self, epochs: Epochs, before: Snapshot | None) -> None:
        """Undo an epoch that diverged, and raise an error."""
        network, divergence = self.run.network, self.plan.divergence
        if divergence.is_met(epochs.losses[-1], network):
            self._undo(before)
            when = f"{self.steps.unit} {len(self.run.history) + 1}"
            raise divergence.error(when, epochs.losses[-1], epochs.rates[-1], network)

    def end_epochs(self, epochs: Epochs, seconds: float) -> None:
        """Record epochs, validate, and check rules and callbacks for whether to stop."""
        run, history = self.run, self.run.history
        history.record(epochs.losses, epochs.rates, seconds)
        if run.validation is not None:
            history.record_validation(run.validation.measure())
        if self.steps.watches_epochs:
            self.tell_steps(len(history) - len(epochs.losses))
        for rule in self.plan.rules:
            history.stop_reason = rule.end_epochs(history, len(epochs.losses)) or history.stop_reason
        self._log(len(epochs.losses))
        is_last = len(history) >= self.plan.last_epoch
        end_epoch(run.callbacks, run.network, history, is_last=is_last)
        self._report_within(0.0)

    def _log(self, n_epochs: int) -> None:
        if logger.isEnabledFor(DEBUG):
            history = self.run.history
            for epoch in range(len(history) - n_epochs, len(history)):
                logger.debug("Epoch %d: %s", epoch + 1, history.words(epoch))

    def tell_steps(self, first_epoch: int) -> None:
        """Report the losses of epochs, from `first_epoch` on, to the steps."""
        history = self.run.history
        for epoch in range(first_epoch, len(history)):
            validation_loss = history.validation_loss[epoch] if history.validation_loss else None
            self.steps.end(history.loss[epoch], validation_loss)

    def _report_within(self, share: float) -> None:
        """Report progress within an epoch as a fraction of the whole training, unless it must stop."""
        check_stopped()
        first, last = self.plan.first_epoch, self.plan.last_epoch
        done = len(self.run.history) + share - first
        self.report(done / (last - first) if math.isfinite(last) else math.nan)

    def _undo(self, before: Snapshot | None) -> None:
        if before is not None:
            self.run.state.restore(before)
            self.steps.undo()

    @contextmanager
    def _undone_if_broken(self, before: Snapshot | None) -> Iterator[None]:
        """Undo an epoch if an exception, such as one in a registered activation or loss, left NaN in the parameters."""
        try:
            yield
        except BaseException:
            if not self.run.network._is_finite:
                self._undo(before)
            raise
