"""The history of training, and its log messages."""

import logging
import math

import numpy as np
import pandas as pd
import pytest

import fastnn
from fastnn.training import descent
from fastnn.training.callbacks import EarlyStopping
from fastnn.training.history import History
from tests.cases import every_backend
from tests.training.fits import fit, new_network


@every_backend
def test_a_history_is_a_sequence_of_epochs_and_a_table(backend):
    history = fit(new_network(backend), validation_fraction=0.2, callbacks=EarlyStopping("f1", patience=100))
    assert len(history) == len(list(history)) == 6
    assert history[-1] == history[5] == list(history)[5]
    assert history[0]["loss"] == history.loss[0]
    with pytest.raises(IndexError):
        history[6]
    frame = history.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["loss", "validation_loss", "validation_accuracy", "learning_rate", "seconds", "f1"]
    assert list(frame.index) == [1, 2, 3, 4, 5, 6]
    assert frame["validation_loss"].tolist() == history.validation_loss
    assert history.learning_rate == [0.3] * 6
    assert repr(history).startswith("<History: 6 epochs in ")
    assert f"best epoch {history.best_epoch}; all 6 epochs are done>" in repr(history)


class Decaying(fastnn.SGD):
    """A rate of 1 / (t + 1) in step t, counted from 0."""

    def settings(self, first_step, n_steps, rates=None, momenta=None):
        return super().settings(first_step, n_steps, 1 / np.arange(first_step + 1, first_step + n_steps + 1), momenta)


@every_backend
@pytest.mark.parametrize("seconds", [0, 1e9])
@pytest.mark.parametrize(("batch_size", "n_batches"), [(16, 4), (None, 1)])
def test_learning_rates_are_those_of_the_last_steps(batch_size, n_batches, seconds, backend, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", seconds)
    history = fit(new_network(backend), optimizer=Decaying(), batch_size=batch_size, epochs=20)
    assert history.learning_rate == [1 / (n_batches * epoch) for epoch in range(1, 21)]


def test_columns_that_are_shorter_are_filled_up():
    history = History([1.0, 2.0], scores={"f1": [3.0]})
    assert history.to_frame()["f1"].isna().tolist() == [False, True]
    assert history[1] == {"loss": 2.0}


@pytest.mark.parametrize(
    ("history", "best"),
    [
        (History(), None),
        (History([3.0, 1.0, 2.0]), 2),
        (History([3.0, 1.0, 2.0], [2.0, 3.0, 1.0]), 3),
        (History([3.0, 1.0, 2.0], [math.nan, math.inf, 1.0]), 3),
        (History([3.0, 1.0, 2.0], found_best=1), 1),
    ],
)
def test_the_best_epoch_is_that_of_the_smallest_loss_unless_a_callback_knows_better(history, best):
    assert history.best_epoch == best
    assert "<History: " in repr(history)


def test_training_is_logged_and_never_printed(caplog, capsys):
    with caplog.at_level(logging.DEBUG, logger="fastnn"):
        fit(new_network(), epochs=2)
    assert [record.levelname for record in caplog.records] == ["DEBUG", "DEBUG", "INFO"]
    assert caplog.messages[0].startswith("Epoch 1: loss ")
    assert caplog.messages[2] == "Training ended after epoch 2: all 2 epochs are done."
    assert capsys.readouterr() == ("", "")
