"""Training on a stream: one update per batch, the same as in `fit`, with features standardised on the fly."""

import math
import sys
from itertools import pairwise

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn.scaling import ColumnScaler
from fastnn.training.callbacks import Callback, EarlyStopping
from fastnn.training.checkpoints import Checkpoint
from tests.cases import DTYPES, assert_agree, every_backend, tolerance

X = np.random.default_rng(0).standard_normal((60, 3))
LABELS = np.random.default_rng(1).integers(2, size=60)
SIZES = (5, 1, 17, 3, 17, 16, 1)
OPTIMIZERS = (fastnn.SGD(0.1, momentum=0.9), fastnn.Adam(0.01))


def new_network(backend="numpy", dtype="float64", hidden=8):
    return fastnn.Network([3, hidden, 2], "tanh", backend=backend, dtype=dtype, seed=0)


def slices(sizes=SIZES):
    starts = np.cumsum([0, *sizes])
    return [slice(start, stop) for start, stop in pairwise(starts)]


def stream(X=X, sizes=SIZES):
    return ((X[rows], LABELS[rows]) for rows in slices(sizes))


def fit_batches(network, batches, **options):
    return network.fit_batches(batches, **{"optimizer": OPTIMIZERS[0], "progress": False, **options})


@every_backend
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8, np.asfortranarray])
@pytest.mark.parametrize(("hidden", "optimizer"), [(8, OPTIMIZERS[0]), (70, OPTIMIZERS[1])], ids=["8-SGD", "70-Adam"])
def test_each_batch_is_one_update_whatever_its_size(hidden, kind, dtype, optimizer, backend):
    features = kind(abs(10 * X)) if kind is np.uint8 else kind(X)
    network, by_hand = new_network(backend, dtype, hidden), new_network(backend, dtype, hidden)
    history = fit_batches(network, stream(features), optimizer=optimizer)
    losses = []
    for rows in slices():
        losses.append(by_hand.loss(features[rows], LABELS[rows]))
        by_hand.backward()
        by_hand.step(optimizer)
    relative = len(SIZES) * tolerance(dtype, 3, hidden, hidden, 2, 17) * (1 if optimizer is OPTIMIZERS[0] else 100)
    assert_agree(history.loss, losses, relative)
    assert_agree(network.parameters, by_hand.parameters, relative)
    assert len(history) == len(history.seconds) == len(history.learning_rate) == len(SIZES)
    assert history.stop_reason == "there are no more batches"


@every_backend
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["SGD", "Adam"])
def test_a_stream_is_an_epoch_in_order_and_is_gone_on_with(optimizer, backend):
    streamed, fitted = new_network(backend), new_network(backend)
    losses = []
    for _ in range(2):
        losses += fit_batches(streamed, stream(sizes=[16, 16, 16, 12]), optimizer=optimizer).loss
    fitted.fit(X, LABELS, optimizer=optimizer, epochs=2, batch_size=16, shuffle=False)
    assert streamed.parameters.tobytes() == fitted.parameters.tobytes()
    states = [network.optimizer_state(optimizer) for network in (streamed, fitted)]
    assert states[0].n_steps == states[1].n_steps == 8
    assert states[0].vectors.tobytes() == states[1].vectors.tobytes()
    assert len(losses) == 8


@every_backend
def test_features_are_standardised_by_all_batches_so_far(backend):
    wide = 1000 + 50 * X
    network, by_hand, scaler = new_network(backend), new_network(backend), StandardScaler()
    counted = StandardScaler()
    fit_batches(network, stream(wide), scaler=counted)
    fit_batches(by_hand, [(scaler.partial_fit(x).transform(x), y) for x, y in stream(wide)])
    assert network.parameters.tobytes() == by_hand.parameters.tobytes()
    assert counted.n_samples_seen_ == 60
    np.testing.assert_allclose(counted.mean_, wide.mean(axis=0))
    fit_batches(network, stream(wide), scaler=counted)
    assert counted.n_samples_seen_ == 120


@every_backend
def test_what_the_stream_raises_leaves_the_network_of_the_batches_before(backend):
    def broken():
        yield from list(stream())[:3]
        raise ConnectionError("the disk is gone")

    network, twin = new_network(backend), new_network(backend)
    with pytest.raises(ConnectionError, match="the disk is gone"):
        fit_batches(network, broken())
    losses = fit_batches(twin, list(stream())[:3]).loss
    assert len(losses) == 3
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    assert fit_batches(network, stream()).loss == fit_batches(twin, stream()).loss


@every_backend
@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (X, ValueError, r"batch 3 must be a pair \(X, y\), or \(X, y, sample_weight\), got ndarray"),
        ((X[:, :2], LABELS), ValueError, "X has 2 features, but this network expects 3"),
        ((X, LABELS[:3]), ValueError, "same number of samples, got 60 and 3"),
        ((np.full((2, 3), np.nan), [0, 1]), ValueError, "X must be finite"),
        ((X[:0], LABELS[:0]), ValueError, "X is empty"),
        ((X, LABELS + 1), ValueError, "Class labels must be whole numbers from 0 to 1"),
    ],
)
def test_a_bad_batch_is_refused_with_the_network_of_the_batches_before(batch, error, message, backend):
    network, twin, scalers = new_network(backend), new_network(backend), (StandardScaler(), StandardScaler())
    good = list(stream())[:2]
    with pytest.raises(error, match=message):
        fit_batches(network, [*good, batch], scaler=scalers[0])
    fit_batches(twin, good, scaler=scalers[1])
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    assert scalers[0].n_samples_seen_ == scalers[1].n_samples_seen_


@every_backend
def test_a_batch_that_diverges_is_put_back(backend):
    options = {"loss": "squared_error", "backend": backend, "seed": 0}
    network, twin = (fastnn.Network([1, 1], **options) for _ in range(2))
    batches = [([[1.0]], [1.0]), ([[1e15]], [-1e15]), ([[1.0]], [1.0])]
    optimizer = fastnn.SGD(1e10, momentum=0.1)
    with pytest.raises(fastnn.DivergenceError, match=r"in batch 2: .* from before that batch"):
        fit_batches(network, batches, optimizer=optimizer)
    fit_batches(twin, batches[:1], optimizer=optimizer)
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    assert network.optimizer_state(optimizer).n_steps == 1


@every_backend
@pytest.mark.parametrize("n_before", [0, 2])
def test_a_scaler_has_not_seen_a_batch_that_diverges(n_before, backend):
    network, twin = (fastnn.Network([3, 1], loss="squared_error", backend=backend, seed=0) for _ in range(2))
    scalers = StandardScaler(), StandardScaler()
    good = [(X[rows], X[rows, 0]) for rows in slices()[2 : 2 + n_before]]
    with pytest.raises(fastnn.DivergenceError, match=f"in batch {n_before + 1}"):
        fit_batches(network, [*good, (X, np.full(60, 1e30))], scaler=scalers[0])
    if good:
        fit_batches(twin, good, scaler=scalers[1])
    assert network.parameters.tobytes() == twin.parameters.tobytes()
    np.testing.assert_equal(vars(scalers[0]), vars(scalers[1]))


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("dtype", DTYPES)
def test_features_are_standardised_in_the_wider_type(dtype, kind):
    features, network, by_hand = kind(100 + 10 * X), new_network(dtype=dtype), new_network(dtype=dtype)
    fit_batches(network, stream(features), scaler=ColumnScaler())
    wide, scaler = features.astype(np.result_type(kind, dtype)), StandardScaler()
    fit_batches(by_hand, [(scaler.partial_fit(x).transform(x), y) for x, y in stream(wide)])
    assert network.parameters.tobytes() == by_hand.parameters.tobytes()


@pytest.mark.parametrize(
    ("batches", "options", "error", "message"),
    [
        (3, {}, TypeError, r"batches must be an iterable of pairs \(X, y\), got int"),
        ([], {}, ValueError, "batches is empty"),
        ((X, LABELS), {}, ValueError, r"batch 1 must be a pair \(X, y\), or \(X, y, sample_weight\), got ndarray"),
        (
            [(X, LABELS)],
            {"scaler": "yes"},
            TypeError,
            "scaler must have partial_fit and transform, like StandardScaler",
        ),
        ([(X, LABELS)], {"optimizer": 0.1}, TypeError, "optimizer must be a fastnn optimizer"),
        ([(X, LABELS)], {"progress": 1}, TypeError, "progress must be True, False, None or a function"),
        ([(X, LABELS)], {"callbacks": EarlyStopping()}, ValueError, "needs validation_data or validation_fraction"),
    ],
)
def test_bad_arguments_change_nothing(batches, options, error, message):
    network, twin = new_network(), new_network()
    fit_batches(network, [(X, LABELS)])
    fit_batches(twin, [(X, LABELS)])
    with pytest.raises(error, match=message):
        fit_batches(network, batches, **options)
    assert fit_batches(network, stream()).loss == fit_batches(twin, stream()).loss


def test_a_checkpoint_of_a_stream_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"cannot resume a stream of batches: save the network with fastnn\.save"):
        fit_batches(new_network(), stream(), callbacks=Checkpoint(tmp_path / "checkpoint"))


@every_backend
def test_callbacks_follow_a_stream_batch_by_batch(backend):
    class Recorder(Callback):
        def on_epoch_end(self, network, history):
            kept.append(network.parameters.copy())
            return len(history) == 5

    kept, network, given = [], new_network(backend), stream()
    history = fit_batches(network, given, callbacks=[EarlyStopping("loss"), Recorder()])
    assert len(history) == len(kept) == 5
    assert history.stop_reason == "stopped by Recorder"
    assert len(list(given)) == len(SIZES) - 5
    assert network.parameters.tobytes() == kept[history.best_epoch - 1].tobytes()


def test_progress_of_a_stream_is_told_as_far_as_it_is_known(capsys, monkeypatch):
    shares = []
    fit_batches(new_network(), list(stream()), progress=lambda share, history: shares.append((share, len(history))))
    assert shares == [(n / 7, n) for n in range(1, 8)]
    shares.clear()
    fit_batches(new_network(), stream(), progress=lambda share, history: shares.append(share))
    assert len(shares) == 7
    assert all(math.isnan(share) for share in shares)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    fit_batches(new_network(), stream(), progress=None)
    assert "7 batches" in capsys.readouterr().err
    fit_batches(new_network(), list(stream()), progress=None)
    assert "100%" in capsys.readouterr().err
