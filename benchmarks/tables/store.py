"""Results on disk: a line of JSON for each, appended as soon as it is there, so that an interrupt loses nothing."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: One result: see `benchmarks.tables.measure`.
Result = dict[str, Any]

#: Table, split and method.
Key = tuple[str, int, str]


def key(result: Result) -> Key:
    """What a result is the result of."""
    return result["table"], result["split"], result["method"]


def load(path: Path) -> list[Result]:
    """The results in a file, in their order there; of those with the same key, the last one."""
    if not path.exists():
        return []
    return list({key(result): result for result in _read(path.read_text(encoding="utf-8"))}.values())


def _read(text: str) -> Iterator[Result]:
    """Each line's result; a last line without an end was not written to its end and counts for nothing."""
    yield from (json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n") and line.strip())


def append(path: Path, result: Result) -> None:
    """Write one more line, in one piece and through to the disk, after removing an unfinished last line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _cut_unfinished_line(path)
    with path.open("ab", buffering=0) as file:
        file.write((json.dumps(result) + "\n").encode())
        os.fsync(file.fileno())


def _cut_unfinished_line(path: Path) -> None:
    if not path.exists():
        return
    written = path.read_bytes()
    if written and not written.endswith(b"\n"):
        os.truncate(path, written.rfind(b"\n") + 1)
