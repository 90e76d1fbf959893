"""Change files of every kind at random and load them: ``python -m tests.datasets.fuzz_loaders [COUNT] [SEED]``.

A loader may read a file or reject it with ValueError, TypeError or OSError, in less than 5 seconds and with at most 64 MB plus
twice the file's size of memory. Rejecting a file changes nothing. The command line never shows a traceback.
"""

import copy
import gzip
import io
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
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from click.testing import CliRunner

import fastnn
from fastnn.cli import main as command_line
from fastnn.cli.model import load_model
from fastnn.datasets import load_samples, load_table, read_idx
from tests.datasets.hostile import bytes_of, encrypt, members_of, nested, npy_header, rewrite_header, write_members

ALLOWED = ValueError, TypeError, OSError
MOST_SECONDS, MOST_BYTES = 5.0, 64_000_000
BOMB = 80 * 2**20

#: The command line is tried only with one in so many files, because it takes longer than the loaders.
EVERY_COMMAND = 8

X, Y = np.random.default_rng(0).standard_normal((20, 3)), np.arange(20) % 2

#: What a number or a text of a header becomes.
VALUES: tuple[Any, ...] = (
    *(10**30, 10**400, -(10**30), 2**63, 2**64, -1, 0, 1, 0.5, 1e308, float("nan"), float("inf"), True, None),
    *(
        "",
        "x",
        "tanh",
        [],
        {},
        [1, "a"],
        {"array": "parameters"},
        {"array": "header"},
        {"array": []},
        {"a": {"b": None}},
    ),
    *("DEEP", [[[]]], ["x"] * 50),
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
        fit(network, epochs=3, callbacks=[stopping()], resume_from=path)
    except ALLOWED as error:
        if state_of(network) != before:
            raise AssertionError("a refused checkpoint has changed the network") from error
        raise


def load(path: Path) -> None:
    fastnn.load(path, backend="numpy").predict(X)


def load_as_command_does(path: Path) -> None:
    model = load_model(path, "numpy", None)
    model.predict(X)


LOADERS: dict[str, tuple[Callable[[Path], Any], ...]] = {
    "model": (load, fastnn.load_metadata, load_as_command_does),
    "checkpoint": (resume, load),
    "npz": (load_table, lambda path: load_samples(path, 3)),
    "npy": (load_table, lambda path: load_samples(path, 3)),
    "csv": (load_table,),
    "csv.gz": (load_table,),
    "idx": (read_idx,),
    "idx.gz": (read_idx,),
}
ARCHIVES = "model", "checkpoint", "npz"


def write_files(folder: Path) -> dict[str, Path]:
    """One whole file of each kind."""
    paths = {kind: folder / f"file.{kind}" for kind in LOADERS}
    metadata: dict[str, Any] = {"class_names": ["a", "b"], "features_mean": np.zeros(3), "features_scale": np.ones(3)}
    fastnn.save(new_network(), paths["model"], seed=0, target_index=3, dropped=[], **metadata)
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


def change_header(path: Path, draw: random.Random) -> None:
    """Replace or remove an entry of the header."""
    header = json.loads(np.load(io.BytesIO(members_of(path)["header.npy"])).item())
    for _ in range(draw.choice((1, 1, 2))):
        part, key = draw.choice(list(places_of(header)))
        if draw.random() < 0.2 and isinstance(part, dict):
            part.pop(key, None)
        else:
            part[key] = copy.deepcopy(draw.choice(VALUES))
    rewrite_header(path, json.dumps(header).replace('"DEEP"', nested(draw.choice((95, 990, 3000)))))


def places_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every position in lists and dictionaries."""
    for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(item, dict | list):
            yield from places_of(item)


def change_members(path: Path, draw: random.Random) -> None:
    """Remove, rename, exchange, retype or redeclare the arrays of an archive, with correct checksums."""
    members = members_of(path)
    name, other = draw.choice(list(members)), draw.choice(list(members))
    change = draw.choice(("remove", "rename", "exchange", "header", "header", "cut", "array", "bytes"))
    content = members.pop(name)
    if change == "rename":
        members[draw.choice((".npy", "x", "../x", "X.npy", "y.npy", "parameters.npy", "header"))] = content
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
    if kind not in ARCHIVES:
        return common
    archive = lie_about_sizes, encrypt_archive, change_members, change_members, add_bomb
    return *common, *archive, *((change_header,) * 6 if kind != "npz" else ())


# Trials


def problem_of(read: Callable[[Path], Any], path: Path) -> str:
    """What went wrong when a file was read; empty if nothing."""
    limit, start = MOST_BYTES + 2 * path.stat().st_size, time.perf_counter()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    problem = ""
    try:
        read(path)
    except ALLOWED:
        pass
    except BaseException as error:
        problem = f"{type(error).__name__}: {error}"
    seconds, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1] - before
    if peak > limit:
        problem += f" {peak:,} bytes, more than {limit:,}"
    return problem + f" {seconds:.1f} s" * (seconds > MOST_SECONDS)


def problem_of_commands(kind: str, path: Path, paths: dict[str, Path], draw: random.Random) -> str:
    """The same for a command that reads the file."""
    options = ["--epochs", "1", "--backend", "numpy", "--hidden", "2"]
    data, output = str(paths["csv"]), str(path.with_name("output"))
    commands = {
        "model": (
            ["predict", str(path), data, "--backend", "numpy"],
            ["train", "--data", data, "--output", str(path), *options],
        ),
        "checkpoint": (
            ["train", "--data", "moons", *options, "--checkpoint", str(path), "--resume", "--output", output],
        ),
    }
    predict = ["predict", str(paths["model"]), str(path), "--backend", "numpy"]
    arguments = draw.choice(commands.get(kind, (predict, ["train", "--data", str(path), "--output", output, *options])))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of numbers whose squares overflow
        result = CliRunner().invoke(command_line, arguments)
    if result.exception is None or isinstance(result.exception, SystemExit):
        return ""
    return f"{' '.join(arguments)}: {result.exception!r}"


def fuzz(count: int, seed: int) -> list[Fault]:
    """Try a number of changed files."""
    faults = []
    tracemalloc.start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_files(folder)
        wholes = {kind: path.read_bytes() for kind, path in paths.items()}
        for number in range(count):
            draw = random.Random(f"{seed} {number}")
            kind = draw.choice(list(LOADERS))
            path = folder / f"changed.{kind}"
            path.write_bytes(wholes[kind])
            mutation = draw.choice(mutations_of(kind))
            mutation(path, draw)
            tries = [partial(problem_of, read, path) for read in LOADERS[kind]]
            if number % EVERY_COMMAND == 0:
                tries.append(partial(problem_of_commands, kind, path, paths, draw))
            faults += [Fault(number, kind, mutation.__name__, said) for said in (each() for each in tries) if said]
    tracemalloc.stop()
    return faults


def main(count: int = 2000, seed: int = 0) -> int:
    """Try changed files, and report failures."""
    start = time.perf_counter()
    faults = fuzz(count, seed)
    for fault in faults:
        print(*fault)
    print(
        f"{count:,} files in {time.perf_counter() - start:.1f} s, {len(faults)} faults",
        dict(Counter(each.kind for each in faults)),
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
