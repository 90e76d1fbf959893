"""fastnn: ``Network.fit`` on either backend."""

from benchmarks.peers.peer import Layers, Peer
from benchmarks.workloads.training import Training


class Fastnn(Peer):
    """A network on one backend; the public ``fit``, its checks of arguments and its history included."""

    def __init__(self, workload: Training, backend: str) -> None:
        super().__init__(workload)
        self.network = self.workload.network(backend)

    def reset(self) -> None:
        """Go back to the parameters to start from."""
        for W, b, (first_W, first_b) in zip(self.network.weights, self.network.biases, self.start, strict=True):
            W[:], b[:] = first_W, first_b
        self.network.forget_optimizer()  # its state outlives a fit

    def train(self, epochs: int, shuffle: bool) -> None:
        """One ``fit``."""
        self.workload.fit(self.network, epochs=epochs, shuffle=shuffle)

    def layers(self) -> Layers:
        """Copies of the network's weights and biases."""
        return [(W.copy(), b.copy()) for W, b in zip(self.network.weights, self.network.biases, strict=True)]
