"""A trained object as one Python file, which needs NumPy alone."""

import os
from pathlib import Path
from typing import Any, BinaryIO

from fastnn.archives import write_atomically
from fastnn.export.description import prediction_of
from fastnn.export.numpy_file.docstring import docstring_of
from fastnn.export.numpy_file.inputs import add_inputs
from fastnn.export.numpy_file.module import Module
from fastnn.export.numpy_file.network import add_network, add_outputs
from fastnn.export.numpy_file.outcome import add_outcome
from fastnn.export.prediction import Prediction


def to_numpy(trained: Any, path: str | os.PathLike[str]) -> None:
    """Write a Python file that predicts what a trained object predicts, with NumPy and the standard library alone.

    The file has the functions ``predict(X)`` and, for classes, ``predict_proba(X)``, which read a table as it is: scaling,
    categories, missing cells and class names are part of it. X is an array or a list of rows; a mapping of columns; or a
    data frame, whose columns are found by name if the training data had names. It is written to be read: the equations of
    each layer in NumPy, and the parameters in base64 at its end.

    Parameters
    ----------
    trained : Network, Model, MLPClassifier, MLPRegressor, RealMLPClassifier or RealMLPRegressor
        A network, a model, or a fitted estimator.
    path : str or path-like
        The file, whose name ends in ".py". An existing file is replaced.

    Raises
    ------
    TypeError, ValueError
        If it is something else, is not fitted, or has parts that only this process knows, such as registered activations;
        or if the name of the file does not end in ".py".
    OSError
        If the file cannot be written.

    Notes
    -----
    Probabilities of a single output are written for both classes: ``predict_proba`` has one column for each class.

    Examples
    --------
    >>> to_numpy(classifier, "flowers.py")
    >>> from flowers import predict
    """
    file = Path(path)
    if file.suffix != ".py":
        raise ValueError(f"The name of a Python file must end in '.py', got {os.fspath(path)!r}.")
    source = source_of(trained, file.stem).encode()

    def write(stream: BinaryIO) -> None:
        stream.write(source)

    write_atomically(file, write)


def source_of(trained: Any, name: str = "model") -> str:
    """The text of the file that `to_numpy` writes; its example imports the module by this name."""
    return source_of_prediction(prediction_of(trained), name)


def source_of_prediction(prediction: Prediction, name: str = "model") -> str:
    """The same for what a trained object computes."""
    module = Module(docstring_of(prediction, name if name.isidentifier() else "model"))
    add_outcome(module, prediction)
    add_outputs(module, prediction)
    add_inputs(module, prediction)
    add_network(module, prediction)
    return module.source
