"""Malicious files are rejected with a clear message, at once, in little memory, and change nothing."""

import gzip
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import fastnn
from fastnn.cli import main as command_line
from fastnn.datasets import load_table, read_idx
from fastnn.training.callbacks import Callback, EarlyStopping
from fastnn.training.checkpoints import Checkpoint
from tests.datasets.hostile import (
    X,
    Y,
    bytes_of,
    encrypt,
    fit,
    members_of,
    nested,
    new_network,
    npy_header,
    rewrite_header,
    write_bomb,
    write_members,
)

BOMB = 96 * 2**20  # of zeros, a tenth of a megabyte when packed


def load(path):
    return fastnn.load(path, backend="numpy")


def stopping():
    return EarlyStopping("loss", patience=9)


def resume(path, network=None, callbacks=None):
    callbacks = [stopping()] if callbacks is None else callbacks
    return fit(network or new_network(), epochs=5, callbacks=callbacks, resume_from=path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    fastnn.save(new_network(), path, scale=np.ones(3), names=["a"])
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    fit(new_network(), callbacks=[stopping(), Checkpoint(path)])
    return path


@contextmanager
def little_memory(n_bytes: int = 64_000_000) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < n_bytes
    finally:
        tracemalloc.stop()


# Bombs


@pytest.mark.parametrize("read", [load, fastnn.load_metadata])
def test_what_is_not_needed_of_a_model_is_not_read(model, read):
    write_bomb(model, "others.npy", npy_header((BOMB // 8,)), BOMB)
    with little_memory():
        read(model)


@pytest.mark.parametrize(
    ("name", "header", "message"),
    [
        ("parameters.npy", npy_header((BOMB // 8,)), "26 parameters of float64 expected, got shape"),
        ("parameters.npy", npy_header((26,)), r"declares 336 bytes, but the archive has 100,663,\d+"),
        ("parameters.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\x0f", "its header claims to have 268,435,455 bytes"),
        ("header.npy", npy_header((), f"|S{BOMB}"), "header: it unpacks to more than 1,048,576 bytes"),
    ],
)
def test_a_bomb_in_what_is_needed_of_a_model_is_refused(model, name, header, message):
    write_members(model, {other: content for other, content in members_of(model).items() if other != name})
    write_bomb(model, name, header, BOMB)
    for read in (load, fastnn.load_metadata):
        if read is load or "declares" not in message:
            with little_memory(), pytest.raises(ValueError, match=message):
                read(model)


def test_a_bomb_that_fits_its_header_is_refused_for_its_size(model):
    rewrite_header(model, lambda header: header.update(layer_sizes=[1, 2**21, 2]) or header)
    write_members(model, {name: content for name, content in members_of(model).items() if name != "parameters.npy"})
    size = 4 * 2**21 + 2
    write_bomb(model, "parameters.npy", npy_header((size,)) + bytes(16), 2**26)
    with little_memory(), pytest.raises(ValueError, match="unpacks to 64 MiB, and at most 16 MiB are read"):
        load(model)


def test_a_bomb_among_the_metadata_is_refused_where_they_are_asked_for(model):
    write_members(model, {name: each for name, each in members_of(model).items() if name != "metadata.scale.npy"})
    write_bomb(model, "metadata.scale.npy", npy_header((BOMB // 8,)), BOMB)
    load(model)
    with little_memory(), pytest.raises(ValueError, match="if its size is right, save it without compression"):
        fastnn.load_metadata(model)


def test_a_bomb_in_a_checkpoint_is_refused(checkpoint):
    write_members(checkpoint, {name: each for name, each in members_of(checkpoint).items() if name != "array.1.npy"})
    write_bomb(checkpoint, "array.1.npy", npy_header((1, BOMB // 8)), BOMB)
    load(checkpoint)
    with little_memory(), pytest.raises(ValueError, match="unpacks to 96 MiB"):
        resume(checkpoint)


def test_a_bomb_in_data_is_refused_or_not_read(tmp_path):
    path = tmp_path / "file.npz"
    np.savez(path, X=X, y=Y)
    write_bomb(path, "others.npy", npy_header((BOMB // 8,)), BOMB)
    with little_memory():
        assert load_table(path).X.shape == X.shape
    np.savez(path, y=Y)
    write_bomb(path, "X.npy", npy_header((BOMB // 8, 1)), BOMB)
    with (
        little_memory(),
        pytest.raises(ValueError, match=r"X\.npy: it unpacks to 96 MiB, and at most 64 MiB"),
    ):
        load_table(path)


def test_an_archive_that_lies_about_a_size_is_refused(tmp_path):
    path = tmp_path / "file.npz"
    np.savez_compressed(path, X=np.zeros((2**16, 8)))
    n_bytes, content = 2**22 + 128, path.read_bytes()
    for claimed in (136, n_bytes - 8, n_bytes + 8):
        path.write_bytes(content.replace(struct.pack("<I", n_bytes), struct.pack("<I", claimed)))
        with pytest.raises(ValueError, match=r"cannot be read as arrays of numbers: (X\.npy|its table)"):
            load_table(path)


def test_a_file_of_one_array_is_as_long_as_it_declares(tmp_path):
    path = tmp_path / "file.npy"
    for shape in ((10**9, 3), (10**19, 3), (2, 3), (-1, -3)):
        path.write_bytes(npy_header(shape) + bytes(8 * 12))
        with little_memory(), pytest.raises(ValueError, match="cannot be read as arrays of numbers"):
            load_table(path)


@pytest.mark.parametrize("n_declared", [BOMB, 16])
def test_a_bomb_of_images_is_refused(tmp_path, n_declared):
    path = tmp_path / "images.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(struct.pack(">2xBBI", 8, 1, n_declared))
        for _ in range(64):
            file.write(bytes(BOMB // 64))
    with little_memory(), pytest.raises(ValueError, match=r"unpack it first|16 bytes are declared, but there are more"):
        read_idx(path)


# Headers of JSON


@pytest.mark.parametrize("depth", [101, 990, 1500, 100_000])
def test_deeply_nested_headers_are_refused(model, checkpoint, depth):
    text = json.dumps({"format": "fastnn network", "version": 1, "metadata": "DEEP"}).replace('"DEEP"', nested(depth))
    for path, read in ((model, load), (model, fastnn.load_metadata), (checkpoint, resume)):
        rewrite_header(path, text)
        with pytest.raises(ValueError, match=r"header .*has lists or dictionaries|must not have lists or dictionaries"):
            read(path)


def test_what_is_nested_too_deeply_to_be_read_is_not_written(tmp_path):
    endless = []
    endless += [endless, endless]
    for value in (json.loads(nested(95)), endless):
        with pytest.raises(ValueError, match="must not have lists or dictionaries nested more than 90 levels deep"):
            fastnn.save(new_network(), tmp_path / "model", value=value)
    fastnn.save(new_network(), tmp_path / "model", value=json.loads(nested(89)))
    assert fastnn.load_metadata(tmp_path / "model") == {"value": json.loads(nested(89))}


# Numbers


@pytest.mark.parametrize(
    "number", [10**30, -(10**30), 10**400, 2**63, -1, 0.5, float("nan"), float("inf"), "1", None, [1]]
)
@pytest.mark.parametrize("name", ["layer_sizes", "dropout", "label_smoothing", "ceiling"])
def test_numbers_of_a_header_that_cannot_be_are_refused(model, name, number):
    def change(header):
        if name in ("layer_sizes", "dropout"):
            header[name][0] = number
        else:
            header["loss_options"][name] = number

    allowed = {("dropout", 0.5), ("label_smoothing", 0.5), ("ceiling", 0.5), ("ceiling", np.inf)}
    allowed |= {("ceiling", 10**30), ("ceiling", 2**63)}
    rewrite_header(model, change)
    if (name, number if isinstance(number, int | float) else None) in allowed:
        load(model)
        return
    with pytest.raises(ValueError, match="is damaged: its header and its arrays do not match"):
        load(model)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: new_network(sizes=(3, 10**30, 2)), "need 6e.30 parameters, which no memory can hold"),
        (lambda: new_network(sizes=(2**31, 2**31, 2)), "parameters, which no memory can hold"),
        (lambda: fastnn.Network([3, 4, 2], dropout=10**400), "dropout must be at least 0 and below 1"),
        (lambda: fastnn.losses.Huber(10**400), "delta must be positive and finite"),
        (lambda: fastnn.losses.SquaredError(scale=10**400), "scale must be positive and finite"),
        (lambda: fastnn.losses.SoftmaxCrossEntropy(ceiling=10**400), "ceiling must be positive"),
        (lambda: fastnn.losses.Quantile([0.5, 10**400]), "levels must be numbers above 0 and below 1"),
    ],
)
def test_numbers_that_are_no_floats_or_that_no_memory_holds_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Checkpoints


def state_of(network):
    state = network._optimizer_state
    kept = None if state is None else (state.vectors.tobytes(), state.n_steps)
    return network._learned.tobytes(), kept, network.n_updates, network._mask_key, network.random.bit_generator.state


def set_in(*keys_and_value):
    """A function that sets an entry in the progress of a checkpoint."""
    *keys, last, value = keys_and_value

    def change(header):
        part = header["progress"]
        for key in keys:
            part = part[key]
        part[last] = value

    return change


FAULTS = {
    "a reason that is an array": set_in("history", "stop_reason", {"array": "parameters"}),
    "a reason that is a number": set_in("history", "stop_reason", 3),
    "parameters that are text": set_in("callbacks", 0, "parameters", "text"),
    "parameters that are another array": set_in("callbacks", 0, "parameters", {"array": "array.1"}),
    "a callback that remembers nothing": set_in("callbacks", 0, {}),
    "a callback that remembers a list": set_in("callbacks", 0, [1]),
    "a best value that is no number": set_in("callbacks", 0, "best_value", None),
    "a best epoch that is no integer": set_in("callbacks", 0, "best_epoch", 1.5),
    "callbacks that are text": set_in("callbacks", "x"),
    "an epoch after the last": set_in("history", "found_best", 10**30),
    "a short history": set_in("history", "loss", {"array": "parameters"}),
    "validation without validation data": set_in("history", "validation_loss", {"array": "array.2"}),
    "scores that are numbers": set_in("history", "scores", {"f1": 3}),
    "scores that are a list": set_in("history", "scores", [1]),
    "many updates": set_in("n_updates", 10**30),
    "negative updates": set_in("n_updates", -1),
    "updates that are true": set_in("n_updates", True),
    "a mask of too many bits": set_in("mask_key", 2**64),
    "many steps": set_in("n_steps", 2**63),
    "more steps before than in all": set_in("steps_before", 10**6),
    "random numbers out of range": set_in("random", "now", "state", "state", 10**40),
    "random numbers out of range at the start": set_in("random", "start", "state", "inc", -1),
    "random numbers that are text": set_in("random", "now", "x"),
    "random numbers of no integers": set_in("random", "now", "uinteger", 1e300),
    "a run that is a list": lambda header: header.update(run=["dtype"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_checkpoint_is_checked_before_anything_changes(checkpoint, fault):
    rewrite_header(checkpoint, FAULTS[fault])
    network = new_network(seed=1)
    fit(network, optimizer=fastnn.Adam())
    before = state_of(network)
    with pytest.raises(ValueError, match="is damaged: its header and its arrays do not match"):
        resume(checkpoint, network)
    assert state_of(network) == before


@pytest.mark.parametrize(("bits", "place"), [(np.random.MT19937, "pos"), (np.random.Philox, "buffer_pos")])
@pytest.mark.parametrize("value", [10**6, -1])
def test_a_place_outside_the_buffer_of_random_numbers_is_refused(tmp_path, bits, place, value):
    networks = [new_network(), new_network()]
    for network in networks:
        network.random = np.random.Generator(bits(0))
    path = tmp_path / "checkpoint"
    fit(networks[0], callbacks=Checkpoint(path))
    keys = ("state", place) if place == "pos" else (place,)
    rewrite_header(path, set_in("random", "now", *keys, value))
    with pytest.raises(ValueError, match=f"{place} must be an integer from 0"):
        resume(path, networks[1], callbacks=[])


class Forgetful(Callback):
    """Restores one entry of its state, after `EarlyStopping` has done so."""

    def state(self):
        return {"seen": 1}

    def restore(self, state):
        self.seen = state["seen"]


def test_a_callback_that_cannot_take_up_its_state_leaves_the_network_as_it_was(tmp_path):
    path = tmp_path / "checkpoint"
    fit(new_network(), callbacks=[stopping(), Forgetful(), Checkpoint(path)])
    rewrite_header(path, set_in("callbacks", 1, {}))
    network = new_network(seed=1)
    fit(network, optimizer=fastnn.Adam())
    before = state_of(network)
    message = r"Forgetful cannot restore its state from the checkpoint \(KeyError: 'seen'\)"
    with pytest.raises(ValueError, match=message):
        resume(path, network, [stopping(), Forgetful()])
    assert state_of(network) == before


# Other damage


def test_encrypted_archives_are_refused(model, checkpoint, tmp_path):
    data = tmp_path / "file.npz"
    np.savez(data, X=X, y=Y)
    for path, read in ((model, load), (checkpoint, resume), (data, load_table)):
        encrypt(path)
        with pytest.raises(ValueError, match="it is encrypted"):
            read(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_numpy_does_not_use_is_refused(model, compression):
    write_members(model, members_of(model), compression)
    with pytest.raises(ValueError, match="compressed by a method that NumPy does not use"):
        load(model)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (26,",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (26L,",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (26,), }",
        b"(" * 5000,
        b"",
    ],
)
def test_headers_of_arrays_that_are_cut_short_are_refused(model, tmp_path, header):
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(208)
    write_members(model, members_of(model) | {"parameters.npy": array})
    with pytest.raises(ValueError, match=r"is damaged or is not a network saved by fastnn \(parameters\.npy: "):
        load(model)
    data = tmp_path / "file.npz"
    write_members(data, {"X.npy": array, "y.npy": bytes_of(Y)})
    with pytest.raises(ValueError, match=r"cannot be read as arrays of numbers: X\.npy"):
        load_table(data)


# The command line


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--epochs", "epochs must be a positive integer of 64 bits"),
        ("--threads", "n_threads must be a positive integer of 64 bits"),
        ("--hidden", "which no memory can hold"),
    ],
)
@pytest.mark.parametrize("number", [10**23, 10**400], ids=["10^23", "10^400"])
def test_integers_out_of_range_are_refused_by_the_command_line(tmp_path, option, message, number):
    options = ["--data", "moons", "--output", str(tmp_path / "model"), "--backend", "numpy", option, str(number)]
    result = CliRunner().invoke(command_line, ["train", *options])
    assert isinstance(result.exception, SystemExit)
    assert message in result.stderr


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            {"features_mean": [10**400] * 3, "features_scale": [1, 1, 1]},
            "features_mean and features_scale must be finite",
        ),
        (
            {"features_mean": np.array([0, np.nan, 0]), "features_scale": np.ones(3)},
            "features_mean and features_scale must be finite",
        ),
        (
            {"features_mean": np.zeros(3), "features_scale": np.array([1.0, 0, 1])},
            "and scales positive",
        ),
        ({"class_names": 2}, "class_names must be a list of names"),
        ({"feature_names": "abc"}, "feature_names must be a list of names"),
        ({"dropped": 3}, "dropped must be of type list, got 3"),
        ({"seed": 0.5}, "seed must be of type int, got 0.5"),
        ({"target_index": True}, "target_index must be of type int, got True"),
        ({"target_name": 3}, "target_name must be of type str, got 3"),
        ({"decimal": 3}, "decimal must be of type str, got 3"),
    ],
)
def test_what_a_model_says_of_its_data_is_checked(model, tmp_path, metadata, message):
    fastnn.save(new_network(), model, **metadata)
    data = tmp_path / "data.npz"
    np.savez(data, X=X)
    result = CliRunner().invoke(command_line, ["predict", str(model), str(data), "--backend", "numpy"])
    assert isinstance(result.exception, SystemExit)
    assert message in result.stderr


@pytest.mark.parametrize("depth", [990, 100_000])
def test_deeply_nested_headers_are_no_models_for_the_command_line(model, tmp_path, depth):
    rewrite_header(model, f'{{"format": "fastnn network", "version": 1, "metadata": {nested(depth)}}}')
    data = tmp_path / "data.npz"
    np.savez(data, X=X, y=Y)
    for arguments in (["predict", str(model), str(data)], ["train", "--data", str(data), "--output", str(model)]):
        result = CliRunner().invoke(command_line, [*arguments, "--backend", "numpy"])
        assert isinstance(result.exception, SystemExit)
        assert "not a model" in result.stderr or "lists or dictionaries" in result.stderr


def test_offsets_beyond_the_memory_of_a_table_are_refused(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    feather = pytest.importorskip("pyarrow.feather")
    offsets = arrow.py_buffer(np.array([0, 10**9, 5], np.int32).tobytes())
    words = arrow.Array.from_buffers(arrow.string(), 2, [None, offsets, arrow.py_buffer(b"yesno")])
    feather.write_feather(arrow.table({"x": [1.0, 2.0], "y": words}), tmp_path / "file.feather", compression=None)
    with pytest.raises(ValueError, match=r"file\.feather cannot be read as a table: Column 1"):
        load_table(tmp_path / "file.feather")
