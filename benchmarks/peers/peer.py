"""What a library has to do to be compared: start from given weights, train, and show its weights."""

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
        What everybody trains; its initial weights are those that fastnn draws.

    Attributes
    ----------
    workload : Training
        What this library trains: the same, unless its public interface has no way to say it.
    start : list of (weights, biases)
        Parameters to start from.
    """

    def __init__(self, workload: Training) -> None:
        self.workload = self.adapted(workload)
        network = self.workload.network("numpy")
        self.start: Layers = list(zip(network.weights, network.biases, strict=True))

    @staticmethod
    def adapted(workload: Training) -> Training:
        """The nearest workload that the library can train."""
        return workload

    @abstractmethod
    def reset(self) -> None:
        """Go back to the parameters to start from."""

    @abstractmethod
    def train(self, epochs: int, shuffle: bool) -> None:
        """Train for some epochs, batch by batch with a short last one, in a new order each or as the samples lie.

        A single batch is never shuffled. Returns when everything is computed.
        """

    @abstractmethod
    def layers(self) -> Layers:
        """The parameters as they are now."""

    def parameters(self) -> NDArray[np.float32]:
        """The parameters as they are now, W_1, b_1, W_2, b_2, ... row by row in one vector."""
        return flat(self.layers())

    def start_parameters(self) -> NDArray[np.float32]:
        """The parameters to start from, in one vector."""
        return flat(self.start)


def flat(layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]]) -> NDArray[np.float32]:
    """W_1, b_1, W_2, b_2, ... row by row in one vector."""
    return np.concatenate([np.ravel(part) for layer in layers for part in layer])
