"""The best plain network: fully connected layers on MNIST to 98.7 %, in two minutes.

The network [784, 512, 512, 10], relu, softmax, has 670,000 parameters for 60,000 images: enough to learn all of them by heart.
Three things keep it from that, and a fourth lets it learn fast in spite of them:

- *missing pixels*: each epoch sees the images with another random fifth of their pixels black, the others brighter by 1 / 0.8;
- *dropout*: each batch does without another random 30 % of the hidden units, so that no unit can rely on another;
- *smoothed labels*: 0.91 for the right digit, 0.01 for each other one;
- *batch normalisation*: each hidden unit has mean 0 and variance 1 over a batch before scale, shift and relu,

      y = gamma (z - mean) / sqrt(variance + 10^-5) + beta.

Nesterov's momentum takes it there in one cycle of 40 epochs: the learning rate rises to 0.3 and falls to nearly 0. Nothing
knows that the 784 numbers are an image: no convolution, and no shifted or turned digits.

With `--validate` the last 10,000 training images are held out, and take the place of the test images. That is how the recipe
was chosen, by a single run of each: 98.76 % of the held-out images were read rightly. In 16 epochs and without missing pixels,
with 40 % dropout, it was 98.66 %; the same without batch normalisation 98.34 %, with layer normalisation 98.51 %, with
AdamW in place of SGD 98.55 %. Of the test images this recipe reads 98.73 % rightly (`--seed 0`), and one other was tried on
them, 1024 units in place of 512, in 20 epochs without missing pixels: 98.71 %. All of these are uncertain by a tenth of a
percent, one standard deviation for 10,000 images.

Run `FASTNN_DATA=~/data python examples/best_plain_network.py`, with the four files of MNIST in `~/data/mnist`; without
the files it fetches them.
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
    """A trained network, the share of test images that it reads rightly, and the seconds that training took."""

    network: fastnn.Network
    test_accuracy: float
    seconds: float


class MissingPixels(fastnn.Callback):
    """Dropout on the inputs: before each epoch, other pixels are set to 0, and those that are left are scaled up.

    `fit` reads float32 images where they lie, so the next epoch sees what is written there between epochs.
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
        n_blocks = 1 + len(self.images) // 1000  # of a thousand images or fewer, which the cache holds
        blocks = (np.array_split(images, n_blocks) for images in (self.images, self.seen))
        for images, seen in zip(*blocks, strict=True):
            kept = self.random.random(images.shape, np.float32) >= self.share
            np.divide(images * kept, 1 - self.share, out=seen)
        self.seconds += time.perf_counter() - start


def hold_out(data):
    """The last sixth of the training images in place of the test images, which nobody then looks at."""
    n = len(data.y) * 5 // 6
    return dataclasses.replace(data, X=data.X[:n], y=data.y[:n], X_test=data.X[n:], y_test=data.y[n:])


def train(data, backend, seed, epochs=40, hidden=(512, 512)):
    """Train on the training images of a data set, and test on its test images, of which no pixels are missing."""
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
    parser.add_argument("--hidden", nargs="+", type=int, default=[512, 512], help="units; default: 512 512")
    parser.add_argument("--validate", action="store_true", help="hold training images out, and leave the test images")
    parser.add_argument("--data-dir", type=Path, help="folder with the files of MNIST; default: $FASTNN_DATA")
    return parser.parse_args()


if __name__ == "__main__":
    main()
