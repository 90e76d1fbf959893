"""Dropout, batch and layer normalisation: their definitions, PyTorch's results, and parity of the backends."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

import fastnn
from fastnn.backends.numpy_backend.dropout import number
from tests.cases import HIDDEN, assert_agree, every_backend, import_torch

random = np.random.default_rng(0)
X, LABELS = random.standard_normal((62, 10)), random.integers(3, size=62)

#: Hidden layers wide enough to train in rows, and few enough units to train in columns.
WIDE, NARROW = (40, 12), (8, 6)

REGULARISATIONS = {
    "dropout": {"dropout": 0.3},
    "dropout by layer": {"dropout": (0.0, 0.6)},
    "batch": {"normalization": "batch"},
    "layer": {"normalization": "layer"},
    "one of each": {"normalization": ("batch", "layer"), "dropout": (0.2, 0.4)},
    "layer by layer": {"normalization": (None, "batch"), "dropout": (0.5, 0.0)},
}
every_regularisation = pytest.mark.parametrize("options", REGULARISATIONS.values(), ids=REGULARISATIONS)
every_width = pytest.mark.parametrize("hidden", [WIDE, NARROW], ids=["wide", "narrow"])

#: The reference computes in the same way at any width.
every_way = pytest.mark.parametrize(
    ("hidden", "backend"),
    [(WIDE, "numba"), (NARROW, "numba"), (NARROW, "numpy")],
    ids=["wide-numba", "narrow-numba", "narrow-numpy"],
)


def new_network(hidden=WIDE, backend="numpy", activation="tanh", dtype="float64", **options):
    sizes = [X.shape[1], *hidden, 3]
    network = fastnn.Network(sizes, activation, backend=backend, dtype=dtype, seed=0, **options)
    for scale, shift in zip(network.scales, network.shifts, strict=True):  # other than where they start
        scale[:], shift[:] = np.linspace(0.5, 1.5, scale.size), np.linspace(-0.5, 0.5, shift.size)
    return network


def fit(network, optimizer=None, **options):
    optimizer = optimizer or fastnn.SGD(0.1, momentum=0.9)
    return network.fit(X, LABELS, **{"optimizer": optimizer, "epochs": 3, "batch_size": 16, **options})


def state_of(network):
    return np.concatenate([network.parameters, network.statistics])


# Both backends, any number of threads


@every_width
@every_regularisation
def test_a_fit_is_the_same_on_both_backends(options, hidden):
    networks = [new_network(hidden, backend, **options) for backend in fastnn.available_backends()]
    losses = [fit(network).loss for network in networks]
    assert_agree(losses[1], losses[0], 1e-11)
    assert_agree(state_of(networks[1]), state_of(networks[0]), 1e-11)
    assert_agree(networks[1].forward(X), networks[0].forward(X), 1e-11)


@every_regularisation
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("large_teams")
def test_results_are_the_same_bits_for_any_number_of_threads(dtype, options):
    features, labels = np.tile(X, (5, 1)), np.tile(LABELS, 5)
    results = set()
    for n_threads in (1, 2, 3, 5):
        network = new_network((90, 50), "numba", dtype=dtype, n_threads=n_threads, **options)
        optimizer = fastnn.Adam(0.01, max_grad_norm=1.0)
        network.fit(features, labels, optimizer=optimizer, epochs=2, batch_size=150)
        results.add((state_of(network).tobytes(), network.forward(features).tobytes()))
    assert len(results) == 1


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_samples_in_columns_drop_the_units_that_samples_in_rows_drop(rate):
    # Over more than a tile of samples. Through weights of nothing all hidden units are alike: only masks are learned.
    features, labels = np.tile(X, (16, 1)), np.tile(LABELS, 16)
    losses = []
    for backend in fastnn.available_backends():
        network = new_network(NARROW, backend, dropout=rate)
        losses.append(network.fit(features, labels, epochs=2, batch_size=None).loss)
    assert_agree(losses[1], losses[0], 1e-12)


@settings(derandomize=True, deadline=None, max_examples=40, database=None)
@given(
    widths=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    choices=st.data(),
    activation=st.sampled_from(HIDDEN),
    batch_size=st.sampled_from([2, 7, 64, None]),
    optimizer=st.sampled_from(
        [
            fastnn.SGD(0.05, l1=0.01, l2=0.1),
            fastnn.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.1, max_grad_norm=0.5),
            fastnn.RMSprop(0.01, momentum=0.5, epsilon=1e-6),  # so that rounding, magnified by two norms, is no step
            fastnn.Adagrad(0.05, penalize_biases=True, l2=0.1),
            fastnn.AdamW(0.01, max_grad_norm=1.0),
            fastnn.Adam(0.01, amsgrad=True),
        ]
    ),
)
def test_any_combination_is_the_same_on_both_backends(widths, choices, activation, batch_size, optimizer):
    options = {
        "normalization": [choices.draw(st.sampled_from([None, "batch", "layer"])) for _ in widths],
        "dropout": [choices.draw(st.sampled_from([0.0, 0.25, 0.9])) for _ in widths],
    }
    networks = [new_network(widths, backend, activation, **options) for backend in fastnn.available_backends()]
    losses = [fit(network, optimizer, batch_size=batch_size, epochs=1).loss for network in networks]
    # Rounding alone: a gradient that is 0 but for rounding has any sign, which Adam makes a step of.
    assert_agree(losses[1], losses[0], 1e-7)
    assert_agree(networks[1].forward(X), networks[0].forward(X), 1e-6)


# Gradients


@every_way
@every_regularisation
def test_gradients_agree_with_finite_differences(options, hidden, backend):
    network = new_network(hidden, backend, **options)
    statistics = network.statistics.copy()
    report = fastnn.check_gradients(network, X[:9], LABELS[:9])
    report.raise_if_failed()
    assert len(report.checks) == 6 + 2 * sum(scale.size > 0 for scale in network.scales)
    assert network.statistics.tobytes() == statistics.tobytes()


# Against PyTorch


def torch_twin(torch, network, normalization):
    """The same network in PyTorch, in double precision."""
    layers, n_layers = [], network.architecture.n_layers
    for l, (W, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        linear = torch.nn.Linear(*W.shape, dtype=torch.float64)
        linear.weight.data, linear.bias.data = torch.tensor(W.T.copy()), torch.tensor(b.copy())
        layers.append(linear)
        if l < n_layers - 1:
            make = {"batch": torch.nn.BatchNorm1d, "layer": torch.nn.LayerNorm}[normalization]
            norm = make(W.shape[1], dtype=torch.float64)
            norm.weight.data, norm.bias.data = (
                torch.tensor(network.scales[l].copy()),
                torch.tensor(network.shifts[l].copy()),
            )
            layers += [norm, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers)


@every_way
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_fifty_steps_go_pytorchs_way(normalization, hidden, backend):
    torch = import_torch()
    network = new_network(hidden, backend, normalization=normalization)
    twin, optimizer = torch_twin(torch, network, normalization), fastnn.SGD(0.05, momentum=0.9)
    torch_optimizer = torch.optim.SGD(twin.parameters(), lr=0.05, momentum=0.9)
    batches = itertools.cycle([slice(0, 16), slice(16, 32), slice(32, 48), slice(48, 62)])
    for batch in itertools.islice(batches, 50):
        torch_optimizer.zero_grad()
        expected = torch.nn.functional.cross_entropy(twin(torch.tensor(X[batch])), torch.tensor(LABELS[batch]))
        expected.backward()
        torch_optimizer.step()
        assert network.loss(X[batch], LABELS[batch]) == pytest.approx(expected.item(), rel=1e-8)
        network.backward()
        network.step(optimizer)
    for W, linear in zip(network.weights, twin[::3], strict=True):
        np.testing.assert_allclose(W, linear.weight.detach().numpy().T, rtol=1e-8, atol=1e-10)
    twin.eval()
    with torch.no_grad():
        expected_logits = twin(torch.tensor(X)).numpy()
    np.testing.assert_allclose(network.logits(X), expected_logits, rtol=1e-8, atol=1e-10)


# Dropout


def test_the_stream_is_splitmix64():
    # From the seed 1234567, by the generator's published C program.
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert number(1234567, np.arange(5)).tolist() == expected


@every_backend
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_is_the_rate_and_the_sum_is_kept_on_average(rate, backend):
    # Outputs of 1 through weights of 1: the logit counts the units that were kept, scaled up.
    n, n_units = 400, 250
    network = fastnn.Network(
        [1, n_units, 1], "identity", "squared_error", backend=backend, dtype="float64", dropout=rate
    )
    network.parameters[:] = 0
    network.biases[0][:], network.weights[1][:] = 1, 1
    network.loss(np.zeros((n, 1)), np.zeros(n))
    kept = np.sqrt(_sample_losses(network, n)) * (1 - rate)
    deviation = np.sqrt(n_units * rate * (1 - rate))
    assert abs(kept.mean() - n_units * (1 - rate)) < 5 * deviation / np.sqrt(n)
    assert abs(kept.std() / deviation - 1) < 5 / np.sqrt(2 * n)
    np.testing.assert_allclose(kept, np.round(kept), atol=1e-9)


def _sample_losses(network, n):
    """z^2 of every sample, from dZ = 2 z."""
    return (network._model.layers_of_loss[-1].dZ[:n, 0] / 2) ** 2


@every_backend
def test_each_update_drops_other_units_and_a_loss_those_of_the_next_update(backend):
    network = new_network(backend=backend, dropout=0.5)
    losses = []
    for _ in range(3):
        losses.append(network.loss(X, LABELS))
        assert network.loss(X, LABELS) == losses[-1]
        network.backward()
        network.step(fastnn.SGD(1e-300))  # moves nothing
    assert len(set(losses)) == 3
    assert network.n_updates == 3


@every_backend
def test_a_fit_drops_what_a_loop_by_hand_drops(backend):
    fitted, by_hand = new_network(backend=backend, dropout=0.5), new_network(backend=backend, dropout=0.5)
    optimizer = fastnn.SGD(0.1)
    loss = fit(fitted, optimizer, epochs=1, batch_size=None).loss[0]
    assert by_hand.loss(X, LABELS) == pytest.approx(loss, rel=1e-12)
    by_hand.backward()
    by_hand.step(optimizer)
    assert_agree(by_hand.parameters, fitted.parameters, 1e-12)


@every_backend
def test_inference_drops_nothing(backend):
    plain, dropping = new_network(backend=backend), new_network(backend=backend, dropout=0.5)
    dropping.parameters[:] = plain.parameters
    assert dropping.forward(X).tobytes() == plain.forward(X).tobytes()
    assert dropping.evaluate(X, LABELS) == plain.evaluate(X, LABELS)
    assert dropping.loss(X, LABELS) != plain.loss(X, LABELS)


# Normalisation


@every_backend
def test_inference_under_batch_normalisation_takes_each_sample_for_itself(backend):
    network = new_network(backend=backend, normalization="batch")
    fit(network)
    together = network.forward(X)
    alone = np.vstack([network.forward(X[i : i + 1]) for i in range(len(X))])
    assert_agree(alone, together, 1e-14)


@every_backend
def test_a_batch_is_normalised_to_its_scales_and_shifts(backend):
    network = new_network(backend=backend, normalization="batch")
    network.loss(X, LABELS)
    Z = network._model.layers_of_loss[0].Z
    np.testing.assert_allclose(Z.mean(axis=0), network.shifts[0], atol=1e-12)
    np.testing.assert_allclose(Z.std(axis=0), network.scales[0], rtol=1e-3)


@every_backend
def test_a_fit_that_diverges_puts_running_statistics_back(backend):
    network = new_network(backend=backend, normalization="batch")
    before = state_of(network)
    with pytest.raises(fastnn.DivergenceError):
        fit(network, fastnn.SGD(1e308), epochs=1)
    assert state_of(network).tobytes() == before.tobytes()


@every_backend
@every_regularisation
def test_copies_and_pickles_go_on_like_the_original(options, backend):
    network = new_network(backend=backend, **options)
    optimizer = fastnn.SGD(0.1)  # keeps nothing that a copy would lack
    fit(network, optimizer)
    networks = [network, copy.deepcopy(network), pickle.loads(pickle.dumps(network))]
    losses = [fit(each, optimizer).loss for each in networks]
    assert losses[0] == losses[1] == losses[2]
    assert len({state_of(each).tobytes() for each in networks}) == 1


# A left-over sample

BATCH_NORM = {"normalization": "batch"}

#: Samples 0 to 32 in batches of 16: the last joins the second batch.
LEFT_OVER, CUTS = slice(0, 33), [(0, 16), (16, 33)]


def by_hand(network, optimizer, data, cuts):
    """Losses of the batches that are cut from data, with a step on each."""
    losses = []
    for start, stop in cuts:
        losses.append(network.loss(*(part[start:stop] for part in data)))
        network.backward()
        network.step(optimizer)
    return losses


@every_way
@pytest.mark.parametrize("optimizer", [fastnn.SGD(0.1, momentum=0.9), fastnn.Muon(0.01)], ids=["SGD", "Muon"])
@pytest.mark.parametrize("container", [np.asarray, csr_matrix], ids=["dense", "sparse"])
def test_under_batch_normalisation_a_sample_that_is_left_over_joins_the_batch_before(
    container, optimizer, hidden, backend
):
    weights = np.random.default_rng(1).random(33)
    data = container(X[LEFT_OVER]), LABELS[LEFT_OVER], weights
    fitted, expected = (new_network(hidden, backend, **BATCH_NORM) for _ in range(2))
    history = fitted.fit(*data, optimizer=optimizer, epochs=1, batch_size=16, shuffle=False)
    losses = by_hand(expected, optimizer, data, CUTS)
    assert fitted.n_updates == 2
    assert_agree(state_of(fitted), state_of(expected), 1e-12)
    totals = [weights[start:stop].sum() for start, stop in CUTS]
    assert history.loss == pytest.approx([np.average(losses, weights=totals)], rel=1e-12)


@pytest.mark.parametrize("n_samples", [17, 33, 49])
def test_any_number_of_samples_is_trained_on_alike_on_both_backends(n_samples):
    networks = [new_network(backend=backend, **BATCH_NORM) for backend in fastnn.available_backends()]
    rows = slice(0, n_samples)
    losses = [network.fit(X[rows], LABELS[rows], batch_size=16, epochs=3).loss for network in networks]
    np.testing.assert_allclose(*losses, rtol=1e-10)
    assert {network.n_updates for network in networks} == {3 * (n_samples // 16)}


@every_backend
@pytest.mark.parametrize("options", [{}, {"normalization": "layer"}, {"dropout": 0.2}], ids=str)
def test_without_batch_normalisation_a_sample_that_is_left_over_is_a_batch(options, backend):
    fitted, expected = (new_network(backend=backend, **options) for _ in range(2))
    optimizer, data = fastnn.SGD(0.1), (X[LEFT_OVER], LABELS[LEFT_OVER])
    fitted.fit(*data, optimizer=optimizer, epochs=1, batch_size=16, shuffle=False)
    by_hand(expected, optimizer, data, [(0, 16), (16, 32), (32, 33)])
    assert fitted.n_updates == 3
    assert_agree(state_of(fitted), state_of(expected), 1e-12)


def test_a_schedule_counts_the_steps_that_are_made():
    seen, network = [], new_network(**BATCH_NORM)

    def rate(step):
        seen.append(step)
        return 0.1

    data = X[LEFT_OVER], LABELS[LEFT_OVER]
    network.fit(*data, batch_size=16, epochs=2, schedule=rate)
    assert max(seen) == 3
    cosine = new_network(**BATCH_NORM).fit(*data, batch_size=16, epochs=2, schedule=fastnn.schedules.Cosine())
    course = fastnn.schedules.Cosine().begin(fastnn.Adam().learning_rate, 2, 4)
    assert cosine.learning_rate == course.rates(0, 4)[0][[1, 3]].tolist()


@every_backend
def test_a_training_with_a_sample_left_over_goes_on_from_a_checkpoint(backend, tmp_path):
    options = {"batch_size": 16, "optimizer": fastnn.SGD(0.1, momentum=0.9)}
    alone, first, resumed = (new_network(backend=backend, **BATCH_NORM) for _ in range(3))
    data = X[LEFT_OVER], LABELS[LEFT_OVER]
    alone.fit(*data, epochs=5, **options)
    first.fit(*data, epochs=2, callbacks=fastnn.Checkpoint(tmp_path / "file"), **options)
    resumed.fit(*data, epochs=5, resume_from=tmp_path / "file", **options)
    assert state_of(resumed).tobytes() == state_of(alone).tobytes()


@every_backend
def test_a_learning_rate_is_sought_with_a_sample_left_over(backend):
    found = fastnn.find_learning_rate(
        new_network(backend=backend, **BATCH_NORM), X[LEFT_OVER], LABELS[LEFT_OVER], batch_size=16, steps=20
    )
    assert np.isfinite(found.losses).all()


# Invalid options


@every_backend
@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda network: fit(network, batch_size=1), "two samples or more in every batch, got batches of one"),
        (lambda network: network.loss(X[:1], LABELS[:1]), "two samples or more"),
        (lambda network: network.fit_batches([(X[:1], LABELS[:1])]), "two samples or more"),
        (lambda network: network.fit(X[:1], LABELS[:1], optimizer=fastnn.LBFGS()), "two samples or more"),
        (lambda network: fastnn.find_learning_rate(network, X[:33], LABELS[:33], batch_size=1), "batches of one"),
    ],
)
def test_a_sample_that_would_be_its_own_mean_is_refused(use, message, backend):
    network = new_network(backend=backend, normalization=(None, "batch"))
    before = state_of(network)
    with pytest.raises(ValueError, match=message):
        use(network)
    assert state_of(network).tobytes() == before.tobytes()
    assert np.isfinite(network.evaluate(X[:1], LABELS[:1]))


@every_backend
def test_a_single_sample_is_normalised_over_its_units(backend):
    network = new_network(backend=backend, normalization="layer")
    fit(network, batch_size=1, epochs=1)
    assert np.isfinite(network.parameters).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dropout": 1.0}, ValueError, r"dropout must be at least 0 and below 1, got 1\.0"),
        ({"dropout": -0.1}, ValueError, r"dropout must be at least 0 and below 1, got -0\.1"),
        ({"dropout": np.nan}, ValueError, r"dropout must be at least 0 and below 1, got nan"),
        ({"dropout": True}, TypeError, r"dropout must be a number, got True"),
        ({"dropout": ["a", 0.1]}, TypeError, r"dropout must be a number, got 'a'"),
        ({"dropout": [0.1]}, ValueError, r"dropout must be given for each of the 2 hidden layers, got 1: \(0\.1,\)"),
        ({"normalization": "group"}, ValueError, r"normalization must be 'batch', 'layer' or None, got 'group'"),
        ({"normalization": ["batch"] * 3}, ValueError, r"normalization must be given for each of the 2 hidden layers"),
    ],
)
def test_bad_options_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        new_network(**options)
