"""Save a network, a model or a fitted estimator to one file, and load it back bit for bit.

The file is in the safetensors format: named arrays, and texts in its metadata. Nothing in it is code: loading an untrusted
file runs nothing from it, and takes little more memory than the file has bytes. It holds:

``layers.1.weights``, ``layers.1.biases``, ...
    The arrays of the network, by layer, in its dtype; see `fastnn.named_arrays`. Those of an estimator with several networks
    begin with ``members.1.``, ``members.2.`` and so on.
``metadata.NAME``
    One array for each metadata entry that is an array of numbers.
``header``
    A text of the file's metadata: JSON with the kind of object, layer sizes, activations, loss and its options, dtype, other
    metadata, and the version that wrote it; for an estimator also its parameters, classes, columns and scaling.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnn.architecture import Architecture
from fastnn.archives import Arrays, fitting, open_archive, remove_leftovers, write_archive
from fastnn.model import Model
from fastnn.named_arrays import check_arrays, named_arrays, read_arrays
from fastnn.network import Network
from fastnn.saved_architecture import check_names, describe, described_architecture
from fastnn.saved_metadata import check_metadata, read_metadata, split_metadata
from fastnn.validation import check_dtype
from fastnn.version import __version__

if TYPE_CHECKING:
    from fastnn.estimators import MLPClassifier, MLPRegressor
    from fastnn.realmlp import RealMLPClassifier, RealMLPRegressor

    Saved = Network | Model | MLPClassifier | MLPRegressor | RealMLPClassifier | RealMLPRegressor

#: The module that describes estimators of a class, by the name of the class; imported when it is needed.
DESCRIBED_BY = {
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "RealMLPClassifier": "realmlp",
    "RealMLPRegressor": "realmlp",
}

#: The most networks of an estimator in a file.
MOST_NETWORKS = 1000


def save(trained: "Saved", path: str | os.PathLike[str], /, **metadata: Any) -> None:
    """Write a network, a model or a fitted estimator to one file, with optional metadata.

    The file is written atomically: to a temporary file first, flushed to disk, and then moved into place. If the disk is
    full or the process is killed, an existing file of that name is unchanged.

    Parameters
    ----------
    trained : Network, Model, MLPClassifier, MLPRegressor, RealMLPClassifier or RealMLPRegressor
        Its architecture, dtype and parameters are saved; backend and threads are chosen on loading. With a model, its
        scaling and all names are saved too; with an estimator, everything that it needs to predict, but no training data,
        no optimizer state, and no parameters that are functions or objects, such as callbacks.
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
        If lists and dictionaries are nested more than 90 levels deep, or an estimator is not fitted; or if there are too
        many names, labels and metadata to be read back in little memory: from hundreds of thousands on, unless the arrays
        of the network are large.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> fastnn.save(network, "iris.safetensors", class_names=["setosa", "versicolor", "virginica"])
    """
    kind, networks, description = _parts(trained)
    if isinstance(trained, Model):
        metadata = trained.to_metadata() | metadata
    about, arrays = split_metadata(metadata)
    first = networks[0]
    header = {
        "object": kind,
        "written_by": f"fastnn {__version__}",
        **describe(first.architecture, first.dtype),
        **({} if description is None else {"estimator": description, "n_networks": len(networks)}),
        **about,
    }
    for prefix, network in zip(_prefixes(len(networks)), networks, strict=True):
        learned = named_arrays(network.architecture, network._learned)
        arrays |= {prefix + name: array for name, array in learned.items()}
    remove_leftovers(Path(path))
    write_archive(Path(path), header, arrays)


def _parts(trained: Any) -> tuple[str, list[Network], dict[str, Any] | None]:
    """The kind of an object, its networks, and for an estimator the description of everything else."""
    if isinstance(trained, Network):
        return "Network", [trained], None
    if isinstance(trained, Model):
        return "Model", [trained.network], None
    for name in [cls.__name__ for cls in type(trained).__mro__ if cls.__name__ in DESCRIBED_BY]:
        return name, *_describing(name).describe_estimator(trained)
    *others, last = (f"a {name}".replace("a MLP", "an MLP") for name in ["Network", "Model", *DESCRIBED_BY])
    raise TypeError(f"save takes {', '.join(others)} or {last}, got {type(trained).__name__}.")


def _describing(name: str) -> Any:
    """The module that describes and restores estimators of a class."""
    return import_module(f"fastnn.{DESCRIBED_BY[name]}.saved")


def _prefixes(n_networks: int) -> list[str]:
    """What the names of the arrays of each network begin with."""
    return [""] if n_networks == 1 else [f"members.{number}." for number in range(1, n_networks + 1)]


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
    Network, Model, MLPClassifier, MLPRegressor, RealMLPClassifier or RealMLPRegressor
        The saved object.

    Raises
    ------
    ValueError
        If the file is not a saved network, is damaged, or was written by a newer fastnn.
    OSError
        If the file cannot be read.
    """
    path, options = Path(path), {"backend": backend, "seed": seed, "n_threads": n_threads}
    with open_archive(path) as (header, arrays):
        architecture, prefixes = _checked(path, header, arrays)
        networks = [_restored_network(architecture, header["dtype"], arrays, prefix, options) for prefix in prefixes]
        with fitting(path):
            return _restored(header, arrays, networks)


def _restored(header: dict[str, Any], arrays: Arrays, networks: list[Network]) -> "Saved":
    """The object of a file, from its networks."""
    kind = header["object"]
    if kind == "Network":
        return networks[0]
    if kind == "Model":
        return Model.from_metadata(networks[0], read_metadata(header, arrays))
    if kind not in DESCRIBED_BY:
        raise ValueError(f"unknown object {kind!r}")
    restored: Saved = _describing(kind).restored_estimator(kind, header["estimator"], networks)
    return restored


def _restored_network(
    architecture: Architecture, dtype: str, arrays: Arrays, prefix: str, options: dict[str, Any]
) -> Network:
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
        dtype=dtype,
        initializer="zeros",
        **options,
    )
    read_arrays(arrays, prefix, architecture, network._learned)
    return network


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
        _checked(path, header, arrays)
        with fitting(path):
            return read_metadata(header, arrays)


def _checked(path: Path, header: dict[str, Any], arrays: Arrays) -> tuple[Architecture, list[str]]:
    """The architecture, and the prefix of the arrays of each network; checked before any array is read."""
    check_names(path, header)
    with fitting(path):
        architecture = described_architecture(header, len(arrays.names))
        prefixes = _prefixes(_n_networks(header))
        check_arrays(arrays, prefixes, architecture, check_dtype(header["dtype"]))
        check_metadata(header, arrays)
        return architecture, prefixes


def _n_networks(header: dict[str, Any]) -> int:
    n_networks = header.get("n_networks", 1)
    if type(n_networks) is not int or not 1 <= n_networks <= MOST_NETWORKS:
        raise ValueError(f"1 to {MOST_NETWORKS:,} networks expected, got {n_networks!r}")
    return n_networks
