"""PyTorch, eager: the training loop of its tutorials, with batches indexed from one tensor."""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch.nn import functional

from benchmarks.peers.peer import Layers, Peer
from benchmarks.workloads.training import Training
from fastnn.threads import available_cpus

_MODULES = {
    "relu": torch.nn.ReLU,
    "sigmoid": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
}


class Torch(Peer):
    """Linear layers, a loss on the logits, and ``torch.optim.SGD`` or ``Adam``."""

    def __init__(self, workload: Training) -> None:
        super().__init__(workload)
        torch.set_num_threads(available_cpus())
        data = self.workload.data()
        self.X, self.y = torch.tensor(data.X), torch.tensor(data.y)
        if self.workload.loss == "binary_cross_entropy":
            self.y = self.y.to(self.X.dtype)
        sizes = self.workload.layer_sizes
        self.linear = [torch.nn.Linear(m, k) for m, k in pairwise(sizes)]
        hidden = [_MODULES[name]() for name in self.workload.activations[:-1]]
        pairs = zip(self.linear[:-1], hidden, strict=True)
        self.logits = torch.nn.Sequential(*(module for pair in pairs for module in pair), self.linear[-1])

    def reset(self) -> None:
        """Restore the initial parameters."""
        with torch.no_grad():
            for layer, (W, b) in zip(self.linear, self.start, strict=True):
                layer.weight.copy_(torch.tensor(W.T))
                layer.bias.copy_(torch.tensor(b))

    def train(self, epochs: int, shuffle: bool) -> None:
        """Forward, backward and update, batch by batch, and the usual mean loss of the epoch."""
        workload, n_samples = self.workload, len(self.X)
        parameters, rate = self.logits.parameters(), workload.learning_rate
        optimizer = (
            torch.optim.Adam(parameters, lr=rate)
            if workload.adam
            else torch.optim.SGD(parameters, lr=rate, momentum=workload.momentum)
        )
        self.losses = []
        for _ in range(epochs):
            total = 0.0
            for X, y in self._batches(shuffle):
                optimizer.zero_grad()
                loss = self._loss(self.logits(X), y)
                loss.backward()
                optimizer.step()
                total += loss.item() * len(X)
            self.losses.append(total / n_samples)

    def _batches(self, shuffle: bool) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if self.workload.batch_size is None:
            yield self.X, self.y
            return
        order = torch.randperm(len(self.X)) if shuffle else torch.arange(len(self.X))
        for rows in order.split(self.workload.batch_size):
            yield self.X[rows], self.y[rows]

    def _loss(self, Z: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        if self.workload.loss == "softmax_cross_entropy":
            return functional.cross_entropy(Z, y)
        if self.workload.loss == "binary_cross_entropy":
            return functional.binary_cross_entropy_with_logits(Z[:, 0], y)
        return functional.mse_loss(Z, y, reduction="sum") / len(y)

    def layers(self) -> Layers:
        """The layers' weights, transposed, and biases."""
        return [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in self.linear]
