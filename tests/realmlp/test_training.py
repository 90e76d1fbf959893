"""What training depends on, and what it does not: threads, seeds, backends, members, held-out rows, schedules."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score

from fastnn.realmlp.best_epoch import Rows, accuracy
from fastnn.realmlp.folds import held_out_rows
from fastnn.realmlp.member import Member
from fastnn.tabular import TableEncoder
from tests.realmlp.small import LABELS, N_ROWS, NUMBERS, X, both, classifier, outputs, regressor


def parameters_of(estimator):
    return np.concatenate([network.parameters for network in estimator.networks_])


class TestSameResults:
    @both
    @pytest.mark.parametrize("n_members", [1, 3])
    def test_the_number_of_threads_changes_no_bit(self, make, y, n_members):
        fits = [make(n_members=n_members, n_threads=n_threads).fit(X, y) for n_threads in (1, 2, None)]
        for other in fits[1:]:
            np.testing.assert_array_equal(parameters_of(other), parameters_of(fits[0]))
            np.testing.assert_array_equal(outputs(other), outputs(fits[0]))
            assert other.best_epochs_ == fits[0].best_epochs_

    @both
    def test_the_same_seed_gives_the_same_bits(self, make, y):
        estimator = make(random_state=7, n_members=2).fit(X, y)
        np.testing.assert_array_equal(outputs(clone(estimator).fit(X, y)), outputs(estimator))
        np.testing.assert_array_equal(
            outputs(make(random_state=np.random.RandomState(7), n_members=2).fit(X, y)), outputs(estimator)
        )
        assert (outputs(make(random_state=8, n_members=2).fit(X, y)) != outputs(estimator)).any()
        assert (outputs(make(random_state=None).fit(X, y)) != outputs(make(random_state=None).fit(X, y))).any()

    @both
    @pytest.mark.parametrize("preset", ["td", "td-s"])
    def test_both_backends_agree(self, make, y, preset):
        fits = [make(preset=preset, backend=backend, n_epochs=8).fit(X, y) for backend in ("numpy", "numba")]
        np.testing.assert_allclose(parameters_of(fits[0]), parameters_of(fits[1]), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(outputs(fits[0]), outputs(fits[1]), rtol=1e-3, atol=1e-3)

    def test_a_member_equals_itself_trained_alone(self):
        fitted = classifier(n_members=3).fit(X, LABELS)
        random = np.random.RandomState(0)
        seeds = [int(random.randint(2**31)) for _ in range(3)]
        classes = np.unique(LABELS, return_inverse=True)[1]
        masks = held_out_rows(classes, 0.2, 3, np.random.default_rng(random.randint(2**31)))
        rows = Rows(TableEncoder().fit_transform(X), classes, np.empty(0))
        for member, seed, mask in zip(fitted.members_, seeds, masks, strict=True):
            alone = Member(member.design, seed).fit(rows.take(~mask), rows.take(mask), accuracy)
            np.testing.assert_array_equal(alone.network.parameters, member.network.parameters)
            assert alone.epoch == member.epoch

    @both
    def test_outputs_are_the_mean_over_the_members(self, make, y):
        options = {} if make is regressor else {"calibrate": False}
        fitted = make(n_members=3, **options).fit(X, y)
        encoded = fitted.encoder_.transform(X)
        mean = np.mean([network.forward(encoded) for network in fitted.networks_], axis=0)
        if make is regressor:
            mean = (mean * fitted.target_deviations_ + fitted.target_means_)[:, 0]
            mean = np.clip(mean, fitted.target_minima_, fitted.target_maxima_)
        np.testing.assert_allclose(outputs(fitted), mean, rtol=1e-5, atol=1e-6)
        single = np.concatenate([outputs(fitted, X.iloc[[row]]) for row in range(5)])
        np.testing.assert_allclose(single, outputs(fitted)[:5], rtol=1e-5, atol=1e-6)

    def test_there_are_four_members_of_half_the_epochs_by_default(self):
        fitted = classifier(n_members="auto", n_epochs=1).fit(X, LABELS)
        assert (fitted.n_members_, fitted.members_[0].design.preset.n_epochs) == (4, 1)
        fitted = classifier(n_members="auto", n_epochs=None).fit(X, LABELS)
        assert fitted.members_[0].design.preset.n_epochs == 128


class Recorder:
    """A scorer that remembers the parameters of each epoch, and gives it a value."""

    def __init__(self, values):
        self.values, self.parameters, self.rows = iter(values), [], []

    def __call__(self, network, X, y):
        self.parameters.append(network.parameters.copy())
        self.rows.append(X)
        return next(self.values)


class TestBestEpoch:
    @both
    @pytest.mark.parametrize(("values", "epoch"), [([1, 4, 2, 4, 3], 4), ([9, 1, 1, 1, 1], 1), ([np.nan] * 5, 5)])
    def test_the_last_best_one_is_kept(self, make, y, values, epoch):
        recorder = Recorder(values)
        fitted = make(n_epochs=5, scoring=recorder).fit(X, y)
        assert fitted.best_epochs_ == [epoch]
        np.testing.assert_array_equal(fitted.networks_[0].parameters, recorder.parameters[epoch - 1])
        assert len(recorder.rows[0]) == N_ROWS // 5

    @both
    @pytest.mark.parametrize("n_rows", [9, 10])
    def test_few_rows_are_not_held_out(self, make, y, n_rows):
        recorder = Recorder(range(100))
        make(scoring=recorder).fit(X[:n_rows], y[:n_rows])
        assert bool(recorder.rows) == (n_rows == 10)

    @both
    def test_the_last_epoch_is_kept_without_held_out_rows(self, make, y):
        assert make(validation_fraction=0, n_members=2).fit(X, y).best_epochs_ == [4, 4]

    @both
    def test_refit_trains_on_all_rows_for_the_mean_best_epoch(self, make, y):
        recorder = Recorder([0, 1, 0, 0, 0])
        refitted = make(n_epochs=5, refit=True, scoring=recorder).fit(X, y)
        assert refitted.best_epochs_ == [2]
        # In the middle of the schedules of five epochs, a training of two epochs alone has other rates.
        everything = make(n_epochs=5, validation_fraction=0).fit(X, y)
        short = make(n_epochs=2, validation_fraction=0).fit(X, y)
        others = [parameters_of(other) for other in (everything, short)]
        assert all((parameters_of(refitted) != other).any() for other in others)
        member = refitted.members_[0]
        random = np.random.RandomState(0)
        random.randint(2**31, size=2)
        seed = int(random.randint(2**31))
        rows = Rows(refitted.encoder_.transform(X), self.network_targets(refitted, y), np.empty(0))
        alone = Member(member.design, seed).fit(rows, None, accuracy, n_epochs=2)
        np.testing.assert_array_equal(alone.network.parameters, member.network.parameters)

    @staticmethod
    def network_targets(estimator, y):
        if hasattr(estimator, "classes_"):
            return np.searchsorted(estimator.classes_, y)
        return (((y - estimator.target_means_) / estimator.target_deviations_)[:, np.newaxis]).astype(np.float32)

    @pytest.mark.parametrize("scoring", ["roc_auc_ovr", "neg_log_loss", "f1_macro", "balanced_accuracy"])
    def test_classifiers_are_selected_by_any_scorer(self, scoring):
        fitted = classifier(scoring=scoring, n_epochs=8).fit(X, LABELS)
        assert 1 <= fitted.best_epochs_[0] <= 8
        np.testing.assert_array_equal(outputs(clone(fitted).fit(X, LABELS)), outputs(fitted))

    @pytest.mark.parametrize("scoring", ["neg_mean_absolute_error", "r2", "neg_median_absolute_error", "max_error"])
    def test_regressors_are_selected_by_any_scorer(self, scoring):
        scoring = "neg_max_error" if scoring == "max_error" else scoring
        fitted = regressor(scoring=scoring, n_epochs=8).fit(X, NUMBERS, sample_weight=np.linspace(1, 2, N_ROWS))
        assert 1 <= fitted.best_epochs_[0] <= 8

    def test_the_area_under_the_curve_selects_two_classes(self):
        fitted = classifier(scoring="roc_auc").fit(X, NUMBERS > 1)
        assert 1 <= fitted.best_epochs_[0] <= 4

    def test_r2_and_the_default_select_the_same_epoch(self):
        by_r2, by_default = (regressor(scoring=scoring, n_epochs=12).fit(X, NUMBERS) for scoring in ("r2", None))
        assert by_r2.best_epochs_ == by_default.best_epochs_


class TestOutOfBag:
    def test_classifiers_score_rows_that_were_held_out(self):
        fitted = classifier(n_members=5, oob_score=True, n_epochs=10).fit(X, LABELS)
        found = fitted.oob_decision_function_
        assert found.shape == (N_ROWS, 3)
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
        assert fitted.oob_score_ == np.mean(fitted.classes_[found.argmax(axis=1)] == LABELS)
        assert fitted.oob_score_ < 1

    def test_regressors_score_rows_that_were_held_out(self):
        fitted = regressor(n_members=5, oob_score=True, n_epochs=10).fit(X, NUMBERS)
        assert fitted.oob_prediction_.shape == (N_ROWS,)
        assert fitted.oob_score_ == pytest.approx(r2_score(NUMBERS, fitted.oob_prediction_))
        two = regressor(oob_score=True).fit(X, np.c_[NUMBERS, NUMBERS])
        assert two.oob_prediction_.shape == (N_ROWS, 2)

    @both
    def test_rows_that_no_member_held_out_have_none(self, make, y):
        fitted = make(oob_score=True).fit(X, y)
        found = fitted.oob_prediction_ if make is regressor else fitted.oob_decision_function_[:, 0]
        assert np.isnan(found).sum() == N_ROWS - N_ROWS // 5
        nothing = make(oob_score=True, validation_fraction=0).fit(X, y)
        assert np.isnan(nothing.oob_score_)

    @both
    def test_they_are_forgotten_by_a_fit_without_them(self, make, y):
        fitted = make(oob_score=True).fit(X, y).set_params(oob_score=False).fit(X, y)
        assert not [name for name in vars(fitted) if name.startswith("oob_") and name.endswith("_")]


class TestCalibration:
    def test_it_changes_probabilities_and_no_class(self):
        calibrated, raw = (classifier(calibrate=flag, n_epochs=20).fit(X, LABELS) for flag in (True, False))
        assert raw.temperature_ == 1
        assert calibrated.temperature_ != 1
        assert np.abs(outputs(calibrated) - outputs(raw)).max() > 0.001
        np.testing.assert_array_equal(calibrated.predict(X), raw.predict(X))
        np.testing.assert_array_equal(calibrated.classes_[outputs(calibrated).argmax(axis=1)], calibrated.predict(X))

    def test_without_held_out_rows_there_is_none(self):
        assert classifier(validation_fraction=0).fit(X, LABELS).temperature_ == 1


class TestWarmStart:
    @both
    def test_it_goes_on_from_the_fitted_networks(self, make, y):
        once = make(n_members=2, validation_fraction=0, n_epochs=10).fit(X, y)
        first = parameters_of(once)
        twice = clone(once).set_params(warm_start=True).fit(X, y)
        np.testing.assert_array_equal(parameters_of(twice), first)
        twice.set_params(learning_rate=1e-9, weight_decay=0.0).fit(X, y)
        assert 0 < np.abs(parameters_of(twice) - first).max() < 1e-4
        twice.set_params(warm_start=False).fit(X, y)
        assert np.abs(parameters_of(twice) - first).max() > 1e-3

    @both
    def test_refits_go_on_as_well(self, make, y):
        fitted = make(warm_start=True).fit(X, y)
        first = parameters_of(fitted)
        fitted.set_params(refit=True, learning_rate=1e-9, weight_decay=0.0).fit(X, y)
        assert np.abs(parameters_of(fitted) - first).max() < 1e-4

    @both
    @pytest.mark.parametrize(
        "changes",
        [{"hidden_layer_sizes": 5}, {"dropout": 0.5}, {"max_one_hot": 2}, {"n_members": 3}, {"backend": "numpy"}],
    )
    def test_what_networks_consist_of_cannot_change(self, make, y, changes):
        fitted = make(warm_start=True).fit(X, y)
        with pytest.raises(
            ValueError, match=f"networks of the last fit, whose {next(iter(changes))} cannot change: set"
        ):
            fitted.set_params(**changes).fit(X, y)
        assert fitted.set_params(warm_start=False).fit(X, y).n_members_ == changes.get("n_members", 1)

    def test_classes_stay_those_of_the_first_fit(self):
        fitted = classifier(warm_start=True).fit(X, LABELS)
        some = LABELS != "cat"
        assert fitted.fit(X[some], LABELS[some]).classes_.tolist() == ["ant", "bee", "cat"]
        with pytest.raises(ValueError, match="goes on with the classes 'ant', 'bee', 'cat', got also 'dog': set"):
            fitted.fit(X, np.where(some, LABELS, "dog"))

    def test_targets_keep_their_scale_and_number(self):
        fitted = regressor(warm_start=True).fit(X, NUMBERS)
        mean, largest = fitted.target_means_, fitted.target_maxima_
        fitted.fit(X, NUMBERS + 100)
        np.testing.assert_array_equal(fitted.target_means_, mean)
        np.testing.assert_allclose(fitted.target_maxima_, largest + 100)
        with pytest.raises(ValueError, match=r"goes on with 1 target\(s\), got 2: set"):
            fitted.fit(X, np.c_[NUMBERS, NUMBERS])


class TestExtremes:
    @both
    def test_two_rows_suffice(self, make, y):
        fitted = make(n_members=2).fit([[0.0, "a"], [1.0, "b"]], [3, 8])
        assert np.isfinite(outputs(fitted, [[0.5, "a"]])).all()

    def test_there_may_be_more_classes_than_rows_in_a_batch(self):
        fitted = classifier(batch_size=4, n_members=3, oob_score=True).fit(X, np.arange(N_ROWS) // 3)
        assert outputs(fitted).shape == (N_ROWS, 20)
        np.testing.assert_allclose(outputs(fitted).sum(axis=1), 1, rtol=1e-5)

    @pytest.mark.filterwarnings("ignore:The number of unique classes")
    def test_every_row_may_have_its_own_class(self):
        assert len(classifier().fit(X, np.arange(N_ROWS)).classes_) == N_ROWS

    @both
    @pytest.mark.parametrize("changes", [{"hidden_layer_sizes": ()}, {"hidden_layer_sizes": 7}, {"batch_size": 1}])
    def test_unusual_sizes_train(self, make, y, changes):
        fitted = make(**changes).fit(X, y)
        assert np.isfinite(outputs(fitted)).all()
        assert np.ptp(outputs(fitted), axis=0).max() > 0

    @both
    @pytest.mark.parametrize("n_members", [1, 2])
    def test_divergence_keeps_the_best_epoch(self, make, y, n_members):
        recorded = Recorder([1.0] * 100)
        estimator = make(learning_rate=1e30, n_members=n_members, n_epochs=10, scoring=recorded)
        with pytest.warns(
            ConvergenceWarning, match=r"^The best epoch before, \d, is kept\. Training diverged in epoch"
        ):
            estimator.fit(X, y)
        assert max(estimator.best_epochs_) < 10
        for network in estimator.networks_:
            assert any(np.array_equal(network.parameters, parameters) for parameters in recorded.parameters)


class TestProgress:
    @both
    @pytest.mark.parametrize("changes", [{}, {"refit": True}, {"n_members": 3}, {"n_members": 3, "refit": True}])
    def test_it_rises_to_one(self, make, y, changes):
        fractions = []
        make(progress=lambda fraction, history: fractions.append(fraction), **changes).fit(X, y)
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1

    def test_a_bar_is_shown_on_request(self, capsys):
        classifier(progress=True).fit(X, LABELS)
        assert "100%" in capsys.readouterr().err
        classifier().fit(X, LABELS)
        assert capsys.readouterr().err == ""
