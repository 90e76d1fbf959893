"""The metadata of a saved network: values in JSON types, and arrays beside them, checked in both directions.

Arrays of numbers are arrays of the file, under ``metadata.NAME``; arrays of strings are lists in the header.
"""

from typing import Any

import numpy as np

from fastnn.archives import Arrays, check_depth
from fastnn.tensor_file import is_storable

#: The most bytes that shorter strings of an array may waste: each takes as much memory as the longest one.
MOST_PADDING = 2**24


def split_metadata(metadata: dict[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The entries of the header for some metadata, and the arrays of the file.

    Raises
    ------
    TypeError
        If a value has a type that is not saved.
    ValueError
        If lists and dictionaries are nested too deeply, or an array of strings has a few that are very long.
    """
    check_depth(metadata, "Metadata")
    given = {name: _checked_array(name, value) for name, value in metadata.items() if isinstance(value, np.ndarray)}
    texts = {name: array for name, array in given.items() if array.dtype.kind == "U"}
    numbers = {name: array for name, array in given.items() if name not in texts}
    header = {
        "metadata": {name: _plain(name, value) for name, value in metadata.items() if name not in given},
        "texts": {name: _described_text(array) for name, array in texts.items()},
        "arrays": list(numbers),
    }
    return header, {_name(name): array for name, array in numbers.items()}


def read_metadata(header: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """The metadata in a file; ValueError and the like if they are not valid."""
    check_metadata(header, arrays)
    metadata: dict[str, Any] = header["metadata"]
    numbers = {name: arrays[_name(name)] for name in header["arrays"]}
    return metadata | {name: _text(text) for name, text in header["texts"].items()} | numbers


def check_metadata(header: dict[str, Any], arrays: Arrays) -> None:
    """Raise ValueError unless the metadata are complete; reads no array."""
    missing = [_name(name) for name in header["arrays"] if _name(name) not in arrays.names]
    if missing:
        raise ValueError(f"there is no {missing[0]}")
    if not isinstance(header["metadata"], dict) or not isinstance(header["texts"], dict):
        raise ValueError("the metadata are not a dictionary")


def _name(name: str) -> str:
    return f"metadata.{name}"


def _described_text(array: np.ndarray) -> dict[str, Any]:
    values = array.ravel().tolist()
    check_strings(values)
    return {"shape": array.shape, "values": values}


def _text(text: dict[str, Any]) -> np.ndarray:
    """An array of strings, of the length of its longest one."""
    check_strings(text["values"])
    return np.array(text["values"], np.str_).reshape(text["shape"])


def check_strings(values: list[Any]) -> None:
    """Raise ValueError unless values are strings that an array can hold without wasting much memory."""
    if not all(isinstance(value, str) for value in values):
        raise ValueError("texts must be strings")
    lengths = list(map(len, values))
    longest = max(lengths, default=0)
    if (len(lengths) * longest - sum(lengths)) * np.dtype("U1").itemsize > MOST_PADDING:
        raise ValueError(f"an array of {len(lengths):,} strings must not have one of {longest:,} characters")


def _checked_array(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "U" and not is_storable(array.dtype):
        raise TypeError(f"Metadata {name!r} must be an array of numbers or strings, got one of dtype {array.dtype}.")
    return array


def _plain(name: str, value: Any) -> Any:
    """The value in JSON types, so that an unsupported value is found before anything is written."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(name, item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(name, item) for key, item in value.items()}
    raise TypeError(
        f"Metadata {name!r} must be a NumPy array, or consist of numbers, strings, booleans, None, lists and "
        f"dictionaries with strings as keys; got {value!r}."
    )
