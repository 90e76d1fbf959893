"""Converters for skl2onnx, so that pipelines with estimators of fastnn become one ONNX model."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn.estimators import MLPClassifier, MLPRegressor
from fastnn.export.description import prediction_of
from fastnn.export.onnx_graph.graph import OPSET, VERSIONS, Graph, Tensor, UniqueNames, concatenated
from fastnn.export.onnx_graph.model import attribute, constant_record, import_onnx
from fastnn.export.onnx_graph.networks import mean_outputs
from fastnn.export.onnx_graph.outcome import Output, outputs_of
from fastnn.export.onnx_graph.preprocessing import Cells, network_inputs
from fastnn.export.prediction import Classes, Prediction, TableEncoding, Values
from fastnn.realmlp import RealMLPClassifier, RealMLPRegressor

#: What `skl2onnx.to_onnx(..., options=...)` knows for classifiers.
CLASSIFIER_OPTIONS = {"zipmap": [True, False, "columns"], "nocl": [True, False], "output_class_labels": [False, True]}


def register_converters() -> None:
    """Teach skl2onnx to convert fastnn's estimators, alone or in a pipeline.

    Call it once before ``skl2onnx.to_onnx(pipeline, X)``. Classifiers have the options of scikit-learn's own, such as
    ``options={"zipmap": False}``. In a pipeline an estimator gets a matrix of numbers, so a RealMLP with columns of text
    cannot follow another step: `fastnn.export.to_onnx` writes it with all of its columns.

    Raises
    ------
    ImportError
        If the package skl2onnx is not installed.

    Examples
    --------
    >>> fastnn.export.register_converters()
    >>> pipeline = make_pipeline(StandardScaler(), fastnn.MLPClassifier()).fit(X, y)
    >>> model = skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False})
    """
    import_onnx()
    try:
        from skl2onnx import update_registered_converter
    except ImportError as error:
        raise ImportError(
            "Converting pipelines needs the package skl2onnx, which is not installed: pip install skl2onnx."
        ) from error
    estimators: dict[Any, Any] = {
        MLPClassifier: CLASSIFIER_OPTIONS,
        RealMLPClassifier: CLASSIFIER_OPTIONS,
        MLPRegressor: None,
        RealMLPRegressor: None,
    }
    for kind, options in estimators.items():
        update_registered_converter(kind, f"Fastnn{kind.__name__}", _set_outputs, _convert, options=options)


def _set_outputs(operator: Any) -> None:
    """Set the dtypes and shapes of an operator's outputs, as skl2onnx asks for them before it converts anything."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType

    types = {
        "float32": FloatTensorType,
        "float64": DoubleTensorType,
        "int64": Int64TensorType,
        "object": StringTensorType,
    }
    n_rows = operator.inputs[0].get_first_dimension()
    _, outputs = _graph_and_outputs(operator, operator.scope_inst, UniqueNames())
    for variable, (_, tensor, n_columns) in zip(operator.outputs, outputs, strict=True):
        variable.set_type(types[tensor.dtype.name]([n_rows] if n_columns is None else [n_rows, n_columns]))


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes and constants of an estimator to those of the pipeline."""
    _check_opset(container.target_opset)
    graph, outputs = _graph_and_outputs(operator, scope, scope.get_unique_variable_name)
    names = {
        tensor.name: variable.full_name for variable, (_, tensor, _) in zip(operator.outputs, outputs, strict=True)
    }
    container.initializers.extend(constant_record(name, array) for name, array in graph.constants.items())
    for node in graph.renamed(names):
        attributes = {key: attribute(value) for key, value in node.attributes.items()}
        name = scope.get_unique_operator_name(node.operator)
        domain, version = node.domain, VERSIONS[node.domain]
        container.add_node(node.operator, list(node.inputs), [node.output], domain, version, name, **attributes)


def _graph_and_outputs(operator: Any, scope: Any, unique: Callable[[str], str]) -> tuple[Graph, list[Output]]:
    """The graph of an estimator, whose inputs are the operator's, and its outputs."""
    prediction, graph = prediction_of(operator.raw_operator), Graph(unique)
    if not isinstance(prediction.outcome, Values):
        prediction = _with_options(prediction, _options_of(operator, scope), operator)
    cells = _cells(graph, operator.inputs, prediction)
    A = mean_outputs(prediction.networks, network_inputs(cells, prediction))
    outputs = outputs_of(prediction.outcome, A, prediction.n_outputs)
    return graph, [output._replace(tensor=_as_in_skl2onnx(output.tensor, operator)) for output in outputs]


def _options_of(operator: Any, scope: Any) -> dict[str, Any]:
    """The options of a classifier, with skl2onnx's own values for those that were not given."""
    return dict(scope.get_options(operator.raw_operator, {"zipmap": True, "nocl": False}))


def _with_options(prediction: Prediction, options: dict[str, Any], operator: Any) -> Prediction:
    """The prediction with numbers for labels, if the options say so; ValueError for options that cannot be."""
    if options["zipmap"] is True and _is_double(operator):
        raise ValueError(
            "Dictionaries of probabilities hold float32 only, and the input of this classifier is float64: convert with "
            "options={'zipmap': False}, or with a float32 sample of X."
        )
    if options["nocl"] and isinstance(prediction.outcome, Classes):
        numbers = np.arange(len(prediction.outcome.labels))
        return replace(prediction, outcome=replace(prediction.outcome, labels=numbers))
    return prediction


def _as_in_skl2onnx(tensor: Tensor, operator: Any) -> Tensor:
    """Numbers in float64 if the operator's input is, else in float32; labels as they are."""
    return tensor.cast(np.float64 if _is_double(operator) else np.float32) if tensor.dtype.kind == "f" else tensor


def _is_double(operator: Any) -> bool:
    return _dtype_of(operator.inputs[0]) == np.float64


def _cells(graph: Graph, variables: Sequence[Any], prediction: Prediction) -> Cells:
    """The operator's inputs: one for each column, or matrices of numbers that are the columns together."""
    tensors = [Tensor(graph, variable.full_name, _dtype_of(variable)) for variable in variables]
    if len(tensors) == prediction.n_features > 1:
        return Cells(None, dict(enumerate(tensors)))
    if isinstance(prediction.preprocessing, TableEncoding) and not prediction.preprocessing.is_numeric:
        raise ValueError(
            f"This {prediction.kind} was trained on columns of text, which a matrix cannot hold: call "
            "fastnn.export.to_onnx, or pass skl2onnx one input for each column."
        )
    return Cells(concatenated([tensor.cast(prediction.input_dtype) for tensor in tensors]), {})


def _dtype_of(variable: Any) -> np.dtype:
    from onnx import helper
    from skl2onnx.common.data_types import guess_proto_type

    return np.dtype(helper.tensor_dtype_to_np_dtype(guess_proto_type(variable.type)))


def _check_opset(version: int) -> None:
    if version < OPSET:
        raise ValueError(f"Estimators of fastnn need target_opset={OPSET} or later, got {version}.")
