"""A saved network is loaded bit for bit, or rejected with a clear message; saving replaces a file atomically."""

import copy
import errno
import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn.serialization import load, load_metadata, save


def small_network(dtype: str = "float32", seed: int = 0) -> fastnn.Network:
    return fastnn.Network([3, 4, 2], activations="tanh", backend="numpy", dtype=dtype, seed=seed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network"


# Round trips


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", fastnn.available_backends())
@pytest.mark.parametrize(
    ("layer_sizes", "activations", "loss"),
    [
        ([3, 4, 2], "relu", "softmax_cross_entropy"),
        ([2, 8, 4, 1], ["gelu", "selu", "sigmoid"], "binary_cross_entropy"),
        ([5, 1], "tanh", "squared_error"),
        ([5, 3, 2], ["softplus", "softmax"], "squared_error"),
        ([5, 3, 2], "relu", "poisson"),
        ([5, 3, 2], "relu", fastnn.losses.SquaredError(scale=0.5)),
        ([5, 3, 2], "relu", fastnn.losses.Huber(delta=np.float32(0.3))),
        ([5, 3, 6], "relu", fastnn.losses.Quantile(levels=np.array([0.1, 0.5, 0.9]))),
        ([5, 3, 6], "relu", fastnn.losses.SoftmaxCrossEntropy(label_smoothing=0.1)),
    ],
)
def test_a_network_comes_back_bit_by_bit(path, dtype, backend, layer_sizes, activations, loss):
    network = fastnn.Network(layer_sizes, activations, loss, backend=backend, dtype=dtype, seed=1)
    save(network, path)
    loaded = load(path, backend=backend)
    assert loaded.architecture == network.architecture
    assert (loaded.dtype, loaded.backend) == (network.dtype, backend)
    assert loaded.parameters.tobytes() == network.parameters.tobytes()
    X = np.random.default_rng(0).standard_normal((7, layer_sizes[0]))
    assert loaded.forward(X).tobytes() == network.forward(X).tobytes()


@pytest.mark.parametrize("normalization", ["batch", "layer", [None, "batch"]])
def test_running_statistics_and_dropout_come_back_too(path, normalization):
    options = {"normalization": normalization, "dropout": [0.5, 0.2], "backend": "numpy"}
    network = fastnn.Network([3, 4, 5, 2], seed=1, **options)
    X = np.random.default_rng(0).standard_normal((8, 3))
    network.fit(X, np.arange(8) % 2, epochs=3, batch_size=4)
    save(network, path)
    loaded = load(path, backend="numpy")
    assert loaded.architecture == network.architecture
    assert loaded._learned.tobytes() == network._learned.tobytes()
    assert loaded.forward(X).tobytes() == network.forward(X).tobytes()


def test_parameters_that_are_no_numbers_come_back_too(path):
    network = small_network()
    network.parameters[:4] = [np.nan, np.inf, -0.0, 1e-45]
    save(network, path)
    assert load(path, backend="numpy").parameters.tobytes() == network.parameters.tobytes()


def test_the_backend_is_chosen_when_loading(path):
    save(small_network(), path)
    assert load(path).backend == "numba"
    assert load(path, backend="numpy").backend == "numpy"


@pytest.mark.parametrize("other_seed", [3, 4])
def test_random_numbers_of_a_loaded_network_are_those_of_a_seed(path, other_seed):
    save(fastnn.Network([3, 8, 2], dropout=0.5, backend="numpy", seed=0), path)
    X, y = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 2
    loaded = [load(path, backend="numpy", seed=seed) for seed in (3, other_seed)]
    losses = [network.fit(X, y, epochs=3, batch_size=8, progress=False).loss for network in loaded]
    assert (losses[0] == losses[1]) == (other_seed == 3)


@pytest.mark.parametrize("transfer", ["copy", "pickle", "file"])
def test_what_an_optimizer_keeps_does_not_travel(path, transfer):
    network, optimizer = small_network(), fastnn.SGD(0.1, momentum=0.9)
    X, y = np.random.default_rng(0).standard_normal((8, 3)), np.arange(8) % 2
    network.fit(X, y, optimizer=optimizer, epochs=2, progress=False)
    save(network, path)
    other = {
        "copy": lambda: copy.deepcopy(network),
        "pickle": lambda: pickle.loads(pickle.dumps(network)),
        "file": lambda: load(path, backend="numpy"),
    }[transfer]()
    assert other.parameters.tobytes() == network.parameters.tobytes()
    assert network.optimizer_state(optimizer).n_steps == 2
    assert other.optimizer_state(optimizer).n_steps == 0
    assert not other.optimizer_state(optimizer).vectors.any()


def test_a_loaded_network_is_trained_further_like_the_original(path):
    network = small_network()
    save(network, path)
    loaded = load(path, backend="numpy")
    X, y = np.random.default_rng(0).standard_normal((8, 3)), np.arange(8) % 2
    for each in (network, loaded):
        each.loss(X, y)
        each.backward()
        each.step(fastnn.SGD(learning_rate=0.1))
    assert loaded.parameters.tobytes() == network.parameters.tobytes()


def test_metadata_comes_back(path):
    metadata = {
        "class_names": ["a", "名"],
        "nothing": None,
        "nested": {"list": [1, 2.5, True, {"deep": "er"}]},
        "tiny": 5e-324,
        "scale": np.array([1.5, -0.0]),
        "words": np.array(["x", "yz"]),
        "matrix": np.arange(6, dtype=np.int8).reshape(2, 3),
        "number": np.float32(0.1),
    }
    save(small_network(), path, **metadata)
    loaded = load_metadata(path)
    assert set(loaded) == set(metadata)
    for name, value in metadata.items():
        if isinstance(value, np.ndarray):
            assert (loaded[name].dtype, loaded[name].tobytes()) == (value.dtype, value.tobytes())
        else:
            assert loaded[name] == value
    assert load_metadata_is_empty(path.with_name("plain"))


def load_metadata_is_empty(path: Path) -> bool:
    save(small_network(), path)
    return load_metadata(path) == {}


def test_metadata_may_have_any_name(path):
    save(small_network(), path, header=1, network=2, path=3, parameters=np.arange(3))
    assert load_metadata(path).keys() == {"header", "network", "path", "parameters"}
    assert load(path, backend="numpy").architecture.n_parameters == 26


def test_a_tuple_comes_back_as_a_list(path):
    save(small_network(), path, names=("a", "b"))
    assert load_metadata(path) == {"names": ["a", "b"]}


def test_the_same_network_makes_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        save(small_network(), tmp_path / name, scale=np.ones(3))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_the_path_is_used_as_given(tmp_path):
    save(small_network(), str(tmp_path / "model.fastnn"))
    assert [each.name for each in tmp_path.iterdir()] == ["model.fastnn"]


def test_numpy_reads_the_file_without_pickle(path):
    network = small_network()
    save(network, path)
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["parameters"], network.parameters)
        assert json.loads(arrays["header"].item())["layer_sizes"] == [3, 4, 2]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "'extra' must be a NumPy array, or consist of numbers"),
        ([1, {2, 3}], r"got \{2, 3\}"),
        ({"inner": np.ones(2)}, r"got array\(\[1., 1.\]\)"),
        ({1: "one"}, "strings as keys; got {1: 'one'}"),
        (1j, "got 1j"),
        (np.array([None, 1]), "'extra' must be an array of numbers or strings, got one of dtype object"),
    ],
)
def test_metadata_of_another_kind_is_refused_before_anything_is_written(path, value, message):
    with pytest.raises(TypeError, match=message):
        save(small_network(), path, extra=value)
    assert not path.exists()


def test_something_else_than_a_network_is_refused(path):
    with pytest.raises(TypeError, match="RealMLPRegressor, got ndarray"):
        save(np.ones(3), path)


# Saving whole or not at all


def test_an_existing_file_is_replaced_and_keeps_its_permissions(path):
    save(small_network(seed=0), path)
    path.chmod(0o640)
    save(small_network(seed=1), path)
    assert load(path, backend="numpy").parameters.tobytes() == small_network(seed=1).parameters.tobytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="the mask of permissions is POSIX's")
def test_a_new_file_has_the_usual_permissions(path):
    mask = os.umask(0o027)
    try:
        save(small_network(), path)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failure_keeps_the_old_file_and_leaves_no_other(path, monkeypatch, failure, function):
    save(small_network(), path)
    before = path.read_bytes()

    def fail(*arguments):
        raise failure

    monkeypatch.setattr(*{"fsync": (os, "fsync"), "replace": (Path, "replace")}[function], fail)
    with pytest.raises(type(failure)) as caught:
        save(small_network(seed=1), path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    if isinstance(failure, OSError):
        assert str(path) in str(caught.value)


def test_a_full_disk_in_the_middle_of_the_file_keeps_the_old_one(path, monkeypatch):
    save(small_network(), path)
    before = path.read_bytes()

    def half_then_full(file, **arrays):
        file.write(b"PK\x03\x04 half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", half_then_full)
    with pytest.raises(OSError, match="No space left on device"):
        save(small_network(seed=1), path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
@pytest.mark.usefixtures("processes_find_fastnn")
def test_a_kill_at_any_moment_leaves_a_whole_file(path):
    program = (
        "import sys, fastnn\n"
        "networks = [fastnn.Network([200, 100, 2], backend='numpy', seed=seed) for seed in range(2)]\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    for network in networks:\n"
        "        fastnn.save(network, sys.argv[1])\n"
    )
    expected = {fastnn.Network([200, 100, 2], backend="numpy", seed=seed).parameters.tobytes() for seed in range(2)}
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        while not path.exists():
            time.sleep(0.001)
        for _ in range(20):
            assert load(path, backend="numpy").parameters.tobytes() in expected
        process.send_signal(signal.SIGKILL)
    assert load(path, backend="numpy").parameters.tobytes() in expected


def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path, path):
    link = tmp_path / "link"
    save(small_network(), path)
    link.symlink_to(path)
    save(small_network(seed=1), link)
    assert link.is_symlink()
    assert load(path, backend="numpy").parameters.tobytes() == small_network(seed=1).parameters.tobytes()


def test_a_folder_or_device_is_not_replaced(tmp_path):
    with pytest.raises(OSError, match="is not a regular file"):
        save(small_network(), tmp_path)
    assert tmp_path.is_dir()
    with pytest.raises(OSError, match="is not a regular file"):
        save(small_network(), os.devnull)
    assert not Path(os.devnull).is_file()


def test_a_missing_folder_is_named_by_the_path_that_was_given(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        save(small_network(), tmp_path / "nowhere" / "model")
    assert caught.value.filename == str(tmp_path / "nowhere" / "model")


# Files that cannot be loaded


def test_a_missing_file_is_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        load(path)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x93NUMPY"])
@pytest.mark.parametrize("read", [load, load_metadata])
def test_a_foreign_file_is_refused(path, content, read):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a network saved by fastnn"):
        read(path)


@pytest.mark.parametrize(
    "arrays",
    [{"X": np.ones(3)}, {"header": np.ones(3)}, {"header": np.array(b"[1]")}, {"header": np.array(b'{"format": 1}')}],
)
def test_a_foreign_archive_of_arrays_is_refused(path, arrays):
    with path.open("wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(ValueError, match="not a network saved by fastnn"):
        load(path)


def test_a_pickle_in_the_file_is_never_run(path):
    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("the pickle was run",)

    with path.open("wb") as file:
        np.savez(file, header=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match="not a network saved by fastnn"):
        load(path)


def test_every_shortened_file_is_refused(path):
    save(small_network(), path, scale=np.ones(2))
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="network saved by fastnn"):
            load(path)


def test_a_changed_byte_anywhere_is_refused_or_does_not_matter(path):
    network = small_network()
    save(network, path, names=["a"], scale=np.ones(2))
    content = path.read_bytes()
    for position in range(0, len(content), 3):
        changed = bytearray(content)
        changed[position] ^= 0x41
        path.write_bytes(changed)
        try:
            loaded = load(path, backend="numpy")
        except ValueError:
            continue
        assert loaded.parameters.tobytes() == network.parameters.tobytes()
        assert loaded.architecture == network.architecture


def rewrite(path: Path, parameters: np.ndarray | None = None, **changes: object) -> None:
    """Save a small network with a changed header or parameters, with correct checksums."""
    save(small_network(), path)
    with np.load(path) as arrays:
        members = dict(arrays)
    header = {**json.loads(members["header"].item()), **changes}
    members["header"] = np.array(
        json.dumps({name: value for name, value in header.items() if value != "absent"}).encode()
    )
    if parameters is not None:
        members["parameters"] = parameters
    with path.open("wb") as file:
        np.savez(file, **members)


def test_a_newer_version_of_the_format_is_named(path):
    rewrite(path, version=2)
    with pytest.raises(ValueError, match="version 2 of the file format, but this fastnn reads version 1: install"):
        load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer_sizes": [3, 4, 3]}, "31 parameters of float32 expected, got shape .26,. of float32"),
        ({"layer_sizes": [10**9, 10**9, 2]}, r"parameters of float32 expected"),
        ({"layer_sizes": "absent"}, "layer_sizes"),
        ({"layer_sizes": 7}, "layer_sizes"),
        ({"activations": ["tanh", "cube"]}, r"not known here: call fastnn.register_activation\('cube', ...\) first"),
        ({"loss": "guess"}, r"not known here: call fastnn.register_loss\('guess', ...\) first"),
        ({"loss_options": {"delta": 1.0}}, "delta"),
        ({"loss_options": {"label_smoothing": 2.0}}, "label_smoothing must be a number from 0 to 1"),
        ({"dtype": "float64"}, "26 parameters of float64 expected"),
        ({"arrays": ["scale"]}, "metadata.scale"),
        ({"metadata": [1]}, "damaged"),
        ({"parameters": np.ones((26, 1), np.float32)}, r"got shape \(26, 1\)"),
    ],
)
def test_a_header_that_does_not_fit_is_described(path, changes, message):
    rewrite(path, **changes)
    with pytest.raises(ValueError, match=message):
        load(path)


def test_a_file_from_before_a_loss_had_its_option_is_read(path):
    rewrite(path, activations=["tanh", "identity"], loss="squared_error", loss_options={})
    assert load(path, backend="numpy").architecture.loss == fastnn.losses.SquaredError(scale=1.0)


def test_parameters_of_the_other_byte_order_are_read(path):
    network = small_network()
    rewrite(path, parameters=network.parameters.astype(network.dtype.newbyteorder()))
    assert load(path, backend="numpy").parameters.tobytes() == network.parameters.tobytes()


def test_a_compressed_file_is_read(path):
    save(small_network(), path)
    with np.load(path) as arrays:
        members = dict(arrays)
    with path.open("wb") as file:
        np.savez_compressed(file, **members)
    assert load(path, backend="numpy").parameters.tobytes() == small_network().parameters.tobytes()
