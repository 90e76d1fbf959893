"""Training of a network, on which backends and libraries are compared."""

import statistics
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

import fastnn
from benchmarks.harness.agreement import assert_within
from benchmarks.harness.turns import seconds_of
from benchmarks.settings import DTYPE, SEED
from benchmarks.workloads.workload import Workload

#: Largest relative difference of the losses of two programs that train the same way: the cube root of the dtype's spacing,
#: 0.5 % in single precision. They differ only by rounding, but hundreds of updates amplify it, mostly where units switch at
#: the kink of a ReLU: two layers of 512 were seen to end 0.2 % apart, and sigmoid networks 0.000001 %.
LOSS_TOLERANCE = float(np.cbrt(np.finfo(DTYPE).eps))

#: Largest distance between the final parameters of two libraries, relative to their distance from the start. Rounding was
#: seen to separate ReLU networks by some hundredths; a forgotten update, rate or momentum separates them by about 1.
DRIFT_TOLERANCE = 0.2

#: Batches after which libraries that train by Adam are compared.
ADAM_BATCHES = 10


@dataclass(frozen=True, kw_only=True)
class Training(Workload):
    """One network, its training set and the way it is trained.

    ``batch_size=None`` uses the whole set as one batch; ``epochs`` are those of one timed ``fit``; ``momentum`` is PyTorch's,
    v <- momentum v + g, theta <- theta - learning_rate v; with ``adam``, the optimizer is Adam with its default options.
    """

    layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    batch_size: int | None
    learning_rate: float
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

        A layer of ``m`` inputs and ``k`` outputs costs ``2 m k`` per sample in each of ``A W``, ``A^T dZ`` and ``dZ W^T``;
        the first layer does not need the last one.
        """
        products = [m * k for m, k in zip(self.layer_sizes, self.layer_sizes[1:], strict=False)]
        return 2 * (3 * sum(products) - products[0]) * self.n_samples * self.epochs

    @property
    def description(self) -> dict[str, Any]:
        """The workload, as saved with its times."""
        return {
            "name": self.name,
            "network": self.network_shape,
            "loss": self.loss,
            "n_samples": self.n_samples,
            "batch_size": self.batch_size,
            "data": self.data().source,
            "epochs": self.epochs,
        }

    def summary(self, seconds: list[float]) -> dict[str, float]:
        """The statistics to save, from the seconds of the timed fits."""
        median = statistics.median(seconds)
        return {
            "milliseconds_per_epoch": 1e3 * median / self.epochs,
            "fastest_milliseconds_per_epoch": 1e3 * min(seconds) / self.epochs,
            "useful_gflops": self.gflops(median),
        }

    def samples_per_second(self, seconds: float) -> float:
        """Training samples per second when one timed ``fit`` takes `seconds`."""
        return self.n_samples * self.epochs / seconds

    def gflops(self, seconds: float) -> float:
        """Useful GFLOP/s when one timed ``fit`` takes `seconds`."""
        return self.useful_flops / seconds / 1e9

    @property
    def optimizer(self) -> fastnn.optimizers.Optimizer:
        """The fastnn optimizer."""
        if self.adam:
            return fastnn.Adam(learning_rate=self.learning_rate)
        return fastnn.SGD(learning_rate=self.learning_rate, momentum=self.momentum)

    def network(self, backend: str, n_threads: int | None = None, **options: Any) -> fastnn.Network:
        """Untrained network, possibly with more options; the same seed and initial parameters on every backend."""
        return fastnn.Network(
            self.layer_sizes,
            activations=self.activations,
            loss=self.loss,
            backend=backend,
            dtype=DTYPE,
            initializer="glorot_uniform" if self.activations[0] in ("sigmoid", "tanh") else "he_normal",
            n_threads=n_threads,
            **{"seed": SEED, **options},
        )

    @property
    def fit_options(self) -> dict[str, Any]:
        """Options of ``Network.fit``."""
        return {"optimizer": self.optimizer, "epochs": self.epochs, "batch_size": self.batch_size, "progress": False}

    def fit(self, network: fastnn.Network, **changes: Any) -> fastnn.History:
        """Train `network` on the workload's data, possibly with other options; this is what the benchmarks time."""
        data = self.data()
        return network.fit(data.X, data.y, **{**self.fit_options, **changes})

    def seconds(self, backend: str, n_threads: int | None = None) -> float:
        """Wall time of one ``fit`` of a fresh network, in seconds."""
        network = self.network(backend, n_threads)
        return seconds_of(lambda: self.fit(network))

    def assert_backends_agree(self, optimizer: fastnn.optimizers.Optimizer | None = None, **options: Any) -> None:
        """Require the same loss of every backend after one epoch; this also compiles the kernels."""
        networks = {name: self.network(name, **options) for name in fastnn.available_backends()}
        changes = {"epochs": 1, "optimizer": optimizer or self.optimizer}
        losses = {name: self.fit(network, **changes).loss[-1] for name, network in networks.items()}
        for name, loss in losses.items():
            deviation = abs(loss / losses["numpy"] - 1)
            assert_within(self.name, "losses after an epoch", ("numpy", name), deviation, LOSS_TOLERANCE)

    def quick(self) -> Self:
        """One epoch of two batches and a short one."""
        batch_size = min(self.batch_size or 64, 64)
        n_samples = min(self.n_samples, 3 * batch_size - 1)
        return replace(self, n_samples=n_samples, batch_size=self.batch_size and batch_size, epochs=1)

    def comparable(self) -> Self:
        """The training after which all libraries must have the same parameters: all of it, or the first batches.

        Adam divides a gradient by its own size, so that one that is only rounding moves a parameter as far as any other: after
        hundreds of steps in single precision no two programs agree, but after ten they still do.
        """
        if not self.adam or self.batch_size is None:
            return self
        return replace(self, n_samples=min(self.n_samples, ADAM_BATCHES * self.batch_size), epochs=1)


def relative_drifts(parameters: NDArray[Any], expected: NDArray[Any], start: NDArray[Any]) -> NDArray[np.float64]:
    """|parameters - expected| / |expected - start| along the last axis, Euclidean norms in double precision."""
    theta, theta_expected, theta_start = (np.asarray(vector, np.float64) for vector in (parameters, expected, start))
    return np.linalg.norm(theta - theta_expected, axis=-1) / np.linalg.norm(theta_expected - theta_start, axis=-1)
