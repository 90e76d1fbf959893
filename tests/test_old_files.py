"""Files that an earlier fastnn has written are read, and predict what they predicted then; see `tests.files.write_files`."""

import json

import numpy as np
import pytest

import fastnn
from tests.files.write_files import FOLDER, KINDS, TABLE, X, predictions, write

#: Sums may be added in another order on another processor.
TOLERANCE = 1e-6

PREDICTIONS = json.loads((FOLDER / "predictions.json").read_text())


def load(name):
    return fastnn.load(FOLDER / f"{name}.safetensors", backend="numpy")


@pytest.fixture(scope="module")
def found():
    return predictions(FOLDER)


@pytest.mark.parametrize("name", PREDICTIONS)
def test_an_old_file_predicts_what_it_predicted_when_it_was_written(name, found):
    assert {*found} == {*PREDICTIONS}
    np.testing.assert_allclose(found[name], PREDICTIONS[name], rtol=TOLERANCE, atol=TOLERANCE)


def test_predictions_of_old_files_differ_from_row_to_row():
    """Otherwise they would show nothing."""
    for name in ("network", "model", "mlp", "realmlp", "checkpoint"):
        assert len(np.unique(np.round(PREDICTIONS[name], 5), axis=0)) > 10


def test_an_old_network_has_its_metadata():
    metadata = fastnn.load_metadata(FOLDER / "network.safetensors")
    assert metadata["note"] == "kept"
    np.testing.assert_array_equal(metadata["scale"], np.arange(3.0), strict=True)
    assert metadata["words"].tolist() == ["a", "bc"]


def test_an_old_model_has_its_names_and_scaling():
    model = load("model")
    assert (model.class_names, model.feature_names, model.target_name) == (("lily", "rose"), ("a", "b", "c"), "kind")
    np.testing.assert_allclose(model.features.mean, X.mean(axis=0), rtol=TOLERANCE)
    np.testing.assert_allclose(model.features.scale, X.std(axis=0), rtol=TOLERANCE)
    assert {*model.predict(X)} == {"lily", "rose"}


def test_an_old_estimator_has_its_parameters_and_goes_on():
    estimator = load("mlp")
    assert estimator.hidden_layer_sizes == (5,)
    assert estimator.optimizer == fastnn.AdamW(0.01)
    assert estimator.classes_.tolist() == ["lily", "rose"]
    assert len(estimator.partial_fit(X, KINDS).loss_curve_) == 6


def test_an_old_estimator_for_tables_knows_its_columns():
    estimator = load("realmlp")
    assert estimator.n_members_ == 2
    assert estimator.feature_names_in_.tolist() == list(TABLE.columns)
    new = TABLE[TABLE.columns[::-1]].assign(colour="violet")
    assert estimator.predict_proba(new).shape == (20, 2)


def test_the_script_writes_such_files(tmp_path):
    write(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        file.name for file in FOLDER.iterdir() if file.suffix in (".safetensors", ".json")
    }
