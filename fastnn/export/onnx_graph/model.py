"""ONNX files of trained networks."""

import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastnn.archives import write_atomically
from fastnn.export.description import prediction_of
from fastnn.export.onnx_graph.graph import VERSIONS, Graph, Input, Node, UniqueNames
from fastnn.export.onnx_graph.networks import mean_outputs
from fastnn.export.onnx_graph.outcome import Output, outputs_of
from fastnn.export.onnx_graph.preprocessing import declared_cells, network_inputs
from fastnn.export.prediction import Classes, Prediction
from fastnn.version import __version__

#: The version of the file format that came with the opset.
IR_VERSION = 7


def to_onnx(trained: Any, path: Any = None, *, as_matrix: bool = False) -> Any:
    """Write a trained network as ONNX, with the preprocessing of its table and its class names.

    ONNX Runtime computes its predictions in C, C++, C#, Java, JavaScript and Python, without fastnn.

    Parameters
    ----------
    trained : Network, Model, MLPClassifier, MLPRegressor, RealMLPClassifier or RealMLPRegressor
        What was trained.
    path : str or path, optional
        The file to write, by convention ``*.onnx``.
    as_matrix : bool, default=False
        Whether all columns are one input `X`, although they have names. Columns of text cannot be part of a matrix.

    Returns
    -------
    onnx.ModelProto
        The model; its method `SerializeToString` makes the bytes that are in the file.

    Raises
    ------
    ImportError
        If the package `onnx` is not installed, which the extra `onnx` of fastnn contains.
    TypeError
        If `trained` is something else.
    ValueError
        If it is not fitted, or has parts that exist only in Python, such as registered activations; or if columns of text
        are to be part of a matrix.
    OSError
        If the file cannot be written.

    Notes
    -----
    **Inputs.** If the columns of the training data have names, or some hold text, each column that is read is an input of
    its own, of shape (n_rows, 1): text as strings, numbers as float64. Columns of booleans are booleans, or, if some of
    their cells were missing in training, float64 with 0 and 1. NaN is a missing number. A string that was not in the
    training data counts as missing, as in `predict`; the empty string is a word like others, so use any other string that
    did not occur. Columns that were constant in training are not read, and are no inputs. Otherwise, the input is a
    matrix `X` of shape (n_rows, n_features): float64 if it is scaled or encoded first, else the dtype of the network.
    Whatever it holds in columns that were constant in training is ignored.

    **Outputs** have skl2onnx's names. Classifiers return `label`, int64 or strings of shape (n_rows,), and `probabilities`
    of shape (n_rows, n_classes), in the dtype of the network; for a single output these are the probabilities of both
    classes. Labels that are booleans or floats become int64. Independent labels are int64 of shape (n_rows, n_outputs).
    Regressors return `variable` of shape (n_rows, n_outputs), in float64 if targets were scaled. If a column has the name
    of an output, the output has a number behind its name: `label_2`.

    **Versions.** The model uses opset 13 and version 2 of `ai.onnx.ml`. ONNX Runtime 1.18 and later run all models, and 1.15
    those whose networks are float32. The metadata hold the names of features and classes as JSON.

    **Precision.** Scaling and encoding are computed in float64, networks in their own dtype. Predictions differ from those
    of fastnn by the order of sums and by the last digits of functions.

    Examples
    --------
    >>> fastnn.export.to_onnx(classifier, "iris.onnx")
    >>> session = onnxruntime.InferenceSession("iris.onnx")
    >>> types = {"tensor(float)": "f4", "tensor(double)": "f8", "tensor(string)": "str", "tensor(bool)": "bool"}
    >>> (matrix,) = session.get_inputs()
    >>> label, probabilities = session.run(None, {"X": X.astype(types[matrix.type])})

    With a data frame of pandas, in which missing text becomes "None" or "nan", words that did not occur in training:

    >>> inputs = {each.name: frame[[each.name]].to_numpy(types[each.type]) for each in session.get_inputs()}
    >>> label, probabilities = session.run(None, inputs)
    """
    import_onnx()
    try:
        model = _model(prediction_of(trained), as_matrix)
    except UnicodeEncodeError as error:
        raise ValueError(
            f"ONNX holds text as UTF-8, which has no form for {error.object!r}: change this text."
        ) from error
    if path is not None:
        _write(model, Path(path))
    return model


def _write(model: Any, path: Path) -> None:
    content = model.SerializeToString()

    def write(file: BinaryIO) -> None:
        file.write(content)

    write_atomically(path, write)


def import_onnx() -> Any:
    """The package `onnx`; ImportError says how to install it."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            'Writing ONNX needs the package onnx, which is not installed: pip install ".[onnx]".'
        ) from error
    return onnx


def _model(prediction: Prediction, as_matrix: bool) -> Any:
    graph = Graph(UniqueNames())
    cells = declared_cells(graph, prediction, as_matrix=as_matrix)
    A = mean_outputs(prediction.networks, network_inputs(cells, prediction))
    outputs = outputs_of(prediction.outcome, A, prediction.n_outputs)
    names = [graph.unique(output.name) for output in outputs]
    nodes = graph.renamed({output.tensor.name: name for output, name in zip(outputs, names, strict=True)})
    from onnx import helper

    record = helper.make_graph(
        [node_record(node, node.output) for node in nodes],
        prediction.kind,
        [_input_record(each) for each in graph.inputs],
        [_output_record(name, output) for name, output in zip(names, outputs, strict=True)],
        [constant_record(name, array) for name, array in graph.constants.items()],
    )
    return _model_record(record, prediction, {node.domain for node in nodes})


def _model_record(graph: Any, prediction: Prediction, domains: set[str]) -> Any:
    from onnx import helper

    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, VERSIONS[domain]) for domain in sorted(domains)],
        ir_version=IR_VERSION,
        producer_name="fastnn",
        producer_version=__version__,
        doc_string=f"{prediction.kind} of fastnn {__version__}: {_sizes(prediction)}.",
    )
    helper.set_model_props(model, _metadata(prediction))
    return model


def _sizes(prediction: Prediction) -> str:
    """Number of networks, and sizes of their layers."""
    layers = prediction.networks[0].layers
    sizes = "-".join(map(str, (layers[0].n_inputs, *(layer.n_outputs for layer in layers))))
    n_networks = len(prediction.networks)
    return f"{n_networks} networks of layers {sizes}" if n_networks > 1 else f"a network of layers {sizes}"


def _metadata(prediction: Prediction) -> dict[str, str]:
    """Names of features and classes as JSON, as far as there are any."""
    metadata = {} if prediction.names is None else {"feature_names": json.dumps(prediction.names)}
    if isinstance(prediction.outcome, Classes):
        metadata["class_names"] = json.dumps([str(label) for label in prediction.outcome.labels.tolist()])
    return metadata


def node_record(node: Node, name: str) -> Any:
    """The file's record of a node."""
    from onnx import helper

    attributes = {key: attribute(value) for key, value in node.attributes.items()}
    return helper.make_node(node.operator, node.inputs, [node.output], name=name, domain=node.domain, **attributes)


def attribute(value: Any) -> Any:
    """The value of an attribute as in the file, where dtypes have numbers."""
    return element_type(value) if isinstance(value, np.dtype) else value


def element_type(dtype: np.dtype) -> int:
    """The number of a dtype in the file."""
    from onnx import helper

    return int(helper.np_dtype_to_tensor_dtype(dtype))


def constant_record(name: str, array: np.ndarray) -> Any:
    """The file's record of a constant."""
    from onnx import numpy_helper

    return numpy_helper.from_array(array, name)


def _input_record(given: Input) -> Any:
    from onnx import helper

    shape = (None, given.n_columns)
    return helper.make_tensor_value_info(given.name, element_type(given.dtype), shape, given.description)


def _output_record(name: str, output: Output) -> Any:
    from onnx import helper

    shape = (None,) if output.n_columns is None else (None, output.n_columns)
    return helper.make_tensor_value_info(name, element_type(output.tensor.dtype), shape)
