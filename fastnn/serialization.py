"""Save a network, a model or a RealMLP to one file, and load it back bit for bit.

The file is in NumPy's ``.npz`` format (a zip archive of arrays), and nothing in it is pickled: loading an untrusted file
runs no code from it, and takes no more memory than its declared architecture needs. It holds:

``header``
    JSON text: name and version of the format, layer sizes, activations, loss and its options, dtype, metadata, and
    whether the file holds a `Model`; for a RealMLP also its parameters, classes and encoder (``estimator``).
``parameters``
    The flat parameter vector, in the network's dtype, followed by the running statistics, if any; for a RealMLP one row of
    them for each of its networks.
``metadata.NAME``
    One array for each metadata entry that is an array.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.activations import ACTIVATIONS
from fastnn.architecture import Architecture, ArchitectureOptions
from fastnn.archives import check_depth, describe, fitting, open_archive, remove_leftovers, write_archive
from fastnn.inputs import InputStage
from fastnn.losses import LOSSES, find_loss
from fastnn.model import Model
from fastnn.network import Network
from fastnn.npz import ArrayArchive
from fastnn.validation import check_dtype

if TYPE_CHECKING:
    from fastnn.realmlp import RealMLPClassifier, RealMLPRegressor

    Saved = Network | Model | RealMLPClassifier | RealMLPRegressor


def save(network: "Saved", path: str | os.PathLike[str], /, **metadata: Any) -> None:
    """Write a network, a model or a fitted RealMLP to one file, with optional metadata.

    The file is written atomically: to a temporary file first, flushed to disk, and then moved into place. If the disk is
    full or the process is killed, an existing file of that name is unchanged.

    Parameters
    ----------
    network : Network, Model, RealMLPClassifier or RealMLPRegressor
        Its architecture, dtype and parameters are saved; backend and threads are chosen on loading. For a model, the
        scaling and all names are saved too; for a RealMLP, its encoder, without the table it was trained on.
    path : str or path-like
        File to write, used as given: no extension is added. An existing file is replaced.
    **metadata
        Class names, feature scales, anything that belongs to the network: numbers, strings, booleans, None, lists and
        dictionaries (with string keys) of those, and NumPy arrays of numbers or strings. `load_metadata` returns it;
        tuples come back as lists.

    Raises
    ------
    TypeError
        If a metadata entry has another type.
    ValueError
        If lists and dictionaries are nested more than 90 levels deep, or a RealMLP is not fitted.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> fastnn.save(network, "iris.npz", class_names=["setosa", "versicolor", "virginica"])
    """
    is_model = isinstance(network, Model)
    if isinstance(network, Model):
        metadata = network.to_metadata() | metadata
        network = network.network
    networks, estimator = ([network], {}) if isinstance(network, Network) else _parts_of_estimator(network)
    check_depth(metadata, "Metadata")
    arrays = {name: value for name, value in metadata.items() if isinstance(value, np.ndarray)}
    members = {_member(name): _checked_array(name, value) for name, value in arrays.items()}
    header = {
        **describe(networks[0].architecture, networks[0].dtype),
        **estimator,
        "is_model": is_model,
        "arrays": list(arrays),
        "metadata": {name: _plain(name, value) for name, value in metadata.items() if name not in arrays},
    }
    learned = [each._learned for each in networks]
    remove_leftovers(Path(path))
    write_archive(Path(path), header, members | {"parameters": np.stack(learned) if estimator else learned[0]})


def _parts_of_estimator(estimator: Any) -> tuple[list[Network], dict[str, Any]]:
    """The networks of a RealMLP, and the entry of the header for everything else."""
    from fastnn.realmlp.base import RealMLP
    from fastnn.realmlp.saved import describe_estimator

    if not isinstance(estimator, RealMLP):
        raise TypeError(
            f"save takes a Network, a Model, a RealMLPClassifier or a RealMLPRegressor, got {type(estimator).__name__}."
        )
    description = describe_estimator(estimator)
    return [member.network for member in estimator.members_], {"estimator": description}


def load(
    path: str | os.PathLike[str], *, backend: str = "numba", seed: int | None = None, n_threads: int | None = None
) -> "Saved":
    """Load a file written by `save`, ``fastnn train`` or a `Checkpoint`: architecture, dtype and parameters, bit for bit.

    A file written by ``fastnn train`` holds a `Model`, which predicts from features as they are in the table, and whose
    network is ``model.network``; or a `RealMLPClassifier` or `RealMLPRegressor`, which take a data frame.

    The random number generator and the optimizer state are not restored: further training starts with a state of 0. To
    continue from a `Checkpoint`, use `Network.fit` with `resume_from`.

    Parameters
    ----------
    path : str or path-like
        File to read.
    backend : {"numba", "numpy"}, default="numba"
        Backend of the loaded network; it need not be the one it was trained on.
    seed : int, optional
        Seed for the sample order in `fit` and for dropout, as in `Network`.
    n_threads : int or None, default=None
        Threads of the loaded network, as in `Network`.

    Returns
    -------
    Network, Model, RealMLPClassifier or RealMLPRegressor
        The saved object.

    Raises
    ------
    ValueError
        If the file is not a saved network, is damaged, was written by a newer fastnn, or is compressed and unpacks to more
        than 16 MiB and 20 times its size.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    with open_archive(path) as (header, arrays):
        architecture = _read_architecture(path, header, arrays)
        parameters = arrays["parameters"]
        metadata = _read_metadata(path, header, arrays) if header.get("is_model") is True else None
    options = {"backend": backend, "seed": seed, "n_threads": n_threads}
    if "estimator" in header:
        estimator: Saved = _restored_estimator(path, header["estimator"], architecture, parameters, options)
        return estimator
    network = _restored_network(architecture, parameters, options)
    if metadata is None:
        return network
    with fitting(path):
        return Model.from_metadata(network, metadata)


def _restored_network(architecture: Architecture, parameters: np.ndarray, options: dict[str, Any]) -> Network:
    network = Network(
        architecture.layer_sizes,
        architecture.activations,
        architecture.loss,
        normalization=architecture.normalizations[:-1],
        dropout=architecture.dropout[:-1],
        parametric=architecture.parametric[:-1],
        embeddings=architecture.inputs.embeddings,
        input_scaling=architecture.inputs.scales,
        parametrization=architecture.parametrization,
        dtype=parameters.dtype.name,
        initializer="zeros",
        **options,
    )
    network._learned[:] = parameters
    return network


def _restored_estimator(
    path: Path, description: Any, architecture: Architecture, parameters: np.ndarray, options: dict[str, Any]
) -> Any:
    from fastnn.realmlp.saved import restored_estimator

    networks = [_restored_network(architecture, row, options) for row in parameters]
    with fitting(path):
        return restored_estimator(description, networks)


def load_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Load the metadata passed to `save`.

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
    path = Path(path)
    with open_archive(path) as (header, arrays):
        _read_architecture(path, header, arrays)
        return _read_metadata(path, header, arrays)


def _member(name: str) -> str:
    """The archive member that holds a metadata array."""
    return f"metadata.{name}"


def _checked_array(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "biufcUS":
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


def _check_names(path: Path, header: dict[str, Any]) -> None:
    """Raise ValueError for an activation or loss that is not registered here; other invalid values are found later."""
    names = header.get("activations")
    for name in names if isinstance(names, list) else []:
        if isinstance(name, str) and name not in ACTIVATIONS:
            raise ValueError(
                f"{path} has an activation that is not known here: call fastnn.register_activation({name!r}, ...) first."
            )
    loss = header.get("loss")
    if isinstance(loss, str) and loss not in LOSSES:
        raise ValueError(f"{path} has a loss that is not known here: call fastnn.register_loss({loss!r}, ...) first.")


def _read_architecture(path: Path, header: dict[str, Any], arrays: ArrayArchive) -> Architecture:
    """The architecture, checked against the declared size of the parameters before these are read."""
    _check_names(path, header)
    with fitting(path):
        loss = find_loss(header["loss"], header["loss_options"])
        sizes, activations, regularisation = header["layer_sizes"], header["activations"], ("normalization", "dropout")
        options = _options_for_tables(sizes, header)
        normalization, dropout = (header[name] for name in regularisation)
        architecture = Architecture.create(sizes, activations, loss, normalization, dropout, options)
        size, found = architecture.n_parameters + architecture.n_statistics, arrays.declaration("parameters")
        n_networks = _n_networks(found.shape) if "estimator" in header else ()
        if found.shape != (*n_networks, size) or found.dtype.name != check_dtype(header["dtype"]).name:
            raise ValueError(
                f"{size} parameters of {header['dtype']} expected, got shape {found.shape} of {found.dtype}"
            )
        missing = [name for name in header["arrays"] if _member(name) not in arrays.names]
        if missing or not isinstance(header["metadata"], dict):
            raise ValueError(f"there is no {_member(missing[0])}" if missing else "the metadata are not a dictionary")
        return architecture


def _n_networks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The length of the first axis of the parameters of a RealMLP, which is the number of its networks."""
    from fastnn.realmlp.saved import MAX_MEMBERS

    if shape and not 1 <= shape[0] <= MAX_MEMBERS:
        raise ValueError(f"1 to {MAX_MEMBERS:,} networks expected, got {shape[0]:,}")
    return shape[:1]


def _options_for_tables(sizes: Any, header: dict[str, Any]) -> ArchitectureOptions:
    """What a file says about parametric activations, the input stage and the parametrization."""
    parametric, parametrization = header.get("parametric", False), header.get("parametrization", "standard")
    if "inputs" not in header:
        return ArchitectureOptions(parametric, parametrization=parametrization)
    stage = InputStage.from_description(sizes[0], header["inputs"])
    return ArchitectureOptions(parametric, stage.embeddings, stage.scales, parametrization)


def _read_metadata(path: Path, header: dict[str, Any], arrays: ArrayArchive) -> dict[str, Any]:
    with fitting(path):
        metadata: dict[str, Any] = header["metadata"]
        return metadata | {name: _checked_array(name, arrays[_member(name)]) for name in header["arrays"]}
