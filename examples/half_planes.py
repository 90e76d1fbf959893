"""Half-planes: a small network on 100,000 points, with and without an L2 penalty on its weights.

Two random lines cut the plane. A point x has label 1 if it lies in either of the half-planes beyond them:

    y = 1 if (x - p_1) . n_1 > 0 or (x - p_2) . n_2 > 0, else 0.

The network [2, 8, 4, 1], relu, relu, sigmoid, learns p(y = 1 | x) from 80,000 of the points in batches of 64, by
stochastic gradient descent on the binary cross-entropy plus the penalty (l2 / 2) sum W^2. The gradient of the penalty
pulls each weight towards zero:

    W <- W - learning_rate (dL/dW + l2 W).

Smaller weights make the step from 0 to 1 at the boundary softer, and round off the corner where the two lines meet. On
most draws that costs up to about one percent of test accuracy, because this data has no noise; the program prints both.

Run `python examples/half_planes.py`; with `--output-dir plots` it also saves plots.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import fastnn


class Data(NamedTuple):
    """Training and test points, unscaled, and the scaler that standardises them."""

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray
    scaler: StandardScaler


class Result(NamedTuple):
    """A trained network, its accuracy on the test points, and the training time in seconds."""

    network: fastnn.Network
    test_accuracy: float
    seconds: float


def half_planes(n_points, seed):
    """Points X (n, 2) in a square of side 10, and y (n,): 1 in either of two half-planes that start near its middle.

    The half-planes are redrawn until each label has at least a fifth of the points: a constant answer must not score well.
    """
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 10, size=(n_points, 2))
    y = np.zeros(n_points, dtype=int)
    while not 0.2 <= y.mean() <= 0.8:
        on_border, normal = rng.uniform(3, 7, size=(2, 2)), rng.normal(size=(2, 2))
        inside = [(X - p) @ n > 0 for p, n in zip(on_border, normal, strict=True)]
        y = np.any(inside, axis=0).astype(int)
    return X, y


def load(seed, n_points=100_000):
    """Draw the points and hold out a fifth of them for testing."""
    X_train, X_test, y_train, y_test = train_test_split(*half_planes(n_points, seed), test_size=0.2, random_state=seed)
    return Data(X_train, X_test, y_train, y_test, StandardScaler().fit(X_train))


def train(data, backend, l2, seed, epochs=20):
    """Train [2, 8, 4, 1] on standardised points."""
    network = fastnn.Network(
        [2, 8, 4, 1],
        activations=["relu", "relu", "sigmoid"],
        loss="binary_cross_entropy",
        backend=backend,
        seed=seed,
    )
    optimizer = fastnn.SGD(learning_rate=0.01, l2=l2)
    X_train, X_test = data.scaler.transform(data.X_train), data.scaler.transform(data.X_test)
    history = network.fit(X_train, data.y_train, optimizer=optimizer, epochs=epochs, batch_size=64)
    test_accuracy = np.mean(network.predict(X_test) == data.y_test)
    return Result(network, test_accuracy, sum(history.seconds))


def draw(results, data, output_dir):
    """Plot the probability of label 1 with and without the penalty, side by side, with some of the test points."""
    from matplotlib.figure import Figure

    from fastnn.plotting import plot_decision_boundary

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    for ax, (l2, result) in zip(figure.subplots(1, 2), results.items(), strict=True):
        plot_decision_boundary(
            lambda X, network=result.network: network.forward(data.scaler.transform(X)),
            data.X_test[:500],
            data.y_test[:500],
            ax=ax,
        )
        ax.set_title(f"l2 = {l2:g}: test accuracy {result.test_accuracy:.2%}")
    figure.savefig(output_dir / "half_planes.png")


def main():
    arguments = parse_arguments()
    data = load(arguments.seed)
    print(
        f"{len(data.y_train):,} training points and {len(data.y_test):,} test points, "
        f"{data.y_test.mean():.1%} of them with label 1"
    )
    for backend in arguments.backend:
        train(data, backend, l2=0.01, seed=arguments.seed, epochs=1)  # compile first, so that the times are of training
        results = {l2: train(data, backend, l2, arguments.seed) for l2 in (0.01, 0.0)}
        for l2, result in results.items():
            accuracy, seconds = f"{result.test_accuracy:.2%}", f"{result.seconds:.2f} s"
            print(f"{backend:>6} backend, l2 = {l2:<4g}: test accuracy {accuracy} in {seconds}")
    if arguments.output_dir:
        arguments.output_dir.mkdir(parents=True, exist_ok=True)
        draw(results, data, arguments.output_dir)
        print(f"plots are in {arguments.output_dir}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--backend",
        nargs="+",
        choices=fastnn.available_backends(),
        default=fastnn.available_backends(),
        help="default: all",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output-dir", type=Path, help="folder for the plots; none are drawn without it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
