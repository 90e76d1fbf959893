"""Checkpoints: what a training needs to go on as if it had never been interrupted, in one file.

The file is a saved network, which `fastnn.load` reads, with more in it. Its header also says:

``run``
    What has to be the same when the training goes on: optimizer, batch size, number of samples and so on.
``progress``
    What changes: steps made, random numbers, history, and what callbacks remember. Arrays stand beside the header.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.archives import check_depth, check_writable, describe, fitting, open_archive, write_archive
from fastnn.feed_forward import FeedForward
from fastnn.npz import ArrayArchive
from fastnn.optimizers import Optimizer
from fastnn.training.callbacks import Callback, check_vector, stateful
from fastnn.training.history import CURVES, History
from fastnn.training.run import Run
from fastnn.training.state import Counters, Snapshot

#: What is kept of a history.
HISTORY = (*CURVES, "scores", "stop_reason", "found_best")

#: Steps that no training reaches, and that floating-point numbers still count exactly.
MOST_STEPS = 2**53

#: The largest place within their buffer for generators of random numbers that have one: NumPy reads whatever lies there.
PLACES = {"pos": 624, "buffer_pos": 4}

ARRAY = "array"  # key of the dictionary that stands in the header in place of an array


class Checkpoint(Callback):
    """Write all that ``fit(..., resume_from=path)`` needs to go on, every few epochs and after the last one.

    The file holds parameters, what the optimizer keeps, random numbers, history, and what other callbacks remember. It
    appears whole or not at all, also when the process is killed. `fastnn.load` reads it as the network of the last epoch.
    A kill may leave a temporary file beside it, which the next training with a checkpoint of that name removes.

    Parameters
    ----------
    path : str or path-like
        File to write, used as given: no ending is added. Each checkpoint replaces the one before.
    every : int, default 1
        Epochs from one to the next. Writing waits for the disk, some milliseconds even for a small network.

    Raises
    ------
    OSError
        From `fit`: before training if the file cannot be written at all, or after the epoch in which that fails, as on a
        full disk. The checkpoint before is still whole, and the network has the parameters of that epoch.

    Examples
    --------
    >>> options = {"epochs": 100, "callbacks": [Checkpoint("moons.checkpoint", every=10)]}
    >>> network.fit(X, y, **options)
    >>> network.fit(X, y, **options, resume_from="moons.checkpoint")  # in another process, after a power cut
    """

    saves = True

    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path must be that of a file, a string or a pathlib.Path, got {path!r}.")
        self.path, self.every = Path(path), every
        self._run: Run | None = None

    def check_fit(self, network: Any, validates: bool) -> None:
        """Raise OSError if nothing can be written there."""
        try:
            check_writable(self.path)
        except OSError as error:
            raise _explained(error, f"{self.path} cannot be written, where {self} is to be") from error

    def join_run(self, run: Run) -> None:
        """Remember the run."""
        self._run = run

    def on_epoch_end(self, network: Any, history: History) -> None:
        """Write the file."""
        assert self._run is not None
        try:
            write_checkpoint(self.path, self._run)
        except OSError as error:
            raise _explained(
                error,
                f"{self} could not be written after epoch {len(history)}; an older one is still whole, and the network "
                "has been trained until here",
            ) from error

    def on_fit_end(self, network: Any, history: History) -> None:
        """Forget the run."""
        self._run = None

    def __str__(self) -> str:
        return f"checkpoint {self.path}"

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r}, every={self.every})"


def _explained(error: OSError, sentence: str) -> OSError:
    """The same kind of error, with a sentence."""
    reason = error.strerror or str(error)
    return type(error)(error.errno, f"{sentence} ({reason})") if error.errno else OSError(f"{sentence} ({reason})")


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds.

    Attributes
    ----------
    run : dict
        Description of the training that wrote it.
    snapshot : Snapshot
        All that the training had changed.
    steps_before : int
        Steps of the optimizer before that training.
    random_at_start : dict
        State of the network's random numbers before that training.
    history : dict
        The history so far.
    callbacks : list of dict
        What callbacks remember.
    """

    path: Path
    run: dict[str, Any]
    snapshot: Snapshot
    steps_before: int
    random_at_start: dict[str, Any]
    history: dict[str, Any]
    callbacks: list[dict[str, Any]]

    def check(
        self, run: dict[str, Any], network: FeedForward, optimizer: Optimizer, callbacks: Sequence[Callback]
    ) -> None:
        """Raise ValueError unless a run with the same description wrote it, and all is there and as it must be."""
        with fitting(self.path):
            _check_type("the description of the training", self.run, dict)
        for name, given in _plain(run).items():
            if name not in self.run or self.run[name] != given:
                then, now = _differences(self.run.get(name), given)
                raise ValueError(
                    f"{self.path} was written in a training with {name} {then}, and here it is {now}: it goes "
                    "on with the same network, data and options only."
                )
        validates = run["number of validation samples"] is not None or run["validation_fraction"] is not None
        with fitting(self.path):
            shape = optimizer.n_states, len(network.parameters)
            check_vector("parameters", self.snapshot.learned, network._learned.shape, network.dtype)
            check_vector("vectors", self.snapshot.vectors, shape, network.dtype)
            counters = self._checked_counters()
            self._check_history(validates, validates and network.architecture.loss.classifies)
            for state in self.random_at_start, counters.random:
                _check_random(state, network)
            self._check_callbacks(stateful(callbacks), network)

    def _checked_counters(self) -> Counters:
        counters = self.snapshot.counters
        assert counters is not None
        _check_integer("mask_key", counters.mask_key, 0, 2**64 - 1)
        _check_integer("n_updates", counters.n_updates, 0, MOST_STEPS)
        _check_integer("n_steps", counters.n_steps, 0, MOST_STEPS)
        _check_integer("steps_before", self.steps_before, 0, counters.n_steps)
        return counters

    def _check_history(self, validates: bool, has_accuracy: bool) -> None:
        missing = set(HISTORY) - set(self.history)
        if missing:
            raise ValueError(f"the history lacks {', '.join(sorted(missing))}")
        curves = {name: self.history[name] for name in CURVES}
        for name, curve in (curves | self.history["scores"]).items():
            if not isinstance(curve, np.ndarray) or curve.ndim != 1 or curve.dtype.kind != "f":
                raise ValueError(f"{name} of the history must be a list of numbers, got {curve!r}")
        n_epochs = len(curves["loss"])
        lengths = {"validation_loss": n_epochs * validates, "validation_accuracy": n_epochs * has_accuracy}
        for name, curve in curves.items():
            if len(curve) != lengths.get(name, n_epochs):
                raise ValueError(
                    f"{name} of the history must have {lengths.get(name, n_epochs)} numbers, got {len(curve)}"
                )
        _check_type("stop_reason", self.history["stop_reason"], str)
        if self.history["found_best"] is not None:
            _check_integer("found_best", self.history["found_best"], 1, n_epochs)

    def _check_callbacks(self, callbacks: Sequence[Callback], network: FeedForward) -> None:
        _check_type("callbacks", self.callbacks, list)
        if len(self.callbacks) != len(callbacks):
            raise ValueError(f"{len(callbacks)} callbacks expected, got {len(self.callbacks)}")
        for callback, state in zip(callbacks, self.callbacks, strict=True):
            _check_type(f"what {callback} remembers", state, dict)
            callback.check_state(network, state)

    def restore(self, run: Run) -> None:
        """Put a run where the other was; callbacks follow when they have been told that training begins."""
        run.state.restore(self.snapshot)
        run.state.steps_before = self.steps_before
        for name in HISTORY:
            setattr(run.history, name, self.history[name])
        for name in CURVES:
            setattr(run.history, name, self.history[name].tolist())
        run.history.scores = {name: values.tolist() for name, values in self.history["scores"].items()}


def _check_type(name: str, value: Any, expected: type) -> None:
    if not isinstance(value, expected):
        raise ValueError(f"{name} must be a {expected.__name__}, got {value!r}")


def _check_integer(name: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} must be an integer from {least} to {most}, got {value!r}")


def _check_random(state: dict[str, Any], network: FeedForward) -> None:
    """Raise unless it is a state of such random numbers. NumPy does not look at places within a buffer."""
    type(network.random.bit_generator)().state = state
    for part in state, state["state"]:
        for name, most in PLACES.items():
            if name in part:
                _check_integer(name, part[name], 0, most)


def write_checkpoint(path: Path, run: Run) -> None:
    """Write what a run needs to go on."""
    network, members = run.network, {"parameters": run.network._learned}
    snapshot = run.state.snapshot()
    counters = snapshot.counters
    assert counters is not None
    progress = {
        "n_steps": counters.n_steps,
        "steps_before": run.state.steps_before,
        "n_updates": counters.n_updates,
        "mask_key": counters.mask_key,
        "vectors": snapshot.vectors,
        "random": {"start": run.random_at_start, "now": counters.random},
        "history": _numbers(run.history),
        "callbacks": [callback.state() for callback in stateful(run.callbacks)],
    }
    check_depth(progress["callbacks"], "What callbacks remember")
    header = describe(network.architecture, network.dtype) | {"arrays": [], "metadata": {}}
    header |= {"run": _plain(run.description), "progress": _pack(progress, members)}
    write_archive(path, header, members)


def _numbers(history: History) -> dict[str, Any]:
    """A history with arrays for lists, which are written the faster the longer it is."""
    kept = {name: getattr(history, name) for name in HISTORY}
    curves = {name: np.array(kept[name], float) for name in CURVES}
    scores = {name: np.array(values, float) for name, values in history.scores.items()}
    return kept | curves | {"scores": scores}


def read_checkpoint(path: str | os.PathLike[str]) -> Saved:
    """Read what `write_checkpoint` wrote.

    Raises
    ------
    ValueError
        If it is no checkpoint, or damaged.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    with open_archive(path) as (header, arrays):
        if "progress" not in header:
            raise ValueError(f"{path} is a saved network, not the checkpoint of a training: fastnn.load reads it.")
        with fitting(path):
            return _saved(path, header["run"], arrays["parameters"], **_unpack(header["progress"], arrays))


def _saved(path: Path, run: Any, learned: np.ndarray, **progress: Any) -> Saved:
    """What a checkpoint holds, from what its progress says."""
    n_steps, n_updates, mask_key, vectors, random = (
        progress.pop(name) for name in ("n_steps", "n_updates", "mask_key", "vectors", "random")
    )
    counters = Counters(n_steps, n_updates, mask_key, random["now"])
    snapshot = Snapshot(learned, vectors=vectors, counters=counters)
    return Saved(path, run, snapshot, random_at_start=random["start"], **progress)


def _pack(value: Any, members: dict[str, np.ndarray]) -> Any:
    """The value in the types of JSON; arrays go to the members, under names that stand in their place."""
    if isinstance(value, np.ndarray):
        name = f"{ARRAY}.{len(members)}"
        members[name] = value
        return {ARRAY: name}
    if isinstance(value, dict):
        return {str(key): _pack(item, members) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(item, members) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _unpack(value: Any, members: ArrayArchive) -> Any:
    """What was packed; a tuple has become a list."""
    if isinstance(value, dict):
        packed = list(value) == [ARRAY]
        return members[value[ARRAY]] if packed else {key: _unpack(item, members) for key, item in value.items()}
    return [_unpack(item, members) for item in value] if isinstance(value, list) else value


def _plain(run: dict[str, Any]) -> dict[str, Any]:
    """A description as it is read back: in the types of JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(_pack(run, {})))
    return plain


def _differences(then: Any, now: Any) -> tuple[str, str]:
    """Two parts of a description in words; of dictionaries, only what differs."""
    if not (isinstance(then, dict) and isinstance(now, dict)):
        return str(then), str(now)
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    said = [", ".join(f"{name}={part[name]!r}" for name in names if name in part) for part in (then, now)]
    return f"({said[0]})", f"({said[1]})"
