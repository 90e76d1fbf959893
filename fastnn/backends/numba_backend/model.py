"""A network in the compiled backend: inference, losses and gradients, single steps, and training."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from fastnn.architecture import Architecture, aligned_zeros
from fastnn.backends.bound_layers import BoundLayer, Descent
from fastnn.backends.data_kind import DataKind
from fastnn.backends.numba_backend.network import BoundNetwork
from fastnn.backends.numba_backend.programs.equations import are_few, descend_in_one
from fastnn.backends.numba_backend.programs.gradient import LossOfBatch
from fastnn.backends.numba_backend.programs.inference import ROWS_PER_PASS, Inference
from fastnn.backends.numba_backend.programs.inputs import work_of
from fastnn.backends.numba_backend.programs.program import Program
from fastnn.backends.numba_backend.programs.training import Training
from fastnn.updates import SETTINGS, Rule
from fastnn.validation import is_sparse

#: Samples per pass of `evaluate`, so that memory does not grow with the data.
ROWS_PER_LOSS = 1024

#: Largest number of activations in a batch for which a `Training` is kept until the next `fit`.
LARGEST_KEPT = 2**20


def batch_records(n_samples: int, batch_size: int, records: np.ndarray | None = None) -> np.ndarray:
    """One `SETTINGS` record per batch of consecutive samples."""
    starts = np.arange(0, n_samples, batch_size)
    records = np.zeros(len(starts), SETTINGS) if records is None else records
    records["start"], records["n_samples"] = starts, np.minimum(batch_size, n_samples - starts)
    return records


class Model(BoundNetwork):
    """A network with its programs: inference, losses and gradients, single steps, and training."""

    def __init__(
        self, architecture: Architecture, parameters: np.ndarray, gradient: np.ndarray, statistics: np.ndarray
    ) -> None:
        super().__init__(architecture, parameters, gradient, statistics)
        self._inference: dict[tuple[bool, bool], list[Inference]] = {}
        self._losses: dict[tuple[bool, bool, bool, bool], LossOfBatch] = {}
        self._last: LossOfBatch | None = None
        self._stepper: Stepper | None = None
        self._training: Training | None = None
        self._evaluation: tuple[tuple[bool, bool, int], LossOfBatch] | None = None

    def infer(self, out: np.ndarray, X: np.ndarray, n_threads: int, *, activates: bool) -> bool:
        """A_L, or Z_L unless `activates`; X (n, n_0) -> (n, n_L). Returns whether Z_1 is finite."""
        n = X.shape[0]
        if n <= ROWS_PER_PASS:
            with self._leased(activates, is_sparse(X)) as inference:
                return inference.run_once(out, X)
        n_passes = -(-n // ROWS_PER_PASS)
        team = min(self.team(n, n, n_threads, work_of(self.architecture, X)), n_passes)
        steps = batch_records(n, ROWS_PER_PASS)
        cuts = [n_passes * thread // team for thread in range(team + 1)]
        calls = [(steps[a:b], out, X) for a, b in pairwise(cuts)]
        if team == 1:
            self._infer_passes(steps, out, X, activates)
        else:
            _side_by_side([partial(self._infer_passes, *call, activates) for call in calls])
        return not steps["not_finite"].any()

    def _infer_passes(self, steps: np.ndarray, out: np.ndarray, X: np.ndarray, activates: bool) -> None:
        with self._leased(activates, is_sparse(X)) as inference:
            inference.run(steps, out, X)

    @contextmanager
    def _leased(self, activates: bool, sparse: bool) -> Iterator[Inference]:
        """An inference program that no other thread uses at the same time."""
        idle = self._inference.setdefault((activates, sparse), [])
        try:
            inference = idle.pop()
        except IndexError:
            inference = Inference(self.bind(ROWS_PER_PASS, trains=False), activates=activates, sparse=sparse)
        try:
            yield inference
        finally:
            idle.append(inference)

    def loss(
        self,
        sample_losses: np.ndarray,
        X: np.ndarray,
        Y: np.ndarray,
        relative_weights: np.ndarray,
        step: np.ndarray,
        n_threads: int,
    ) -> float:
        """L = mean_i c_i L_i of a training batch, and dZ_L for `backward`; c (n,) or (0,) -> L_i (n,)."""
        n, work = X.shape[0], work_of(self.architecture, X)
        program = self._loss_program(n, Y.ndim == 1, len(relative_weights) > 0, is_sparse(X))
        step["start"], step["n_samples"], program.work = 0, n, work
        program.run(sample_losses, X, Y, relative_weights, step, self.team(n, n, n_threads, work))
        self._last = program
        return float(step["loss"][0])

    def evaluate(self, sample_losses: np.ndarray, X: np.ndarray, Y: np.ndarray, n_threads: int) -> None:
        """L_i of any number of samples, in inference mode."""
        n = min(X.shape[0], ROWS_PER_LOSS)
        team = self.team(X.shape[0], n, n_threads, work_of(self.architecture, X))
        key = Y.ndim == 1, is_sparse(X), n
        if self._evaluation is None or self._evaluation[0] != key:
            network = self.bind(n, trains=False)
            self._evaluation = key, LossOfBatch(network, classes=key[0], weighted=False, sparse=key[1])
        program = self._evaluation[1]
        program.run(sample_losses, X, Y, np.empty(0), batch_records(X.shape[0], n), team)

    def backward(self, n_threads: int) -> None:
        """dW_l, db_l for l = L ... 1, from the dZ_L computed by `loss`."""
        if self._last is not None:
            n = self._last.n_samples
            self._last.backward(self.team(n, n, n_threads, self._last.work))

    @property
    def layers_of_loss(self) -> list[BoundLayer]:
        """The layers after the last call of `loss`."""
        return [] if self._last is None else self._last.network

    def _loss_program(self, n_samples: int, classes: bool, weighted: bool, sparse: bool) -> LossOfBatch:
        key = classes, weighted, sparse, are_few(n_samples)
        program = self._losses.get(key)
        if program is None or program.capacity < n_samples:
            program = LossOfBatch(self.bind(n_samples), classes=classes, weighted=weighted, sparse=sparse)
            self._losses[key] = program
        return program

    def step(self, rule: Rule, states: np.ndarray, step: np.ndarray, n_threads: int) -> None:
        """One update of all parameters from the gradient, which penalties and clipping do not change."""
        if self._stepper is None or self._stepper.rule != rule or self._stepper.states is not states:
            self._stepper = Stepper(self, rule, states)
        self._stepper.run(step, self.team(1, 1, n_threads))

    def training(self, rule: Rule, states: np.ndarray, batch_size: int, data: DataKind, max_threads: int) -> Training:
        """An object that trains on batches of at most `batch_size` samples; the last one is kept unless it is large."""
        wanted, kept = (rule, batch_size, data, max_threads), self._training
        if (
            kept is not None
            and kept.purpose == wanted
            and (kept.states is states or kept.states.size == states.size == 0)
        ):
            return kept
        self._training = None
        training = Training(self, rule, states, batch_size, data, max_threads)
        if batch_size * sum(self.architecture.layer_sizes) <= LARGEST_KEPT:
            self._training = training
        return training


class Stepper:
    """Single updates of the parameters, from a copy of the gradient."""

    def __init__(self, model: Model, rule: Rule, states: np.ndarray) -> None:
        self.rule, self.states = rule, states
        parameters, self.gradient, _ = model.vectors
        self.copy = aligned_zeros(len(self.gradient), model.dtype)
        self.program = Program(model.dtype, flushes=True)
        network = model.bind(0, gradient=self.copy)
        descent = Descent(rule, states, network, model.architecture, parameters, self.copy)
        descend_in_one(self.program, descent)

    def run(self, step: np.ndarray, n_threads: int) -> None:
        """Make one update."""
        self.copy[:] = self.gradient
        self.program.run(step, n_threads)


def _side_by_side(calls: list[Any]) -> None:
    """Make each call in its own thread, the first in this one; raise the first exception, if any."""
    errors: list[BaseException] = []

    def guarded(call: Any) -> None:
        try:
            call()
        except BaseException as error:
            errors.append(error)

    started: list[threading.Thread] = []
    for call in calls[1:]:
        thread = threading.Thread(target=guarded, args=(call,), daemon=True)
        try:
            thread.start()
            started.append(thread)
        except RuntimeError:  # no more threads available
            guarded(call)
    guarded(calls[0])
    for thread in started:
        thread.join()
    if errors:
        raise errors[0]
