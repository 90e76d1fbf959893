"""The best plain network: MNIST to 98.7 % with fully connected layers, in two minutes.

The network [784, 512, 512, 10], relu, softmax, has 670,000 parameters for 60,000 images: enough to memorise them all.
Three techniques prevent that, and a fourth lets the network learn fast in spite of them:

- *missing pixels*: in each epoch a different random fifth of the pixels is black, and the others are scaled by 1 / 0.8;
- *dropout*: each batch drops a different random 30 % of the hidden units, so that no unit can rely on another;
- *label smoothing*: 0.91 for the correct digit, 0.01 for each of the others;
- *batch normalisation*: each hidden unit has mean 0 and variance 1 over a batch before scale, shift and relu,

      y = gamma (z - mean) / sqrt(variance + 10^-5) + beta.

It trains with Nesterov momentum and a one-cycle schedule of 40 epochs: the learning rate rises to 0.3 and falls to nearly 0.
Nothing uses the fact that the 784 numbers form an image: no convolutions, no shifted or rotated digits.

With `--validate`, the last 10,000 training images are held out and used in place of the test images. The recipe was chosen
this way, from a single run of each candidate: it classified 98.76 % of the held-out images correctly. With 16 epochs, no
missing pixels and 40 % dropout, the result was 98.66 %; the same without batch normalisation 98.34 %, with layer
normalisation 98.51 %, with AdamW instead of SGD 98.55 %. On the test images this recipe reaches 98.73 % (`--seed 0`). Only
one other was tried on them, 1024 units instead of 512, with 20 epochs and no missing pixels: 98.71 %. For 10,000 images, the
standard deviation of each of these numbers is about 0.1 %.

Run `FASTNN_DATA=~/data python examples/best_plain_network.py`, with the four MNIST files in `~/data/mnist`; without them, it
downloads them.
"""

import argparse
import dataclasses
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fastnn
from fastnn.datasets import load_mnist
from fastnn.losses import SoftmaxCrossEntropy
from fastnn.schedules import OneCycle


class Result(NamedTuple):
    """A trained network, its accuracy on the test images, and the training time in seconds."""

    network: fastnn.Network
    test_accuracy: float
    seconds: float


class MissingPixels(fastnn.Callback):
    """Dropout on the inputs: before each epoch, a new random set of pixels becomes 0, and the others are scaled up.

    `fit` does not copy float32 images, so the next epoch sees what is written to them between epochs.
    """

    def __init__(self, images, share, seed):
        self.images, self.seen, self.share = images, images.copy(), share
        self.random, self.seconds = np.random.default_rng(seed), 0.0

    def on_fit_begin(self, network, history):
        """Before the first epoch."""
        self.on_epoch_end(network, history)

    def on_epoch_end(self, network, history):
        """Before the next epoch."""
        start = time.perf_counter()
        n_blocks = 1 + len(self.images) // 1000  # at most 1,000 images each, which fit in the cache
        blocks = (np.array_split(images, n_blocks) for images in (self.images, self.seen))
        for images, seen in zip(*blocks, strict=True):
            kept = self.random.random(images.shape, np.float32) >= self.share
            np.divide(images * kept, 1 - self.share, out=seen)
        self.seconds += time.perf_counter() - start


def hold_out(data):
    """Replace the test images, which are then not used, by the last sixth of the training images."""
    n = len(data.y) * 5 // 6
    return dataclasses.replace(data, X=data.X[:n], y=data.y[:n], X_test=data.X[n:], y_test=data.y[n:])


def train(data, backend, seed, epochs=40, hidden=(512, 512)):
    """Train on the training images of a data set, and test on its test images, with all their pixels."""
    network = fastnn.Network(
        [data.X.shape[1], *hidden, 10],
        activations="relu",
        loss=SoftmaxCrossEntropy(label_smoothing=0.1),
        normalization="batch",
        dropout=0.3,
        backend=backend,
        seed=seed,
    )
    missing = MissingPixels(data.X, share=0.2, seed=seed)
    history = network.fit(
        missing.seen,
        data.y,
        optimizer=fastnn.SGD(learning_rate=0.3, momentum=0.9, nesterov=True),
        schedule=OneCycle(rising_share=0.2),
        epochs=epochs,
        batch_size=128,
        callbacks=[missing],
    )
    test_accuracy = np.mean(network.predict(data.X_test) == data.y_test)
    return Result(network, test_accuracy, sum(history.seconds) + missing.seconds)


def main():
    arguments = parse_arguments()
    data = load_mnist(arguments.data_dir)
    data, tested_on = (hold_out(data), "held-out") if arguments.validate else (data, "test")
    for backend in arguments.backend:
        result = train(data, backend, arguments.seed, arguments.epochs, arguments.hidden)
        sizes = "-".join(map(str, result.network.architecture.layer_sizes))
        print(
            f"{backend:>6} backend, {sizes}, {arguments.epochs} epochs: "
            f"{tested_on} accuracy {result.test_accuracy:.2%} in {result.seconds:.1f} s"
        )


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--backend", nargs="+", choices=fastnn.available_backends(), default=["numba"], help="default: numba"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--hidden", nargs="+", type=int, default=[512, 512], help="hidden units; default: 512 512")
    parser.add_argument("--validate", action="store_true", help="test on held-out training images instead")
    parser.add_argument("--data-dir", type=Path, help="folder with the MNIST files; default: $FASTNN_DATA")
    return parser.parse_args()


if __name__ == "__main__":
    main()
