"""User-defined activations and losses: both backends call them, and their derivatives are checked first."""

import os
import pickle
import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.losses import LOSSES
from tests.cases import assert_agree, every_backend, tolerance


@pytest.fixture(autouse=True)
def _forget():
    """Registered names exist only within a test."""
    own_activations, own_losses = dict(ACTIVATIONS), dict(LOSSES)
    yield
    for table, own in ((ACTIVATIONS, own_activations), (LOSSES, own_losses)):
        table.clear()
        table.update(own)


def scaled_tanh(z):
    return 1.7 * np.tanh(z)


def scaled_tanh_derivative(z, a):
    return 1.7 - a * a / 1.7


def squares(a, y):
    return (a - y) ** 2


def squares_derivative(a, y):
    return 2 * (a - y)


def distance(A, Y):
    """Of each sample: not a sum over its outputs."""
    return np.sqrt(1 + np.sum((A - Y) ** 2, axis=1))


def distance_derivative(A, Y):
    return (A - Y) / distance(A, Y)[:, np.newaxis]


def register(compiled):
    """An activation `own`, and a loss `own` that is the squared error."""
    wrap = njit if compiled else lambda function: function
    fastnn.register_activation("own", wrap(scaled_tanh), wrap(scaled_tanh_derivative))
    return fastnn.register_loss("own", wrap(squares), wrap(squares_derivative))


def new_network(hidden=5, backend="numpy", dtype="float64", loss="own", **options):
    return fastnn.Network([3, hidden, 2], "own", loss, backend=backend, dtype=dtype, seed=0, **options)


def new_data(n=20):
    random = np.random.default_rng(0)
    return random.standard_normal((n, 3)), random.standard_normal((n, 2))


# Results


@every_backend
@pytest.mark.parametrize(("hidden", "dtype"), [(5, "float32"), (40, "float64")], ids=["narrow", "wide"])
@pytest.mark.parametrize("compiled", [False, True], ids=["NumPy", "Numba"])
def test_functions_of_your_own_are_as_good_as_fastnns(compiled, hidden, dtype, backend):
    register(compiled)
    (X, y), relative = new_data(), 6 * tolerance(dtype, 3, hidden, 2, 8)
    own, same = new_network(hidden, backend, dtype), new_network(hidden, backend, dtype, "squared_error")
    assert own.architecture.activations == ("own", "identity")
    assert_agree(own.loss(X, y), same.loss(X, y), relative)
    assert_agree(own.backward(), same.backward(), relative)
    assert_agree(own.evaluate(X, y), same.evaluate(X, y), relative)
    histories = [network.fit(X, y, epochs=2, batch_size=8) for network in (own, same)]
    assert_agree(histories[0].loss, histories[1].loss, relative)
    assert_agree(own.parameters, same.parameters, relative)
    if dtype == "float64":
        fastnn.check_gradients(own, X, y).raise_if_failed()
    hidden_outputs = 1.7 * np.tanh(X @ own.weights[0] + own.biases[0])
    assert_agree(own.forward(X), hidden_outputs @ own.weights[1] + own.biases[1], relative)


@pytest.mark.parametrize("hidden", [5, 40], ids=["narrow", "wide"])
def test_both_backends_agree_on_a_loss_that_couples_outputs(hidden):
    fastnn.register_activation("own", scaled_tanh, scaled_tanh_derivative)
    fastnn.register_loss("distance", distance, distance_derivative)
    (X, y), networks = new_data(900), []
    for backend in fastnn.available_backends():
        network = new_network(hidden, backend, loss="distance")
        fastnn.check_gradients(network, X[:7], y[:7]).raise_if_failed()
        history = network.fit(X, y, epochs=2, batch_size=600)
        networks.append((history.loss, network.parameters))
    for one, other in zip(*networks, strict=True):
        assert_agree(other, one, 4 * tolerance("float64", 3, hidden, 2, 600))


@every_backend
@pytest.mark.parametrize("compiled", [False, True], ids=["NumPy", "Numba"])
def test_an_activation_of_your_own_on_the_output(compiled, backend):
    register(compiled)
    X, y = new_data(9)
    network = fastnn.Network([3, 4, 2], ["own", "own"], "absolute_error", backend=backend, dtype="float64", seed=0)
    fastnn.check_gradients(network, X, y).raise_if_failed()
    with pytest.raises(ValueError, match="poisson needs outputs from exponential, got 'own'"):
        fastnn.Network([3, 2], ["own"], "poisson")


@every_backend
def test_targets_are_of_the_kind_that_is_said(backend):
    def function(A, Y):
        return -np.sum(Y * np.log(A), axis=1)

    fastnn.register_loss("entropy", function, lambda A, Y: -Y / A, output_activation="softmax", targets="classes")
    X, y = new_data()[0], np.arange(20) % 4
    own, same = (
        fastnn.Network([3, 4], loss=loss, backend=backend, dtype="float64", seed=0)
        for loss in ("entropy", "softmax_cross_entropy")
    )
    assert own.loss(X, y) == pytest.approx(same.loss(X, y), rel=1e-12)
    assert own.backward() == pytest.approx(same.backward(), rel=1e-9, abs=1e-12)
    assert own.predict(X).tolist() == same.predict(X).tolist()


@pytest.mark.usefixtures("large_teams")
@pytest.mark.parametrize("compiled", [False, True], ids=["NumPy", "Numba"])
def test_a_team_calls_them(compiled):
    register(compiled)
    (X, y), results = new_data(900), []
    for hidden in (5, 40):
        for n_threads in (1, 3):
            network = new_network(hidden, "numba", n_threads=n_threads)
            network.fit(X, y, epochs=1, batch_size=800)
            results.append(np.append(network.parameters, network.loss(X, y)))
        assert_agree(results[-1], results[-2], 1e-13)


@every_backend
def test_weights_of_samples_go_with_them(backend):
    register(compiled=False)
    X, y = new_data()
    fastnn.check_gradients(new_network(backend=backend), X, y, sample_weight=np.arange(20)).raise_if_failed()


@every_backend
def test_labels_are_decided_on_outputs(backend):
    fastnn.register_loss("own", squares, squares_derivative, targets="probabilities")
    network = fastnn.Network([1, 1], loss="own", backend=backend, dtype="float64", initializer="zeros")
    network.weights[0][:] = 1
    assert network.predict([[0.2], [0.7], [-1.0]]).tolist() == [0, 1, 0]


# Errors


@every_backend
@pytest.mark.parametrize("hidden", [5, 40], ids=["narrow", "wide"])
@pytest.mark.parametrize("batch_size", [8, None])
def test_an_error_in_a_function_is_raised_and_nothing_is_left_broken(batch_size, hidden, backend):
    register(compiled=False)

    def broken(A, Y):
        if (Y == 7).any():
            raise RuntimeError("a seven")
        return (A - Y) ** 2

    fastnn.register_loss("broken", broken, squares_derivative)
    X, y = new_data()
    y[13] = 7
    network = new_network(hidden, backend, loss="broken")
    for call in (network.loss, network.evaluate, network.fit):
        with pytest.raises(RuntimeError, match="a seven"):
            call(X, y, **({"batch_size": batch_size} if call == network.fit else {}))
        assert np.isfinite(network.parameters).all()
    assert np.isfinite(network.loss(X[:9], y[:9]))


@every_backend
@pytest.mark.parametrize("failing", ["activation", "loss"])
def test_a_fit_raises_its_own_error_and_none_of_another(failing, backend):
    """One fit fails and is held up while its function is still being called; another runs in the meantime."""
    failed, over = threading.Event(), threading.Event()
    own_thread = []

    def fail_here(result):
        if own_thread == [threading.get_ident()]:
            failed.set()
            raise RuntimeError("of its own")
        return result

    def hold_up(result):
        if failed.is_set() and own_thread == [threading.get_ident()]:
            over.wait(10)
        return result

    activation, loss = (fail_here, hold_up) if failing == "activation" else (hold_up, fail_here)
    fastnn.register_activation(
        "own", lambda z: activation(scaled_tanh(z)), lambda z, a: hold_up(scaled_tanh_derivative(z, a))
    )
    fastnn.register_loss("own", lambda A, Y: loss(squares(A, Y)), squares_derivative)

    def fail():
        own_thread.append(threading.get_ident())
        with pytest.raises(RuntimeError, match="of its own"):
            new_network(40, backend, n_threads=1).fit(*new_data(), epochs=1)
        assert over.wait(10)  # or the other fit might get this thread

    def succeed():
        assert failed.wait(10)
        try:
            new_network(40, backend, n_threads=1).fit(*new_data(), epochs=1)
        finally:
            over.set()

    new_network(40, backend, n_threads=1).fit(*new_data(), epochs=1)  # compiles
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(fail), pool.submit(succeed)]:
            done.result()


@every_backend
@pytest.mark.parametrize("failing", ["activation", "loss"])
def test_every_one_of_many_fits_side_by_side_ends_as_it_must(failing, backend):
    register(compiled=False)

    def fail(*arguments):
        if np.max(np.abs(arguments[-1])) > 1e6:
            raise RuntimeError("too large")
        return scaled_tanh(*arguments) if failing == "activation" else squares(*arguments)

    if failing == "activation":
        fastnn.register_activation("failing", fail, scaled_tanh_derivative)
        layers, loss = ["failing", "identity"], "squared_error"
    else:
        fastnn.register_loss("failing", fail, squares_derivative)
        layers, loss = ["own", "identity"], "failing"
    (X, y), calm = new_data(), fastnn.Network([3, 5, 2], ["own", "identity"], "own", backend=backend, seed=0)
    calm.loss(X, y)

    def outcome(i):
        scale = 1e9 if i % 2 else 1.0
        network = fastnn.Network([3, 5, 2], layers, loss, backend=backend, dtype="float64", seed=i)
        try:
            network.fit(X * scale, y * scale, epochs=2, batch_size=7)
        except RuntimeError as error:
            return str(error)
        return "trained"

    outcome(0)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(outcome, range(80))) == ["trained", "too large"] * 40


@pytest.mark.usefixtures("large_teams")
def test_an_error_in_any_thread_of_a_team_is_raised():
    def broken(A, Y):
        if (Y == 7).any():
            raise RuntimeError("a seven")
        return (A - Y) ** 2

    fastnn.register_activation("own", scaled_tanh, scaled_tanh_derivative)
    fastnn.register_loss("broken", broken, squares_derivative)
    for row in (0, 310, 899):
        X, y = new_data(900)
        y[row] = 7
        network = new_network(40, "numba", loss="broken", n_threads=3)
        with pytest.raises(RuntimeError, match="a seven"):
            network.fit(X, y, epochs=1, batch_size=None)
        assert np.isfinite(network.loss(X[row - 9 : row], y[row - 9 : row]) if row else 0.0)


@every_backend
def test_a_function_may_train_and_have_its_errors_for_itself(backend):
    register(compiled=False)
    inner_errors, armed = [], []

    def nested(A, Y):
        inner = new_network(backend=backend, loss="broken")
        try:
            inner.fit(*new_data(), epochs=1)
        except RuntimeError as error:
            inner_errors.append(str(error))
        return squares(A, Y)

    def broken(A, Y):
        if armed:
            raise RuntimeError("an inner error")
        return squares(A, Y)

    fastnn.register_loss("broken", broken, squares_derivative)
    fastnn.register_loss("nested", nested, squares_derivative)
    armed.append(True)
    history = new_network(backend=backend, loss="nested").fit(*new_data(), epochs=1, batch_size=None)
    assert np.isfinite(history.loss[0])
    assert set(inner_errors) == {"an inner error"}


@pytest.fixture
def ctrl_c():
    """Simulate Ctrl-C, even if whatever started pytest ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@every_backend
@pytest.mark.parametrize("where", ["in the function", "in the kernel that calls it"])
def test_ctrl_c_ends_a_fit_that_calls_functions(where, backend, ctrl_c):
    n_calls = 0

    def interrupted(z):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 5:
            ctrl_c() if where == "in the function" else threading.Timer(0.003, ctrl_c).start()
        return scaled_tanh(z)

    fastnn.register_activation("own", interrupted, scaled_tanh_derivative)
    random = np.random.default_rng(0)
    X, y = random.standard_normal((4096, 400)), random.standard_normal((4096, 2))
    network = fastnn.Network([400, 300, 2], "own", "squared_error", backend=backend, dtype="float64", n_threads=1)
    network.fit(X[:512], y[:512], optimizer=fastnn.SGD(1e-6), epochs=1, batch_size=512)  # compiles
    n_calls = 0
    with pytest.raises(KeyboardInterrupt):
        network.fit(X, y, optimizer=fastnn.SGD(1e-6), epochs=40, batch_size=512)
    assert n_calls < 300


@every_backend
def test_what_overflows_is_no_warning(backend):
    fastnn.register_activation("own", scaled_tanh, scaled_tanh_derivative)
    fastnn.register_loss("exponentials", lambda A, Y: np.exp(A - Y), lambda A, Y: np.exp(A - Y))
    network, (X, y) = new_network(backend=backend, loss="exponentials"), new_data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert network.loss(X, y - 1e4) == np.inf


@pytest.mark.parametrize(
    ("function", "derivative", "message"),
    [
        (
            np.tanh,
            lambda z, a: 1 - a,
            r"The derivative of wrong disagrees with finite differences .* at z = -\d.*: 1.99.* instead of 0.00",
        ),
        (
            lambda z: z.sum(),
            lambda z, a: z,
            r"wrong\(z\) must have shape \(99,\) for arrays of shape \(99,\), got \(\)",
        ),
        (np.log, lambda z, a: 1 / z, r"wrong\(z\) must be finite at all points where it is checked, got nan"),
        (np.tanh, lambda z, a: 1.0, r"The derivative of wrong must have shape \(99,\) for arrays of shape \(99,\)"),
    ],
)
def test_an_activation_that_is_wrong_is_refused(function, derivative, message):
    with pytest.raises(ValueError, match=message), np.errstate(invalid="ignore"):
        fastnn.register_activation("wrong", function, derivative)
    assert "wrong" not in ACTIVATIONS


@pytest.mark.parametrize(
    ("function", "derivative", "message"),
    [
        (np.tanh, None, "The derivative of wrong must be a function, .* got None"),
        (np.tanh, "wrong", "The derivative of wrong must be a function, .* got 'wrong'"),
        ("tanh", "wrong", "The function of wrong must be a function, .* got 'tanh'"),
    ],
)
def test_what_cannot_be_called_is_no_activation(function, derivative, message):
    with pytest.raises(TypeError, match=message):
        fastnn.register_activation("wrong", function, derivative)
    assert "wrong" not in ACTIVATIONS


@pytest.mark.parametrize("wrap", [lambda function: function, njit], ids=["NumPy", "Numba"])
def test_a_loss_whose_derivative_is_wrong_is_refused(wrap):
    with pytest.raises(ValueError, match=r"The derivative of wrong disagrees with .* at a = .*, y = .*: .* instead of"):
        fastnn.register_loss("wrong", wrap(squares), wrap(lambda a, y: a - y))
    assert "wrong" not in LOSSES


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("huber", squares, squares_derivative), {}, ValueError, "'huber' is one of fastnn's own names"),
        ((3, squares, squares_derivative), {}, TypeError, "The name of the loss must be a string, got 3"),
        (
            ("own", lambda A, Y: 1.0, squares_derivative),
            {},
            ValueError,
            r"own\(A, Y\) must have shape \(16, 3\) or \(16,\)",
        ),
        (
            ("own", "squares", squares_derivative),
            {},
            TypeError,
            "The function of own must be a function.*got 'squares'",
        ),
        (("own", squares, None), {}, TypeError, "The derivative of own must be a function.*got None"),
        (("own", squares, squares_derivative), {"targets": "words"}, ValueError, "targets must be numbers, counts"),
        (("own", squares, squares_derivative), {"output_activation": "no"}, ValueError, "Unknown activation 'no'"),
    ],
)
def test_what_is_no_loss_is_refused(arguments, options, error, message):
    with pytest.raises(error, match=message):
        fastnn.register_loss(*arguments, **options)


def test_fastnns_own_names_are_taken():
    with pytest.raises(ValueError, match="'relu' is one of fastnn's own names: choose another for the activation"):
        fastnn.register_activation("relu", scaled_tanh, scaled_tanh_derivative)


# Saving and pickling


@every_backend
def test_they_are_saved_by_name(backend, tmp_path):
    register(compiled=False)
    (X, y), network = new_data(), new_network(backend=backend)
    fastnn.save(network, tmp_path / "network")
    for again in (fastnn.load(tmp_path / "network", backend=backend), pickle.loads(pickle.dumps(network))):
        assert again.loss(X, y) == network.loss(X, y)
    assert "activations=['own', 'identity'], loss='own'" in repr(network)
    del LOSSES["own"]
    with pytest.raises(
        ValueError, match=r"a loss that is not known here: call fastnn.register_loss\('own', ...\) first"
    ):
        fastnn.load(tmp_path / "network")
    del ACTIVATIONS["own"]
    with pytest.raises(ValueError, match=r"not known here: call fastnn.register_activation\('own', ...\) first"):
        fastnn.load(tmp_path / "network")


def test_a_name_that_is_registered_again_means_the_new_function_to_new_networks():
    register(compiled=False)
    old, X = new_network(backend="numba"), new_data()[0]
    before = old.forward(X)
    fastnn.register_activation("own", np.tanh, lambda z, a: 1 - a * a)
    new = new_network(backend="numba")
    assert old.forward(X).tobytes() == before.tobytes()
    assert new.forward(X) == pytest.approx(before / 1.7, rel=1e-13)


def test_a_registered_activation_can_be_drawn():
    pytest.importorskip("matplotlib")
    from fastnn.plotting import plot_activations

    register(compiled=False)
    (panel,) = plot_activations("own")
    assert panel.get_title() == "own"
