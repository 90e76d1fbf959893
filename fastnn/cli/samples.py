"""Samples to apply a model to."""

from pathlib import Path

import click
import numpy as np

from fastnn import datasets
from fastnn.cli.table_model import TableModel
from fastnn.model import Model

#: A network with scaling and names, or a RealMLP.
AnyModel = Model | TableModel


def samples_for(
    model: AnyModel, data: str | Path, data_dir: Path | None, decimal: str | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Features, and targets as class names or numbers, or None if the data has no targets."""
    if isinstance(data, Path):
        return datasets.load_samples(
            data,
            model.n_features,
            feature_names=model.kinds if isinstance(model, TableModel) else model.feature_names,
            target_name=model.target_name,
            target_index=model.target_index,
            dropped=model.dropped,
            class_names=model.output_names if model.loss.classifies else None,
            decimal=decimal or model.decimal,
        )
    dataset = datasets.load_named(data, data_dir=data_dir, seed=model.seed)
    X, y = (dataset.X, dataset.y) if dataset.X_test is None else (dataset.X_test, dataset.y_test)
    if X.shape[1] != model.n_features:
        raise click.UsageError(f"The network takes {model.n_features} features, but {data} has {X.shape[1]}.")
    return X, np.array(dataset.class_names)[y]
