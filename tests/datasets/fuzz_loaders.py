"""Change files at random and load them: ``python -m tests.datasets.fuzz_loaders [COUNT] [SEED] [all | saved | data]``.

A file that fastnn has saved is loaded, or rejected with ValueError in one line; a file of data may also be rejected with
TypeError or OSError. Both take less than 5 seconds and at most 64 MB plus twice the file's size of memory. Rejecting a file
changes nothing, and what is loaded can be saved again. The command line never shows a traceback.
"""

import contextlib
import copy
import gzip
import json
import random
import struct
import sys
import tempfile
import time
import tracemalloc
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from click.testing import CliRunner

import fastnn
from fastnn.cli import main as command_line
from fastnn.cli.model import load_model
from fastnn.datasets import load_samples, load_table, read_idx
from tests.datasets.hostile import (
    arrays_of,
    bytes_of,
    encrypt,
    header_of,
    members_of,
    nested,
    npy_header,
    rewrite_arrays,
    rewrite_header,
    split_file,
    write_members,
    write_raw,
)

MOST_SECONDS, MOST_BYTES, LONGEST_MESSAGE = 5.0, 64_000_000, 1000
BOMB = 80 * 2**20

#: The command line is tried only with one in so many files, because it takes longer than the loaders.
EVERY_COMMAND = 8

X, Y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2
TABLE = pd.DataFrame(
    {
        "size": np.where(np.arange(20) % 7, X[:, 0], np.nan),
        "colour": np.array(["red", "blue", "green", None], object)[np.arange(20) % 4],
        "street": [f"street {number % 12}" for number in range(20)],
    }
)

#: What a value of a header or of a table of contents becomes.
VALUES: tuple[Any, ...] = (
    *(10**30, 10**400, -(10**30), 2**63, 2**64, -1, 0, 1, 0.5, 1e308, float("nan"), float("inf"), True, None),
    *(
        "",
        "x",
        "tanh",
        "名",
        "\x1b[31m\n",
        "x" * 10**5,
        [],
        {},
        [1, "a"],
        {"a": {"b": None}},
        ["x"] * 50,
        [[[]]],
        "DEEP",
    ),
    *({"array": "layers.1.weights"}, {"array": "header"}, {"array": []}, {"tuple": [1]}, {"items": [["a", 1]]}),
    *({"loss": "huber", "options": {}}, {"optimizer": "Adam", "options": {"learning_rate": 0.1}}),
)

#: Types of arrays, most of which NumPy has.
TYPES = (
    "F64",
    "F32",
    "F16",
    "BF16",
    "F8_E4M3",
    "F8_E5M2",
    "F4",
    "C64",
    "I64",
    "U64",
    "I32",
    "U8",
    "BOOL",
    "F128",
    "",
    None,
)

#: What the header of an array becomes.
ARRAY_HEADERS = (
    *(npy_header((BOMB // 8,)), npy_header((10**18,)), npy_header((-1,)), npy_header((0, 3)), npy_header((3,), "|O")),
    *(npy_header((2,), "<U1000000"), npy_header((10**9,), "|V0"), npy_header((4,), "<M8[s]"), npy_header((4,), "<c16")),
    *(
        b"\x93NUMPY\x01\x00\x20\x00{'descr': '<f8', 'shape': (3L,",
        b"\x93NUMPY\x02\x00\xff\xff\xff\x7f",
        b"\x93NUMPY\x09\x09",
    ),
)


class Fault(NamedTuple):
    """A failure, and how to reproduce it."""

    number: int
    kind: str
    mutation: str
    problem: str


# Files and what reads them


def new_network(seed: int = 0) -> fastnn.Network:
    options: dict[str, Any] = {"normalization": "batch", "dropout": 0.2, "backend": "numpy", "dtype": "float64"}
    return fastnn.Network([3, 4, 2], "tanh", seed=seed, **options)


def fit(network: fastnn.Network, **options: Any) -> None:
    network.fit(X, Y, optimizer=fastnn.Adam(), batch_size=10, progress=False, validation_fraction=0.2, **options)


def stopping() -> fastnn.EarlyStopping:
    return fastnn.EarlyStopping("f1", patience=9)


def state_of(network: fastnn.Network) -> Any:
    state = network.optimizer_state(fastnn.Adam())
    numbers = network.n_updates, network._mask_key, state.n_steps, network.random.bit_generator.state
    return network._learned.tobytes(), state.vectors.tobytes(), numbers


def resume(path: Path) -> None:
    """Resume from a checkpoint; if it is rejected, the network must not have changed."""
    network = new_network(1)
    before = state_of(network)
    try:
        with quiet(), contextlib.suppress(fastnn.DivergenceError):  # of parameters that are not finite
            fit(network, epochs=3, callbacks=[stopping()], resume_from=path)
    except ValueError as error:
        if state_of(network) != before:
            raise AssertionError("a refused checkpoint has changed the network") from error
        raise


def load(path: Path) -> None:
    """Load a file, predict, and save again."""
    loaded = fastnn.load(path, backend="numpy")
    again = path.with_name("again")
    fastnn.save(loaded, again)
    assert type(fastnn.load(again, backend="numpy")) is type(loaded)
    predict(loaded)


def load_as_command_does(path: Path) -> None:
    predict(load_model(path, "numpy", None))


def predict(model: Any) -> None:
    """Predictions may be rejected, because a changed file may expect other columns."""
    is_of_tables = "RealMLP" in type(model).__name__ or hasattr(model, "estimator")
    with quiet(), contextlib.suppress(ValueError):
        model.predict(TABLE if is_of_tables else X)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without warnings of numbers whose squares overflow, and of names of columns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


#: What reads each kind of file that fastnn has saved, and each kind of data.
SAVED: dict[str, tuple[Callable[[Path], Any], ...]] = {
    "network": (load, fastnn.load_metadata, load_as_command_does),
    "model": (load, fastnn.load_metadata, load_as_command_does),
    "mlp": (load, fastnn.load_metadata, load_as_command_does),
    "realmlp": (load, fastnn.load_metadata, load_as_command_does),
    "checkpoint": (resume, load),
}
DATA: dict[str, tuple[Callable[[Path], Any], ...]] = {
    "npz": (load_table, lambda path: load_samples(path, 3)),
    "npy": (load_table, lambda path: load_samples(path, 3)),
    "csv": (load_table,),
    "csv.gz": (load_table,),
    "idx": (read_idx,),
    "idx.gz": (read_idx,),
}
LOADERS = SAVED | DATA
KINDS = {"all": LOADERS, "saved": SAVED, "data": DATA}


def write_files(folder: Path) -> dict[str, Path]:
    """One whole file of each kind."""
    paths = {kind: folder / f"file.{kind}" for kind in LOADERS}
    fastnn.save(new_network(), paths["network"], words=np.array(["a", "bc"]), numbers=np.arange(3), nested=[{"a": 1.5}])
    scaling = fastnn.model.Scaling(np.zeros(3), np.ones(3))
    names: dict[str, Any] = {"class_names": ("a", "b"), "feature_names": ("a", "b", "c"), "target_name": "y"}
    fastnn.save(fastnn.Model(new_network(), scaling, target_index=3, baseline="a", **names), paths["model"])
    options: dict[str, Any] = {"random_state": 0, "backend": "numpy", "hidden_layer_sizes": (4,)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # more iterations would be needed
        mlp = fastnn.MLPClassifier(**options, max_iter=2, standardize=True, optimizer=fastnn.SGD(0.1), dropout=0.1)
        fastnn.save(mlp.fit(X, np.array(["a", "b"])[Y]), paths["mlp"], note="kept")
    realmlp = fastnn.RealMLPClassifier(**options, n_epochs=1, n_members=2)
    fastnn.save(realmlp.fit(TABLE, np.array(["rose", "lily"])[Y]), paths["realmlp"], target="kind")
    fit(new_network(), epochs=2, callbacks=[stopping(), fastnn.Checkpoint(paths["checkpoint"])])
    np.savez(paths["npz"], X=X, y=Y)
    np.save(paths["npy"], np.column_stack([X, Y]))
    text = "a,b,c,y\n" + "".join(
        f"{','.join(map(str, row))},{'no' if y else 'yes'}\n" for row, y in zip(X, Y, strict=True)
    )
    images = struct.pack(">2xBBII", 8, 2, 20, 3) + bytes(60)
    for kind, content in (("csv", text.encode()), ("idx", images)):
        paths[kind].write_bytes(content)
        paths[f"{kind}.gz"].write_bytes(gzip.compress(content))
    return paths


# Mutations


def change_bytes(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice((1, 1, 2, 8))):
        content[draw.randrange(len(content))] = draw.choice((0, 255, draw.randrange(256)))
    path.write_bytes(content)


def overwrite_words(path: Path, draw: random.Random) -> None:
    content, place = bytearray(path.read_bytes()), draw.randrange(len(path.read_bytes()))
    content[place : place + 4] = draw.choice((b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4), b"\x00\x00\x00\x10"))
    path.write_bytes(content)


def cut(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))])


def move_bytes(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    first, last = sorted(draw.randrange(len(content)) for _ in range(2))
    place = draw.randrange(len(content))
    path.write_bytes(content[:place] + content[first:last] + content[place + draw.choice((0, last - first)) :])


# Mutations of what fastnn has saved


def change_length(path: Path, draw: random.Random) -> None:
    """Change the length of the table of contents."""
    table, arrays = split_file(path)
    n_bytes, size = len(table), path.stat().st_size
    lengths = 0, 1, n_bytes - 1, n_bytes + 1, n_bytes + 8, n_bytes + len(arrays), size, 10**8, 10**8 + 1, 2**31, 2**63
    write_raw(path, table, arrays, draw.choice((*lengths, 2**64 - 1)))


def change_table(path: Path, draw: random.Random) -> None:
    """Replace, remove or add a value of the table of contents; the checksums stay."""
    text, arrays = split_file(path)
    table = json.loads(text)
    name, other = draw.choice(names := [name for name in table if name != "__metadata__"]), draw.choice(names)
    change = draw.choice(("value", "type", "shape", "offsets", "exchange", "rename", "remove", "add", "texts"))
    entry = table[name]
    if change == "value":
        change_value(table, draw)
    elif change == "type":
        entry["dtype"] = draw.choice(TYPES)
    elif change == "shape":
        entry["shape"] = draw.choice(shapes_of(entry["shape"], draw))
    elif change == "offsets":
        entry["data_offsets"][draw.randrange(2)] += draw.choice((-8, -4, -1, 1, 4, 8, 2**32, -(2**32)))
    elif change == "exchange":
        table[name], table[other] = table[other], entry
    elif change == "rename":
        table[draw.choice((other, "x", "", "layers.9.weights", "__metadata__"))] = table.pop(name)
    elif change == "remove":
        del table[name]
    elif change == "add":
        table[draw.choice(("x", "layers.9.weights", "名"))] = draw.choice((entry, empty_entry()))
    else:
        change_value(table["__metadata__"], draw)
    write_raw(path, with_depth(table, draw).encode(), arrays)


def shapes_of(shape: list[int], draw: random.Random) -> tuple[Any, ...]:
    """Other shapes, some with as many elements."""
    others = shape[::-1], [*shape, 1], [1] * 70 + shape, [int(np.prod(shape))], [*shape, 0], [0, 2**62], [2**62, 4]
    return *others, [-1], [2.0], [], [draw.randrange(9) for _ in range(draw.randrange(4))], [True], "3"


def empty_entry() -> dict[str, Any]:
    return {"dtype": "F64", "shape": [0], "data_offsets": [0, 0]}


def repeat_in_table(path: Path, draw: random.Random) -> None:
    """List an array or the texts twice, in a text that no dictionary could make."""
    table, arrays = split_file(path)
    entries = json.loads(table)
    name = draw.choice(list(entries))
    entry = draw.choice((entries[name], entries[draw.choice(list(entries))], empty_entry()))
    write_raw(path, table.rstrip()[:-1] + f", {json.dumps(name)}: {json.dumps(entry)}}}".encode(), arrays)


def change_header(path: Path, draw: random.Random) -> None:
    """Replace, remove, move or multiply entries of the header, with a correct checksum."""
    header = header_of(path)
    for _ in range(draw.choice((1, 1, 1, 2))):
        change_value(header, draw)
    rewrite_header(path, with_depth(header, draw))


def change_header_text(path: Path, draw: random.Random) -> None:
    """Cut, double or replace parts of the text of the header, with a correct checksum."""
    text = json.dumps(header_of(path))
    first, last = sorted(draw.randrange(len(text)) for _ in range(2))
    other = draw.choice(("", text[first:last] * 2, *'[]{},:"0', "\\u0000", "\\ud800", "NaN", "1" * 5000, "\x00", "名"))
    rewrite_header(path, text[:first] + other + text[draw.choice((first, first + 1, last)) :])


def change_value(value: Any, draw: random.Random) -> None:
    """Change one value anywhere in lists and dictionaries."""
    places = list(places_of(value))
    if not places:
        return
    part, key = draw.choice(places)
    old, chance = part[key], draw.random()
    if chance < 0.15:
        del part[key]
    elif chance < 0.3:  # a value from elsewhere
        other, place = draw.choice(places)
        part[key] = copy.deepcopy(other[place])
    elif chance < 0.5 and isinstance(old, int | float) and not isinstance(old, bool):
        part[key] = draw.choice((old + 1, old - 1, -old, old * 1000, float(old), int(old) if abs(old) < 1e300 else 0))
    elif chance < 0.5 and isinstance(old, list):
        part[key] = draw.choice((old[1:], old[::-1], old * 2, old * 1000, [*old, *old[:1]], {"tuple": old}))
    elif chance < 0.5 and isinstance(old, dict):
        part[key] = draw.choice((list(old), list(old.values()), {**old, "another": 1}, {str(key): old}))
    else:
        part[key] = copy.deepcopy(draw.choice(VALUES))


def with_depth(value: Any, draw: random.Random) -> str:
    """The value as JSON, deeply nested in some places."""
    return json.dumps(value).replace('"DEEP"', nested(draw.choice((95, 990, 3000))))


def places_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every position in lists and dictionaries."""
    for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(item, dict | list):
            yield from places_of(item)


def change_arrays(path: Path, draw: random.Random) -> None:
    """Remove, rename, exchange, retype, reshape or spoil arrays, with correct checksums."""
    arrays = arrays_of(path)
    name, other = draw.choice(list(arrays)), draw.choice(list(arrays))
    array = arrays.pop(name)
    changed: dict[str, Callable[[], dict[str, np.ndarray]]] = {
        "remove": dict,
        "rename": lambda: {draw.choice(("x", "layers.1.running_mean", "array.0", "metadata.numbers")): array},
        "exchange": lambda: {name: arrays.get(other, array), other: array},
        "type": lambda: {name: array.astype(draw.choice(("f2", "f4", "f8", "i1", "u8", "?")))},
        "shape": lambda: {name: draw.choice((array.T, array[..., None], array[:1], array.ravel(), array[None, :0]))},
        "add": lambda: {name: array, f"{name}.more": array},
        "spoil": lambda: {name: np.full_like(array, draw.choice((np.nan, np.inf, 1e308, -1e30, -1, 0)))},
    }
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arrays |= changed[draw.choice(list(changed))]()
    rewrite_arrays(path, lambda _: arrays)


def change_both(path: Path, draw: random.Random) -> None:
    """Change arrays, and then the header."""
    change_arrays(path, draw)
    change_header(path, draw)


# Mutations of data


def lie_about_sizes(path: Path, draw: random.Random) -> None:
    """Change sizes in the table of contents of an archive."""
    content = bytearray(path.read_bytes())
    places = [place for place in range(len(content)) if content.startswith(b"PK\x01\x02", place)]
    if places:
        value = draw.choice((0, 1, BOMB, 2**31, 2**32 - 1))
        struct.pack_into("<I", content, draw.choice(places) + draw.choice((16, 20, 24, 42)), value)
    path.write_bytes(content)


def encrypt_archive(path: Path, draw: random.Random) -> None:
    encrypt(path)


def change_members(path: Path, draw: random.Random) -> None:
    """Remove, rename, exchange, retype or redeclare the arrays of an archive, with correct checksums."""
    members = members_of(path)
    name, other = draw.choice(list(members)), draw.choice(list(members))
    change = draw.choice(("remove", "rename", "exchange", "header", "header", "cut", "array", "bytes"))
    content = members.pop(name)
    if change == "rename":
        members[draw.choice((".npy", "x", "../x", "X.npy", "y.npy", "y"))] = content
    elif change == "exchange":
        members[name] = members.get(other, content)
    elif change == "header":
        members[name] = draw.choice(ARRAY_HEADERS) + content[draw.choice((128, len(content))) :]
    elif change == "cut":
        members[name] = content[: draw.randrange(len(content))]
    elif change == "array":
        members[name] = bytes_of(
            draw.choice(([], 3, [["a"]], [np.nan] * 26, np.ones((2, 3), "f4"), [1j], True, [[[0]]]))
        )
    elif change == "bytes":
        place = draw.randrange(len(content))
        members[name] = content[:place] + bytes([draw.randrange(256)]) + content[place + 1 :]
    write_members(path, members, draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)))


def add_bomb(path: Path, draw: random.Random) -> None:
    """Replace an array by one that unpacks to `BOMB` zeros, or add one."""
    members = members_of(path)
    name = draw.choice([*members, "others.npy", "others.npy"])
    members.pop(name, None)
    write_members(path, members, zipfile.ZIP_DEFLATED)
    declared = draw.choice(
        (npy_header((BOMB // 8,)), npy_header((3,)), npy_header((BOMB // 24, 3)), npy_header((), f"|S{BOMB}"))
    )
    append_packed(path, name, declared)


def append_packed(path: Path, name: str, header: bytes) -> None:
    """Add a member with precomputed compressed content and a correct checksum."""
    packed, crc = bomb_after(header)
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo(name)
        info.compress_type, info.CRC = zipfile.ZIP_DEFLATED, crc
        info.compress_size, info.file_size = len(packed), len(header) + BOMB
        assert archive.fp is not None
        archive.fp.seek(archive.start_dir)
        info.header_offset = archive.fp.tell()
        archive.fp.write(info.FileHeader() + packed)
        archive.start_dir = archive.fp.tell()
        archive.filelist.append(info)
        archive._didModify = True


@cache
def bomb_after(header: bytes) -> tuple[bytes, int]:
    """A header and `BOMB` zeros, compressed, and their checksum."""
    content = header + bytes(BOMB)
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush(), zlib.crc32(content)


def change_unpacked(path: Path, draw: random.Random) -> None:
    """Change the content of a compressed file."""
    content = gzip.decompress(path.read_bytes())
    path.write_bytes(content)
    draw.choice((change_bytes, overwrite_words, cut, move_bytes))(path, draw)
    path.write_bytes(gzip.compress(path.read_bytes()))


def add_zeros(path: Path, draw: random.Random) -> None:
    """Extend a compressed file to a great length."""
    path.write_bytes(path.read_bytes() + gzip_bomb())


@cache
def gzip_bomb() -> bytes:
    return gzip.compress(bytes(BOMB), 1)


def declare_array(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(draw.choice(ARRAY_HEADERS) + content[draw.choice((128, len(content))) :])


def mutations_of(kind: str) -> tuple[Callable[[Path, random.Random], None], ...]:
    """What is done to a kind of file, at random."""
    common = change_bytes, overwrite_words, cut, move_bytes
    if kind == "npy":
        return *common, declare_array
    if kind.endswith(".gz"):
        return *common, change_unpacked, change_unpacked, add_zeros
    if kind == "npz":
        return *common, lie_about_sizes, encrypt_archive, change_members, change_members, add_bomb
    if kind in DATA:
        return common
    header = (change_header,) * 8
    return (
        *common,
        change_length,
        *(change_table,) * 4,
        repeat_in_table,
        change_header_text,
        *header,
        change_arrays,
        change_both,
    )


# Trials


def outcome_of(read: Callable[[Path], Any], path: Path, allowed: tuple[type[Exception], ...]) -> tuple[str, str]:
    """Whether a file was loaded or refused, and what went wrong; empty if nothing."""
    limit, start = MOST_BYTES + 2 * path.stat().st_size, time.perf_counter()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    problem, outcome = "", "loaded"
    try:
        read(path)
    except allowed as error:
        outcome, message = "refused", str(error).replace(str(path), "")
        if allowed == (ValueError,) and not (message.isprintable() and len(message) <= LONGEST_MESSAGE):
            problem = f"{len(message):,} characters: {message[:200]!r}"
    except BaseException as error:
        outcome, problem = "failed", f"{type(error).__name__}: {error}"
    seconds, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1] - before
    if peak > limit:
        problem += f" {peak:,} bytes, more than {limit:,}"
    return outcome, problem + f" {seconds:.1f} s" * (seconds > MOST_SECONDS)


def problem_of_commands(kind: str, path: Path, paths: dict[str, Path], draw: random.Random) -> str:
    """The same for a command that reads the file."""
    options = ["--epochs", "1", "--backend", "numpy", "--hidden", "2"]
    data, output = str(paths["csv"]), str(path.with_name("output"))
    commands = {
        **dict.fromkeys(
            ("network", "model", "mlp", "realmlp"),
            (
                ["predict", str(path), data, "--backend", "numpy"],
                ["train", "--data", data, "--output", str(path), *options],
            ),
        ),
        "checkpoint": (
            ["train", "--data", "moons", *options, "--checkpoint", str(path), "--resume", "--output", output],
        ),
    }
    predict = ["predict", str(paths["model"]), str(path), "--backend", "numpy"]
    arguments = draw.choice(commands.get(kind, (predict, ["train", "--data", str(path), "--output", output, *options])))
    with quiet():
        result = CliRunner().invoke(command_line, arguments)
    if result.exception is None or isinstance(result.exception, SystemExit):
        return ""
    return f"{' '.join(arguments)}: {result.exception!r}"


def fuzz(count: int, seed: int, kinds: str = "all") -> tuple[list[Fault], Counter[tuple[str, str]]]:
    """Try a number of changed files; returns faults, and how often each kind was loaded and refused."""
    faults, outcomes = [], Counter[tuple[str, str]]()
    tracemalloc.start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_files(folder)
        wholes = {kind: path.read_bytes() for kind, path in paths.items()}
        for number in range(count):
            draw = random.Random(f"{seed} {number}")
            kind = draw.choice(list(KINDS[kinds]))
            path = folder / f"changed.{kind}"
            path.write_bytes(wholes[kind])
            mutation = draw.choice(mutations_of(kind))
            mutation(path, draw)
            problems = []
            for read in LOADERS[kind]:
                outcome, problem = outcome_of(
                    read, path, (ValueError,) if kind in SAVED else (ValueError, TypeError, OSError)
                )
                outcomes[kind, outcome] += 1
                problems.append(problem)
            if number % EVERY_COMMAND == 0:
                problems.append(problem_of_commands(kind, path, paths, draw))
            faults += [Fault(number, kind, mutation.__name__, problem) for problem in problems if problem]
    tracemalloc.stop()
    return faults, outcomes


def main(count: str = "2000", seed: str = "0", kinds: str = "all") -> int:
    """Try changed files, and report failures."""
    start = time.perf_counter()
    faults, outcomes = fuzz(int(count), int(seed), kinds)
    for fault in faults:
        print(*fault)
    print(f"{int(count):,} files in {time.perf_counter() - start:.1f} s, {len(faults)} faults")
    for (kind, outcome), n_times in sorted(outcomes.items()):
        print(f"{kind:12} {outcome:8} {n_times:8,}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
