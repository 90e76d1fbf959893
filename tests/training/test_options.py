"""The keyword arguments of `Network.fit` and of optimizers: one definition, shown by help, with suggestions."""

import inspect
from dataclasses import fields

import numpy as np
import pytest
from sklearn.datasets import load_iris

import fastnn
from fastnn.training.options import FitKeywords, FitOptions

X, LABELS = np.zeros((4, 2)), [0, 1, 0, 1]


def test_type_checkers_and_help_know_every_option():
    names = [field.name for field in fields(FitOptions)]
    assert list(FitKeywords.__annotations__) == names
    assert list(inspect.signature(fastnn.Network.fit).parameters) == ["self", "X", "y", "sample_weight", *names]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fastnn.SGD(lr=0.1), "SGD has no argument 'lr'. Did you mean 'learning_rate'?"),
        (lambda: fastnn.Adam(beta1=0.1), "Adam has no argument 'beta1'. Did you mean 'beta_1'?"),
        (lambda: fastnn.Muon(weightdecay=0.1), "Muon has no argument 'weightdecay'. Did you mean 'weight_decay'?"),
        (lambda: fastnn.Network([2, 2]).fit(X, LABELS, epoch=3), "fit has no argument 'epoch'. Did you mean 'epochs'?"),
        (lambda: fastnn.Network([2, 2]).fit(X, LABELS, lr=3), "The learning rate belongs to the optimizer"),
        (lambda: fastnn.Network([2, 2]).fit(X, LABELS, cheese=3), "fit has no argument 'cheese'."),
    ],
)
def test_unknown_keywords_are_answered_with_what_was_meant(call, message):
    with pytest.raises(TypeError) as raised:
        call()
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("backend", fastnn.available_backends())
def test_by_default_a_network_learns_iris(backend):
    X, y = load_iris(return_X_y=True)
    network = fastnn.Network([4, 32, 3], backend=backend, seed=0)
    network.fit(X, y)
    assert (network.predict(X) == y).mean() >= 0.95


def test_an_estimator_takes_an_optimizer_by_name():
    given, named = (
        fastnn.MLPClassifier(optimizer=optimizer, max_iter=9, tol=10, n_iter_no_change=1, random_state=0)
        for optimizer in (fastnn.AdamW(), "adamw")
    )
    for model in (given, named):
        model.fit(X, LABELS)
    assert given.coefs_[0].tobytes() == named.coefs_[0].tobytes()
