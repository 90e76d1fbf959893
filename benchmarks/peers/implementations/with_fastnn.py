"""fastnn: ``Network.fit`` on either backend."""

from benchmarks.peers.peer import Layers, Peer
from benchmarks.workloads import Workload


class Fastnn(Peer):
    """A network on one backend; the public ``fit``, its checks of arguments and its history included."""

    def __init__(self, workload: Workload, backend: str) -> None:
        super().__init__(workload)
        self.network = self.workload.network(backend)
        self._compile_shuffled()

    def _compile_shuffled(self) -> None:
        # Agreement is checked on samples in order, which other kernels gather than those of the turns.
        data, batch_size = self.workload.data(), self.workload.batch_size
        rows = slice(None if batch_size is None else batch_size + 1)
        optimizer = self.workload.optimizer
        self.network.fit(data.X[rows], data.y[rows], optimizer=optimizer, epochs=1, batch_size=batch_size)

    def reset(self) -> None:
        """Go back to the parameters to start from."""
        for W, b, (first_W, first_b) in zip(self.network.weights, self.network.biases, self.start, strict=True):
            W[:], b[:] = first_W, first_b
        self.network.forget_optimizer()  # its state outlives a fit

    def train(self, epochs: int, shuffle: bool) -> None:
        """One ``fit``."""
        self.workload.fit(self.network, epochs, shuffle)

    def layers(self) -> Layers:
        """Copies of the network's weights and biases."""
        return [(W.copy(), b.copy()) for W, b in zip(self.network.weights, self.network.biases, strict=True)]
