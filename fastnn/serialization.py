"""Save a network to one file, and load it back bit by bit.

The file is in NumPy's ``.npz`` format (a zip archive of arrays), and nothing in it is pickled, so loading a file from
elsewhere runs no code of its author. It holds:

``header``
    JSON text: name and version of the format, layer sizes, activations, loss and its options, dtype and metadata.
``parameters``
    The flat parameter vector, in the network's own dtype.
``metadata.NAME``
    One array for each piece of metadata that is an array.
"""

import contextlib
import json
import os
import secrets
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from fastnn.activations import ACTIVATIONS
from fastnn.architecture import Architecture
from fastnn.losses import LOSSES, find_loss
from fastnn.network import Network

FORMAT = "fastnn network"
FORMAT_VERSION = 1


def save(network: Network, path: str | os.PathLike[str], /, **metadata: Any) -> None:
    """Write a network, and whatever should stay with it, to one file.

    The file appears whole or not at all: it is written beside its final place, flushed to the disk, and then put there
    in one step. A full disk or a kill leaves an existing file of that name as it was.

    Parameters
    ----------
    network : Network
        Its architecture, dtype and parameters are saved; its backend and threads are chosen when loading.
    path : str or path-like
        File to write, used as given: no ending is added. An existing file is replaced.
    **metadata
        Names of classes, scales of features, anything that belongs to the network: numbers, strings, booleans, None,
        lists and dictionaries (string keys) of those, and NumPy arrays of numbers or strings. `load_metadata` returns
        it; a tuple comes back as a list.

    Raises
    ------
    TypeError
        If a piece of metadata is of another kind.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> fastnn.save(network, "iris.npz", class_names=["setosa", "versicolor", "virginica"])
    """
    if not isinstance(network, Network):
        raise TypeError(f"save takes a Network first, got {type(network).__name__}.")
    arrays = {name: value for name, value in metadata.items() if isinstance(value, np.ndarray)}
    members = {_member(name): _checked_array(name, value) for name, value in arrays.items()}
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "layer_sizes": list(network.architecture.layer_sizes),
        "activations": list(network.architecture.activations),
        "loss": network.architecture.loss.name,
        "loss_options": network.architecture.loss.settings,
        "dtype": np.dtype(network.dtype).name,
        "arrays": list(arrays),
        "metadata": {name: _plain(name, value) for name, value in metadata.items() if name not in arrays},
    }
    members["header"] = np.array(json.dumps(header).encode("ascii"))
    members["parameters"] = network.parameters

    def write(file: BinaryIO) -> None:
        np.savez(file, allow_pickle=False, **members)

    _write_atomically(Path(path), write)


def load(path: str | os.PathLike[str], *, backend: str = "numba", n_threads: int | None = None) -> Network:
    """Read a network that `save` wrote: the same architecture, dtype and parameters, bit by bit.

    Parameters
    ----------
    path : str or path-like
        File to read.
    backend : {"numba", "numpy"}, default="numba"
        Backend of the loaded network; it need not be the one it was trained on.
    n_threads : int or None, default=None
        Threads of the loaded network, as in `Network`.

    Returns
    -------
    Network

    Raises
    ------
    ValueError
        If the file is no saved network, is damaged, or was written by a newer fastnn.
    OSError
        If the file cannot be read.
    """
    saved = _read(Path(path))
    network = Network(
        saved.architecture.layer_sizes,
        saved.architecture.activations,
        saved.architecture.loss,
        backend=backend,
        dtype=saved.parameters.dtype.name,
        initializer="zeros",
        n_threads=n_threads,
    )
    network.parameters[:] = saved.parameters
    return network


def load_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the metadata that was given to `save`.

    Parameters
    ----------
    path : str or path-like
        File to read.

    Returns
    -------
    dict
        Values by name; empty if none were given.

    Raises
    ------
    ValueError, OSError
        As `load`.
    """
    return _read(Path(path)).metadata


class _Saved(NamedTuple):
    """What a file holds."""

    architecture: Architecture
    parameters: np.ndarray
    metadata: dict[str, Any]


def _member(name: str) -> str:
    """The name within the archive of a piece of metadata that is an array."""
    return f"metadata.{name}"


def _checked_array(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "biufcUS":
        raise TypeError(f"Metadata {name!r} must be an array of numbers or strings, got one of dtype {array.dtype}.")
    return array


def _plain(name: str, value: Any) -> Any:
    """The value in the types of JSON, so that what JSON cannot hold is found before anything is written."""
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


def _write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Call `write` with a new file beside `path`, then move that file into place in one step."""
    target = Path(os.path.realpath(path))  # through a symbolic link: the link stays, its file is replaced
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is not a regular file: nothing can be saved there.")
    temporary = target.with_name(f".fastnn-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException as error:  # Ctrl-C too must not leave the temporary file behind
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            error.filename = str(path)  # not the temporary name, which means nothing to the caller
            error.filename2 = None
        raise
    _flush_folder(target.parent)


def _flush_folder(folder: Path) -> None:
    """Make the new name survive a power cut, on systems where a folder can be opened for that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(path: Path) -> _Saved:
    members = _read_members(path)
    try:
        header = json.loads(members["header"].item())
        format_name, version = header["format"], header["version"]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"{path} is not a network saved by fastnn.") from None
    if format_name != FORMAT:
        raise ValueError(f"{path} is not a network saved by fastnn.")
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path} is in version {version} of the file format, and this fastnn reads version {FORMAT_VERSION}: "
            "install the fastnn that wrote it, or a newer one."
        )
    _check_names(path, header)
    try:
        return _unpack(header, members)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: its header and its arrays do not fit together ({error}).") from None


def _check_names(path: Path, header: dict[str, Any]) -> None:
    """Raise ValueError for an activation or loss that nobody has registered here; what is no name is found later."""
    names = header.get("activations")
    for name in names if isinstance(names, list) else []:
        if isinstance(name, str) and name not in ACTIVATIONS:
            raise ValueError(
                f"{path} has an activation that is not known here: call fastnn.register_activation({name!r}, ...) first."
            )
    loss = header.get("loss")
    if isinstance(loss, str) and loss not in LOSSES:
        raise ValueError(f"{path} has a loss that is not known here: call fastnn.register_loss({loss!r}, ...) first.")


def _unpack(header: dict[str, Any], members: dict[str, np.ndarray]) -> _Saved:
    loss = find_loss(header["loss"], header.get("loss_options"))
    architecture = Architecture.create(header["layer_sizes"], header["activations"], loss)
    parameters = members["parameters"]
    # Compared before a network of that size is allocated.
    if parameters.shape != (architecture.n_parameters,) or parameters.dtype.name != header["dtype"]:
        raise ValueError(
            f"{architecture.n_parameters} parameters of {header['dtype']} expected, "
            f"got shape {parameters.shape} of {parameters.dtype}"
        )
    arrays = {name: members[_member(name)] for name in header["arrays"]}
    return _Saved(architecture, parameters, {**header["metadata"], **arrays})


def _read_members(path: Path) -> dict[str, np.ndarray]:
    """Every array of an ``.npz`` file by name, after its checksums have been compared."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            raise ValueError(f"{path} is not a network saved by fastnn.")
        try:
            with zipfile.ZipFile(file) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"the checksum of {damaged} is wrong")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return dict(arrays)
        except MemoryError:
            raise
        except Exception as error:  # zipfile meets damaged bytes with a dozen kinds of exception
            raise ValueError(f"{path} is damaged or is not a network saved by fastnn ({error}).") from error
