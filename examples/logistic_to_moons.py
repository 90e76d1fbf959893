"""From logistic regression to moons: the softmax, the gradient, and a first network, in four steps.

1. *A network with two outputs is logistic regression.* With weights (1, 0) and no biases, its logits are (z, 0), and

       softmax(z, 0)_1 = exp(z) / (exp(z) + exp(0)) = 1 / (1 + exp(-z)) = sigmoid(z).

2. *Softmax gives probabilities.* Whatever the logits of a deep network, a_k = exp(z_k) / sum_j exp(z_j) is positive and
   each row sums to one.

3. *Backpropagation is correct.* Each partial derivative of the loss L is compared with the slope measured by moving that
   one parameter by a small step e:

       dL/dw_i = (L(w + e u_i) - L(w)) / e + O(e),    u_i the unit vector of parameter i.

   `scipy.optimize.check_grad` does this for all 57,400 weights and 200 biases and returns the norm of the difference.

4. *A hidden layer bends the boundary.* Ten ReLU units learn two interleaved half-moons by full-batch gradient descent,
   W <- W - 0.5 dL/dW, until the network is right on nearly all of a hundred points. A thousand fresh points show how much
   of that is overfitting.

Run `python examples/logistic_to_moons.py`; with `--output-dir plots` it also saves plots.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import check_grad
from sklearn.datasets import make_moons
from sklearn.preprocessing import StandardScaler

import fastnn

DEEP = [500, 100, 50, 40, 10]


class Moons(NamedTuple):
    """The network trained on the moons, its data, and the loss before each step and at the end."""

    network: fastnn.Network
    X: np.ndarray
    y: np.ndarray
    losses: list[float]
    training_accuracy: float
    fresh_accuracy: float


def sigmoid_from_softmax(z, backend):
    """sigmoid(z) (n,), the first of the two probabilities of a network [1, 2] with weights (1, 0)."""
    network = fastnn.Network([1, 2], backend=backend, dtype="float64", initializer="zeros")
    network.weights[0][:] = [[1, 0]]
    return network.forward(z[:, np.newaxis])[:, 0]


def deep_probabilities(backend, seed, n_samples=200):
    """Class probabilities (n, 10) of an untrained deep network for random inputs."""
    network = fastnn.Network(DEEP, backend=backend, dtype="float64", seed=seed)
    return network.forward(np.random.default_rng(seed).normal(size=(n_samples, DEEP[0])))


def gradient_errors(backend, seed, n_samples=8, step=1e-7):
    """Norm of the difference between backpropagation and finite differences, by parameter: {"W1": ..., "b1": ...}.

    Every derivative is checked, with one evaluation of the loss per parameter; with eight samples this takes seconds. The
    step balances rounding error (about 1e-16 / step) against the curvature of the loss (about step).
    """
    network = fastnn.Network(DEEP, backend=backend, dtype="float64", seed=seed)
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n_samples, DEEP[0])), rng.integers(DEEP[-1], size=n_samples)

    def compare(parameter, parameter_gradient):
        """Both are views into the network: writing to the first changes the loss, and `backward` fills the second."""
        start = parameter.copy()

        def loss(values):
            parameter[:] = values.reshape(parameter.shape)
            return network.loss(X, y)

        def gradient(values):
            loss(values)
            network.backward()
            return parameter_gradient.ravel()

        error = check_grad(loss, gradient, start.ravel(), epsilon=step)
        parameter[:] = start
        return error

    errors = {}
    for layer in range(len(DEEP) - 1):
        errors[f"W{layer + 1}"] = compare(network.weights[layer], network.weight_gradients[layer])
        errors[f"b{layer + 1}"] = compare(network.biases[layer], network.bias_gradients[layer])
    return errors


def learn_moons(backend, seed, n_steps=300, learning_rate=0.5):
    """Train [2, 10, 2] on a hundred points by full-batch gradient descent, with the loop written out."""
    X, y = make_moons(noise=0.1, random_state=seed)
    X_fresh, y_fresh = make_moons(1000, noise=0.1, random_state=seed + 1)
    scaler = StandardScaler().fit(X)
    X, X_fresh = scaler.transform(X), scaler.transform(X_fresh)
    network = fastnn.Network([2, 10, 2], activations="relu", backend=backend, dtype="float64", seed=seed)
    optimizer = fastnn.SGD(learning_rate=learning_rate)
    losses = []
    for _ in range(n_steps):
        losses.append(network.loss(X, y))
        network.backward()
        network.step(optimizer)
    losses.append(network.loss(X, y))
    training_accuracy, fresh_accuracy = np.mean(network.predict(X) == y), np.mean(network.predict(X_fresh) == y_fresh)
    return Moons(network, X, y, losses, training_accuracy, fresh_accuracy)


def draw(moons, output_dir):
    """Plot all activations, the loss at each step, and the decision boundary between the moons."""
    from fastnn.plotting import plot_activations, plot_decision_boundary, plot_history

    plots = {
        "activations": plot_activations()[0],
        "moons_loss": plot_history(moons.losses),
        "moons_boundary": plot_decision_boundary(moons.network.forward, moons.X, moons.y),
    }
    for name, ax in plots.items():
        ax.figure.savefig(output_dir / f"{name}.png")


def main():
    arguments = parse_arguments()
    z = np.linspace(-10, 10, 101)
    for backend in arguments.backend:
        difference = np.abs(sigmoid_from_softmax(z, backend) - 1 / (1 + np.exp(-z))).max()
        row_sums = deep_probabilities(backend, arguments.seed).sum(axis=1)
        moons = learn_moons(backend, arguments.seed)
        print(f"{backend} backend")
        print(f"  softmax(z, 0) and sigmoid(z) differ by at most {difference:.1e}")
        print(f"  {DEEP}: row sums of probabilities differ from one by at most {np.abs(row_sums - 1).max():.1e}")
        print("  backpropagation against finite differences, by layer:")
        errors = gradient_errors(backend, arguments.seed)
        for layer in range(1, len(DEEP)):
            print(f"    layer {layer}: W {errors[f'W{layer}']:.1e}, b {errors[f'b{layer}']:.1e}")
        first, *_, last = moons.losses
        print(f"  moons: the loss fell from {first:.3f} to {last:.3f} in {len(moons.losses) - 1} steps")
        print(f"  accuracy {moons.training_accuracy:.3f} on training points, {moons.fresh_accuracy:.3f} on fresh ones")
    if arguments.output_dir:
        arguments.output_dir.mkdir(parents=True, exist_ok=True)
        draw(moons, arguments.output_dir)
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
