"""fastnn: ``Network.fit`` on either backend."""

from benchmarks.peers.peer import Layers, Peer
from benchmarks.workloads.training import Training


class Fastnn(Peer):
    """A network on one backend, trained by the public ``fit`` with its argument checks and history."""

    def __init__(self, workload: Training, backend: str) -> None:
        super().__init__(workload)
        self.network = self.workload.network(backend)

    def reset(self) -> None:
        """Restore the initial parameters."""
        for W, b, (first_W, first_b) in zip(self.network.weights, self.network.biases, self.start, strict=True):
            W[:], b[:] = first_W, first_b
        self.network.forget_optimizer()  # its state persists between fits

    def train(self, epochs: int, shuffle: bool) -> None:
        """One ``fit``."""
        self.workload.fit(self.network, epochs=epochs, shuffle=shuffle)

    def layers(self) -> Layers:
        """Copies of the network's weights and biases."""
        return [(W.copy(), b.copy()) for W, b in zip(self.network.weights, self.network.biases, strict=True)]
