"""Write the files that `tests.test_old_files` reads, for a new version of the format: ``python -m tests.files.write_files``.

The files in this folder were written by fastnn 0.1.0, in version 1 of the format. They stay as they are for as long as fastnn
reads that version: what was saved then must be loaded, and predict the same, for ever. A new version of the format gets files of
its own in another folder.

The data are numbers that every machine represents exactly, so that a checkpoint recognises them.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import fastnn

FOLDER = Path(__file__).parent

X = ((np.arange(60) * 37) % 101).reshape(20, 3) / 64 - 0.75
KINDS = np.array(["lily", "rose"])[(X[:, 0] + X[:, 1] > 0).astype(int)]
CODES = (KINDS == "rose").astype(int)
TABLE = pd.DataFrame(
    {
        "size": np.where(np.arange(20) % 7 == 3, np.nan, X[:, 0]),
        "colour": np.array(["red", "blue", "green", None], object)[np.arange(20) % 4],
        "street": [f"street {number % 9}" for number in range(20)],
        "sold": np.arange(20) % 3 == 0,
    }
)

#: How the checkpoint was trained; it was interrupted after 3 epochs.
TRAINING: dict[str, Any] = {
    "optimizer": fastnn.Adam(0.01),
    "batch_size": 5,
    "validation_fraction": 0.25,
    "progress": False,
}


def network(seed: int = 0) -> fastnn.Network:
    """With batch normalisation and dropout."""
    options: dict[str, Any] = {"normalization": "batch", "dropout": 0.25, "backend": "numpy", "dtype": "float64"}
    return fastnn.Network([3, 6, 2], "tanh", seed=seed, **options)


def stopping() -> fastnn.EarlyStopping:
    """A callback with a state."""
    return fastnn.EarlyStopping("f1", patience=9)


def write(folder: Path) -> None:
    """Write a file of each kind, and their predictions."""
    trained = network()
    trained.fit(X, CODES, epochs=3, **TRAINING)
    fastnn.save(trained, folder / "network.safetensors", scale=np.arange(3.0), words=np.array(["a", "bc"]), note="kept")
    scaling = fastnn.model.Scaling(X.mean(axis=0), X.std(axis=0))
    names: dict[str, Any] = {"class_names": ("lily", "rose"), "feature_names": ("a", "b", "c"), "target_name": "kind"}
    fastnn.save(fastnn.Model(trained, scaling, seed=3, baseline="lily", **names), folder / "model.safetensors")
    options: dict[str, Any] = {"hidden_layer_sizes": (5,), "random_state": 0, "backend": "numpy"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # more iterations would be needed
        mlp = fastnn.MLPClassifier(**options, max_iter=5, standardize=True, optimizer=fastnn.AdamW(0.01))
        fastnn.save(mlp.fit(X, KINDS), folder / "mlp.safetensors")
    realmlp = fastnn.RealMLPClassifier(**options, n_epochs=2, n_members=2)
    fastnn.save(realmlp.fit(TABLE, KINDS), folder / "realmlp.safetensors")
    checkpoint = fastnn.Checkpoint(folder / "checkpoint.safetensors")
    network().fit(X, CODES, epochs=3, callbacks=[stopping(), checkpoint], **TRAINING)
    (folder / "predictions.json").write_text(json.dumps(predictions(folder), indent=1) + "\n")


def predictions(folder: Path) -> dict[str, list[Any]]:
    """Probabilities from each file, and the losses of the training that goes on from the checkpoint."""
    loaded = {
        name: fastnn.load(folder / f"{name}.safetensors", backend="numpy") for name in ("network", "model", "mlp")
    }
    table_model = fastnn.load(folder / "realmlp.safetensors", backend="numpy")
    resumed = network(seed=1)
    path = folder / "checkpoint.safetensors"
    history = resumed.fit(X, CODES, epochs=6, callbacks=stopping(), resume_from=path, **TRAINING)
    return {
        "network": loaded["network"].forward(X).tolist(),
        "model": loaded["model"].predict_proba(X).tolist(),
        "mlp": loaded["mlp"].predict_proba(X).tolist(),
        "realmlp": table_model.predict_proba(TABLE).tolist(),
        "checkpoint": fastnn.load(path, backend="numpy").forward(X).tolist(),
        "losses": history.loss,
        "validation losses": history.validation_loss,
    }


if __name__ == "__main__":
    write(FOLDER)
