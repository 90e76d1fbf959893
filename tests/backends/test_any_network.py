"""Any network, any kind of data, any batches, any number of threads: both backends compute the same."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fastnn
from fastnn.losses import Loss
from tests.cases import (
    HIDDEN,
    OUTPUTS,
    allow_large_teams,
    assert_agree,
    distance_from_kinks,
    has_kinks,
    layer_sizes_for,
    tolerance,
)

EPOCHS = 2
OPTIMIZER = fastnn.SGD(learning_rate=0.01, l2=0.1)

#: Smallest distance from a kink, so that rounding cannot move a value across: ten times the error of sums of forty terms.
CLEARANCE = {"float32": 1e-5, "float64": 1e-12}


def in_rows(X):
    return np.ascontiguousarray(X)


def in_columns(X):
    return np.asfortranarray(X)


def sliced(X):
    """Every second row and column of a larger array, from the last row to the first."""
    larger = np.full((2 * len(X), 2 * X.shape[1]), 7, X.dtype)
    larger[::-2, ::2] = X
    return larger[::-2, ::2]


#: Dtype of the network, dtype of X and memory layout of X. Machine code differs for each, so there are only four.
DATA = (
    ("float32", "float32", in_rows),
    ("float32", "float64", in_columns),
    ("float64", "float64", in_rows),
    ("float64", "uint8", sliced),
)


@pytest.fixture(autouse=True, scope="module")
def _large_teams():
    with pytest.MonkeyPatch.context() as patch:
        allow_large_teams(patch)
        yield


@dataclass(frozen=True)
class Training:
    """A network, its data and its training."""

    layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: Loss
    seed: int
    data: tuple
    n_samples: int
    batch_size: int
    shuffle: bool
    n_threads: int

    @property
    def dtype(self):
        return self.data[0]

    def network(self, backend, n_threads=None, dtype=None):
        return fastnn.Network(
            self.layer_sizes,
            self.activations,
            self.loss,
            backend=backend,
            dtype=dtype or self.dtype,
            initializer="glorot_normal",
            seed=self.seed,
            n_threads=n_threads,
        )

    def features_and_targets(self):
        _, dtype, layout = self.data
        random = np.random.default_rng([self.seed, 1])
        X = random.standard_normal((self.n_samples, self.layer_sizes[0])).astype(np.float32)
        X = layout((np.abs(X) if dtype == "uint8" else X).astype(dtype))
        shape = (self.n_samples, self.layer_sizes[-1])
        match self.loss.targets:
            case "classes":
                return X, random.integers(shape[1], size=shape[0])
            case "probabilities":
                return X, random.uniform(size=shape)
            case "counts":
                return X, random.poisson(1.0, shape)
        return X, random.standard_normal(shape)

    def tolerance(self):
        """That of `tests.cases`, for the steps of all epochs."""
        steps = EPOCHS * -(-self.n_samples // self.batch_size)
        return steps * tolerance(self.dtype, *self.layer_sizes, *self.layer_sizes[1:], self.batch_size)

    def distance_from_kinks(self):
        """The smallest distance from a kink in the whole training."""
        if not has_kinks(self.activations, self.loss):
            return np.inf
        network, smallest = self.network("numpy", dtype="float64"), np.inf
        X, y = self.features_and_targets()
        for _ in range(EPOCHS):
            order = np.arange(self.n_samples)
            if self.shuffle and self.batch_size < self.n_samples:
                order = network.random.permutation(self.n_samples)
            for start in range(0, self.n_samples, self.batch_size):
                batch = order[start : start + self.batch_size]
                smallest = min(smallest, distance_from_kinks(network, X[batch].astype(np.float64), y[batch]))
                network.loss(X[batch], y[batch])
                network.backward()
                network.step(OPTIMIZER)
        return smallest

    def results(self, backend, n_threads=None):
        """Outputs, loss and gradient of a batch, and losses and parameters of a fit."""
        network, (X, y) = self.network(backend, n_threads), self.features_and_targets()
        batch = slice(0, self.batch_size)
        results = [network.logits(X), network.forward(X), np.array(network.loss(X[batch], y[batch]))]
        results.append(network.backward().copy())
        history = network.fit(
            X, y, optimizer=OPTIMIZER, epochs=EPOCHS, batch_size=self.batch_size, shuffle=self.shuffle
        )
        return [*results, np.array(history.loss), network.parameters]


@st.composite
def trainings(draw):
    loss, output = draw(st.sampled_from(OUTPUTS))
    sizes = draw(st.lists(st.integers(1, 40), min_size=2, max_size=4))
    hidden = draw(st.lists(st.sampled_from(HIDDEN), min_size=len(sizes) - 2, max_size=len(sizes) - 2))
    n_samples = draw(st.integers(1, 64) | st.integers(257, 600))  # from 257 on, several tiles of a narrow network
    return Training(
        layer_sizes=layer_sizes_for(output, tuple(sizes)),
        activations=(*hidden, output),
        loss=loss,
        seed=draw(st.integers(0, 2**32)),
        data=draw(st.sampled_from(DATA)),
        n_samples=n_samples,
        batch_size=min(n_samples, draw(st.integers(max(1, n_samples // 8), 600))),
        shuffle=draw(st.booleans()),
        n_threads=draw(st.integers(2, 5)),
    )


@settings(derandomize=True, deadline=None, max_examples=60, database=None)
@given(trainings())
def test_any_training_is_the_same_on_both_backends_and_to_the_bit_for_any_number_of_threads(training):
    assume(training.distance_from_kinks() > CLEARANCE[training.dtype])
    alone = training.results("numba", 1)
    for found, expected in zip(alone, training.results("numpy"), strict=True):
        assert_agree(found, expected, training.tolerance())
    team = training.results("numba", training.n_threads)
    assert [one.tobytes() for one in team] == [one.tobytes() for one in alone]
