"""Moons, circles, blobs: one network on three data sets, with its gradient checked during training.

All activations of the network [2, 16, 32, 1] are sigmoids. The output is a probability, p(y = 1 | x), so the cost is the
binary cross-entropy

    J = -(1 / n) sum_i (y_i log p_i + (1 - y_i) log(1 - p_i)),

minimised by 2,000 epochs of full-batch gradient descent on 1,000 points, W <- W - 1.0 dJ/dW. Such large steps overshoot
now and then, as on the circles near epoch 600. Glorot's uniform initialization, W ~ U(-r, r) with
r = sqrt(6 / (n_in + n_out)), keeps signals and gradients at the same scale from layer to layer.

Every 199 epochs, all 625 derivatives of the cost on a hundred of the points are compared with central differences,

    dJ/dw_i = (J(w + e u_i) - J(w - e u_i)) / (2 e) + O(e^2),    u_i the unit vector of parameter i,

because a gradient may be right at the start and wrong later, once units saturate.

The points are noisy, so no classifier gets all of them right. Even the optimal (Bayes) classifier for moons with noise 0.2,
which knows how they were drawn, has an expected accuracy of 97.0 % (cost 0.077), and 96.0 to 97.9 % on a single draw of
1,000 points. On the draw used here it gets 97.7 % (cost 0.067). The network comes close; where it does better, it has
fitted the noise. `--seed` initialises the network differently; the points stay the same.

Run `python examples/moons_circles_blobs.py`; with `--output-dir plots` it also saves plots.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import make_blobs, make_circles, make_moons
from sklearn.preprocessing import StandardScaler

import fastnn

DATA_SEED = 3
SHAPES = {
    "moons": lambda: make_moons(1000, noise=0.2, random_state=DATA_SEED),
    "circles": lambda: make_circles(1000, noise=0.2, factor=0.3, random_state=DATA_SEED),
    "blobs": lambda: make_blobs(1000, centers=[(-2, -1), (2, 1)], random_state=DATA_SEED),
}


class Result(NamedTuple):
    """A trained network, its cost and gradient checks by epoch, and its training accuracy."""

    network: fastnn.Network
    costs: dict[int, float]
    checks: dict[int, fastnn.GradientReport]
    accuracy: float


def load(shape):
    """Standardised points X (1000, 2) and labels y (1000,), 0 or 1."""
    X, y = SHAPES[shape]()
    return StandardScaler().fit_transform(X), y


def train(X, y, backend, seed, n_epochs=2000):
    """Train by full-batch gradient descent: record the cost every 100 epochs, check the gradient every 199."""
    network = fastnn.Network(
        [2, 16, 32, 1],
        activations="sigmoid",
        loss="binary_cross_entropy",
        backend=backend,
        dtype="float64",
        initializer="glorot_uniform",
        seed=seed,
    )
    optimizer = fastnn.SGD(learning_rate=1.0)
    costs, checks = {}, {}
    for epoch in range(n_epochs):
        if epoch % 199 == 0:
            checks[epoch] = fastnn.check_gradients(network, X[:100], y[:100])
        cost = network.loss(X, y)
        if epoch % 100 == 0:
            costs[epoch] = cost
        network.backward()
        network.step(optimizer)
    costs[n_epochs] = network.loss(X, y)
    return Result(network, costs, checks, np.mean(network.predict(X) == y))


def draw(results, output_dir):
    """Plot the predicted probability for each data set, with the contour p = 0.5."""
    from fastnn.plotting import plot_decision_boundary

    for shape, result in results.items():
        ax = plot_decision_boundary(result.network.forward, *load(shape))
        ax.set_title(f"{shape}: cost {result.costs[2000]:.3f}, accuracy {result.accuracy:.3f}")
        ax.figure.savefig(output_dir / f"{shape}.png")


def main():
    arguments = parse_arguments()
    for backend in arguments.backend:
        results = {shape: train(*load(shape), backend, arguments.seed) for shape in SHAPES}
        print(f"{backend} backend: cost by epoch")
        print(f"{'epoch':>9}" + "".join(f"{shape:>9}" for shape in results))
        for epoch in results["moons"].costs:
            print(f"{epoch:9}" + "".join(f"{result.costs[epoch]:9.4f}" for result in results.values()))
        print(f"{'accuracy':>9}" + "".join(f"{result.accuracy:9.3f}" for result in results.values()))
        for shape, result in results.items():
            worst = max(report.max_relative_error for report in result.checks.values())
            verdict = "passed" if all(report.ok for report in result.checks.values()) else "FAILED"
            print(f"{shape}: {len(result.checks)} gradient checks {verdict}, largest relative error {worst:.1e}")
    if arguments.output_dir:
        arguments.output_dir.mkdir(parents=True, exist_ok=True)
        draw(results, arguments.output_dir)
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
