"""Bad input is refused with a sentence, before anything is changed; every good kind of input works and none is copied."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.initializers import INITIALIZERS
from fastnn.losses import LOSSES, Huber
from tests.cases import CASES, assert_every_pair_stands

every_backend = pytest.mark.parametrize("backend", fastnn.available_backends())

#: Small whole numbers, which every type holds.
X = np.random.default_rng(0).integers(0, 2, (8, 3)).astype("float64")
LABELS = np.arange(8) % 2


def network_for(loss="softmax_cross_entropy", n_outputs=2, backend="numpy", dtype="float64", **options):
    return fastnn.Network([3, 4, n_outputs], "tanh", loss, backend=backend, dtype=dtype, seed=0, **options)


def put(value, at=(2, 1), array=X):
    changed = np.array(array, np.float64)
    changed[at] = value
    return changed


def state_of(network: fastnn.Network) -> tuple:
    return network.parameters.tobytes(), network.gradient.tobytes(), str(network.random.bit_generator.state)


# Features


def with_column(column, container=sparse.csr_array):
    """A sparse X of which one entry is said to be in another column, or row."""
    scattered = container(X)
    scattered.indices[4] = column
    return scattered


def with_rows_backwards():
    """A sparse X of which a row ends before it begins."""
    scattered = sparse.csr_array(X)
    scattered.indptr[3] = 0
    return scattered


BAD_FEATURES = {
    "wrong number": (X[:, :2], ValueError, r"X has 2 features, but this network expects 3\."),
    "one-dimensional": (X[0], ValueError, r"X must be two-dimensional.*shape \(3,\)\. For one sample, pass X\.reshape"),
    "three-dimensional": (X[np.newaxis], ValueError, r"X must be two-dimensional.*shape \(1, 8, 3\)"),
    "a number": (1.5, ValueError, r"X must be two-dimensional.*shape \(\)"),
    "none": (None, ValueError, r"X must be two-dimensional.*shape \(\)"),
    "empty": (X[:0], ValueError, r"X is empty: at least one sample is needed, got shape \(0, 3\)"),
    "nan": (put(np.nan), ValueError, r"X must be finite.*got nan in row 2, column 1\."),
    "infinite": (put(-np.inf, (7, 0)), ValueError, r"X must be finite.*got -inf in row 7, column 0\."),
    "missing": ([[0, 1, None]] * 8, ValueError, r"X must be finite.*got nan in row 0, column 2\."),
    "half nan": (put(np.nan).astype("float16"), ValueError, r"X must be finite.*got nan in row 2, column 1\."),
    "words": ([["a", "b", "c"]] * 8, TypeError, r"X must be an array of real numbers, got elements of type <U1"),
    "complex": (X * 1j, TypeError, r"X must be an array of real numbers, got elements of type complex128"),
    "dates": (X.astype("M8[s]"), TypeError, r"X must be an array of real numbers, got elements of type datetime64"),
    "ragged": ([[0, 1, 2], [0, 1]], TypeError, r"X must be an array of numbers, got list"),
    "objects": ([[object()] * 3] * 8, TypeError, r"X must be an array of numbers, got list"),
    "too large an integer": ([[10**400, 0, 0]] * 8, (TypeError, ValueError), r"X must be"),
    "sparse, wrong number": (sparse.csr_array(X[:, :2]), ValueError, r"X has 2 features, but this network expects 3\."),
    "sparse, empty": (
        sparse.csc_array(X[:0]),
        ValueError,
        r"X is empty: at least one sample is needed, got shape \(0, 3\)",
    ),
    "sparse, nan": (sparse.coo_array(put(np.nan)), ValueError, r"X must be finite.*got nan in row 2, column 1\."),
    "sparse, infinite": (sparse.csr_matrix(put(np.inf)), ValueError, r"X must be finite.*got inf in row 2, column 1\."),
    "sparse, complex": (
        sparse.csr_array(X * 1j),
        TypeError,
        r"X must be a sparse array of real numbers, .* complex128",
    ),
    "sparse, beyond": (with_column(3), ValueError, r"X is a csr_array with entries outside of its shape \(8, 3\)"),
    "sparse, negative": (with_column(-1), ValueError, r"X is a csr_array with entries outside of its shape \(8, 3\)"),
    "sparse, columns": (
        with_column(8, sparse.csc_array),
        ValueError,
        r"X is a csc_array whose parts contradict .*indices",
    ),
    "sparse, rows": (
        with_rows_backwards(),
        ValueError,
        r"X is a csr_array .* places of rows that contradict each other",
    ),
}

USES = {
    "loss": lambda network, X, y: network.loss(X, y),
    "evaluate": lambda network, X, y: network.evaluate(X, y),
    "fit": lambda network, X, y: network.fit(X, y, epochs=1),
    "validation": lambda network, X_, y: network.fit(X, LABELS, epochs=1, validation_data=(X_, y)),
}
INFERENCE = {
    "logits": lambda network, X: network.logits(X),
    "forward": lambda network, X: network.forward(X),
    "predict": lambda network, X: network.predict(X),
}


def assert_refused(network, use, error, message):
    """It raises, changes nothing, and leaves the gradient of the loss before to be had."""
    network.loss(X, LABELS if network.architecture.loss.name == "softmax_cross_entropy" else np.zeros((8, 2)))
    before = state_of(network)
    with pytest.raises(error, match=message):
        use(network)
    assert state_of(network) == before
    network.backward()


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("fault", BAD_FEATURES)
def test_bad_features_are_refused(fault, use):
    features, error, message = BAD_FEATURES[fault]
    assert_refused(network_for(), lambda network: USES[use](network, features, LABELS), error, message)


@pytest.mark.parametrize("use", INFERENCE)
@pytest.mark.parametrize("fault", BAD_FEATURES)
def test_bad_features_are_refused_by_inference(fault, use):
    features, error, message = BAD_FEATURES[fault]
    assert_refused(network_for(), lambda network: INFERENCE[use](network, features), error, message)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("use", [*USES, *INFERENCE])
def test_features_beyond_single_precision_are_refused_by_a_network_of_single_precision(use, container):
    message = r"X must be finite in float32, got 1e\+300 in row 2, column 1\."
    features = container(put(1e300))
    network = network_for(dtype="float32")
    if use in USES:
        assert_refused(network, lambda network: USES[use](network, features, LABELS), ValueError, message)
    else:
        assert_refused(network, lambda network: INFERENCE[use](network, features), ValueError, message)
    assert np.isfinite(network_for().loss(features, LABELS))


#: What is not finite, dealt out in turn: what swallows one of the three is a single activation or loss, and each of these
#: meets all of them.
FAULTS = np.nan, np.inf, -np.inf
FAULTY_CASES = [(case, FAULTS[(number + number // 5) % len(FAULTS)]) for number, case in enumerate(CASES)]


def test_the_table_of_faults_pairs_every_value_of_every_axis_with_every_other():
    assert_every_pair_stands((case, case.dtype, str(fault)) for case, fault in FAULTY_CASES)


@pytest.mark.parametrize(("case", "fault"), FAULTY_CASES, ids=str)
def test_a_fit_finds_the_number_that_is_not_finite_whatever_hides_it(case, fault):
    """Training looks at X only when a parameter is no longer finite: no activation may swallow what is not."""
    features, targets = case.data
    row, column = len(features) - 1, features.shape[1] // 2
    features = features.copy()
    features[row, column] = fault
    for backend in fastnn.available_backends():
        network = case.network(backend)
        before = state_of(network)
        with pytest.raises(
            ValueError, match=rf"X must be finite in .*, got -?(nan|inf) in row {row}, column {column}\."
        ):
            network.fit(features, targets, optimizer=case.optimizer, epochs=2, batch_size=case.batch_size)
        assert state_of(network) == before


def test_the_row_that_is_not_finite_is_found_far_down():
    features = np.zeros((10_000, 3))
    features[9_999, 2] = np.nan
    with pytest.raises(ValueError, match="got nan in row 9999, column 2"):
        network_for().forward(features)


# Targets

BAD_TARGETS = {
    "lengths that differ": ("softmax_cross_entropy", LABELS[:7], ValueError, r"same number of samples, got 8 and 7"),
    "a number": ("softmax_cross_entropy", 1, ValueError, r"y must be one- or two-dimensional, got shape \(\)"),
    "three-dimensional": ("softmax_cross_entropy", np.zeros((8, 1, 1)), ValueError, r"one- or two-dim.*\(8, 1, 1\)"),
    "nan label": ("softmax_cross_entropy", put(np.nan, 3, LABELS), ValueError, r"y must be finite.*nan in row 3"),
    "infinite label": ("softmax_cross_entropy", put(np.inf, 3, LABELS), ValueError, r"y must be finite.*inf in row 3"),
    "negative label": ("softmax_cross_entropy", put(-1, 3, LABELS), ValueError, r"whole numbers from 0 to 1.*-1"),
    "label too large": ("softmax_cross_entropy", put(2, 3, LABELS), ValueError, r"from 0 to 1 for 2 outputs.*0.* to 2"),
    "huge label": ("softmax_cross_entropy", put(1e300, 3, LABELS), ValueError, r"whole numbers from 0 to 1.*1e\+300"),
    "fraction": ("softmax_cross_entropy", put(0.5, 3, LABELS), ValueError, r"whole numbers from 0 to 1, got 0\.5"),
    "words": ("softmax_cross_entropy", ["no", "yes"] * 4, TypeError, r"y must be.*<U3.*LabelEncoder"),
    "too many columns": ("softmax_cross_entropy", np.eye(3)[LABELS], ValueError, r"shape \(8, 2\).*got \(8, 3\)"),
    "rows that do not sum to 1": (
        "softmax_cross_entropy",
        put(1, (4, 1), np.eye(2)[LABELS]),
        ValueError,
        r"Rows of y must sum to 1.*got 2 in row 4",
    ),
    "negative share": ("softmax_cross_entropy", [[-1, 2]] * 8, ValueError, r"between 0 and 1, got.*-1 to 2"),
    "above 1": ("binary_cross_entropy", put(1.5, (0, 0), np.zeros((8, 2))), ValueError, r"between 0 and 1.*0 to 1\.5"),
    "below 0": ("binary_cross_entropy", put(-0.1, (0, 0), np.zeros((8, 2))), ValueError, r"between 0 and 1.*-0\.1 to"),
    "too few columns": ("binary_cross_entropy", LABELS, ValueError, r"shape \(8, 2\).*got \(8,\)"),
    "nan target": ("squared_error", put(np.nan, (5, 1), np.zeros((8, 2))), ValueError, r"finite.*row 5, column 1"),
    "complex": ("squared_error", np.zeros((8, 2)) * 1j, TypeError, r"y must be an array of real numbers.*complex128"),
    "no columns": ("squared_error", np.zeros((8, 0)), ValueError, r"shape \(8, 2\).*got \(8, 0\)"),
    "none": ("squared_error", None, ValueError, r"y must be one- or two-dimensional, got shape \(\)"),
}


@pytest.mark.parametrize("use", ["loss", "evaluate", "fit"])
@pytest.mark.parametrize("fault", BAD_TARGETS)
def test_bad_targets_are_refused(fault, use):
    loss, y, error, message = BAD_TARGETS[fault]
    assert_refused(network_for(loss), lambda network: USES[use](network, X, y), error, message)


def test_bad_validation_targets_are_refused_before_training():
    use = lambda network: USES["validation"](network, X, LABELS + 1)  # noqa: E731
    assert_refused(network_for(), use, ValueError, "whole numbers from 0 to 1")


# Options

BAD_NETWORKS = {
    "activation": (
        {"activations": "relo"},
        ValueError,
        "Unknown activation 'relo'; known are " + ", ".join(ACTIVATIONS),
    ),
    "activation in a list": ({"activations": ["tanh", "softmaxx"]}, ValueError, "Unknown activation 'softmaxx'; known"),
    "activation that is no name": ({"activations": ["tanh", None]}, ValueError, "Unknown activation None; known are"),
    "no activations": ({"activations": None}, TypeError, "activations must be a name.*got None"),
    "too few activations": ({"activations": ["relu"]}, ValueError, r"each of the 2 layers, output included, got 1"),
    "too many activations": (
        {"activations": ["relu"] * 3},
        ValueError,
        r"each of the 2 layers.*got 3: \['relu', 'relu'",
    ),
    "softmax on a hidden layer": ({"activations": "softmax"}, ValueError, "softmax.*belongs on the output.*on layer 1"),
    "output outside the loss": (
        {"activations": ["relu", "tanh"]},
        ValueError,
        "needs outputs from softmax, got 'tanh'",
    ),
    "loss": ({"loss": "hinge"}, ValueError, "Unknown loss 'hinge'; known are " + ", ".join(LOSSES)),
    "class of a loss": ({"loss": Huber}, TypeError, r"loss is the class Huber; pass an instance: Huber\(\)\."),
    "loss that is no name": ({"loss": None}, ValueError, "Unknown loss None; known are"),
    "initializer": (
        {"initializer": "he"},
        ValueError,
        "Unknown initializer 'he'; known are " + ", ".join(INITIALIZERS),
    ),
    "backend": ({"backend": "cuda"}, ValueError, "Unknown backend 'cuda'; known are numpy, numba"),
    "half precision": ({"dtype": "float16"}, ValueError, "dtype must be 'float32' or 'float64', got 'float16'"),
    "integers": ({"dtype": int}, ValueError, "dtype must be 'float32' or 'float64', got <class 'int'>"),
    "no type": ({"dtype": None}, ValueError, "dtype must be 'float32' or 'float64', got None"),
    "no threads": ({"n_threads": 0}, ValueError, "n_threads must be a positive integer, got 0"),
    "part of a thread": ({"n_threads": 1.5}, TypeError, "n_threads must be a positive integer, got 1.5"),
    "layer of no units": ({"layer_sizes": [3, 0, 2]}, ValueError, r"positive integers, got 0 in \[3, 0, 2\]"),
    "negative layer": ({"layer_sizes": [3, -4, 2]}, ValueError, r"positive integers, got -4 in \[3, -4, 2\]"),
    "part of a unit": ({"layer_sizes": [3, 2.0]}, ValueError, r"positive integers, got 2.0 in \[3, 2.0\]"),
    "truth as a size": ({"layer_sizes": [3, True]}, ValueError, r"positive integers, got True"),
    "word as a size": ({"layer_sizes": "32"}, ValueError, r"positive integers, got '3'"),
    "one size": ({"layer_sizes": [3]}, ValueError, r"the inputs and at least one layer, as in \[2, 1\], got \(3,\)"),
    "a number": ({"layer_sizes": 3}, TypeError, r"sequence of positive integers such as \[784, 128, 10\], got 3"),
    "softmax of one output": ({"layer_sizes": [3, 1]}, ValueError, "softmax over a single output is always 1"),
}


@pytest.mark.parametrize("fault", BAD_NETWORKS)
def test_bad_networks_are_refused(fault):
    options, error, message = BAD_NETWORKS[fault]
    with pytest.raises(error, match=message):
        fastnn.Network(**{"layer_sizes": [3, 4, 2], "backend": "numpy", **options})


@pytest.mark.parametrize("output", ["relu", "identity", "elu", "tanh", "gelu"])
def test_outputs_outside_0_and_1_do_not_go_with_binary_cross_entropy(output):
    with pytest.raises(ValueError, match=f"binary_cross_entropy needs outputs from sigmoid or softmax, got '{output}'"):
        network_for("binary_cross_entropy").architecture.create([3, 2], [output], "binary_cross_entropy")


EVERY_OPTIMIZER = (fastnn.SGD, fastnn.Adagrad, fastnn.RMSprop, fastnn.Adam, fastnn.AdamW)
ADAPTIVE = EVERY_OPTIMIZER[1:]
ADAMS = (fastnn.Adam, fastnn.AdamW)
WITH_MOMENTUM = (fastnn.SGD, fastnn.RMSprop)

BAD_OPTIMIZERS = (
    (EVERY_OPTIMIZER, {"learning_rate": 0}, ValueError, "learning_rate must be positive and finite, got 0"),
    (EVERY_OPTIMIZER, {"learning_rate": -0.1}, ValueError, "learning_rate must be positive and finite, got -0.1"),
    (EVERY_OPTIMIZER, {"learning_rate": np.nan}, ValueError, "learning_rate must be positive and finite, got nan"),
    (EVERY_OPTIMIZER, {"learning_rate": np.inf}, ValueError, "learning_rate must be positive and finite, got inf"),
    (EVERY_OPTIMIZER, {"learning_rate": "fast"}, TypeError, "learning_rate must be a number, got 'fast'"),
    (EVERY_OPTIMIZER, {"learning_rate": None}, TypeError, "learning_rate must be a number, got None"),
    (EVERY_OPTIMIZER, {"learning_rate": True}, TypeError, "learning_rate must be a number, got True"),
    (EVERY_OPTIMIZER, {"l1": -0.1}, ValueError, "l1 must be at least 0 and finite, got -0.1"),
    (EVERY_OPTIMIZER, {"l1": "some"}, TypeError, "l1 must be a number, got 'some'"),
    (EVERY_OPTIMIZER, {"l2": -1e-9}, ValueError, "l2 must be at least 0 and finite, got -1e-09"),
    (EVERY_OPTIMIZER, {"l2": np.nan}, ValueError, "l2 must be at least 0 and finite, got nan"),
    (EVERY_OPTIMIZER, {"l2": 10**400}, ValueError, "l2 must be at least 0 and finite, got 1000"),
    (EVERY_OPTIMIZER, {"weight_decay": -1}, ValueError, "weight_decay must be at least 0 and finite, got -1"),
    (EVERY_OPTIMIZER, {"weight_decay": None}, TypeError, "weight_decay must be a number, got None"),
    (EVERY_OPTIMIZER, {"penalize_biases": "no"}, TypeError, "penalize_biases must be True or False, got 'no'"),
    (EVERY_OPTIMIZER, {"max_grad_norm": 0}, ValueError, "max_grad_norm must be positive and finite, got 0"),
    (EVERY_OPTIMIZER, {"max_grad_norm": np.inf}, ValueError, "max_grad_norm must be positive.*got inf"),
    (EVERY_OPTIMIZER, {"max_grad_norm": "long"}, TypeError, "max_grad_norm must be a number, got 'long'"),
    ((fastnn.SGD,), {"momentum": 1.1}, ValueError, "momentum must be at most 1, or what is kept grows.*, got 1.1"),
    ((fastnn.RMSprop,), {"momentum": 1}, ValueError, "momentum must be below 1, or what is kept grows.*, got 1"),
    (WITH_MOMENTUM, {"momentum": -0.9}, ValueError, "momentum must be at least 0 and finite, got -0.9"),
    (WITH_MOMENTUM, {"momentum": "heavy"}, TypeError, "momentum must be a number, got 'heavy'"),
    ((fastnn.SGD,), {"nesterov": 1, "momentum": 0.9}, TypeError, "nesterov must be True or False, got 1"),
    ((fastnn.SGD,), {"nesterov": True}, ValueError, r"nesterov=True needs a momentum above 0, such as SGD\(momentum"),
    (ADAPTIVE, {"epsilon": 0}, ValueError, "epsilon must be positive and finite, got 0"),
    (ADAPTIVE, {"epsilon": None}, TypeError, "epsilon must be a number, got None"),
    ((fastnn.RMSprop,), {"rho": 1.0}, ValueError, "rho must be below 1, or .*, got 1.0"),
    ((fastnn.RMSprop,), {"rho": np.nan}, ValueError, "rho must be at least 0 and finite, got nan"),
    (ADAMS, {"beta_1": 1}, ValueError, "beta_1 must be below 1, or what is kept grows without end, got 1"),
    (ADAMS, {"beta_1": -0.1}, ValueError, "beta_1 must be at least 0 and finite, got -0.1"),
    (ADAMS, {"beta_2": 1.5}, ValueError, "beta_2 must be below 1, or what is kept grows without end, got 1.5"),
    (ADAMS, {"beta_2": "most"}, TypeError, "beta_2 must be a number, got 'most'"),
    (ADAMS, {"amsgrad": 1}, TypeError, "amsgrad must be True or False, got 1"),
)


@pytest.mark.parametrize(
    ("optimizer", "options", "error", "message"),
    [(optimizer, *rest) for optimizers, *rest in BAD_OPTIMIZERS for optimizer in optimizers],
)
def test_bad_optimizers_are_refused(optimizer, options, error, message):
    with pytest.raises(error, match=message):
        optimizer(**options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be a positive integer, got 0"),
        ({"batch_size": -32}, ValueError, "batch_size must be a positive integer, got -32"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be a positive integer, got 2.5"),
        ({"batch_size": True}, TypeError, "batch_size must be a positive integer, got True"),
        ({"epochs": 0}, ValueError, "epochs must be a positive integer, got 0"),
        ({"epochs": "ten"}, TypeError, "epochs must be a positive integer, got 'ten'"),
        (
            {"optimizer": "adm"},
            ValueError,
            r"Unknown optimizer 'adm'; known are sgd, .*, lbfgs\. Did you mean 'adam'\?",
        ),
        ({"optimizer": fastnn.Adam}, TypeError, r"optimizer is the class Adam; pass an instance: Adam\(\)\."),
        ({"optimizer": fastnn.LBFGS}, TypeError, r"optimizer is the class LBFGS; pass an instance: LBFGS\(\)\."),
        ({"shuffle": "no"}, TypeError, "shuffle must be True or False, got 'no'"),
        ({"shuffle": 0}, TypeError, "shuffle must be True or False, got 0"),
        (
            {"optimizer": 0},
            TypeError,
            r"optimizer must be a fastnn optimizer such as fastnn\.SGD\(\), or its name, got 0",
        ),
        (
            {"validation_data": X},
            ValueError,
            r"validation_data must be a pair \(X, y\), or \(X, y, sample_weight\), got ndarray",
        ),
        (
            {"validation_data": (X,)},
            ValueError,
            r"validation_data must be a pair \(X, y\), or \(X, y, sample_weight\), got tuple",
        ),
    ],
)
def test_bad_options_of_fit_are_refused(options, error, message):
    assert_refused(network_for(), lambda network: network.fit(X, LABELS, **options), error, message)


@every_backend
def test_backward_before_loss_is_refused(backend):
    network = network_for(backend=backend)
    with pytest.raises(ValueError, match=r"backward needs the loss of a batch first: call network\.loss\(X, y\)"):
        network.backward()
    network.loss(X, LABELS)
    network.backward()
    network.fit(X, LABELS, epochs=1)
    with pytest.raises(ValueError, match="backward needs the loss of a batch first"):
        network.backward()


# Good input


def misaligned(array):
    buffer = np.zeros(array.nbytes + 1, np.uint8)
    view = buffer[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    assert not view.flags.aligned
    return view


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


GOOD_FEATURES = {
    "list": lambda X: X.tolist(),
    "tuples": lambda X: tuple(map(tuple, X.tolist())),
    "integers": lambda X: X.astype("int64"),
    "bytes": lambda X: X.astype("uint8"),
    "truths": lambda X: X.astype("bool"),
    "half": lambda X: X.astype("float16"),
    "single": lambda X: X.astype("float32"),
    "extended": lambda X: X.astype("longdouble"),
    "other byte order": lambda X: X.astype(">f8"),
    "objects": lambda X: X.astype(object),
    "Fortran order": np.asfortranarray,
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "columns of a wider array": lambda X: np.hstack([X, X])[:, :3],
    "rows upside down": lambda X: X[::-1].copy()[::-1],
    "read-only": read_only,
    "misaligned": misaligned,
    "DataFrame": pd.DataFrame,
    "DataFrame of mixed types": lambda X: pd.DataFrame(X).astype({0: "int8", 1: "bool", 2: "float32"}),
    "nullable DataFrame": lambda X: pd.DataFrame(X).astype("Int64"),
}


def memory_mapped(path, array):
    np.save(path, array)
    return np.load(path, mmap_mode="r")


@every_backend
@pytest.mark.parametrize("kind", GOOD_FEATURES)
def test_every_kind_of_features_gives_the_same_numbers(kind, backend):
    network, features = network_for(backend=backend), GOOD_FEATURES[kind](X)
    assert network.loss(features, LABELS) == network.loss(X, LABELS)
    assert network.evaluate(features, LABELS) == network.evaluate(X, LABELS)
    assert network.forward(features).tobytes() == network.forward(X).tobytes()


def fitted(features, y, backend, loss="softmax_cross_entropy", n_outputs=2):
    network = network_for(loss, n_outputs, backend)
    network.fit(features, y, epochs=2, batch_size=3)
    return network.parameters.tobytes()


# Compiling an epoch for another layout in memory takes seconds, so the compiled backend gets one of each.
@pytest.mark.parametrize(
    ("kind", "backend"),
    [(kind, "numpy") for kind in GOOD_FEATURES]
    + [(kind, "numba") for kind in ("list", "bytes", "half", "Fortran order", "every second row", "read-only")],
)
def test_every_kind_of_features_gives_the_same_fit(kind, backend):
    assert fitted(GOOD_FEATURES[kind](X), LABELS, backend) == fitted(X, LABELS, backend)


@every_backend
def test_memory_mapped_features_and_targets_work(backend, tmp_path):
    mapped, y = memory_mapped(tmp_path / "X.npy", X), memory_mapped(tmp_path / "y.npy", LABELS)
    assert isinstance(mapped, np.memmap)
    assert fitted(mapped, y, backend) == fitted(X, LABELS, backend)
    assert network_for(backend=backend).loss(mapped, y) == network_for(backend=backend).loss(X, LABELS)


@every_backend
@pytest.mark.parametrize(
    "labels",
    [
        LABELS.tolist(),
        LABELS.astype("uint8"),
        LABELS.astype("bool"),
        LABELS.astype("float16"),
        LABELS.astype(">i4"),
        LABELS.reshape(-1, 1),
        np.repeat(LABELS, 2)[::2],
        read_only(LABELS),
        pd.Series(LABELS, index=range(8, 0, -1)),
        pd.DataFrame({"label": LABELS}),
    ],
    ids=["list", "bytes", "truths", "half", "byte order", "column", "strided", "read-only", "Series", "DataFrame"],
)
def test_every_kind_of_labels_gives_the_same_numbers(labels, backend):
    assert network_for(backend=backend).loss(X, labels) == network_for(backend=backend).loss(X, LABELS)
    assert fitted(X, labels, backend) == fitted(X, LABELS, backend)


@every_backend
@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, lambda Y: Y.astype(bool), lambda Y: Y.tolist()])
def test_one_hot_rows_give_the_same_numbers_as_labels(kind, backend):
    rows = kind(np.eye(2)[LABELS])
    assert network_for(backend=backend).loss(X, rows) == network_for(backend=backend).loss(X, LABELS)
    assert fitted(X, rows, backend) == fitted(X, LABELS, backend)


@every_backend
@pytest.mark.parametrize("loss", ["binary_cross_entropy", "squared_error"])
def test_targets_of_one_output_may_be_a_vector_or_a_column(loss, backend):
    column = LABELS.astype("float64").reshape(-1, 1)
    expected = fitted(X, column, backend, loss, n_outputs=1)
    for y in (LABELS, LABELS.astype(bool), column[:, 0], read_only(column), pd.Series(LABELS)):
        assert fitted(X, y, backend, loss, n_outputs=1) == expected


def test_float_rows_that_sum_to_one_but_for_rounding_are_probabilities():
    random = np.random.default_rng(0)
    shares = random.dirichlet(np.ones(50), 8)
    network = fastnn.Network([3, 50], backend="numpy")
    assert np.isfinite(network.loss(X, shares))
    assert np.isfinite(network.loss(X, shares.astype("float32")))


def test_input_is_not_written_to():
    features, y = X.copy(), np.eye(2)[LABELS]
    network = network_for()
    network.loss(features, y)
    network.backward()
    network.fit(features, y, epochs=2, batch_size=3, validation_data=(features, y))
    network.fit(features, y, epochs=1, batch_size=None)
    assert features.tobytes() == X.tobytes()
    assert y.tobytes() == np.eye(2)[LABELS].tobytes()


# Memory

LARGE = (100_000, 50)


def peak_memory(action) -> int:
    """Bytes that were allocated at once, at most, by Python and NumPy."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("dtype", "arrange", "backend"),
    [
        ("float32", np.ascontiguousarray, "numpy"),
        ("float32", np.ascontiguousarray, "numba"),
        ("float32", np.asfortranarray, "numpy"),
        ("float32", lambda X: X[:, ::-1], "numpy"),
        ("float64", np.ascontiguousarray, "numpy"),
        ("float64", np.ascontiguousarray, "numba"),
        ("uint8", np.ascontiguousarray, "numpy"),
        ("uint8", np.ascontiguousarray, "numba"),
    ],
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_large_features_are_never_copied_as_a_whole(shuffle, dtype, arrange, backend):
    features, labels = arrange(np.ones(LARGE, dtype)), np.zeros(LARGE[0], np.int64)
    network = fastnn.Network([LARGE[1], 2], backend=backend, seed=0)

    def use(features, labels):
        network.fit(features, labels, epochs=1, batch_size=500, shuffle=shuffle, validation_data=(features, labels))
        network.evaluate(features, labels)
        network.predict(features)

    use(features[:600], labels[:600])  # compiles

    size_in_single_precision = LARGE[0] * LARGE[1] * 4
    assert peak_memory(lambda: use(features, labels)) < size_in_single_precision / 3


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ({"loss": "mse"}, "squared_error"),
        ({"loss": "Cross Entropy"}, "softmax_cross_entropy"),
        ({"activations": "Relu"}, "relu"),
        ({"activations": "swish"}, "silu"),
        ({"initializer": "xavier_uniform"}, "glorot_uniform"),
        ({"backend": "numbra"}, "numba"),
    ],
    ids=str,
)
def test_a_near_miss_is_answered_with_what_was_perhaps_meant(options, meant):
    with pytest.raises(ValueError, match=rf"Unknown .*\. Did you mean '{meant}'\?$"):
        fastnn.Network([2, 3, 2], **options)
    with pytest.raises(ValueError, match=r"Unknown .*[^?]$"):
        fastnn.Network([2, 3, 2], **dict.fromkeys(options, "qqq"))


def test_optimizers_go_by_name_as_losses_do():
    X, y = np.random.default_rng(0).standard_normal((40, 2)), np.arange(40) % 2
    parameters = []
    for optimizer in ("adam", fastnn.Adam()):
        network = fastnn.Network([2, 3, 2], seed=0, backend="numpy")
        network.fit(X, y, optimizer=optimizer, epochs=2, progress=False)
        parameters.append(network.parameters.tobytes())
    assert parameters[0] == parameters[1]
    with pytest.raises(TypeError, match="LBFGS asks for the loss of all samples"):
        fastnn.Network([2, 3, 2], backend="numpy").fit_batches([(X, y)], optimizer="lbfgs")
