"""Callbacks, progress, history and divergence of estimators."""

import warnings
from html import escape

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import fastnn
from fastnn.estimators import MLPClassifier, MLPRegressor
from tests.estimators.data import ESTIMATORS, N_SAMPLES
from tests.estimators.fits import (
    CLASSES,
    DEFAULTS,
    HELD_OUT,
    NUMBERS,
    TRAINED,
    X,
    assert_same_fit,
    both,
    fitted,
    parameters_of,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Recorder(fastnn.Callback):
    """Records its calls, and stops training after some epochs."""

    def __init__(self, n_epochs):
        self.n_epochs, self.seen = n_epochs, []

    def on_epoch_end(self, network, history):
        self.seen.append(history.loss[-1])
        return "enough" if len(self.seen) == self.n_epochs else None


SOLVERS = pytest.mark.parametrize("parameters", [{}, {"solver": "sgd"}, {"solver": "lbfgs"}], ids=str)


@both
@SOLVERS
def test_callbacks_see_each_iteration_and_can_end_the_training(parameters, make, y):
    recorder = Recorder(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        found = fitted(make, y, callbacks=[recorder], **parameters)
    assert found.n_iter_ == len(recorder.seen) == 3
    assert found.history_.stop_reason == "enough"
    assert found.history_.loss == recorder.seen
    np.testing.assert_allclose(found.loss_, recorder.seen[-1])
    unwatched = fitted(make, y, max_iter=3, **parameters)
    np.testing.assert_allclose(parameters_of(found), parameters_of(unwatched))


@both
@SOLVERS
def test_fastnns_early_stopping_gives_back_the_best(parameters, make, y):
    stopping = fastnn.EarlyStopping(patience=2)
    held_out = {"X_val": X[HELD_OUT], "y_val": y[HELD_OUT]}
    found = fitted(make, y[TRAINED], X[TRAINED], callbacks=stopping, fit=held_out, max_iter=40, **parameters)
    losses = found.history_.validation_loss
    assert stopping.best_epoch == 1 + int(np.argmin(losses))
    again = fitted(make, y[TRAINED], X[TRAINED], max_iter=stopping.best_epoch, **parameters)
    np.testing.assert_allclose(parameters_of(found), parameters_of(again))


@both
@SOLVERS
def test_a_checkpoint_is_refused(parameters, make, y, tmp_path):
    with pytest.raises(ValueError, match=r"Checkpoint works only with Network.fit: save an estimator with joblib"):
        fitted(make, y, callbacks=[fastnn.Checkpoint(tmp_path / "training")], **parameters)


@both
@SOLVERS
def test_progress_is_told_from_0_to_1(parameters, make, y):
    told = []
    found = fitted(make, y, progress=lambda share, history: told.append((share, len(history))), **parameters)
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert told[-1][1] <= found.n_iter_ == len(found.history_)


def test_progress_draws_a_bar(capsys):
    fitted(MLPClassifier, CLASSES, progress=True)
    assert "100%" in capsys.readouterr().err


@both
def test_the_history_is_that_of_a_fit_and_goes_on_in_partial_fit(make, y):
    found = fitted(make, y, solver="sgd", learning_rate="invscaling")
    assert found.history_.loss == found.loss_curve_
    assert len(found.history_.seconds) == len(found.history_.learning_rate) == 6
    np.testing.assert_allclose(found.history_.learning_rate, 0.01 / np.sqrt([1, *(N_SAMPLES * np.arange(1, 6) + 1)]))
    assert len(found.partial_fit(X, y).history_) == 7
    assert len(found.fit(X, y).history_) == 6


@both
def test_layers_are_shown(make, y):
    found = fitted(make, y)
    n_outputs = 3 if make is MLPClassifier else 1
    assert str(5 * 8 + 8 + 8 * 4 + 4 + 5 * n_outputs) in found.summary()
    unfitted, html = make(**DEFAULTS)._repr_html_(), found._repr_mimebundle_()["text/html"]
    assert html.endswith(f"<pre>{escape(found.summary())}</pre>")
    assert not unfitted.endswith("</pre>")
    assert found._repr_html_().endswith("</pre>")
    assert repr(found).startswith(f"{make.__name__}(")
    assert found._repr_mimebundle_()["text/plain"] == repr(found)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_ends_as_scikit_learns_does(estimator, early_stopping, backend):
    """With an error, but for a regressor's early stopping, whose first parameters are the last with a score."""
    ours, theirs = ESTIMATORS[estimator]
    y = CLASSES if ours is MLPClassifier else NUMBERS
    parameters = {
        "solver": "sgd",
        "learning_rate_init": 1e200,
        "activation": "identity",
        "early_stopping": early_stopping,
    }
    if early_stopping and ours is MLPRegressor:
        assert_same_fit(fitted(ours, y, backend=backend, **parameters), fitted(theirs, y, **parameters))
        return
    message = "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
    for make, own in ((ours, {"backend": backend}), (theirs, {})):
        with pytest.raises(ValueError, match=message):
            fitted(make, y, **parameters, **own)


#: Contradictory options, and the error message.


@both
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_ends_the_training_with_what_is_learnt(early_stopping, make, y):
    class Interrupt(fastnn.Callback):
        def on_epoch_end(self, network, history):
            if len(history.loss) == 3:
                raise KeyboardInterrupt

    parameters = {"early_stopping": early_stopping, "validation_fraction": 0.3}
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        found = fitted(make, y, callbacks=Interrupt(), **parameters)
    assert found.n_iter_ == 3
    assert_same_fit(found, fitted(make, y, max_iter=3, **parameters))
