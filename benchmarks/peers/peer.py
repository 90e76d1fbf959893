"""The interface of a library in the comparison: start from given weights, train, and return its weights."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.workloads.training import Training

#: Weights (n_in, n_out) and biases (n_out,) of each layer.
Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


class Peer(ABC):
    """One library, ready to train one workload.

    Parameters
    ----------
    workload : Training
        The workload of all libraries; its initial weights are drawn by fastnn.

    Attributes
    ----------
    workload : Training
        The workload of this library: the same one, unless its public interface does not support it.
    start : list of (weights, biases)
        Initial parameters.
    """

    def __init__(self, workload: Training) -> None:
        self.workload = self.adapted(workload)
        network = self.workload.network("numpy")
        self.start: Layers = list(zip(network.weights, network.biases, strict=True))

    @staticmethod
    def adapted(workload: Training) -> Training:
        """The closest workload that the library supports."""
        return workload

    @abstractmethod
    def reset(self) -> None:
        """Restore the initial parameters."""

    @abstractmethod
    def train(self, epochs: int, shuffle: bool) -> None:
        """Train for some epochs in mini-batches, the last of which may be smaller, shuffled or in order.

        A single batch is never shuffled. Returns when everything is computed.
        """

    @abstractmethod
    def layers(self) -> Layers:
        """The current parameters."""

    def parameters(self) -> NDArray[np.float32]:
        """The current parameters, W_1, b_1, W_2, b_2, ... in row-major order, in one vector."""
        return flat(self.layers())

    def start_parameters(self) -> NDArray[np.float32]:
        """The initial parameters, in one vector."""
        return flat(self.start)


def flat(layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> NDArray[np.float32]:
    """W_1, b_1, W_2, b_2, ... in row-major order, in one vector."""
    return np.concatenate([np.ravel(part) for layer in layers for part in layer])
