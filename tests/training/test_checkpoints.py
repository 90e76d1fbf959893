"""Training resumes from a checkpoint as if it had never been interrupted, or is rejected with a clear message."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.training import descent, description
from fastnn.training.callbacks import Callback, EarlyStopping
from fastnn.training.checkpoints import Checkpoint, read_checkpoint
from tests.cases import every_backend
from tests.datasets.hostile import rewrite_header

X = np.random.default_rng(0).standard_normal((50, 3))
LABELS = (X[:, 0] + 0.8 * np.random.default_rng(1).standard_normal(50) > 0).astype(int)
OTHERS = (np.random.default_rng(2).standard_normal((20, 3)), np.arange(20) % 2)
OPTIMIZERS = (
    fastnn.SGD(0.1),
    fastnn.SGD(0.1, momentum=0.9, nesterov=True, l2=0.01),
    fastnn.Adagrad(0.1),
    fastnn.RMSprop(0.01, momentum=0.5),
    fastnn.Adam(0.01, amsgrad=True),
    fastnn.AdamW(0.01, max_grad_norm=0.5),
)


def new_network(backend="numpy", seed=0, dtype="float64", sizes=(3, 6, 2), activations="tanh"):
    return fastnn.Network(sizes, activations, backend=backend, dtype=dtype, seed=seed)


def fit(network, X=X, y=LABELS, **options):
    defaults = {"optimizer": OPTIMIZERS[1], "epochs": 9, "batch_size": 16, "progress": False}
    return network.fit(X, y, **{**defaults, **options})


class Interrupt(Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, network, history):
        if len(history) == self.epoch:
            raise KeyboardInterrupt


def told(history):
    """All of a history but the seconds."""
    names = ("loss", "validation_loss", "validation_accuracy", "learning_rate", "scores", "stop_reason", "found_best")
    return {name: getattr(history, name) for name in names}


def state_of(network, optimizer):
    state = network.optimizer_state(optimizer)
    vectors = (network.parameters.tobytes(), state.vectors.tobytes())
    return *vectors, state.n_steps, network.random.bit_generator.state


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint"


def assert_goes_on(path, backend, options, interrupted_after, callbacks=list, dtype="float64"):
    """An interrupted training, resumed by a network with another seed, ends like an uninterrupted one."""
    alone, interrupted, resumed = (new_network(backend, seed, dtype) for seed in (0, 0, 1))
    history = fit(alone, **options, callbacks=callbacks())
    with pytest.raises(KeyboardInterrupt):
        fit(interrupted, **options, callbacks=[*callbacks(), Interrupt(interrupted_after), Checkpoint(path)])
    found = fit(resumed, **options, callbacks=[*callbacks(), Checkpoint(path)], resume_from=path)
    assert told(found) == told(history)
    assert len(found.seconds) == len(history)
    optimizer = options.get("optimizer", OPTIMIZERS[1])
    assert state_of(resumed, optimizer) == state_of(alone, optimizer)
    return history


# Resuming


@every_backend
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_training_goes_on_as_if_it_had_not_been_interrupted(optimizer, dtype, path, backend):
    assert_goes_on(path, backend, {"optimizer": optimizer}, 4, dtype=dtype)


@every_backend
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize(
    "validation", [{}, {"validation_data": OTHERS}, {"validation_fraction": 0.2}], ids=["none", "data", "fraction"]
)
@pytest.mark.parametrize("seconds", [0, 1e9])
def test_it_goes_on_with_the_same_samples(shuffle, batch_size, validation, seconds, path, backend, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", seconds)
    options = {"shuffle": shuffle, "batch_size": batch_size, **validation}
    assert_goes_on(path, backend, options, 4)


def test_patience_goes_on_from_the_last_improvement_that_is_large_enough(path):
    def slow(network, X, y):
        return 1e-3 * network.n_updates

    options = {"validation_fraction": 0.3, "epochs": 20}
    history = assert_goes_on(path, "numpy", options, 4, lambda: [EarlyStopping(slow, patience=7, min_delta=1.0)])
    assert len(history) == 8


@every_backend
def test_a_network_of_another_seed_goes_on_dropping_the_units_that_the_first_would_have_dropped(path, backend):
    alone, first, resumed = (
        fastnn.Network([3, 6, 2], dropout=0.3, backend=backend, dtype="float64", seed=seed) for seed in (0, 0, 1)
    )
    fit(alone)
    fit(first, epochs=4, callbacks=Checkpoint(path))
    fit(resumed, resume_from=path)
    assert resumed.parameters.tobytes() == alone.parameters.tobytes()


@every_backend
@pytest.mark.parametrize("interrupted_after", [3, 6, 8])
@pytest.mark.parametrize("monitor", ["validation_loss", "f1"])
def test_early_stopping_goes_on_too(monitor, interrupted_after, path, backend):
    options = {"validation_fraction": 0.3, "epochs": 500, "optimizer": fastnn.SGD(0.5, momentum=0.95)}
    callbacks = lambda: [EarlyStopping(monitor, patience=7)]  # noqa: E731
    history = assert_goes_on(path, backend, options, interrupted_after, callbacks)
    assert len(history) < 500


def test_what_a_callback_of_ones_own_remembers_goes_on_too(path):
    class Counter(Callback):
        def on_fit_begin(self, network, history):
            self.seen = np.zeros(2)

        def on_epoch_end(self, network, history):
            self.seen += [1, history.loss[-1]]
            self.nested = {"list": [1, (self.seen * 2, None)], "number": np.float32(0.1), "nan": float("nan")}

        def state(self):
            return {"seen": self.seen, "nested": self.nested}

        def restore(self, state):
            self.seen[:] = state["seen"]
            np.testing.assert_array_equal(state["nested"]["list"][1][0], self.seen * 2)
            assert state["nested"]["number"] == np.float32(0.1)

    alone, interrupted, resumed = Counter(), Counter(), Counter()
    fit(new_network(), callbacks=alone)
    with pytest.raises(KeyboardInterrupt):
        fit(new_network(), callbacks=[interrupted, Checkpoint(path), Interrupt(5)])
    fit(new_network(), callbacks=[resumed], resume_from=path)
    assert resumed.seen.tolist() == alone.seen.tolist()


def test_a_training_that_is_done_can_be_prolonged(path):
    alone, network = new_network(), new_network()
    history = fit(alone, epochs=9)
    fit(network, epochs=4, callbacks=Checkpoint(path))
    again = fit(new_network(), epochs=3, resume_from=path)
    assert again.loss == history.loss[:4]
    assert again.stop_reason == "4 epochs are done, more than the 3 asked for"
    assert fit(new_network(), epochs=4, resume_from=path).stop_reason == "all 4 epochs are done"
    prolonged = new_network(seed=3)
    assert fit(prolonged, epochs=9, resume_from=path).loss == history.loss
    assert prolonged.parameters.tobytes() == alone.parameters.tobytes()


def test_a_training_that_a_callback_ended_stays_ended(path):
    stopping = EarlyStopping("loss", patience=3)
    options = {"epochs": 500, "optimizer": fastnn.SGD(3.0, momentum=0.9)}
    network, resumed = new_network(), new_network()
    history = fit(network, **options, callbacks=[stopping, Checkpoint(path, every=1000)])
    assert len(history) < 500
    again = fit(resumed, **options, callbacks=[stopping], resume_from=path)
    assert told(again) == told(history)
    assert resumed.parameters.tobytes() == network.parameters.tobytes()


@pytest.mark.parametrize("bits", [np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_other_random_numbers_go_on_too(bits, path):
    networks = [new_network(seed) for seed in ["numpy"] * 3]
    for seed, network in zip((0, 0, 1), networks, strict=True):
        network.random = np.random.Generator(bits(seed))
    alone, interrupted, resumed = networks
    losses = fit(alone).loss
    with pytest.raises(KeyboardInterrupt):
        fit(interrupted, callbacks=[Checkpoint(path), Interrupt(5)])
    assert fit(resumed, resume_from=path).loss == losses
    assert resumed.random.random() == alone.random.random()


@pytest.mark.parametrize(("every", "epochs"), [(1, [1, 2, 3, 4, 5, 6, 7]), (3, [3, 6, 7]), (100, [7])])
def test_a_checkpoint_is_written_every_so_many_epochs_and_after_the_last(every, epochs, path):
    written = []

    class Watched(Checkpoint):
        def on_epoch_end(self, network, history):
            super().on_epoch_end(network, history)
            written.append(len(read_checkpoint(path).history["loss"]))

    fit(new_network(), epochs=7, batch_size=None, callbacks=Watched(path, every))
    assert written == epochs
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_checkpoint_is_a_saved_network(path):
    network = new_network()
    fit(network, callbacks=Checkpoint(path))
    loaded = fastnn.load(path, backend="numpy")
    assert loaded.architecture == network.architecture
    assert loaded.parameters.tobytes() == network.parameters.tobytes()


@pytest.mark.parametrize("n_samples", [1, 2, 255, 256, 257, 100_000])
def test_features_are_known_again_by_some_rows_from_the_first_to_the_last(n_samples, monkeypatch):
    features = np.random.default_rng(0).standard_normal((n_samples, 2)).astype("float32")
    checksum = description._checksum_of_rows(features)
    assert checksum == description._checksum_of_rows(np.asfortranarray(features))
    for row in (0, n_samples - 1):
        changed = features.copy()
        changed[row, 1] += 1
        assert description._checksum_of_rows(changed) != checksum
    hashed, crc32 = [], zlib.crc32
    monkeypatch.setattr(zlib, "crc32", lambda data: hashed.append(len(data)) or crc32(data))
    description._checksum_of_rows(features)
    assert hashed == [min(n_samples, 256)]


# Refusals


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        ({"sizes": (3, 7, 2)}, {}, r"layer sizes \[3, 6, 2\], and here it is \[3, 7, 2\]"),
        ({"activations": "relu"}, {}, r"activations \['tanh', 'softmax'\], and here it is \['relu', 'softmax'\]"),
        ({"dtype": "float32"}, {}, "dtype float64, and here it is float32"),
        (
            {},
            {"optimizer": fastnn.Adam()},
            r"optimizer \(class='SGD', .*\), and here it is \(class='Adam', .*beta_1=0\.9",
        ),
        (
            {},
            {"optimizer": fastnn.SGD(0.2, momentum=0.9, nesterov=True, l2=0.01)},
            r"optimizer \(learning_rate=0\.1\), and here it is \(learning_rate=0\.2\)",
        ),
        ({}, {"X": X[:40], "y": LABELS[:40]}, "number of samples 50, and here it is 40"),
        ({}, {"y": 1 - LABELS}, r"checksum of the targets \d+, and here it is \d+"),
        ({}, {"X": X + np.eye(50, 3)}, r"checksum of the features \d+, and here it is \d+"),
        ({}, {"X": X[:, ::-1]}, r"checksum of the features \d+, and here it is \d+"),
        ({}, {"X": X.astype("float32")}, "features of type float64, and here it is float32"),
        ({}, {"batch_size": 17}, "batch_size 16, and here it is 17"),
        ({}, {"shuffle": False}, "shuffle True, and here it is False"),
        ({}, {"validation_data": OTHERS}, "number of validation samples None, and here it is 20"),
        ({}, {"validation_fraction": 0.2}, "validation_fraction None, and here it is 0.2"),
        ({}, {"callbacks": EarlyStopping("loss")}, r"callbacks \[\], and here it is \['EarlyStopping on loss'\]"),
    ],
)
def test_another_training_is_refused_and_changes_nothing(network, options, message, path):
    fit(new_network(), callbacks=Checkpoint(path))
    other = new_network(**network, seed=1)
    fit(other, epochs=1)
    before = state_of(other, OPTIMIZERS[1])
    with pytest.raises(ValueError, match=f"checkpoint was written in a training with {message}"):
        fit(other, **options, resume_from=path)
    assert state_of(other, OPTIMIZERS[1]) == before


def test_other_random_numbers_are_refused(path):
    fit(new_network(), callbacks=Checkpoint(path))
    network = new_network()
    network.random = np.random.Generator(np.random.Philox(0))
    with pytest.raises(ValueError, match="random numbers from PCG64, and here it is Philox"):
        fit(network, resume_from=path)


def test_what_is_no_checkpoint_is_refused(path):
    network = new_network()
    with pytest.raises(FileNotFoundError):
        fit(network, resume_from=path)
    fastnn.save(network, path)
    with pytest.raises(ValueError, match=r"is a saved network, not a checkpoint: read it with fastnn\.load"):
        fit(network, resume_from=path)
    path.write_bytes(b"rubbish")
    with pytest.raises(ValueError, match="not a network saved by fastnn"):
        fit(network, resume_from=path)


def test_a_changed_byte_anywhere_is_refused_or_does_not_matter(path):
    network = new_network()
    losses = fit(network, callbacks=Checkpoint(path)).loss
    content = path.read_bytes()
    for position in range(0, len(content), 11):
        changed = bytearray(content)
        changed[position] ^= 0x41
        path.write_bytes(changed)
        other = new_network(seed=1)
        try:
            history = fit(other, resume_from=path)
        except ValueError:
            continue
        assert history.loss == losses
        assert other.parameters.tobytes() == network.parameters.tobytes()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda progress: progress.pop("vectors"),
        lambda progress: progress.update(vectors={"array": "array.99"}),
        lambda progress: progress.update(vectors={"array": "layers.1.weights"}),
        lambda progress: progress.update(vectors=progress["history"]["loss"]),
        lambda progress: progress["history"].update(validation_loss=progress["history"]["loss"]),
        lambda progress: progress.update(n_steps="many"),
        lambda progress: progress["history"].pop("loss"),
        lambda progress: progress["history"].pop("found_best"),
        lambda progress: progress["history"].update(loss=3),
        lambda progress: progress["random"].update(now={"bit_generator": "PCG64"}),
        lambda progress: progress.update(callbacks=[{}]),
    ],
)
def test_a_header_that_does_not_fit_is_refused_and_changes_nothing(spoil, path):
    fit(new_network(), callbacks=Checkpoint(path))
    rewrite_header(path, lambda header: spoil(header["progress"]) and None)
    network = new_network(seed=1)
    before = state_of(network, OPTIMIZERS[1])
    with pytest.raises(ValueError, match="is damaged: its header and its arrays do not match"):
        fit(network, resume_from=path)
    assert state_of(network, OPTIMIZERS[1]) == before


@pytest.mark.parametrize("path", [None, 3, True])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(TypeError, match=f"path must be a string or a pathlib.Path, got {path}"):
        Checkpoint(path)


# Disks


def test_a_path_that_cannot_be_written_is_refused_before_training(tmp_path):
    network, twin = new_network(), new_network()
    for path in (tmp_path / "nowhere" / "checkpoint", tmp_path, Path(os.devnull)):
        with pytest.raises(OSError, match=f"checkpoint .*{path.name} cannot be written"):
            fit(network, callbacks=Checkpoint(path))
    assert state_of(network, OPTIMIZERS[1]) == state_of(twin, OPTIMIZERS[1])
    assert not list(tmp_path.iterdir())


def test_a_full_disk_ends_training_with_a_sentence_and_the_older_checkpoint_whole(path, monkeypatch):
    network, twin, written = new_network(), new_network(), []

    def fill(descriptor):
        written.append(1)
        if len(written) == 2 * 4 - 1:  # each flushes its file and its folder
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    flush = os.fsync
    monkeypatch.setattr(os, "fsync", fill)
    message = r"checkpoint could not be written after epoch 4; the previous checkpoint, if any, is intact.*No space left on device"
    with pytest.raises(OSError, match=message) as raised:
        fit(network, callbacks=Checkpoint(path))
    assert raised.value.errno == errno.ENOSPC
    fit(twin, epochs=4)
    assert state_of(network, OPTIMIZERS[1]) == state_of(twin, OPTIMIZERS[1])
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    resumed = new_network()
    assert fit(resumed, resume_from=path).loss == fit(new_network()).loss


#: Trains with a checkpoint after every epoch, from where an earlier process was killed.
PROGRAM = """
import sys
from pathlib import Path
import numpy as np, fastnn
path = Path(sys.argv[1])
X, y = np.random.default_rng(0).standard_normal((64, 20)), np.arange(64) % 2
network = fastnn.Network([20, 200, 2], backend="numpy", seed=0)
callbacks = [fastnn.EarlyStopping(patience=1000), fastnn.Checkpoint(path)]
resume_from = path if path.exists() else None
history = network.fit(
    X, y, optimizer=fastnn.Adam(), epochs=int(sys.argv[2]), validation_fraction=0.25, callbacks=callbacks,
    resume_from=resume_from, n_threads=1,
)
np.savez(sys.argv[3], parameters=network.parameters, loss=history.loss)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.usefixtures("processes_find_fastnn")
def test_a_process_that_is_killed_at_any_moment_goes_on(path):
    delay, reached = random.Random(0), [0]

    def n_epochs():
        return len(read_checkpoint(path).history["loss"]) if path.exists() else 0

    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", PROGRAM, path, str(10**6), os.devnull]) as process:
            while n_epochs() == reached[-1] and process.poll() is None:
                time.sleep(0.001)
            time.sleep(delay.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        reached.append(n_epochs())
    assert reached == sorted(set(reached))
    results = []
    for start, name in ((path, "resumed.npz"), (path.with_name("new"), "alone.npz")):
        epochs = str(reached[-1] + 2)
        subprocess.run([sys.executable, "-c", PROGRAM, start, epochs, path.with_name(name)], check=True)
        with np.load(path.with_name(name)) as arrays:
            results.append((arrays["parameters"].tobytes(), arrays["loss"].tolist()))
    assert results[0] == results[1]
