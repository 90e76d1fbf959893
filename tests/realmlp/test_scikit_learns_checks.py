"""scikit-learn's checks of estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnn import RealMLPClassifier, RealMLPRegressor

_REASON = "batches and initial parameters depend on the number of rows, so a row of weight 2 is not two rows"


def expected_failures(estimator):
    kinds = ("dense", "sparse")
    return {f"check_sample_weight_equivalence_on_{kind}_data": _REASON for kind in kinds}


# Without held-out rows, because one check wants to see classes of tiny weight ignored: on a handful of held-out rows they
# may be predicted as well.
@parametrize_with_checks(
    [
        Estimator(n_epochs=30, hidden_layer_sizes=(16,), n_members=1, validation_fraction=0)
        for Estimator in (RealMLPClassifier, RealMLPRegressor)
    ],
    expected_failed_checks=expected_failures,
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Estimator", [RealMLPClassifier, RealMLPRegressor])
def test_tags_say_what_tables_may_hold(Estimator):
    tags = Estimator().__sklearn_tags__()
    assert tags.input_tags.allow_nan
    assert tags.input_tags.categorical
    assert tags.input_tags.sparse
    assert tags.input_tags.string
    assert tags.target_tags.multi_output == (Estimator is RealMLPRegressor)
