"""Data sets of the workloads: each is created by a function of the number of samples, with the same values each time.

Set ``FASTNN_DATA`` to a folder with the MNIST files to run the MNIST-sized workloads on them; otherwise they run on random
images of the same shape, mean and variance, and say so.
"""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta
from sklearn.datasets import load_digits, make_classification, make_regression
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from benchmarks.settings import DTYPE, SEED
from fastnn import datasets


@dataclass(frozen=True)
class Data:
    """Inputs, an array or a sparse matrix; targets; and where they come from."""

    X: Any
    y: NDArray[Any]
    source: str

    def beginning(self, n_samples: int, dtype: type[np.floating[Any]]) -> "Data":
        """The first samples, with inputs of this type."""
        return Data(self.X[:n_samples].astype(dtype), self.y[:n_samples], self.source)


@functools.lru_cache(maxsize=1)
def made(make_data: Callable[[int], Data], n_samples: int) -> Data:
    """The data set, cached until another one is requested."""
    return make_data(n_samples)


def in_type(dtype: str, make_data: Callable[[int], Data], n_samples: int) -> Data:
    """A data set with inputs of another type."""
    data = make_data(n_samples)
    return Data(data.X.astype(dtype), data.y, data.source)


def named(name: str, n_samples: int) -> Data:
    """One of fastnn's own data sets."""
    dataset = datasets.load_named(name, seed=SEED)
    return Data(dataset.X[:n_samples].astype(DTYPE), dataset.y[:n_samples], name)


def half_planes(n_samples: int) -> Data:
    """Points in the plane, labelled 1 if they are in at least one of two random half-planes."""
    rng = np.random.default_rng(SEED)
    X = rng.standard_normal((n_samples, 2))
    normals = rng.standard_normal((2, 2))
    return Data(X.astype(DTYPE), (X @ normals > 0).any(axis=1).astype(np.int64), "half-planes")


def smooth_functions(n_samples: int) -> Data:
    """Four inputs, and four smooth functions of them."""
    rng = np.random.default_rng(SEED)
    X = rng.uniform(-1, 1, (n_samples, 4))
    y = np.sin(X @ rng.standard_normal((4, 4)))
    return Data(X.astype(DTYPE), y.astype(DTYPE), "smooth functions")


def forest_like(n_samples: int) -> Data:
    """A table of 54 columns, as in the forest cover data, with seven classes that a small network can learn."""
    rng = np.random.default_rng(SEED)
    X = rng.standard_normal((n_samples, 54))
    scores = np.tanh(X @ rng.standard_normal((54, 20)) / 4) @ rng.standard_normal((20, 7))
    return Data(X.astype(DTYPE), scores.argmax(axis=1), "table of 54 columns")


def mnist_images(n_samples: int) -> Data:
    """The first images of MNIST's training set, or random ones if it is not available."""
    if not os.environ.get("FASTNN_DATA"):
        return _random_images(n_samples)
    dataset = datasets.load_mnist()
    return Data(dataset.X[:n_samples], dataset.y[:n_samples], "MNIST")


def _random_images(n_samples: int) -> Data:
    """MNIST's shape and statistics: 81 % of the pixels are black, the mean is 0.131, the standard deviation 0.308.

    A beta distribution of the other pixels matches both moments. It is sampled by its quantiles, so that no float64 array of
    the size of the images is needed.
    """
    rng = np.random.default_rng(SEED)
    inked = beta.ppf((np.arange(191) + 0.5) / 191, 0.57, 0.26)
    levels = np.concatenate([np.zeros(1000 - len(inked)), inked]).astype(DTYPE)
    pixels = rng.integers(len(levels), size=(n_samples, 784), dtype=np.uint16)
    return Data(levels[pixels], rng.integers(10, size=n_samples), "random images of MNIST's shape")


def digits(n_samples: int) -> Data:
    """The digits of scikit-learn: double precision, pixels from 0 to 16."""
    X, y = load_digits(return_X_y=True)
    return Data(X[:n_samples], y[:n_samples], "digits")


def two_classes(n_samples: int) -> Data:
    """Two classes with eight informative features out of twenty, in double precision."""
    X, y = make_classification(n_samples, n_features=20, n_informative=8, random_state=SEED)
    return Data(X, y, "make_classification")


def regression(n_samples: int) -> Data:
    """Numeric targets that depend on twenty features, in double precision."""
    X, y = make_regression(n_samples, n_features=20, noise=10.0, random_state=SEED)
    return Data(X, y, "make_regression")


def hashed_text(n_samples: int) -> Data:
    """Words and pairs of words, hashed into a million columns."""
    documents, topics = _documents(n_samples)
    return Data(HashingVectorizer(ngram_range=(1, 2)).transform(documents), topics, "hashed text, sparse")


def tfidf(n_samples: int) -> Data:
    """TF-IDF weights of the most frequent words."""
    documents, topics = _documents(n_samples)
    return Data(TfidfVectorizer(max_features=10_000).fit_transform(documents), topics, "TF-IDF, sparse")


def _documents(n_samples: int) -> tuple[list[str], NDArray[Any]]:
    """Documents of 100 words from a heavy-tailed distribution, each with one of four topics."""
    random = np.random.default_rng(SEED)
    topics = random.integers(0, 4, n_samples)
    words = random.zipf(1.3, (n_samples, 100)) % 30_000
    is_special = random.random(words.shape) < 0.2
    words = np.where(is_special, 30_000 + 1000 * topics[:, np.newaxis] + words % 1000, words)
    return [" ".join(f"word{word}" for word in document) for document in words], topics
