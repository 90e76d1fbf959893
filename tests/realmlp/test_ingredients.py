"""Best epochs, held-out rows, temperatures, scales of targets, and shared progress."""

from types import SimpleNamespace

import numpy as np
import pytest

import fastnn
from fastnn.realmlp.best_epoch import BestEpoch, Rows, StopAfter, accuracy, negative_squared_error
from fastnn.realmlp.calibration import COLDEST, HOTTEST, best_temperature, rescaled
from fastnn.realmlp.ensemble import SharedProgress
from fastnn.realmlp.folds import held_out_rows
from fastnn.realmlp.targets import TargetScale
from fastnn.training.history import History

NO_WEIGHTS = np.empty(0)


def masks_of(classes, fraction, n_members, seed=0):
    return held_out_rows(np.asarray(classes), fraction, n_members, np.random.default_rng(seed))


class TestHeldOutRows:
    CLASSES = np.repeat([0, 1, 2], [50, 30, 20])

    def test_every_class_is_represented_in_proportion(self):
        for mask in masks_of(self.CLASSES, 0.2, 5):
            assert np.bincount(self.CLASSES[mask]).tolist() == [10, 6, 4]

    @pytest.mark.parametrize(("fraction", "n_members"), [(0.2, 5), (0.5, 2), (0.25, 4), (0.1, 10), (0.2, 3)])
    def test_members_hold_out_different_rows(self, fraction, n_members):
        times = np.sum(masks_of(self.CLASSES, fraction, n_members), axis=0)
        assert times.max() == 1
        assert times.sum() == pytest.approx(fraction * n_members * len(self.CLASSES), abs=2)

    def test_rows_are_dealt_anew_once_all_have_been_held_out(self):
        masks = masks_of(self.CLASSES, 0.5, 4)
        np.testing.assert_array_equal(np.sum(masks, axis=0), 2)
        assert (masks[0] != masks[2]).any()
        assert (masks[0] != masks[3]).any()

    def test_the_only_row_of_a_class_is_never_held_out(self):
        classes = np.r_[0, np.ones(9, int), 2, np.full(9, 3)]
        times = np.sum(masks_of(classes, 0.2, 5), axis=0)
        assert times[[0, 10]].tolist() == [0, 0]
        assert times.sum() == 18

    def test_both_rows_of_a_class_are_never_held_out_together(self):
        classes = np.r_[0, 0, np.ones(23, int)]
        for seed in range(20):
            assert max(mask[:2].sum() for mask in masks_of(classes, 0.5, 2, seed)) <= 1

    @pytest.mark.parametrize(
        ("classes", "fraction"),
        [(np.zeros(9, int), 0.2), (np.zeros(50, int), 0.0), (np.arange(12), 0.2)],
        ids=["few rows", "no fraction", "classes of one row each"],
    )
    def test_nothing_is_held_out_if_there_is_nothing_to_spare(self, classes, fraction):
        assert not np.any(masks_of(classes, fraction, 3))

    def test_a_tiny_fraction_holds_out_a_row(self):
        assert [mask.sum() for mask in masks_of(np.zeros(20, int), 1e-6, 3)] == [1, 1, 1]

    def test_ten_rows_suffice(self):
        assert [mask.sum() for mask in masks_of(np.zeros(10, int), 0.2, 5)] == [2] * 5


def follow(values):
    """The callback after epochs with these values, where the parameters after epoch n are n."""
    network, history = SimpleNamespace(_learned=np.zeros(1)), History()
    given = iter(values)
    best = BestEpoch(None, lambda network, rows: next(given))
    for epoch, _ in enumerate(values, 1):
        history.loss.append(0.0)
        network._learned[:] = epoch
        best.on_epoch_end(network, history)
    best.on_fit_end(network, history)
    return best, network._learned[0]


class TestBestEpoch:
    @pytest.mark.parametrize(
        ("values", "epoch"),
        [
            ([1, 3, 2], 2),
            ([1, 3, 3, 2], 3),
            ([5, 1, 5, 1, 5, 1], 5),
            ([np.nan, 1.0, np.nan], 2),
            ([np.nan, np.nan], 2),
            ([-np.inf, -np.inf], 2),
            ([2, 1], 1),
        ],
    )
    def test_the_last_best_epoch_is_restored(self, values, epoch):
        best, restored = follow(values)
        assert (best.epoch, restored) == (epoch, epoch)

    def test_training_stops_after_a_number_of_epochs(self):
        stop, history = StopAfter(2), History()
        history.loss.append(0.0)
        assert not stop.on_epoch_end(None, history)
        history.loss.append(0.0)
        assert stop.on_epoch_end(None, history)

    def test_metrics_are_weighted(self):
        network = SimpleNamespace(logits=lambda X: X)
        logits, weights = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([3.0, 1.0])
        rows = Rows(logits, np.array([0, 0]), weights)
        assert accuracy(network, rows) == 0.75
        assert accuracy(network, Rows(rows.X, rows.y, NO_WEIGHTS)) == 0.5
        numbers = Rows(np.array([[1.0], [2.0]]), np.array([[0.0], [0.0]]), weights)
        assert negative_squared_error(network, numbers) == -(3 * 1 + 1 * 4) / 4
        limits = np.array([-1.0]), np.array([1.5])
        assert negative_squared_error(network, numbers, limits) == -(3 * 1 + 1 * 1.5**2) / 4

    @pytest.mark.parametrize(("preset", "limited"), [("td", True), ("td-s", False)])
    def test_epochs_are_compared_by_predictions_in_the_range_that_predict_has(self, preset, limited):
        metric = fastnn.RealMLPRegressor(preset)._default_metric(np.array([[-1.0], [0.5], [2.0]]))
        far = Rows(np.array([[9.0]]), np.array([[2.0]]), NO_WEIGHTS)
        assert metric(SimpleNamespace(logits=lambda X: X), far) == (0 if limited else -49)


def log_loss(probabilities, classes):
    return -np.log(probabilities[np.arange(len(classes)), classes]).mean()


class TestTemperature:
    @pytest.fixture
    def drawn(self):
        """Probabilities, and classes drawn by them."""
        random = np.random.default_rng(0)
        probabilities = random.dirichlet([0.7, 0.7, 0.7], 4000)
        classes = (random.random((4000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
        return probabilities, np.minimum(classes, 2)

    @pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
    def test_the_known_temperature_is_found(self, drawn, temperature):
        probabilities, classes = drawn
        distorted = rescaled(probabilities, 1 / temperature)  # true for `temperature`
        assert best_temperature(distorted, classes, NO_WEIGHTS) == pytest.approx(temperature, rel=0.1)

    @pytest.mark.parametrize("distortion", [0.3, 4.0], ids=["overconfident", "underconfident"])
    def test_the_log_loss_becomes_smaller_and_classes_stay(self, drawn, distortion):
        probabilities, classes = drawn
        distorted = rescaled(probabilities, distortion)
        mended = rescaled(distorted, best_temperature(distorted, classes, NO_WEIGHTS))
        assert log_loss(mended, classes) < log_loss(distorted, classes) - 0.05
        np.testing.assert_array_equal(mended.argmax(axis=1), probabilities.argmax(axis=1))
        np.testing.assert_allclose(mended.sum(axis=1), 1)

    def test_weights_count_as_repetitions_do(self, drawn):
        probabilities, classes = (each[:200] for each in drawn)
        weights = np.arange(200) % 3 + 1
        repeated = np.repeat(np.arange(200), weights)
        expected = best_temperature(probabilities[repeated], classes[repeated], NO_WEIGHTS)
        assert best_temperature(probabilities, classes, weights.astype(float)) == pytest.approx(expected, rel=1e-3)
        assert best_temperature(probabilities, classes, NO_WEIGHTS) != pytest.approx(expected, rel=1e-3)

    def test_it_stays_finite(self):
        certain = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
        right = best_temperature(0.8 * certain + 0.1, np.array([0, 1]), NO_WEIGHTS)
        wrong = best_temperature(0.8 * certain + 0.1, np.array([1, 0]), NO_WEIGHTS)
        assert COLDEST <= right < 2 * COLDEST
        assert wrong == pytest.approx(HOTTEST, rel=0.01)
        assert np.isfinite(rescaled(certain, 3.0)).all()
        np.testing.assert_allclose(rescaled(certain, 0.5), certain, atol=1e-7)

    def test_one_changes_nothing(self):
        probabilities = np.array([[0.3, 0.7]], np.float32)
        assert rescaled(probabilities, 1.0) is probabilities
        assert rescaled(probabilities, 2.0).dtype == np.float32


class TestTargetScale:
    def test_standardised_targets_have_mean_0_and_deviation_1(self):
        y = np.random.default_rng(0).normal(size=(50, 2)) * [1e200, 1e-200] + [3e200, 1e-200]
        standardized = TargetScale.of(y).standardized(y)
        np.testing.assert_allclose(standardized.mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(standardized.std(axis=0), 1, rtol=1e-6)

    def test_predictions_return_to_units_and_range(self):
        y = np.array([[1.0], [3.0]])
        scale = TargetScale.of(y)
        np.testing.assert_array_equal(scale.in_units(scale.standardized(y), clips=False), y)
        assert scale.in_units(np.array([[7.0]]), clips=True) == 3
        assert scale.in_units(np.array([[7.0]]), clips=False) == 9
        assert scale.extended_to(np.array([[5.0]])).in_units(np.array([[7.0]]), clips=True) == 5

    def test_a_range_beyond_floats_is_refused(self):
        with pytest.raises(ValueError, match=r"y reaches from -1\.7e\+308 to 1\.7e\+308"):
            TargetScale.of(np.array([[1.7e308], [-1.7e308]]))


def test_progress_counts_trainings_whose_history_is_gone():
    fractions = []
    shared = SharedProgress(fractions.append, 4)
    for _ in range(4):
        shared(0.5, history := History())
        shared(1.0, history)
        del history  # the next one may lie where it lay
    assert fractions == [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0]
