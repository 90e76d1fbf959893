"""Checkpoints: everything needed to resume training as if it had never been interrupted, in one file.

The file is a saved network, which `fastnn.load` can read, with two additional entries in its header:

``run``
    What must match when training resumes: optimizer, batch size, number of samples and so on.
``progress``
    What changes: step counts, random numbers, history, and states of callbacks. Arrays are stored next to the header.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastnn.archives import Arrays, check_depth, check_writable, fitting, open_archive, quoted, write_archive
from fastnn.feed_forward import FeedForward
from fastnn.named_arrays import check_arrays, named_arrays, read_arrays
from fastnn.optimizers import Optimizer
from fastnn.saved_architecture import describe, described_architecture
from fastnn.saved_metadata import split_metadata
from fastnn.training.callbacks import Callback, check_vector, stateful
from fastnn.training.history import CURVES, History
from fastnn.training.run import Run
from fastnn.training.state import Counters, Snapshot
from fastnn.validation import check_dtype
from fastnn.version import __version__

#: The attributes of a history that are saved.
HISTORY = (*CURVES, "scores", "stop_reason", "found_best")

#: Upper limit for step counts: more than any training takes, and still exact in floating point.
MOST_STEPS = 2**53

#: Largest positions in the buffers of random number generators. NumPy does not check them, and would read out of bounds.
PLACES = {"pos": 624, "buffer_pos": 4}

ARRAY = "array"  # key of the dictionary that replaces an array in the header


class Checkpoint(Callback):
    """Save everything that ``fit(..., resume_from=path)`` needs, every few epochs and after the last one.

    The file holds parameters, optimizer state, random numbers, history, and the states of other callbacks. It is replaced
    atomically, so it is complete even if the process is killed. `fastnn.load` reads it as the network of the last epoch.
    A killed process may leave a temporary file next to it, which the next training with the same checkpoint removes.

    Parameters
    ----------
    path : str or path-like
        File to write, used as given: no extension is added. Each checkpoint replaces the previous one.
    every : int, default 1
        Number of epochs between checkpoints. Writing waits for the disk, some milliseconds even for a small network.

    Raises
    ------
    OSError
        From `fit`: before training if the file cannot be written at all, or after the epoch in which writing fails, such
        as on a full disk. The previous checkpoint is then intact, and the network has the parameters of that epoch.

    Examples
    --------
    >>> options = {"epochs": 100, "callbacks": [Checkpoint("moons.checkpoint", every=10)]}
    >>> network.fit(X, y, **options)
    >>> network.fit(X, y, **options, resume_from="moons.checkpoint")  # in another process, after a power cut
    """

    saves = True

    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path must be a string or a pathlib.Path, got {path!r}.")
        self.path, self.every = Path(path), every
        self._run: Run | None = None

    def check_fit(self, network: Any, validates: bool) -> None:
        """Raise OSError if the file cannot be written."""
        try:
            check_writable(self.path)
        except OSError as error:
            raise _explained(error, f"{self} cannot be written") from error

    def join_run(self, run: Run) -> None:
        """Store the run."""
        self._run = run

    def on_epoch_end(self, network: Any, history: History) -> None:
        """Write the file."""
        assert self._run is not None
        try:
            write_checkpoint(self.path, self._run)
        except OSError as error:
            raise _explained(
                error,
                f"{self} could not be written after epoch {len(history)}; the previous checkpoint, if any, is intact, and "
                "the network has been trained up to this epoch",
            ) from error

    def on_fit_end(self, network: Any, history: History) -> None:
        """Forget the run."""
        self._run = None

    def __str__(self) -> str:
        return f"checkpoint {self.path}"

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r}, every={self.every})"


def _explained(error: OSError, sentence: str) -> OSError:
    """The same kind of error, with an explanation."""
    reason = error.strerror or str(error)
    return type(error)(error.errno, f"{sentence} ({reason})") if error.errno else OSError(f"{sentence} ({reason})")


@dataclass(frozen=True)
class Saved:
    """The contents of a checkpoint.

    Attributes
    ----------
    run : dict
        Description of the training that wrote it.
    snapshot : Snapshot
        State of network and optimizer.
    steps_before : int
        Steps of the optimizer before that training.
    random_at_start : dict
        State of the network's random number generator before that training.
    history : dict
        The history so far.
    callbacks : list of dict
        States of the callbacks.
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
        """Raise ValueError unless it was written by a run with the same description, and is complete and valid."""
        with fitting(self.path):
            _check_type("the description of the training", self.run, dict)
        for name, given in _plain(run).items():
            if name not in self.run or self.run[name] != given:
                then, now = _differences(self.run.get(name), given)
                raise ValueError(
                    f"{self.path} was written in a training with {name} {quoted(then)}, and here it is {now}: training resumes "
                    "only with the same network, data and options."
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
            _check_type(f"the state of {callback}", state, dict)
            callback.check_state(network, state)

    def restore(self, run: Run) -> None:
        """Restore a run; callbacks are restored later, after `on_fit_begin`."""
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
    """Raise unless it is a valid state of the network's random number generator."""
    type(network.random.bit_generator)().state = state
    for part in state, state["state"]:
        for name, most in PLACES.items():
            if name in part:
                _check_integer(name, part[name], 0, most)


def write_checkpoint(path: Path, run: Run) -> None:
    """Write everything needed to resume a run."""
    network = run.network
    members = named_arrays(network.architecture, network._learned)
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
    check_depth(progress["callbacks"], "The state of a callback")
    header = {"object": "Network", "written_by": f"fastnn {__version__}"} | describe(
        network.architecture, network.dtype
    )
    header |= split_metadata({})[0] | {"run": _plain(run.description), "progress": _pack(progress, members)}
    write_archive(path, header, members)


def _numbers(history: History) -> dict[str, Any]:
    """The history with lists as arrays, which are faster to write."""
    kept = {name: getattr(history, name) for name in HISTORY}
    curves = {name: np.array(kept[name], float) for name in CURVES}
    scores = {name: np.array(values, float) for name, values in history.scores.items()}
    return kept | curves | {"scores": scores}


def read_checkpoint(path: str | os.PathLike[str]) -> Saved:
    """Read what `write_checkpoint` wrote.

    Raises
    ------
    ValueError
        If it is not a checkpoint, or damaged.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    with open_archive(path) as (header, arrays):
        if "progress" not in header:
            raise ValueError(f"{path} is a saved network, not a checkpoint: read it with fastnn.load.")
        with fitting(path):
            return _saved(path, header["run"], _learned(header, arrays), **_unpack(header["progress"], arrays))


def _learned(header: dict[str, Any], arrays: Arrays) -> np.ndarray:
    """Parameters and statistics in one vector."""
    architecture, dtype = described_architecture(header, len(arrays.names)), check_dtype(header["dtype"])
    check_arrays(arrays, [""], architecture, dtype)
    learned = np.empty(architecture.n_parameters + architecture.n_statistics, dtype)
    read_arrays(arrays, "", architecture, learned)
    return learned


def _saved(path: Path, run: Any, learned: np.ndarray, **progress: Any) -> Saved:
    """The contents of a checkpoint, from the entries of its progress."""
    n_steps, n_updates, mask_key, vectors, random = (
        progress.pop(name) for name in ("n_steps", "n_updates", "mask_key", "vectors", "random")
    )
    counters = Counters(n_steps, n_updates, mask_key, random["now"])
    snapshot = Snapshot(learned, vectors=vectors, counters=counters)
    return Saved(path, run, snapshot, random_at_start=random["start"], **progress)


def _pack(value: Any, members: dict[str, np.ndarray]) -> Any:
    """The value in JSON types; arrays are moved to `members`, and replaced by their names."""
    if isinstance(value, np.ndarray):
        name = f"{ARRAY}.{len(members)}"
        members[name] = value
        return {ARRAY: name}
    if isinstance(value, dict):
        return {str(key): _pack(item, members) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(item, members) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _unpack(value: Any, members: Arrays) -> Any:
    """The inverse of `_pack`, except that tuples become lists."""
    if isinstance(value, dict):
        packed = list(value) == [ARRAY]
        return members[value[ARRAY]] if packed else {key: _unpack(item, members) for key, item in value.items()}
    return [_unpack(item, members) for item in value] if isinstance(value, list) else value


def _plain(run: dict[str, Any]) -> dict[str, Any]:
    """A description in JSON types, as it is read back."""
    plain: dict[str, Any] = json.loads(json.dumps(_pack(run, {})))
    return plain


def _differences(then: Any, now: Any) -> tuple[str, str]:
    """Two parts of a description as text; for dictionaries, only what differs."""
    if not (isinstance(then, dict) and isinstance(now, dict)):
        return str(then), str(now)
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    said = [", ".join(f"{name}={part[name]!r}" for name in names if name in part) for part in (then, now)]
    return f"({said[0]})", f"({said[1]})"
