"""Random trained objects of every kind, with inputs for them: what all writers of other formats are tested on.

``random_model(seed)`` is the same for the same seed. One seed in ten is a `Model`, an `MLPClassifier`, an `MLPRegressor`, a
`RealMLPClassifier` and a `RealMLPRegressor` each; the others are networks. Training takes one step at most; then all
parameters and running statistics are moved, so that none of them is 0 or 1.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from fastnn import (
    CategoryEmbedding,
    MLPClassifier,
    MLPRegressor,
    Network,
    PeriodicEmbedding,
    RealMLPClassifier,
    RealMLPRegressor,
)
from fastnn.losses import AbsoluteError, BinaryCrossEntropy, Huber, Quantile, SoftmaxCrossEntropy, SquaredError
from fastnn.model import Model, Scaling
from tests.cases import HIDDEN, OUTPUTS

Random = np.random.Generator

#: The seeds that the suite tries with every format; the script `tests.export.all_formats` tries more.
SEEDS = range(200)

#: Rows on which estimators are trained.
N_TRAINING = 60

#: Names of columns, the first ones plain; a writer must put up with all of them.
NAMES = ("width", "größe", 'a "quoted" one', "it's", "back\\slash", "two\nlines", '"""', "class", "{0}", " x ", "%s")

#: Text in columns of categories, the same.
WORDS = (
    "red",
    "",
    "nan",
    "None",
    "größe",
    "it's",
    'say "hi"',
    "back\\slash",
    "two\nlines",
    '"""',
    "{0}",
    "%s",
    "0",
    "-1",
)

#: Classes by kind; `checked_labels` and scikit-learn take all of them.
LABELS = {
    "words": np.array(["ant", "bee", 'it\'s a "cat"\n', "dog\\"]),
    "integers": np.array([-7, 0, 3, 12]),
    "floats": np.array([-2.0, 0.0, 1.0, 5.0]),
    "booleans": np.array([False, True]),
}

#: Names of the classes of a `Model`: text, whole numbers, and almost whole numbers.
CLASS_NAMES = (("ant", "it's", 'say "hi"', "dog\\"), ("3", "-7", "12", "0"), ("007", "1", "-0", "2"))

#: Losses of estimators, with the number of outputs for each target.
REGRESSIONS = ("squared_error", "poisson", AbsoluteError(), Huber(0.5), Quantile(0.3), Quantile((0.1, 0.5, 0.9)))


def frame_of(columns: dict[str, Any]) -> pd.DataFrame:
    """A data frame that keeps text as it is: strings of pandas hold only what UTF-8 has a form for."""
    kept = {place: pd.Series(values, dtype=np.asarray(values).dtype) for place, values in enumerate(columns.values())}
    frame = pd.DataFrame(kept)
    frame.columns = pd.Index(list(columns), dtype=object)
    return frame


def random_model(seed: int) -> tuple[Any, Any]:
    """A trained object, and rows for its `predict`: an array, or a data frame with missing and unknown cells."""
    random = np.random.default_rng([seed, 20])
    return KINDS[seed % len(KINDS)](random)


def a_network(random: Random) -> tuple[Network, np.ndarray]:
    """A network for classes, probabilities, counts or numbers, perhaps with an input stage."""
    n_inputs = int(random.integers(1, 7))
    embeddings = embeddings_for(n_inputs, random) if chance(random, 0.3) else []
    network = network_of(n_inputs, random, embeddings=embeddings, input_scaling=chance(random, 0.25))
    X = random.standard_normal((rows(random), n_inputs)) * random.choice([0.5, 1.0, 2.0])
    for embedding in embeddings:
        if isinstance(embedding, CategoryEmbedding):
            X[:, embedding.column] = codes(len(X), embedding.n_codes, random)
    return network, X


def a_model(random: Random) -> tuple[Model, Any]:
    """A model as `fastnn train` saves it, whose columns may have names."""
    n_features = int(random.integers(1, 6))
    network = network_of(n_features, random)
    architecture = network.architecture
    n_outputs, loss = architecture.n_outputs, architecture.loss
    mean, scale = 10 * random.standard_normal(n_features), random.lognormal(size=n_features)
    X = mean + scale * random.standard_normal((rows(random), n_features))
    names = names_of(n_features, random)
    given: dict[str, Any] = {"feature_names": names, "features": Scaling(mean, scale) if chance(random, 0.7) else None}
    if given["features"] is None:
        X = random.standard_normal(X.shape)
    if loss.classifies and chance(random, 0.7):
        n_names = 2 if n_outputs == 1 else n_outputs
        given["class_names"] = tuple(pick(CLASS_NAMES, random)[:n_names])
    if not loss.classifies and chance(random, 0.5):
        given["targets"] = Scaling(100 * random.standard_normal(n_outputs), random.lognormal(size=n_outputs))
    return Model(network, **given), X if names is None else pd.DataFrame(X, columns=list(names))


def an_mlp_classifier(random: Random) -> tuple[MLPClassifier, Any]:
    """A classifier of two or more classes, or of several labels."""
    X, more = features(random)
    if chance(random, 0.25):
        y = random.integers(0, 2, (N_TRAINING, 3))
        y[:2] = [[0, 1, 0], [1, 0, 1]]
    else:
        y = labels(N_TRAINING, random)
    estimator = MLPClassifier(**mlp_options(random))
    return _trained_mlp(estimator, X, y, random), more


def an_mlp_regressor(random: Random) -> tuple[MLPRegressor, Any]:
    """A regressor with one target or several, perhaps for counts or quantiles."""
    X, more = features(random)
    loss = pick(REGRESSIONS, random)
    shape = (N_TRAINING,) if chance(random, 0.6) else (N_TRAINING, 2)
    y: np.ndarray = random.poisson(2.0, shape) if loss == "poisson" else 50 + 10 * random.standard_normal(shape)
    options = mlp_options(random)
    if loss != "poisson" and options["standardize"] == "features" and chance(random, 0.5):
        options["standardize"] = "target"
    return _trained_mlp(MLPRegressor(loss=loss, **options), X, y, random), more


def a_realmlp_classifier(random: Random) -> tuple[RealMLPClassifier, Any]:
    """A classifier of the rows of a table."""
    X, more = tables(random)
    estimator = RealMLPClassifier(calibrate=chance(random, 0.7), **realmlp_options(random))
    return _trained_realmlp(estimator, X, labels(N_TRAINING, random), random), more


def a_realmlp_regressor(random: Random) -> tuple[RealMLPRegressor, Any]:
    """A regressor of the rows of a table."""
    X, more = tables(random)
    y = 1000 + 30 * random.standard_normal((N_TRAINING,) if chance(random, 0.6) else (N_TRAINING, 2))
    return _trained_realmlp(RealMLPRegressor(**realmlp_options(random)), X, y, random), more


KINDS: tuple[Callable[[Random], tuple[Any, Any]], ...] = (
    *[a_network] * 5,
    a_model,
    an_mlp_classifier,
    an_mlp_regressor,
    a_realmlp_classifier,
    a_realmlp_regressor,
)


# Networks


def network_of(n_inputs: int, random: Random, **options: Any) -> Network:
    """An untrained network with moved parameters, with zero to three hidden layers."""
    n_hidden = int(random.integers(0, 4))
    loss, output = pick((*OUTPUTS, *((SquaredError(), "softmax"), (Quantile((0.1, 0.9)), "identity"))), random)
    n_outputs = outputs_for(loss, output, random)
    hidden_options = {
        "normalization": [pick((None, None, "batch", "layer"), random) for _ in range(n_hidden)],
        "dropout": [pick((0.0, 0.3), random) for _ in range(n_hidden)],
        "parametric": [chance(random, 0.3) for _ in range(n_hidden)],
    }
    network = Network(
        [n_inputs, *random.integers(1, 14, n_hidden).tolist(), n_outputs],
        [*(pick(HIDDEN, random) for _ in range(n_hidden)), output],
        loss,
        **({} if n_hidden == 0 else hidden_options),
        **options,
        parametrization=pick(("standard", "ntk"), random),
        initializer="glorot_normal",
        backend="numpy",
        dtype=pick(("float32", "float64"), random),
        seed=int(random.integers(2**31)),
    )
    move(network, random)
    return network


def outputs_for(loss: Any, output: str, random: Random) -> int:
    """A number of outputs that the loss can have."""
    if isinstance(loss, Quantile):
        return len(loss.options) * int(random.integers(1, 3))
    least = 2 if output == "softmax" or isinstance(loss, SoftmaxCrossEntropy) else 1
    if isinstance(loss, BinaryCrossEntropy) and least == 1 and chance(random, 0.5):
        return 1
    return int(random.integers(least, 5))


def embeddings_for(n_inputs: int, random: Random) -> list[Any]:
    """Embeddings of some of the columns."""
    columns, embeddings = random.permutation(n_inputs).tolist(), []
    if chance(random, 0.7):
        n_periodic = int(random.integers(1, n_inputs + 1))
        n_outputs, n_frequencies = (int(number) for number in random.integers(2, 6, 2))
        embeddings.append(PeriodicEmbedding(columns[:n_periodic], n_frequencies, n_outputs))
        columns = columns[n_periodic:]
    for column in columns[: int(random.integers(0, 3))]:
        embeddings.insert(0, CategoryEmbedding(column, int(random.integers(1, 9)), int(random.integers(1, 4))))
    return embeddings


def move(network: Network, random: Random, most: float = 0.4) -> None:
    """Move all parameters and running statistics a little."""
    network._learned[:] += random.uniform(-most, most, len(network._learned))


def codes(n_rows: int, n_codes: int, random: Random) -> np.ndarray:
    """Codes of a category, some of which do not exist; fractions are cut off."""
    valid = random.integers(0, n_codes, n_rows) + pick((0.0, 0.25), random)
    invalid = random.choice([-1.0, -0.5, float(n_codes), n_codes + 7.5, np.nan], n_rows)
    return np.where(random.uniform(size=n_rows) < 0.8, valid, invalid)


# Estimators


def mlp_options(random: Random) -> dict[str, Any]:
    """Options of an `MLPClassifier` or `MLPRegressor`."""
    return {
        "hidden_layer_sizes": random.integers(1, 12, int(random.integers(0, 3))).tolist(),
        "activation": pick(("identity", "logistic", "tanh", "relu", "gelu", "mish", "selu"), random),
        "normalization": pick((None, "batch", "layer"), random),
        "dropout": pick((0.0, 0.2), random),
        "standardize": pick((False, True, "features"), random),
        "dtype": pick((None, "float32", "float64"), random),
        "backend": "numpy",
        "random_state": int(random.integers(1000)),
    }


def features(random: Random) -> tuple[Any, Any]:
    """Features to train on, dense or sparse, with names or without; and others of the same kind to predict for."""
    n_features, n_rows = int(random.integers(1, 6)), rows(random)
    X = 5 + 2 * random.standard_normal((N_TRAINING + n_rows, n_features))
    X[:, :1] = X[:, :1] > 5  # which standardisation leaves as it is
    names = names_of(n_features, random)
    if names is not None:
        frame = pd.DataFrame(X, columns=list(names))
        return frame[:N_TRAINING], frame[N_TRAINING:]
    return csr_array(X[:N_TRAINING]) if chance(random, 0.2) else X[:N_TRAINING], X[N_TRAINING:]


def labels(n_rows: int, random: Random) -> np.ndarray:
    """Classes, each of which occurs several times."""
    known = LABELS[pick(tuple(LABELS), random)]
    known = known[: int(random.integers(2, len(known) + 1))]
    return known[random.permutation(np.arange(n_rows) % len(known))]


def _trained_mlp(estimator: Any, X: Any, y: np.ndarray, random: Random) -> Any:
    estimator.set_params(max_iter=1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*Maximum iterations")  # one step is meant
        estimator.fit(X, y)
    move(estimator.network_, random)
    return estimator


# Tables


def realmlp_options(random: Random) -> dict[str, Any]:
    """Options of a small RealMLP that is quickly trained."""
    return {
        "preset": pick(("td", "td", "td-s"), random),
        "hidden_layer_sizes": pick(((6,), (5, 4), (4, 3, 2)), random),
        "n_members": int(random.integers(1, 4)),
        "n_epochs": 1,
        "max_one_hot": pick((None, 3, 8), random),
        "backend": "numpy",
        "n_threads": 1,
        "random_state": int(random.integers(1000)),
    }


def _trained_realmlp(estimator: Any, X: Any, y: np.ndarray, random: Random) -> Any:
    estimator.fit(X, y)
    for network in estimator.networks_:
        move(network, random, 0.2)
    return estimator


def tables(random: Random) -> tuple[Any, Any]:
    """A table to train on, and one to predict for with unknown categories and extreme numbers: data frames or arrays."""
    kinds = [pick(tuple(COLUMNS), random) for _ in range(int(random.integers(1, 7)))]
    names = random.permutation(NAMES)[: len(kinds) + 1].tolist()
    n_rows = rows(random)
    columns = [COLUMNS[kind](N_TRAINING + n_rows, random) for kind in [*kinds, "number"]]
    known = pd.DataFrame({name: column[:N_TRAINING] for name, (column, _) in zip(names, columns, strict=True)})
    others = pd.DataFrame({name: column[N_TRAINING:] for name, (_, column) in zip(names, columns, strict=True)})
    if chance(random, 0.25) and not {"codes"} & set(kinds):  # an array would take them for numbers
        return known.to_numpy(object), others.to_numpy(object)
    return known, others


def numbers(n_rows: int, random: Random) -> tuple[pd.Series, pd.Series]:
    """Numbers, perhaps whole ones."""
    column = pd.Series(random.normal(10, 3, n_rows))
    column = column.round() if chance(random, 0.3) else column
    others = column.copy()
    others.iloc[-6:] = [0.0, -1e300, 1e9, -np.inf, np.inf, np.nan]
    return column, others


def missing_numbers(n_rows: int, random: Random) -> tuple[pd.Series, pd.Series]:
    """Numbers, some of them missing."""
    column, others = numbers(n_rows, random)
    column[random.permutation(n_rows)[: n_rows // 5]] = np.nan
    return column, others


def words(n_words: int) -> Callable[[int, Random], tuple[pd.Series, pd.Series]]:
    """Text with a given number of levels, some of it missing or unknown."""

    def draw(n_rows: int, random: Random) -> tuple[pd.Series, pd.Series]:
        levels = random.permutation(WORDS)[:n_words].tolist()
        column = pd.Series([*levels, None, *random.choice([*levels, None], n_rows - n_words - 1)], dtype=object)
        return column, pd.Series([*column[:-2], "unknown", levels[0]], dtype=object)

    return draw


def booleans(n_rows: int, random: Random) -> tuple[pd.Series, pd.Series]:
    """Booleans, some of them missing."""
    column = pd.Series([True, False, None, *random.choice([True, False], n_rows - 3)], dtype=object)
    return column, column


def category_codes(n_rows: int, random: Random) -> tuple[pd.Series, pd.Series]:
    """Numbers that are categories, some of them unknown or missing."""
    n_levels = pick((2, 5, 12), random)
    levels = [1.5, *range(2, n_levels + 1)]
    column = pd.Series([*levels, *random.choice(levels, n_rows - n_levels)])
    others = pd.Series([*column[:-3], 77.0, np.nan, 2.5])
    return column.astype("category"), others.astype("category")


def constants(n_rows: int, random: Random) -> tuple[pd.Series, pd.Series]:
    """A column with one value, or none."""
    column = pd.Series([pick(("same", 3.0, None), random)] * n_rows, dtype=object)
    return column, column


COLUMNS: dict[str, Callable[[int, Random], tuple[pd.Series, pd.Series]]] = {
    "number": numbers,
    "missing numbers": missing_numbers,
    "two words": words(2),
    "some words": words(5),
    "many words": words(12),
    "booleans": booleans,
    "codes": category_codes,
    "constant": constants,
}


# Choices


def chance(random: Random, probability: float) -> bool:
    """True with this probability."""
    return bool(random.uniform() < probability)


def pick(values: tuple[Any, ...], random: Random) -> Any:
    """One of some values."""
    return values[int(random.integers(len(values)))]


def rows(random: Random) -> int:
    """A number of rows: few, which tables read cell by cell, or more."""
    return pick((6, 16, 17, 40), random)


def names_of(n_columns: int, random: Random) -> tuple[str, ...] | None:
    """Different names, or none."""
    return tuple(random.permutation(NAMES)[:n_columns].tolist()) if chance(random, 0.4) else None
