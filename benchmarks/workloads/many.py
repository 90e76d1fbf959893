"""``fit_many``: hundreds of small networks trained in one call."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Self

import joblib
import numpy as np
from numpy.typing import NDArray

import fastnn
from benchmarks.harness.agreement import assert_same_bits, assert_within
from benchmarks.harness.turns import seconds_of
from benchmarks.settings import SEED
from benchmarks.workloads import same_learning
from benchmarks.workloads.call import Call, scores
from benchmarks.workloads.libraries import SUBJECT, few_epochs, fitted
from benchmarks.workloads.search import worker_processes
from benchmarks.workloads.training import DRIFT_TOLERANCE, LOSS_TOLERANCE, Training, relative_drifts

#: Largest relative difference of the networks' mean last loss from the reference's. Both shuffle differently.
MEAN_LOSS_TOLERANCE = 0.02


@dataclass(frozen=True, kw_only=True)
class ManyFits(Call):
    """Models that differ only in their random state, all trained on the same data."""

    n_models: int = 200
    n_jobs: int = 2

    @property
    def fewest_processors(self) -> int:
        """One per thread or worker process."""
        return self.n_jobs

    def missing(self) -> str | None:
        """The function itself, which older versions lack."""
        return None if hasattr(fastnn, "fit_many") else "fastnn.fit_many"

    def quick(self) -> Self:
        """Return the same call with a few models."""
        return replace(super().quick(), n_models=min(self.n_models, 5))

    def fit_many(self, models: Sequence[Any], **options: Any) -> Any:
        """Call the function that is timed."""
        data = self.data()
        with few_epochs():
            return fastnn.fit_many(models, (data.X, data.y), n_threads=self.n_jobs, **options)


@dataclass(frozen=True, kw_only=True)
class ManyEstimators(ManyFits):
    """fastnn's estimators against scikit-learn's, which joblib fits in worker processes."""

    def check(self) -> dict[str, float]:
        """Require each to have the same bits as when fitted alone, and some to score like scikit-learn's."""
        deviations, models = super().check(), self.fit_many(self.estimators(SUBJECT))
        for model, alone in zip(models, self.estimators(SUBJECT), strict=True):
            self._assert_as_alone(model, fitted(alone, self.data()))
        some = {self.reference: self.fitted_by_workers(2 * self.n_jobs), SUBJECT: models[: 2 * self.n_jobs]}
        means = {name: self._mean_score(fits) for name, fits in some.items()}
        return {**deviations, "scores_of_the_work": same_learning.assert_same_scores(self.name, means)}

    def prepare(self, name: str) -> Callable[[], float]:
        """Return a turn that fits fresh estimators."""
        if name == self.reference:
            return lambda: seconds_of(lambda: self.fitted_by_workers(self.n_models))
        return lambda: seconds_of(lambda: self.fit_many(self.estimators(SUBJECT)))

    def estimators(self, library: str) -> list[Any]:
        """Return an unfitted estimator for each random state."""
        return [self.estimator(library, random_state=SEED + model) for model in range(self.n_models)]

    def fitted_by_workers(self, n_models: int) -> list[Any]:
        """Fit the first `n_models` of scikit-learn's estimators in worker processes."""
        with worker_processes(self.n_jobs):
            fits = (joblib.delayed(fitted)(model, self.data()) for model in self.estimators(self.reference)[:n_models])
            return list(joblib.Parallel()(fits))

    def _assert_as_alone(self, model: Any, alone: Any) -> None:
        pair = {"fit": same_learning.parameters(alone), "fit_many": same_learning.parameters(model)}
        assert_same_bits(self.name, pair)

    def _mean_score(self, models: Iterable[Any]) -> float:
        return float(np.mean(list(scores(dict(enumerate(models)), self.data()).values())))


@dataclass(frozen=True, kw_only=True)
class ManyNetworks(ManyFits):
    """fastnn's networks against the same ones trained by JAX, all at once by ``vmap``."""

    reference: ClassVar[str] = "JAX, vmap"

    class_name: str = "Network"

    def missing(self) -> str | None:
        """Also JAX."""
        return super().missing() or (None if find_spec("jax") else "JAX")

    def check(self) -> dict[str, float]:
        """Require each to have the same bits as when fitted alone, and JAX to learn the same."""
        parameters, last_losses = self._trained_together()
        for together, alone in zip(parameters, self.networks(), strict=True):
            self.training.fit(alone)
            assert_same_bits(self.name, {"fit": [alone.parameters], "fit_many": [together]})
        _, losses = self._in_jax(self.training).train(shuffle=True)
        deviation = abs(np.mean(last_losses) / np.mean(losses) - 1)
        pair = self.reference, SUBJECT
        assert_within(self.name, "means of the last losses", pair, float(deviation), MEAN_LOSS_TOLERANCE)
        return {"mean_losses": float(deviation), **self._assert_same_beginning()}

    def prepare(self, name: str) -> Callable[[], float]:
        """Return a turn that trains networks made beforehand."""
        if name == self.reference:
            peer = self._in_jax(self.training)
            peer.train(shuffle=True, epochs=1)  # compiles
            return lambda: seconds_of(lambda: peer.train(shuffle=True))

        def turn() -> float:
            networks = self.networks()
            return seconds_of(lambda: self.fit_many(networks, **self.training.fit_options))

        return turn

    @property
    def training(self) -> Training:
        """The training of each network."""
        return Training(
            name=self.name,
            make_data=self.make_data,
            n_samples=self.n_samples,
            layer_sizes=(self.data().X.shape[1], *self.options["hidden_layer_sizes"], 2),
            activations=("relu", "softmax"),
            loss="softmax_cross_entropy",
            batch_size=self.options["batch_size"],
            learning_rate=0.001,
            epochs=self.options["max_iter"],
            adam=True,
        )

    def networks(self) -> list[fastnn.Network]:
        """Return an untrained network for each seed."""
        return [self.training.network("numba", seed=SEED + model) for model in range(self.n_models)]

    def _trained_together(self) -> tuple[list[NDArray[Any]], list[float]]:
        """Train by ``fit_many``; return parameters and last loss of each network."""
        networks = self.networks()
        histories = self.fit_many(networks, **self.training.fit_options)
        return [network.parameters for network in networks], [history.loss[-1] for history in histories]

    def _assert_same_beginning(self) -> dict[str, float]:
        """Require the same losses and nearly the same parameters after a few batches, unshuffled."""
        training, networks, pair = self.training.comparable(), self.networks(), (self.reference, SUBJECT)
        start = np.stack([network.parameters.copy() for network in networks])
        expected, losses = self._in_jax(training).train(shuffle=False)
        ours = np.array([training.fit(network, shuffle=False).loss[-1] for network in networks])
        drift = relative_drifts(np.stack([network.parameters for network in networks]), expected, start).max()
        deviation = np.abs(ours / losses - 1).max()
        return {
            "losses": assert_within(self.name, "losses", pair, float(deviation), LOSS_TOLERANCE),
            "drift": assert_within(self.name, "parameters", pair, float(drift), DRIFT_TOLERANCE),
        }

    def _in_jax(self, training: Training) -> Any:
        """Return the networks in JAX, which is imported only here because it starts threads."""
        module = import_module("benchmarks.peers.implementations.many_with_jax")
        return module.ManyInJax(training, self.networks())
