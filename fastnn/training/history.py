"""The history of a training run, epoch by epoch."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

#: The lists of a history that have one number per epoch.
CURVES = ("loss", "validation_loss", "validation_accuracy", "learning_rate", "seconds")


class Measured(NamedTuple):
    """Results on the held-out data after an epoch: loss, accuracy (for classes), and scores by name."""

    loss: float
    accuracy: float | None = None
    scores: dict[str, float] = {}  # noqa: RUF012 (it is never modified)


@dataclass(repr=False)
class History:
    """The results of each epoch, or of each batch in `Network.fit_batches`.

    Its length is the number of epochs. ``history[i]`` is a dictionary of the results of epoch i, counted from 0 like the
    lists; iterating over the history yields these dictionaries.

    Attributes
    ----------
    loss : list of float
        Mean loss over the samples of the epoch, each measured just before the update that used it.
    validation_loss, validation_accuracy : list of float
        Results on the validation data after the epoch; empty without such data. Accuracy is for classes only.
    learning_rate : list of float
        Learning rate of the last step of the epoch.
    seconds : list of float
        Training time, without compilation and validation. Several epochs may be trained in one call if an epoch is short;
        they share its time equally.
    scores : dict of str to list of float
        Further measurements after each epoch, by name, such as those of an `EarlyStopping` scorer or your own callbacks.
    stop_reason : str
        Why training ended; empty while it is running.
    found_best : int or None
        The best epoch according to an `EarlyStopping`, counted from 1.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    stop_reason: str = ""
    found_best: int | None = None

    def record(self, losses: list[float], rates: list[float], seconds: float) -> None:
        """Append epochs; `seconds` is their total time."""
        self.loss += losses
        self.learning_rate += rates
        self.seconds += [seconds / len(losses)] * len(losses)

    def record_validation(self, measured: Measured) -> None:
        """Append the validation results of an epoch."""
        self.validation_loss.append(measured.loss)
        if measured.accuracy is not None:
            self.validation_accuracy.append(measured.accuracy)
        for name, value in measured.scores.items():
            self.record_score(name, value)

    def record_score(self, name: str, value: float) -> None:
        """Append a score."""
        self.scores.setdefault(name, []).append(value)

    @property
    def best_epoch(self) -> int | None:
        """The best epoch, counted from 1: that of an `EarlyStopping`, or else the one with the smallest loss.

        This is the validation loss if there are validation data. None before the first epoch has ended.
        """
        if self.found_best is not None:
            return self.found_best
        losses = np.array(self.validation_loss or self.loss)
        return int(np.argmin(np.where(np.isnan(losses), np.inf, losses))) + 1 if len(losses) else None

    def curves(self) -> dict[str, list[float]]:
        """All recorded curves by name, scores last."""
        curves = {name: getattr(self, name) for name in CURVES}
        return {name: values for name, values in (curves | self.scores).items() if values}

    def words(self, epoch: int) -> str:
        """The results of an epoch, counted from 0, as text, without its seconds."""
        return ", ".join(f"{name} {value:.4g}" for name, value in self[epoch].items() if name != "seconds")

    def to_frame(self) -> Any:
        """A pandas DataFrame with one row per epoch, counted from 1, and one column per curve."""
        import pandas as pd

        frame = pd.DataFrame({name: pd.Series(values, dtype=float) for name, values in self.curves().items()})
        frame.index = pd.RangeIndex(1, len(frame) + 1, name="epoch")
        return frame

    def __len__(self) -> int:
        return len(self.loss)

    def __getitem__(self, epoch: int) -> dict[str, float]:
        place = range(len(self))[epoch]
        return {name: values[place] for name, values in self.curves().items() if place < len(values)}

    def __iter__(self) -> Iterator[dict[str, float]]:
        return (self[epoch] for epoch in range(len(self)))

    def __repr__(self) -> str:
        if not len(self):
            return f"<History: no epochs{'; ' * bool(self.stop_reason)}{self.stop_reason}>"
        parts = (
            f"{len(self)} epoch{'s' * (len(self) > 1)} in {sum(self.seconds):.3g} s",
            self.words(-1),
            f"best epoch {self.best_epoch}",
            *([self.stop_reason] if self.stop_reason else []),
        )
        return f"<History: {'; '.join(parts)}>"
