"""Malicious files are rejected with a clear message, at once, in little memory, and change nothing."""

import gzip
import json
import struct
import subprocess
import sys
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
from fastnn.tensor_file import ALWAYS_PARSED, BYTES_PER_CHARACTER, BYTES_PER_VALUE
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
    rewrite_arrays,
    rewrite_header,
    rewrite_table,
    split_file,
    write_bomb,
    write_members,
    write_raw,
)

LARGE = 2**27  # bytes of an array
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


# Lies about sizes


@pytest.mark.parametrize("read", [load, fastnn.load_metadata])
def test_what_is_not_needed_of_a_model_is_not_read(model, read):
    rewrite_arrays(model, lambda arrays: arrays | {"others": np.zeros(LARGE // 8)})
    with little_memory():
        read(model)


@pytest.mark.parametrize(
    ("length", "message"),
    [(2**64 - 1, "header too large"), (2**63, "header too large"), (10**8, "invalid header length"), (0, ""), (3, "")],
)
def test_a_file_that_lies_about_the_length_of_its_table_is_refused(model, length, message):
    write_raw(model, *split_file(model), n_bytes=length)
    with little_memory(), pytest.raises(ValueError, match=f"not a network saved by fastnn .*{message}"):
        load(model)


def entry(dtype="F64", shape=(3, 4), data_offsets=(0, 96)):
    return {"dtype": dtype, "shape": shape, "data_offsets": data_offsets}


WEIGHTS = "layers.1.weights"


@pytest.mark.parametrize(
    "lie",
    [
        {WEIGHTS: entry(shape=(3, 5))},
        {WEIGHTS: entry(shape=(10**9, 10**9))},
        {WEIGHTS: entry(shape=(2**62, 2**62))},
        {WEIGHTS: entry(shape=(2**64, 1))},
        {WEIGHTS: entry(shape=(-3, -4))},
        {WEIGHTS: entry(shape=(3.0, 4.0))},
        {WEIGHTS: entry(shape="34")},
        {WEIGHTS: entry(shape=[1] * 10**5)},
        {WEIGHTS: entry(dtype="F32")},
        {WEIGHTS: entry(dtype="F128")},
        {WEIGHTS: entry(dtype="O")},
        {WEIGHTS: entry(dtype=None)},
        {WEIGHTS: entry(dtype=["F64"])},
        {WEIGHTS: entry(data_offsets=(0, 10**15))},
        {WEIGHTS: entry(data_offsets=(96, 0))},
        {WEIGHTS: entry(data_offsets=(-96, 0))},
        {WEIGHTS: entry(data_offsets=(2**64 - 96, 2**64))},
        {WEIGHTS: entry(data_offsets=(0,))},
        {WEIGHTS: None},
        {WEIGHTS: []},
        {WEIGHTS: {}},
        {"overlapping": entry()},
        {"beyond the end": entry(data_offsets=(10**6, 10**6 + 96))},
        {"nothing": entry(shape=(0, 10**30), data_offsets=(0, 0))},
        {"__metadata__": None},
        {"__metadata__": {"format": 3}},
        {"__metadata__": {"format": ["fastnn network"]}},
        {"__metadata__": [["format", "fastnn network"]]},
    ],
    ids=lambda lie: str(lie)[:60],
)
def test_a_table_of_contents_that_lies_is_refused(model, lie):
    rewrite_table(model, lambda table: table | lie)
    for read in (load, fastnn.load_metadata):
        with little_memory(), pytest.raises(ValueError, match="not a network saved by fastnn"):
            read(model)


@pytest.mark.parametrize(
    ("dtype", "n_bits"), [("BF16", 16), ("F8_E4M3", 8), ("F8_E5M2", 8), ("F6_E2M3", 6), ("F4", 4), ("C64", 64)]
)
@pytest.mark.parametrize(("name", "read"), [(WEIGHTS, load), ("metadata.scale", fastnn.load_metadata)])
def test_arrays_of_types_that_numpy_lacks_are_refused(model, dtype, n_bits, name, read):
    table, content = split_file(model)
    entries = json.loads(table)
    entries["what was there"] = entries[name]
    entries[name] = entry(dtype, (8, 3), (len(content), len(content) + 3 * n_bits))
    write_raw(model, json.dumps(entries).encode(), content + bytes(3 * n_bits))
    with pytest.raises(ValueError, match=f"{name} has the type {dtype}, which NumPy lacks"):
        read(model)


@pytest.mark.parametrize("table", [b"", b"{", b"[]", b"{}", b"3", b"null", b'"x"', b"\xff\xfe", b'{"a":' * 200])
def test_what_is_no_table_of_contents_is_refused(model, table):
    write_raw(model, table)
    with pytest.raises(ValueError, match="not a network saved by fastnn"):
        load(model)


def test_an_array_that_is_listed_twice_is_read_once_and_texts_that_are_listed_twice_are_refused(model):
    network, (table, content) = load(model), split_file(model)
    arrays = {name: each for name, each in json.loads(table).items() if name != "__metadata__"}
    write_raw(model, table.rstrip()[:-1] + b"," + json.dumps(arrays).encode()[1:], content)
    assert load(model).parameters.tobytes() == network.parameters.tobytes()
    write_raw(model, table.rstrip()[:-1] + b"," + table[1:], content)
    with pytest.raises(ValueError, match="duplicate field `__metadata__`"):
        load(model)


@pytest.mark.parametrize(
    "table",
    [
        b'{"x":[' + b"0," * 10**6 + b"0]}",
        b'{"x":[' + b"[0]," * 10**6 + b"0]}",
        b'{"__metadata__":{' + b",".join(b'"%x":""' % number for number in range(10**6)) + b"}}",
        b'{"__metadata__":{"format":"' + b"x" * 2 * 10**7 + b'"}}',
        b"{" + b",".join(b'"%x":["U8",[0],[0,0]]' % number for number in range(3 * 10**5)) + b"}",
    ],
    ids=["numbers", "lists", "texts", "a long text", "arrays"],
)
def test_a_table_of_contents_that_would_take_much_memory_is_refused(model, table):
    write_raw(model, table)
    with (
        little_memory(64_000_000 + 2 * len(table)),
        pytest.raises(ValueError, match="more than a file of its size may"),
    ):
        load(model)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (2**23, r"layers.1.weights must have shape \(8388608, 4\) of float64, got shape \(3, 4\)"),
        (10**18, "which no memory can hold"),
    ],
)
def test_no_memory_is_taken_for_arrays_that_are_smaller_than_the_header_says(model, size, message):
    rewrite_header(model, lambda header: header.update(layer_sizes=[size, 4, 2]))
    for read in (load, fastnn.load_metadata):
        with little_memory(), pytest.raises(ValueError, match=message):
            read(model)


#: Loads files in processes of their own, and prints by how many bytes the memory of each grows at most.
PROGRAM = """
import os, resource, sys
import fastnn

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

fastnn.load(sys.argv[1], backend="numpy")  # imports what loading needs
for path in sys.argv[2:]:
    if os.fork() == 0:
        before = peak()
        try:
            fastnn.load(path, backend="numpy")
        except ValueError:
            print(peak() - before, flush=True)
        os._exit(0)
    os.wait()
"""


def numbered(text, count):
    return b",".join(text % number for number in range(count))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="units of ru_maxrss differ")
@pytest.mark.usefixtures("processes_find_fastnn")
def test_all_the_memory_that_a_hostile_file_takes_is_limited(model, tmp_path):
    """That of the safetensors package too, which Python does not see."""
    tables = {
        "a long text": b'{"__metadata__":{"format":"' + b"x" * 90_000_000 + b'"}}',
        "some text": b'{"__metadata__":{"format":"' + b"x" * 9_000_000 + b'"}}',
        "some wide text": b'{"__metadata__":{"format":"' + b"x" * 5_000_000 + b'\\ud83d\\ude00"}}',
        "wide text": b'{"__metadata__":{"format":"' + b"x" * 9_000_000 + b'\\ud83d\\ude00"}}',
        "numbers": b'{"x":[' + b"0," * 45_000_000 + b"0]}",
        "some numbers": b'{"x":[' + b"0," * 250_000 + b"0]}",
        "some lists": b'{"x":[' + b"[0]," * 120_000 + b"0]}",
        "some dictionaries": b'{"x":[' + b'{"":0},' * 80_000 + b"0]}",
        "some texts": b'{"__metadata__":{' + numbered(b'"%x":"a"', 120_000) + b"}}",
        "arrays": b"{" + numbered(b'"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}', 800_000) + b"}",
        "some arrays": b"{" + numbered(b'"%x":["U8",[0],[0,0]]', 30_000) + b"}",
    }
    paths = [tmp_path / name for name in tables]
    for path, table in zip(paths, tables.values(), strict=True):
        write_raw(path, table)
    header = tmp_path / "lists in the header"
    header.write_bytes(model.read_bytes())
    rewrite_header(header, f'{{"checksums":{{}},"x":[{"[]," * (n_allowed("[]") - 1)}[]]}}')
    paths.append(header)
    arguments = [sys.executable, "-c", PROGRAM, model, *paths]
    grown = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.split()
    assert len(grown) == len(paths)
    for path, n_bytes in zip(paths, map(int, grown), strict=True):
        assert n_bytes < 64_000_000 + 2 * path.stat().st_size, path.name


def test_many_layers_without_arrays_are_refused_at_once(model):
    n_layers = 20_000
    changes = {"layer_sizes": [2] * (n_layers + 1), "activations": ["tanh"] * (n_layers - 1) + ["softmax"]}
    changes |= {"normalization": ["none"] * (n_layers - 1), "dropout": [0.0] * (n_layers - 1)}
    rewrite_header(model, lambda header: header | changes)
    with little_memory(), pytest.raises(ValueError, match="20,000 layers have as many arrays at least, got 5"):
        load(model)


def test_an_array_of_a_checkpoint_is_read_once(checkpoint):
    rewrite_header(checkpoint, set_in("history", "scores", {str(n): {"array": "layers.1.biases"} for n in range(1000)}))
    load(checkpoint)
    with pytest.raises(ValueError, match=r"layers\.1\.biases is used twice"):
        resume(checkpoint)


# Bombs


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
    text = json.dumps({"checksums": {}, "metadata": "DEEP"}).replace('"DEEP"', nested(depth))
    for path, read in ((model, load), (model, fastnn.load_metadata), (checkpoint, resume)):
        rewrite_header(path, text)
        with pytest.raises(ValueError, match=r"header .*has lists or dictionaries|must not have lists or dictionaries"):
            read(path)


@pytest.mark.parametrize("item", ["[]", "{}", "[0]", '{"":0}', "0", "1.5", '""', '"\\ud83d\\ude00"', "null"])
def test_headers_of_many_values_take_little_memory(model, item):
    """Just as many values as are allowed, and ten times as many."""
    for n_values, message in ((n_allowed(item), "layer_sizes"), (10 * n_allowed(item), "more than a file of its size")):
        rewrite_header(model, f'{{"checksums":{{}},"x":[{",".join([item] * n_values)}]}}')
        with little_memory(), pytest.raises(ValueError, match=message):
            load(model)


def test_a_large_text_takes_little_memory(model, checkpoint):
    n_characters = int(0.9 * ALWAYS_PARSED) // BYTES_PER_CHARACTER
    for path, read in ((model, fastnn.load_metadata), (checkpoint, resume)):
        for length, message in ((n_characters, "do not match"), (10 * n_characters, "more than a file of its size")):
            rewrite_header(path, f'{{"checksums":{{}},"progress":"{"x" * length}\\ud83d\\ude00"}}')
            with little_memory(64_000_000 + 2 * length), pytest.raises(ValueError, match=message):
                read(path)


def n_allowed(item):
    """How often a header may have an item at most, nearly."""
    n_characters, n_values = len(json.dumps(item)) - 1, sum(map(item.count, ",[{:")) + 1
    return int(0.9 * ALWAYS_PARSED) // (n_characters * BYTES_PER_CHARACTER + n_values * BYTES_PER_VALUE)


@pytest.mark.parametrize("n_digits", [4000, 5000, 10**6])
def test_numbers_of_many_digits_are_refused_at_once(model, n_digits):
    rewrite_header(model, f'{{"checksums":{{}},"layer_sizes":[{"9" * n_digits},2]}}')
    with little_memory(), pytest.raises(ValueError, match="is damaged"):
        load(model)


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
    "a reason that is an array": set_in("history", "stop_reason", {"array": "layers.1.biases"}),
    "a reason that is a number": set_in("history", "stop_reason", 3),
    "parameters that are text": set_in("callbacks", 0, "parameters", "text"),
    "parameters that are another array": set_in("callbacks", 0, "parameters", {"array": "array.1"}),
    "a callback that remembers nothing": set_in("callbacks", 0, {}),
    "a callback that remembers a list": set_in("callbacks", 0, [1]),
    "a best value that is no number": set_in("callbacks", 0, "best_value", None),
    "a best epoch that is no integer": set_in("callbacks", 0, "best_epoch", 1.5),
    "callbacks that are text": set_in("callbacks", "x"),
    "an epoch after the last": set_in("history", "found_best", 10**30),
    "a short history": set_in("history", "loss", {"array": "layers.1.biases"}),
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


def test_encrypted_archives_are_refused(tmp_path):
    data = tmp_path / "file.npz"
    np.savez(data, X=X, y=Y)
    encrypt(data)
    with pytest.raises(ValueError, match="it is encrypted"):
        load_table(data)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_numpy_does_not_use_is_refused(tmp_path, compression):
    data = tmp_path / "file.npz"
    np.savez(data, X=X, y=Y)
    write_members(data, members_of(data), compression)
    with pytest.raises(ValueError, match="compressed by a method that NumPy does not use"):
        load_table(data)


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
def test_headers_of_arrays_that_are_cut_short_are_refused(tmp_path, header):
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(208)
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
    rewrite_header(model, f'{{"checksums": {{}}, "metadata": {nested(depth)}}}')
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
