"""The table of workloads that every benchmark runs.

Set ``FASTNN_BENCHMARK_QUICK=1`` to shrink each of them to a few batches: enough to see that everything runs, of no
worth as a measurement. Set ``FASTNN_DATA`` to a folder with the MNIST files to run the MNIST-sized workloads on them;
otherwise they run on random images of the same shape, mean and variance, and say so.
"""

import functools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

import fastnn
from fastnn import datasets

SEED = 0
DTYPE = "float32"
QUICK = os.environ.get("FASTNN_BENCHMARK_QUICK", "0") not in ("", "0")

#: How far apart the losses of two programs that trained the same way may be, relative to either: the cube root of the
#: dtype's spacing, 0.5 % in single precision. Rounding alone differs between them, but hundreds of updates amplify it,
#: most where units switch at the kink of a ReLU: two layers of 512 were seen to end 0.2 % apart, and networks of sigmoids
#: 0.000001 %.
LOSS_TOLERANCE = float(np.cbrt(np.finfo(DTYPE).eps))


@dataclass(frozen=True)
class Data:
    """Inputs, targets and where they come from."""

    X: NDArray[np.float32]
    y: NDArray[np.generic]
    source: str


@dataclass(frozen=True)
class Workload:
    """One network, its training set and the way it is trained.

    ``batch_size=None`` takes the whole set as one batch; ``epochs`` is how many make up one timed ``fit``; ``momentum``
    is PyTorch's, v <- momentum v + g, theta <- theta - learning_rate v; with ``adam``, it is Adam with its usual options.
    """

    name: str
    layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    n_samples: int
    batch_size: int | None
    learning_rate: float
    make_data: Callable[[int], Data]
    epochs: int = 1
    momentum: float = 0.0
    adam: bool = False

    @property
    def network_shape(self) -> str:
        """Layer sizes and hidden activation, as in ``784-128-10 relu``."""
        return f"{'-'.join(map(str, self.layer_sizes))} {self.activations[0]}"

    @property
    def useful_flops(self) -> int:
        """Floating-point operations of the matrix products of one timed ``fit``.

        A layer of ``m`` inputs and ``k`` outputs costs ``2 m k`` a sample in each of ``A W``, ``A^T dZ`` and
        ``dZ W^T``; the first layer has no use for the last one.
        """
        products = [m * k for m, k in zip(self.layer_sizes, self.layer_sizes[1:], strict=False)]
        return 2 * (3 * sum(products) - products[0]) * self.n_samples * self.epochs

    def samples_per_second(self, seconds: float) -> float:
        """Training samples per second when one timed ``fit`` takes `seconds`."""
        return self.n_samples * self.epochs / seconds

    def gflops(self, seconds: float) -> float:
        """Useful GFLOP/s when one timed ``fit`` takes `seconds`."""
        return self.useful_flops / seconds / 1e9

    @property
    def optimizer(self) -> fastnn.optimizers.Optimizer:
        """How fastnn updates the parameters."""
        if self.adam:
            return fastnn.Adam(learning_rate=self.learning_rate)
        return fastnn.SGD(learning_rate=self.learning_rate, momentum=self.momentum)

    def data(self) -> Data:
        """Training set, made once and kept while workloads that share it run."""
        return _data(self.make_data, self.n_samples)

    def network(self, backend: str, n_threads: int | None = None) -> fastnn.Network:
        """Untrained network; the same seed, so the same initial parameters, on every backend."""
        return fastnn.Network(
            self.layer_sizes,
            activations=self.activations,
            loss=self.loss,
            backend=backend,
            dtype=DTYPE,
            initializer="glorot_uniform" if self.activations[0] in ("sigmoid", "tanh") else "he_normal",
            seed=SEED,
            n_threads=n_threads,
        )

    def fit(self, network: fastnn.Network, epochs: int | None = None, shuffle: bool = True) -> fastnn.History:
        """Train `network` on the workload's data: what the benchmarks time."""
        data = self.data()
        return network.fit(
            data.X,
            data.y,
            optimizer=self.optimizer,
            epochs=self.epochs if epochs is None else epochs,
            batch_size=self.batch_size,
            shuffle=shuffle,
            progress=False,
        )

    def seconds(self, backend: str, n_threads: int | None = None) -> float:
        """Wall time of one ``fit`` of a fresh network, in seconds."""
        network = self.network(backend, n_threads)
        start = time.perf_counter()
        self.fit(network)
        return time.perf_counter() - start

    def assert_backends_agree(self) -> None:
        """Demand that one epoch brings every backend to the same loss; compiles what is timed afterwards."""
        losses = {
            backend: self.fit(self.network(backend), epochs=1).loss[-1] for backend in fastnn.available_backends()
        }
        reference = losses["numpy"]
        for backend, loss in losses.items():
            if not abs(loss - reference) <= LOSS_TOLERANCE * abs(reference):
                raise AssertionError(
                    f"{self.name}: after one epoch the {backend} backend has a loss of {loss:.8g} and the numpy backend "
                    f"one of {reference:.8g}; they may differ by a factor of 1 +- {LOSS_TOLERANCE:.1g}. Nothing was timed."
                )


@functools.lru_cache(maxsize=1)
def _data(make_data: Callable[[int], Data], n_samples: int) -> Data:
    return make_data(n_samples)


def _named(name: str, n_samples: int) -> Data:
    dataset = datasets.load_named(name, seed=SEED)
    return Data(dataset.X[:n_samples].astype(DTYPE), dataset.y[:n_samples], name)


def half_planes(n_samples: int) -> Data:
    """Points of the plane, labelled 1 where either of two random half-planes holds them."""
    rng = np.random.default_rng(SEED)
    X = rng.standard_normal((n_samples, 2))
    normals = rng.standard_normal((2, 2))
    return Data(X.astype(DTYPE), (X @ normals > 0).any(axis=1).astype(np.int64), "half-planes")


def _smooth_functions(n_samples: int) -> Data:
    """Four inputs, and four smooth functions of them to fit."""
    rng = np.random.default_rng(SEED)
    X = rng.uniform(-1, 1, (n_samples, 4))
    y = np.sin(X @ rng.standard_normal((4, 4)))
    return Data(X.astype(DTYPE), y.astype(DTYPE), "smooth functions")


def _table(n_samples: int) -> Data:
    """A table of 54 columns, as many as there are of forest covers, in seven classes that a small network can learn."""
    rng = np.random.default_rng(SEED)
    X = rng.standard_normal((n_samples, 54))
    scores = np.tanh(X @ rng.standard_normal((54, 20)) / 4) @ rng.standard_normal((20, 7))
    return Data(X.astype(DTYPE), scores.argmax(axis=1), "table of 54 columns")


def mnist_images(n_samples: int) -> Data:
    """The first images of MNIST's training set, or random ones where it is not to be had."""
    if not os.environ.get("FASTNN_DATA"):
        return _random_images(n_samples)
    dataset = datasets.load_mnist()
    return Data(dataset.X[:n_samples], dataset.y[:n_samples], "MNIST")


def _random_images(n_samples: int) -> Data:
    """MNIST's shape and statistics: 81 % of the pixels are black, the mean is 0.131, the standard deviation 0.308.

    With a beta distribution of the other pixels both moments come out right. It is drawn by its quantiles, so that no
    array as large as the images is needed in float64.
    """
    rng = np.random.default_rng(SEED)
    inked = beta.ppf((np.arange(191) + 0.5) / 191, 0.57, 0.26)
    levels = np.concatenate([np.zeros(1000 - len(inked)), inked]).astype(DTYPE)
    pixels = rng.integers(len(levels), size=(n_samples, 784), dtype=np.uint16)
    return Data(levels[pixels], rng.integers(10, size=n_samples), "random images of MNIST's shape")


def _quick(workload: Workload) -> Workload:
    batches, batch_size = 3, min(workload.batch_size or 64, 64)
    n_samples = min(workload.n_samples, batches * batch_size - 1)  # the last batch is a short one
    return replace(workload, n_samples=n_samples, batch_size=workload.batch_size and batch_size, epochs=1)


_PLAIN = (
    Workload(
        name="digits",
        layer_sizes=(64, 128, 10),
        activations=("relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=1797,
        batch_size=32,
        learning_rate=0.1,
        make_data=functools.partial(_named, "digits"),
        epochs=10,
    ),
    Workload(
        name="moons",
        layer_sizes=(2, 16, 32, 2),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=1000,
        batch_size=None,
        learning_rate=0.1,
        make_data=functools.partial(_named, "moons"),
        epochs=50,
    ),
    Workload(
        name="moons_sigmoid",
        layer_sizes=(2, 16, 32, 1),
        activations=("sigmoid", "sigmoid", "sigmoid"),
        loss="binary_cross_entropy",
        n_samples=1000,
        batch_size=None,
        learning_rate=1.0,
        make_data=functools.partial(_named, "moons"),
        epochs=500,
    ),
    Workload(
        name="half_planes",
        layer_sizes=(2, 8, 4, 1),
        activations=("relu", "relu", "sigmoid"),
        loss="binary_cross_entropy",
        n_samples=100_000,
        batch_size=64,
        learning_rate=0.01,
        make_data=half_planes,
    ),
    Workload(
        name="smooth_functions",
        layer_sizes=(4, 32, 16, 4),
        activations=("tanh", "tanh", "identity"),
        loss="squared_error",
        n_samples=10_000,
        batch_size=None,
        learning_rate=0.01,
        make_data=_smooth_functions,
        epochs=50,
    ),
    Workload(
        name="mnist_128",
        layer_sizes=(784, 128, 10),
        activations=("relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=60_000,
        batch_size=128,
        learning_rate=0.1,
        make_data=mnist_images,
    ),
    Workload(
        name="mnist_512_512",
        layer_sizes=(784, 512, 512, 10),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=60_000,
        batch_size=128,
        learning_rate=0.1,
        make_data=mnist_images,
    ),
    Workload(
        name="mnist_500_250_sigmoid",
        layer_sizes=(784, 500, 250, 10),
        activations=("sigmoid", "sigmoid", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=60_000,
        batch_size=100,
        learning_rate=0.1,
        make_data=mnist_images,
        momentum=0.9,
    ),
    Workload(
        name="mnist_1500_1500",
        layer_sizes=(784, 1500, 1500, 10),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=8192,
        batch_size=128,
        learning_rate=0.1,
        make_data=mnist_images,
    ),
    Workload(
        name="table_adam",
        layer_sizes=(54, 100, 50, 7),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=50_000,
        batch_size=256,
        learning_rate=0.001,
        make_data=_table,
        adam=True,
    ),
    Workload(
        name="mnist_2048_2048",
        layer_sizes=(784, 2048, 2048, 10),
        activations=("relu", "relu", "softmax"),
        loss="softmax_cross_entropy",
        n_samples=4096,
        batch_size=512,
        learning_rate=0.1,
        make_data=mnist_images,
    ),
)

_BY_NAME = {workload.name: workload for workload in _PLAIN}
_FULL_SIZE = (
    *_PLAIN,
    *(
        replace(_BY_NAME[name], name=f"{name}_adam", adam=True, learning_rate=learning_rate, momentum=0.0)
        for name, learning_rate in (("smooth_functions", 0.01), ("mnist_128", 0.001), ("mnist_512_512", 0.001))
    ),
)

#: Every workload that the benchmarks run.
WORKLOADS = tuple(map(_quick, _FULL_SIZE)) if QUICK else _FULL_SIZE
