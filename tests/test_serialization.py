"""A saved network is loaded bit for bit, or rejected with a clear message; saving replaces a file atomically."""

import copy
import errno
import io
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import fastnn
from fastnn import archives
from fastnn.serialization import load, load_metadata, save
from tests.datasets.hostile import header_of, rewrite_arrays, rewrite_header, texts_of, write_texts


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_programs_read_the_arrays_of_a_file_by_name(path, dtype):
    network = fastnn.Network([3, 4, 2], normalization="batch", backend="numpy", dtype=dtype, seed=0)
    network.fit(np.random.default_rng(0).standard_normal((8, 3)), np.arange(8) % 2, epochs=1, progress=False)
    save(network, path, offsets=np.arange(3))
    arrays, architecture = load_file(path), network.architecture
    for number in (1, 2):
        np.testing.assert_array_equal(arrays.pop(f"layers.{number}.weights"), network.weights[number - 1], strict=True)
        np.testing.assert_array_equal(arrays.pop(f"layers.{number}.biases"), network.biases[number - 1], strict=True)
    scales, shifts = (views(network.parameters)[0] for views in (architecture.scale_views, architecture.shift_views))
    np.testing.assert_array_equal(arrays.pop("layers.1.scales"), scales, strict=True)
    np.testing.assert_array_equal(arrays.pop("layers.1.shifts"), shifts, strict=True)
    names = ("running_mean", "running_variance", "last_precision")
    statistics = [arrays.pop(f"layers.1.{name}") for name in names]
    np.testing.assert_array_equal(
        np.concatenate(statistics), network._learned[architecture.n_parameters :], strict=True
    )
    np.testing.assert_array_equal(arrays.pop("metadata.offsets"), np.arange(3), strict=True)
    assert not arrays
    assert header_of(path)["layer_sizes"] == [3, 4, 2]
    assert {*texts_of(path)} == {"format", "version", "checksum", "header"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "'extra' must be a NumPy array, or consist of numbers"),
        ([1, {2, 3}], r"got \{2, 3\}"),
        ({"inner": np.ones(2)}, r"got array\(\[1., 1.\]\)"),
        ({1: "one"}, "strings as keys; got {1: 'one'}"),
        (1j, "got 1j"),
        (np.array([None, 1]), "'extra' must be an array of numbers or strings, got one of dtype object"),
        (np.array([1j]), "'extra' must be an array of numbers or strings, got one of dtype complex128"),
        (np.array([b"a"]), "'extra' must be an array of numbers or strings, got one of dtype |S1"),
        (
            np.array(["2026-01-01"], "M8[D]"),
            r"'extra' must be an array of numbers or strings, got one of dtype datetime64",
        ),
    ],
)
def test_metadata_of_another_kind_is_refused_before_anything_is_written(path, value, message):
    with pytest.raises(TypeError, match=message):
        save(small_network(), path, extra=value)
    assert not path.exists()


def test_something_else_than_a_network_is_refused(path):
    with pytest.raises(TypeError, match=r"save takes a Network, a Model, .* or a RealMLPRegressor, got ndarray"):
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

    class FullDisk(io.BufferedWriter):
        def write(self, content):
            super().write(content[: len(content) // 2])
            self.flush()
            raise OSError(errno.ENOSPC, "No space left on device")

    new_file = archives._new_file_beside
    monkeypatch.setattr(archives, "_new_file_beside", lambda target: FullDisk(new_file(target).detach()))
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
    assert str(caught.value) == f"[Errno 2] No such file or directory: '{tmp_path / 'nowhere' / 'model'}'"


# Files that cannot be loaded


def test_a_missing_file_is_an_os_error(path):
    with pytest.raises(FileNotFoundError):
        load(path)


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), b"\x93NUMPY", b"\x02" + bytes(7) + b"{}"]
)
@pytest.mark.parametrize("read", [load, load_metadata])
def test_a_foreign_file_is_refused(path, content, read):
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"not a network saved by fastnn( \(it is not in the safetensors format\))?\.$"
    ):
        read(path)


@pytest.mark.parametrize(
    "texts",
    [
        None,
        {"format": "pt"},
        {"header": "{}", "version": "1"},
        {"format": "fastnn network", "version": "1"},
        {"format": "fastnn network", "version": "1", "header": "", "checksum": "0"},
        {"format": "fastnn network", "version": "1", "header": "[1]", "checksum": str(zlib.crc32(b"[1]"))},
        {"format": "fastnn network", "version": "1", "header": "{}", "checksum": str(zlib.crc32(b"{}"))},
        {"format": "fastnn network", "version": "1", "header": "{}", "checksum": "0"},
    ],
)
def test_a_foreign_file_of_arrays_is_refused(path, texts):
    save_file({"X": np.ones(3)}, path, texts)
    with pytest.raises(ValueError, match="not a network saved by fastnn"):
        load(path)


def test_a_pickle_is_never_run(path):
    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("the pickle was run",)

    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="not a network saved by fastnn"):
        load(path)
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
            loaded, metadata = load(path, backend="numpy"), load_metadata(path)
        except ValueError:
            continue
        assert loaded.parameters.tobytes() == network.parameters.tobytes()
        assert loaded.architecture == network.architecture
        assert metadata["names"] == ["a"]
        assert metadata["scale"].tolist() == [1, 1]


def test_a_changed_array_is_named(path):
    save(small_network(), path, scale=np.ones(2))
    content = path.read_bytes()
    for number, name in ((-1, "layers.2.weights"), (content.index(np.ones(2).tobytes()), "metadata.scale")):
        changed = bytearray(content)
        changed[number] ^= 1
        path.write_bytes(changed)
        read = load_metadata if name.startswith("metadata") else load
        with pytest.raises(ValueError, match=rf"is damaged .*\(the checksum of {name} is wrong\)"):
            read(path)


def rewrite(path: Path, **changes: object) -> None:
    """Save a small network with a changed header, with correct checksums."""
    save(small_network(), path)
    absent = [name for name, value in changes.items() if value == "absent"]
    rewrite_header(path, lambda header: {name: each for name, each in (header | changes).items() if name not in absent})


def test_a_newer_version_of_the_format_is_named(path):
    save(small_network(), path)
    write_texts(path, texts_of(path) | {"version": "2"})
    with pytest.raises(ValueError, match="version 2 of the file format, but this fastnn reads version 1: install"):
        load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"layer_sizes": [3, 4, 3]},
            r"layers.2.weights must have shape \(4, 3\) of float32, got shape \(4, 2\) of float32",
        ),
        ({"layer_sizes": [10**9, 10**9, 2]}, r"layers.1.weights must have shape \(1000000000, 1000000000\) of float32"),
        ({"layer_sizes": [3, 4, 4, 2], "activations": ["tanh", "tanh", "softmax"]}, "normalization"),
        ({"layer_sizes": [1] * 100}, "99 layers have as many arrays at least, got 4"),
        ({"layer_sizes": "absent"}, "layer_sizes"),
        ({"layer_sizes": 7}, "layer_sizes must be a list, got 7"),
        ({"activations": ["tanh", "cube"]}, r"not known here: call fastnn.register_activation\('cube', ...\) first"),
        (
            {"activations": ["x" * 10**6, "cube"]},
            r"not known here: call fastnn.register_activation\('x{100}', ...\) first",
        ),
        ({"loss": "guess"}, r"not known here: call fastnn.register_loss\('guess', ...\) first"),
        ({"loss": "x" * 10**6}, r"not known here: call fastnn.register_loss\('x{100}', ...\) first"),
        ({"loss_options": {"delta": 1.0}}, "delta"),
        ({"loss_options": {"label_smoothing": 2.0}}, "label_smoothing must be a number from 0 to 1"),
        ({"dtype": "float64"}, r"layers.1.weights must have shape \(3, 4\) of float64, got shape \(3, 4\) of float32"),
        ({"arrays": ["scale"]}, "there is no metadata.scale"),
        ({"metadata": [1]}, "damaged"),
        ({"metadata": "absent"}, "damaged"),
        ({"texts": {"words": {"shape": [1], "values": [3]}}}, "texts must be strings"),
        ({"texts": {"words": {"shape": [3], "values": ["a"]}}}, "reshape"),
        ({"texts": {"words": {"shape": [10**6], "values": ["a"]}}}, "reshape"),
        ({"texts": {"words": {"shape": [101], "values": ["a" * 10**5] + [""] * 100}}}, "one of 100,000 characters"),
        ({"object": "os.system"}, "unknown object 'os.system'"),
        ({"object": ["Network"]}, "unhashable"),
        ({"object": "absent"}, "object"),
        ({"n_networks": 2}, "there is no members.1.layers.1.weights"),
        ({"n_networks": 1.0}, "1 to 1,000 networks expected, got 1.0"),
    ],
)
def test_a_header_that_does_not_fit_is_described(path, changes, message):
    rewrite(path, **changes)
    with pytest.raises(ValueError, match=message):  # noqa: PT012
        load_metadata(path)
        load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda array: array.ravel(), r"must have shape \(3, 4\) of float32, got shape \(12,\)"),
        (lambda array: array.T, r"must have shape \(3, 4\) of float32, got shape \(4, 3\)"),
        (lambda array: array[np.newaxis], r"got shape \(1, 3, 4\)"),
        (lambda array: array.astype("f8"), "got shape .* of float64"),
        (lambda array: array.astype("i4"), "got shape .* of int32"),
    ],
)
def test_an_array_that_does_not_fit_is_described(path, change, message):
    save(small_network(), path)
    name = "layers.1.weights"
    rewrite_arrays(path, lambda arrays: arrays | {name: change(arrays[name])})
    with pytest.raises(ValueError, match=f"is damaged: its header and its arrays do not match .{name} .*{message}"):
        load(path)


def test_a_missing_array_is_named(path):
    save(small_network(), path)
    rewrite_arrays(path, lambda arrays: {name: each for name, each in arrays.items() if name != "layers.2.biases"})
    with pytest.raises(ValueError, match=r"there is no layers\.2\.biases"):
        load(path)


@pytest.mark.parametrize(
    "name",
    ["layers.3.weights", "layers.2.running_mean", "inputs.scales", "members.1.layers.1.weights"],
)
def test_an_array_too_many_is_named(path, name):
    save(small_network(), path)
    rewrite_arrays(path, lambda arrays: arrays | {name: np.ones(2, np.float32)})
    with pytest.raises(ValueError, match=f"{name} belongs to another network"):
        load(path)


def test_arrays_that_do_not_belong_to_the_network_may_be_added(path):
    save(small_network(), path)
    rewrite_arrays(path, lambda arrays: arrays | {"history": np.ones(2), "more": np.array([True])})
    assert load(path, backend="numpy").parameters.tobytes() == small_network().parameters.tobytes()


def test_the_same_array_is_not_read_a_thousand_times(path):
    save(small_network(), path, scale=np.ones(2))
    rewrite_header(path, lambda header: header.update(arrays=["scale"] * 1000))
    with pytest.raises(ValueError, match=r"metadata\.scale is used twice"):
        load_metadata(path)


def test_an_error_that_quotes_a_file_is_one_short_line(path):
    rewrite(path, arrays=["\n\x1b[31m" + "x" * 10**5])
    with pytest.raises(ValueError, match="there is no metadata") as caught:
        load(path)
    message = str(caught.value).removeprefix(str(path))
    assert message.isprintable()
    assert len(message) < 600


def test_a_file_from_before_a_loss_had_its_option_is_read(path):
    rewrite(path, activations=["tanh", "identity"], loss="squared_error", loss_options={})
    assert load(path, backend="numpy").architecture.loss == fastnn.losses.SquaredError(scale=1.0)


def test_arrays_in_any_order_of_bytes_and_of_axes_come_back(path):
    matrix = np.arange(6.0).reshape(2, 3)
    given = {"other": matrix.astype(matrix.dtype.newbyteorder()), "transposed": matrix.T, "part": matrix[:, ::2]}
    save(small_network(), path, **given, nothing=np.ones((0, 3)), single=np.array(2.5))
    loaded = load_metadata(path)
    for name, array in given.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == matrix.dtype
    assert loaded["nothing"].shape == (0, 3)
    np.testing.assert_array_equal(loaded["single"], np.array(2.5), strict=True)


def test_what_could_not_be_read_back_is_not_written(path):
    for metadata in ({"names": ["name"] * 10**6}, {"text": "x" * 2 * 10**7}):
        with pytest.raises(ValueError, match=r"Names, labels and metadata are too large to be saved: .* more than"):
            save(small_network(), path, **metadata)
    with pytest.raises(ValueError, match="an array of 1,001 strings must not have one of 100,000 characters"):
        save(small_network(), path, words=np.array(["x" * 10**5] + [""] * 1000))
    assert not path.exists()
    save(small_network(), path, names=["name"] * 10**5, text="x" * 10**5, words=np.array(["x" * 10**5] + [""] * 10))
    assert len(load_metadata(path)["names"]) == 10**5
