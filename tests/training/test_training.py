"""How `fit` visits the data, what it reports, and how it ends, normally or not."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

import fastnn
from fastnn.training import descent
from tests.cases import HIDDEN, OUTPUTS, assert_agree, every_backend, layer_sizes_for, tolerance
from tests.training.fits import targets_of_losses

X = np.random.default_rng(0).standard_normal((23, 3))
LABELS = np.random.default_rng(1).integers(2, size=23)
OPTIMIZER = fastnn.SGD(learning_rate=0.1, l2=0.01)


def new_network(backend="numpy", **options):
    return fastnn.Network([3, 4, 2], "tanh", backend=backend, dtype="float64", seed=0, **options)


def fit(network, X=X, y=LABELS, **options):
    return network.fit(X, y, **{"optimizer": OPTIMIZER, "epochs": 2, "batch_size": 5, **options})


def step(network, rows):
    """One update by hand; returns the loss before it."""
    loss = network.loss(X[rows], LABELS[rows])
    network.backward()
    network.step(OPTIMIZER)
    return loss


# Batches


@every_backend
def test_without_shuffling_samples_are_taken_in_order_and_the_short_last_batch_is_used(backend):
    network, by_hand = new_network(backend), new_network(backend)
    history = fit(network, shuffle=False, epochs=1)
    sizes = [5, 5, 5, 5, 3]
    losses = [step(by_hand, slice(start, start + 5)) for start in range(0, 23, 5)]
    assert_agree(history.loss[0], np.average(losses, weights=sizes), tolerance("float64", 23))
    assert_agree(network.parameters, by_hand.parameters, 5 * tolerance("float64", 3, 4, 2, 5))


@every_backend
def test_shuffling_takes_every_sample_once_in_an_order_of_its_own_each_epoch(backend):
    # With one weight, features 2^i and a rate of nearly nothing, a batch of one leaves its loss behind, and no more.
    n = 8
    network = fastnn.Network([1, 1], loss="squared_error", backend=backend, dtype="float64", seed=0)
    targets = 2.0 ** np.arange(n)
    network.parameters[:] = 0
    seen = []

    def record(share, history):
        seen.append(network.parameters[1])

    training_rate = fastnn.SGD(learning_rate=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(descent, "SECONDS_PER_CHUNK", 0)
        network.fit(np.zeros((n, 1)), targets, optimizer=training_rate, epochs=3, batch_size=1, progress=record)
    # At features of 0 and a rate of one half, a step sets the bias to the target of its sample.
    epochs = np.array(seen).reshape(3, n + 1)[:, :n]
    assert [sorted(epoch) for epoch in epochs.tolist()] == [targets.tolist()] * 3
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3


@every_backend
def test_no_batch_size_is_all_samples_at_once_and_so_is_one_that_is_too_large(backend):
    networks = [new_network(backend) for _ in range(3)]
    histories = [fit(network, batch_size=size) for network, size in zip(networks, (None, 23, 1000), strict=True)]
    assert histories[0].loss == histories[1].loss == histories[2].loss
    assert networks[0].parameters.tobytes() == networks[1].parameters.tobytes() == networks[2].parameters.tobytes()
    by_hand = new_network(backend)
    losses = [step(by_hand, slice(None)) for _ in range(2)]
    assert_agree(histories[0].loss, losses, 2 * tolerance("float64", 3, 4, 2, 23))
    assert_agree(networks[0].parameters, by_hand.parameters, 2 * tolerance("float64", 3, 4, 2, 23))


@every_backend
def test_fitting_twice_goes_on_with_the_random_numbers(backend):
    once, twice = new_network(backend), new_network(backend)
    losses = fit(once, epochs=4).loss
    assert fit(twice, epochs=1).loss + fit(twice, epochs=3).loss == losses
    assert twice.parameters.tobytes() == once.parameters.tobytes()
    assert twice.random.bit_generator.state == once.random.bit_generator.state


@every_backend
def test_the_same_seed_gives_the_same_fit(backend):
    first, second, third = new_network(backend), new_network(backend), new_network(backend)
    third.random = np.random.default_rng(1)
    assert fit(first).loss == fit(second).loss
    assert first.parameters.tobytes() == second.parameters.tobytes()
    assert fit(third).loss != fit(new_network(backend)).loss


@every_backend
@pytest.mark.parametrize("shuffle", [False, True])
def test_how_an_epoch_is_cut_into_chunks_makes_no_difference(shuffle, backend, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_BATCH", np.inf)  # a first chunk of one batch
    results = []
    # One batch by one; or 1, 8 and the 14 left, and then a whole epoch at once. Each epoch reports its end, too.
    for seconds, n_reports in ((0, 2 * (23 + 1)), (1e9, (3 + 1) + (1 + 1))):
        monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", seconds)
        network, shares = new_network(backend), []
        history = fit(
            network, batch_size=1, shuffle=shuffle, progress=lambda share, _, shares=shares: shares.append(share)
        )
        assert len(shares) == n_reports
        results.append((history.loss, network.parameters.tobytes()))
    assert results[0] == results[1]


@every_backend
@pytest.mark.parametrize("learning_rate", [0.05, 1e308], ids=["converges", "diverges"])
def test_epochs_of_one_batch_trained_several_in_a_call_are_the_same(learning_rate, backend, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_BATCH", np.inf)  # a first call for one epoch
    results = []
    for seconds in (0, 1e9):  # one by one; or 1, 8, 64 ...
        monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", seconds)
        network, losses, message = new_network(backend), [], ""
        optimizer = fastnn.SGD(learning_rate, momentum=0.9)
        try:
            fit(
                network,
                epochs=30,
                batch_size=None,
                optimizer=optimizer,
                progress=lambda share, history, losses=losses: losses.__setitem__(slice(None), history.loss),
            )
        except fastnn.DivergenceError as error:
            message = str(error)
        results.append(
            (losses, message, network.parameters.tobytes(), network.optimizer_state(optimizer).vectors.tobytes())
        )
    assert results[0] == results[1]
    assert bool(results[0][1]) == (learning_rate > 1)


@every_backend
def test_networks_may_be_trained_at_the_same_time(backend):
    # Large enough for a team of threads each. BLAS, of which the number of threads is one for the process, gets one.
    wide, labels = np.random.default_rng(0).standard_normal((300, 40)), np.arange(300) % 2

    def trained(n_threads):
        network = fastnn.Network([40, 200, 2], "tanh", backend=backend, dtype="float64", seed=0, n_threads=n_threads)
        history = fit(network, wide, labels, epochs=10, batch_size=100)
        return history.loss, network.parameters.tobytes()

    with ThreadPoolExecutor(4) as pool, threadpool_limits(1, user_api="blas"):
        together = list(pool.map(trained, [None] * 4 if backend == "numpy" else [1, 2, 2, 2]))
        alone = trained(None if backend == "numpy" else 1)
    assert together == [alone] * 4


# History and validation


@every_backend
def test_a_history_has_an_entry_per_epoch(backend):
    history = fit(new_network(backend), epochs=3)
    assert len(history.loss) == len(history.seconds) == 3
    assert all(seconds > 0 for seconds in history.seconds)
    assert history.validation_loss == history.validation_accuracy == []
    assert all(isinstance(loss, float) for loss in history.loss)


@every_backend
@pytest.mark.parametrize(("loss", "n_outputs", "y"), targets_of_losses(X, LABELS))
def test_validation_data_are_measured_after_every_epoch(loss, n_outputs, y, backend):
    def new():
        return fastnn.Network([3, 4, n_outputs], "tanh", loss, backend=backend, dtype="float64", seed=0)

    network, stepwise, unwatched = new(), new(), new()
    held_out = (X[:7], y[:7])
    history = fit(network, y=y, epochs=3, validation_data=held_out)
    fit(unwatched, y=y, epochs=3)
    assert network.parameters.tobytes() == unwatched.parameters.tobytes()
    losses, accuracies = [], []
    for _ in range(3):
        fit(stepwise, y=y, epochs=1)
        losses.append(stepwise.evaluate(*held_out))
        labels = y[:7].argmax(axis=1) if loss.startswith("softmax") and y.ndim == 2 else y[:7]
        accuracies.append(np.mean(stepwise.predict(X[:7]) == labels))
    assert history.validation_loss == losses
    assert history.validation_accuracy == ([] if loss == "squared_error" else accuracies)


@every_backend
def test_accuracy_rounds_soft_targets_to_the_nearer_class(backend):
    network = fastnn.Network([1, 1], loss="binary_cross_entropy", backend=backend, dtype="float64")
    network.weights[0][...] = 1
    features, y = np.array([[-1.0], [1.0], [-1.0], [1.0]]), np.array([[0.1], [0.9], [0.4], [0.3]])
    optimizer = fastnn.SGD(learning_rate=1e-9)
    history = network.fit(features, y, optimizer=optimizer, epochs=1, validation_data=(features, y))
    assert history.validation_accuracy == [0.75]


# Progress


@every_backend
def test_progress_is_told_in_rising_shares_that_end_at_one(backend, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", 0)
    told = []
    history = fit(new_network(backend), epochs=4, progress=lambda share, history: told.append((share, history)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert set(np.linspace(0.05, 1, 20).round(10)) == set(np.round(shares, 10))  # five batches, four epochs
    assert all(given is history for _, given in told)


def test_the_history_that_progress_sees_has_the_epochs_so_far():
    lengths = []
    fit(new_network(), epochs=3, progress=lambda share, history: lengths.append((share, len(history.loss))))
    assert (1.0, 3) in lengths
    assert all(length <= share * 3 for share, length in lengths)


@pytest.mark.parametrize(
    ("progress", "terminal", "is_shown"),
    [(None, True, True), (None, False, False), (True, False, True), (True, True, True), (False, True, False)],
)
def test_a_progress_bar_is_shown_in_a_terminal_or_when_asked_for(progress, terminal, is_shown, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    fit(new_network(), progress=progress)
    shown = capsys.readouterr()
    assert ("100%" in shown.err) == ("loss=" in shown.err) == is_shown
    assert bool(shown.err) == is_shown
    assert not shown.out


def test_without_a_standard_error_stream_there_is_no_progress_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # as under pythonw.exe
    fit(new_network())


def test_other_kinds_of_progress_are_refused():
    with pytest.raises(
        TypeError, match="progress must be True, False, None or a function of fraction and history, got 1"
    ):
        fit(new_network(), progress=1)


# Interruption and divergence


@every_backend
@pytest.mark.parametrize("shuffle", [False, True])
def test_an_interrupted_fit_leaves_the_parameters_of_whole_batches(shuffle, backend, monkeypatch):
    monkeypatch.setattr(descent, "SECONDS_PER_CHUNK", 0)
    network, by_hand = new_network(backend), new_network(backend)

    def interrupt(share, history):
        if share > 0.65:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(network, shuffle=shuffle, progress=interrupt)
    for batch in range(7):  # 7 of 10 batches; the second epoch has an order of its own
        if batch % 5 == 0:
            order = by_hand.random.permutation(23) if shuffle else np.arange(23)
        step(by_hand, order[batch % 5 * 5 : batch % 5 * 5 + 5])
    assert_agree(network.parameters, by_hand.parameters, 7 * tolerance("float64", 3, 4, 2, 5))
    assert np.isfinite(fit(network).loss).all()


def diverging(backend, dtype="float32"):
    """A network and arguments of a fit with slightly too large a learning rate: the loss grows every epoch."""
    network = fastnn.Network([1, 1], loss="squared_error", backend=backend, dtype=dtype, initializer="zeros", seed=0)
    features = np.array([[1.0], [2.0], [3.0], [4.0]])
    return network, features, features, {"optimizer": fastnn.SGD(learning_rate=0.5), "batch_size": 2}


@every_backend
def test_a_fit_that_diverges_stops_with_the_parameters_from_before_that_epoch(backend):
    network, features, y, options = diverging(backend)
    message = r"diverged in epoch \d+: the loss became (inf|nan)\. Try a smaller learning rate \(it is 0\.5\)"
    with pytest.raises(fastnn.DivergenceError, match=message) as raised:
        network.fit(features, y, epochs=1000, **options)
    epoch = int(re.search(r"epoch (\d+)", str(raised.value))[1])
    assert epoch > 2
    twin, *_ = diverging(backend)
    history = twin.fit(features, y, epochs=epoch - 1, **options)
    assert np.isfinite(history.loss).all()
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    assert np.isfinite(network.parameters).all()
    with pytest.raises(fastnn.DivergenceError, match="in epoch 1:"):
        twin.fit(features, y, epochs=1, **options)


@every_backend
def test_after_a_divergence_the_next_fit_draws_the_numbers_that_it_would_have_drawn(backend):
    network = fastnn.Network([3, 4, 2], dropout=0.5, backend=backend, seed=0)
    before = network.n_updates, network.random.bit_generator.state
    with pytest.raises(fastnn.DivergenceError):
        fit(network, optimizer=fastnn.SGD(1e38), shuffle=True, batch_size=5)
    assert (network.n_updates, network.random.bit_generator.state) == before


@every_backend
def test_a_last_step_that_overflows_is_a_divergence_too(backend):
    network, features, y, _ = diverging(backend)
    before = network.parameters.tobytes()
    with pytest.raises(fastnn.DivergenceError, match="in epoch 1"):
        network.fit(features, y, optimizer=fastnn.SGD(learning_rate=1e38), epochs=1, batch_size=None)
    assert network.parameters.tobytes() == before


@every_backend
def test_a_fit_that_starts_at_what_is_no_number_is_a_divergence(backend):
    network = new_network(backend)
    network.parameters[0] = np.nan
    with pytest.raises(fastnn.DivergenceError, match="in epoch 1: the loss became nan"):
        fit(network)


# Both backends, anything


@st.composite
def fits(draw):
    """Arguments of a network and of a fit, all small.

    The squares of exponentials may grow beyond all bounds within two steps, and every rounding with them.
    """
    tame = [(loss, output) for loss, output in OUTPUTS if loss.name != "squared_error" or output != "exponential"]
    loss, output = draw(st.sampled_from(tame))
    sizes = tuple(draw(st.lists(st.integers(1, 6), min_size=2, max_size=5)))
    hidden = draw(st.lists(st.sampled_from(HIDDEN), min_size=len(sizes) - 2, max_size=len(sizes) - 2))
    momentum = draw(st.floats(0, 1))
    return {
        "network": (layer_sizes_for(output, sizes), (*hidden, output), loss),
        "seed": draw(st.integers(0, 2**32)),
        "n_samples": draw(st.integers(1, 12)),
        "optimizer": fastnn.SGD(draw(st.floats(1e-4, 0.02)), momentum, momentum > 0 and draw(st.booleans())),
        "options": {
            "epochs": draw(st.integers(1, 3)),
            "batch_size": draw(st.none() | st.integers(1, 14)),
            "shuffle": draw(st.booleans()),
        },
    }


@settings(derandomize=True, deadline=None, max_examples=150, database=None)
@given(fits())
def test_any_fit_is_the_same_on_both_backends(arguments):
    sizes, activations, loss = arguments["network"]
    random, n = np.random.default_rng(arguments["seed"]), arguments["n_samples"]
    features = random.standard_normal((n, sizes[0]))
    labels = random.integers(sizes[-1], size=n)
    y = labels if loss.name == "softmax_cross_entropy" else np.eye(sizes[-1])[labels]
    options, losses, parameters = arguments["options"], [], []
    for backend in fastnn.available_backends():
        network = fastnn.Network(sizes, activations, loss, backend=backend, dtype="float64", seed=arguments["seed"])
        history = network.fit(features, y, optimizer=arguments["optimizer"], **options)
        losses.append(history.loss)
        parameters.append(network.parameters)
    n_steps = options["epochs"] * -(-n // (options["batch_size"] or n))
    relative = n_steps * tolerance("float64", *sizes, *sizes[1:], n)
    assert_agree(losses[1], losses[0], relative)
    assert_agree(parameters[1], parameters[0], relative)


def test_training_keeps_no_subnormal_numbers_and_leaves_arithmetic_as_it_was():
    """Adam's means decay for a feature that no longer occurs; subnormal numbers slow many processors down."""
    X, y = np.zeros((32, 40), np.float32), np.arange(32) % 2
    X[:, 0] = y
    network = fastnn.Network([40, 70, 2], backend="numba", seed=0)
    optimizer = fastnn.Adam(beta_1=0.5, beta_2=0.5)
    network.fit(np.ones_like(X), y, optimizer=optimizer, epochs=1, progress=False)
    network.fit(X, y, optimizer=optimizer, epochs=200, progress=False)
    states = network.optimizer_state(optimizer).vectors
    tiny = np.finfo(np.float32).smallest_normal
    assert (states == 0).any()
    assert not ((states != 0) & (abs(states) < tiny)).any()
    assert np.float32(tiny) / np.float32(2) > 0
