"""Networks for tables in files, summaries and gradient checks."""

import pickle
import time

import numpy as np
import pytest

import fastnn
from fastnn.inputs import CategoryEmbedding, InputStage, PeriodicEmbedding
from fastnn.training.checkpoints import Checkpoint
from tests.backends.table_networks import CASES, EMBEDDINGS, table
from tests.cases import DTYPES
from tests.datasets.hostile import header_of, rewrite_header

EVERYTHING = CASES[8]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network"


# Round trips


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_network_comes_back_bit_by_bit(case, dtype, path):
    network, (X, y) = case.network("numpy", dtype), table(40, dtype)
    network.fit(X, y, epochs=1, progress=False)
    fastnn.save(network, path)
    for loaded in (fastnn.load(path, backend="numpy"), pickle.loads(pickle.dumps(network))):
        assert loaded.architecture == network.architecture
        assert loaded._learned.tobytes() == network._learned.tobytes()
        assert loaded.forward(X).tobytes() == network.forward(X).tobytes()
        assert [view.shape for view in loaded.embeddings] == [view.shape for view in network.embeddings]


def test_a_file_of_a_network_without_these_features_has_no_entries_for_them(path):
    fastnn.save(fastnn.Network([5, 4, 3], backend="numpy", parametric=False, embeddings=[], input_scaling=False), path)
    assert not {"parametric", "inputs", "parametrization"} & {*header_of(path)}
    fastnn.load(path, backend="numpy")


@pytest.mark.parametrize(
    ("entry", "message"),
    [("parametric", "layers.1.activations belongs to another network"), ("inputs", "layers.1.weights must have shape")],
)
def test_a_file_that_lacks_an_entry_does_not_fit_its_parameters(entry, message, path):
    fastnn.save(EVERYTHING.network("numpy"), path)
    rewrite_header(path, lambda header: header.pop(entry) and header)
    with pytest.raises(ValueError, match=f"its header and its arrays do not match .{message}"):
        fastnn.load(path, backend="numpy")


def test_a_file_without_a_parametrization_has_the_standard_one(path):
    fastnn.save(EVERYTHING.network("numpy"), path)
    rewrite_header(path, lambda header: header.pop("parametrization") and header)
    assert fastnn.load(path, backend="numpy").architecture.parametrization == "standard"


# Hostile headers

PERIODIC = {"kind": "PeriodicEmbedding", "columns": [2, 0], "n_frequencies": 5, "n_outputs": 3, "deviation": 0.3}
CATEGORY = {"kind": "CategoryEmbedding", "column": 4, "n_codes": 6, "size": 2}

WRONG_VALUES = (None, True, 1, -1, 0.5, float("nan"), float("inf"), 10**400, "", "abc", [], [[]], [None], {}, {"a": 1})

HOSTILE = [
    *({"inputs": value} for value in WRONG_VALUES),
    *({"inputs": {"embeddings": value, "scales": True}} for value in WRONG_VALUES if value != []),
    *({"inputs": {"embeddings": [PERIODIC, CATEGORY], "scales": value}} for value in WRONG_VALUES if value is not True),
    *({"inputs": {"embeddings": [PERIODIC, value], "scales": True}} for value in WRONG_VALUES),
    *(
        {"inputs": {"embeddings": [PERIODIC | {name: value}, CATEGORY], "scales": True}}
        for name in (*PERIODIC, "another")
        for value in WRONG_VALUES
        if (name, value) != ("deviation", 1) and (name, value) != ("deviation", 0.5)
    ),
    *(
        {"inputs": {"embeddings": [PERIODIC, CATEGORY | {name: value}], "scales": True}}
        for name in (*CATEGORY, "another")
        for value in (*WRONG_VALUES, 10**18, 2**62)
        if (name, value) != ("column", 1)  # which would be another column
    ),
    {"inputs": {"embeddings": [PERIODIC, CATEGORY]}},
    {"inputs": {"scales": True}},
    {"inputs": {"embeddings": [PERIODIC, PERIODIC], "scales": True}},
    {"inputs": {"embeddings": [{**PERIODIC, "columns": [0, 0]}, CATEGORY], "scales": True}},
    {"inputs": {"embeddings": [{**PERIODIC, "columns": [5]}, CATEGORY], "scales": True}},
    {"inputs": {"embeddings": [{"kind": "InputStage", "n_columns": 5}], "scales": True}},
    *({"parametric": value} for value in WRONG_VALUES if value is not True),
    {"parametric": [True]},
    {"parametric": [True, True, True]},
    {"parametric": ["True", "True"]},
    *({"parametrization": value} for value in WRONG_VALUES),
    {"layer_sizes": []},
    {"layer_sizes": None},
    {"layer_sizes": 5},
    {"layer_sizes": {}},
    {"layer_sizes": "5"},
    {"layer_sizes": [None, 70, 66, 3]},
    {"layer_sizes": ["5", 70, 66, 3]},
    {"layer_sizes": [10**400, 70, 66, 3]},
    {"layer_sizes": [10**15, 70, 66, 3]},
    {"layer_sizes": [4, 70, 66, 3]},
    {"layer_sizes": [-5, 70, 66, 3]},
]


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Of a file that is in order."""
    path = tmp_path_factory.mktemp("files") / "network"
    fastnn.save(EVERYTHING.network("numpy"), path)
    return path.read_bytes()


@pytest.mark.parametrize("changes", HOSTILE, ids=lambda changes: str(changes)[:60])
def test_a_hostile_header_is_one_of_a_file_with_wrong_content(changes, content, path):
    path.write_bytes(content)
    fastnn.load(path, backend="numpy")
    rewrite_header(path, lambda header: header | changes)
    for read in (lambda: fastnn.load(path, backend="numpy"), lambda: fastnn.load_metadata(path)):
        with pytest.raises(ValueError, match=str(path)):
            read()


def test_a_network_of_more_columns_than_memory_holds_is_refused_at_once():
    with pytest.raises(ValueError, match="which no memory can hold"):
        fastnn.Network([10**18, 3], backend="numpy", input_scaling=True)
    with pytest.raises(ValueError, match="which no memory can hold"):
        fastnn.Network([3, 3], backend="numpy", embeddings=[CategoryEmbedding(0, 10**18, 10)])


def test_the_columns_of_embeddings_are_checked_in_linear_time():
    start = time.process_time()
    InputStage.create(100_000, PeriodicEmbedding(tuple(range(100_000))), scales=True)
    assert time.process_time() - start < 5


def test_a_checkpoint_is_a_file_of_the_network_too(path):
    X, y = table(40)
    network = EVERYTHING.network("numpy")
    network.fit(X, y, epochs=2, progress=False, callbacks=Checkpoint(path))
    assert fastnn.load(path, backend="numpy")._learned.tobytes() == network._learned.tobytes()
    rewrite_header(path, lambda header: header | {"inputs": {"embeddings": 1, "scales": True}})
    with pytest.raises(ValueError, match=str(path)):
        fastnn.load(path, backend="numpy")


# Arguments


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"parametric": 1}, TypeError, "parametric must be True or False"),
        ({"parametric": "yes"}, TypeError, "parametric must be True or False"),
        ({"parametric": [True]}, ValueError, "parametric"),
        ({"parametrization": "NTK"}, ValueError, "parametrization must be 'standard' or 'ntk', got 'NTK'"),
        ({"parametrization": None}, ValueError, "parametrization must be 'standard' or 'ntk', got None"),
        ({"input_scaling": 1}, TypeError, "input_scaling must be True or False, got 1"),
        ({"embeddings": 3}, TypeError, "embeddings must be a list"),
        ({"embeddings": [EMBEDDINGS]}, TypeError, "embeddings must be a list"),
        ({"embeddings": [EMBEDDINGS[1], EMBEDDINGS[1]]}, ValueError, "Column 4 has two embeddings"),
        ({"embeddings": PeriodicEmbedding(5)}, ValueError, "names column 5, but X has only 5"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        fastnn.Network([5, 6, 6, 3], backend="numpy", **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PeriodicEmbedding(()), "at least one column"),
        (lambda: PeriodicEmbedding("12"), "columns must be an integer of at least 0, got '12'"),
        (lambda: PeriodicEmbedding((0, -1)), "columns must be an integer of at least 0, got -1"),
        (lambda: PeriodicEmbedding(0, n_frequencies=0), "n_frequencies must be an integer of at least 1, got 0"),
        (lambda: PeriodicEmbedding(0, n_outputs=1), "n_outputs must be an integer of at least 2, got 1"),
        (lambda: PeriodicEmbedding(0, deviation=0), "deviation must be a positive number, got 0"),
        (lambda: PeriodicEmbedding(0, deviation=np.nan), "deviation must be a positive number, got nan"),
        (lambda: PeriodicEmbedding(0, deviation=10**400), "deviation must be a positive number, got 1000"),
        (lambda: CategoryEmbedding(True, 3), "column must be an integer of at least 0, got True"),
        (lambda: CategoryEmbedding(0, 0), "n_codes must be an integer of at least 1, got 0"),
        (lambda: CategoryEmbedding(0, 3, 0.5), "size must be an integer of at least 1, got 0.5"),
    ],
)
def test_embeddings_that_are_none_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_one_embedding_need_not_be_in_a_list_and_columns_may_be_one_or_numpys():
    one = fastnn.Network([5, 3], backend="numpy", embeddings=PeriodicEmbedding(2))
    several = fastnn.Network([5, 3], backend="numpy", embeddings=[PeriodicEmbedding(np.array([2]))])
    assert one.architecture == several.architecture
    assert eval(repr(EMBEDDINGS), {each.__name__: each for each in map(type, EMBEDDINGS)}) == EMBEDDINGS


# Initial parameters


def test_initial_parameters_have_the_distributions_of_the_documentation():
    periodic = PeriodicEmbedding(tuple(range(400)), n_frequencies=16, n_outputs=4, deviation=0.3)
    options = {"parametric": True, "input_scaling": True, "backend": "numpy", "dtype": "float64", "seed": 0}
    network = fastnn.Network([401, 4, 3], embeddings=[periodic, CategoryEmbedding(400, 1000, 8)], **options)
    P, E = network.embeddings
    w, b, others = P[:, :16], P[:, 16:32], P[:, 32:]
    assert others.shape == (400, 16 * 3 + 3)
    assert w.mean() == pytest.approx(0, abs=0.02)
    assert w.std() == pytest.approx(0.3, rel=0.02)
    assert abs(w).max() > 0.9  # a normal distribution has tails
    assert b.std() == pytest.approx(2 * np.pi / np.sqrt(12), rel=0.02)
    assert np.pi - 0.01 < abs(b).max() <= np.pi
    assert others.std() == pytest.approx(0.5 / np.sqrt(12), rel=0.02)
    assert 0.249 < abs(others).max() <= 0.25
    assert E.shape == (1000, 8)
    assert E.std() == pytest.approx(1, rel=0.02)
    assert np.all(network.slopes[0] == 1)
    assert network.slopes[1].size == 0
    assert network.input_scales.shape == (400 * 4 + 8,)
    assert np.all(network.input_scales == 1)


def test_initially_a_parametric_network_is_one_that_is_not():
    one, other = (fastnn.Network([5, 8, 3], "mish", backend="numpy", seed=0, parametric=flag) for flag in (True, False))
    X, _ = table(9)
    np.testing.assert_allclose(one.logits(X), other.logits(X), rtol=1e-5)


# Reports


def test_a_summary_has_a_line_for_the_input_stage():
    lines = EVERYTHING.network("numpy").summary().splitlines()
    inputs = next(line for line in lines if line.split()[:1] == ["inputs"])
    n_parameters = 2 * (5 * 4 + 2) + 6 * 2 + 10
    assert "5 -> 10" in inputs
    assert "2 numbers embedded, 1 categories embedded, scaled" in inputs
    assert str(n_parameters) in inputs
    assert sum("parametric mish" in line for line in lines) == 2
    plain = fastnn.Network([5, 4, 3], backend="numpy").summary()
    assert "inputs" not in plain.split()
    assert "parametric" not in plain


def test_a_gradient_check_names_the_parameters_of_the_input_stage():
    case, (X, y) = CASES[4], table(6)
    report = fastnn.check_gradients(case.network("numpy"), X, y)
    assert [check.name for check in report.checks] == ["W1", "b1", "W2", "b2", "E1", "P2", "P3", "s"]
    report = fastnn.check_gradients(CASES[0].network("numpy"), X, y)
    assert [check.name for check in report.checks] == ["W1", "b1", "alpha1", "W2", "b2", "alpha2", "W3", "b3"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s", "inputs, input scales"),
        ("P1", "inputs, periodic embedding"),
        ("E2", "inputs, category embedding"),
        ("alpha1", "layer 1, activation"),
        ("W2", "layer 2, weights"),
    ],
)
def test_a_wrong_gradient_is_named(name, text, monkeypatch):
    network = fastnn.Network(
        [5, 4, 3],
        "tanh",
        backend="numpy",
        dtype="float64",
        seed=0,
        parametric=True,
        embeddings=EMBEDDINGS,
        input_scaling=True,
    )
    array = next(array for array in network.architecture.arrays if array.name == name)
    backward = network.backward

    def wrong():
        gradient = backward()
        array.view(gradient)[:] += 0.1
        return gradient

    monkeypatch.setattr(network, "backward", wrong)
    report = fastnn.check_gradients(network, *table(6))
    assert [check.name for check in report.checks if check.n_failed] == [name]
    with pytest.raises(AssertionError, match=text):
        report.raise_if_failed()
