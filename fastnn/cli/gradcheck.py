"""``fastnn gradcheck``."""

from collections.abc import Sequence

import click
import numpy as np

import fastnn
from fastnn.activations import ACTIVATIONS
from fastnn.cli.options import Number, activation_names, layer_sizes
from fastnn.gradient_check import check_gradients
from fastnn.losses import LOSSES
from fastnn.network import Network


@click.command(short_help="Check gradients against finite differences.")
@click.option(
    "--layers",
    type=layer_sizes,
    default="4,8,6,3",
    metavar="SIZES",
    help="Number of units in every layer, including inputs and outputs.",
)
@click.option(
    "--activation",
    type=activation_names,
    default="tanh",
    metavar="NAMES",
    help=f"One for all hidden layers, or one per layer, output included: {', '.join(ACTIVATIONS)}.",
)
@click.option(
    "--loss",
    type=click.Choice(tuple(LOSSES)),
    default="softmax_cross_entropy",
    help="Loss to differentiate; it determines the output activation, unless --activation does.",
)
@click.option("--backend", type=click.Choice(fastnn.available_backends()), help="Backend to check.  [default: all]")
@click.option("--samples", type=click.IntRange(min=1), default=10, metavar="N", help="Number of random samples.")
@click.option("--seed", type=click.IntRange(min=0), default=0, metavar="N", help="Seed of the samples and the weights.")
@click.option("--epsilon", type=Number(), default=1e-5, metavar="NUMBER", help="Step of the finite differences.")
@click.option("--rtol", type=Number(may_be_zero=True), default=1e-4, metavar="NUMBER", help="Relative tolerance.")
@click.option("--atol", type=Number(may_be_zero=True), default=1e-7, metavar="NUMBER", help="Absolute tolerance.")
def gradcheck(
    layers: tuple[int, ...],
    activation: str | tuple[str, ...],
    loss: str,
    backend: str | None,
    samples: int,
    seed: int,
    epsilon: float,
    rtol: float,
    atol: float,
) -> None:
    """Compare the gradient from backpropagation with finite differences of the loss.

    The check uses a network with random weights and random samples, in float64. The exit status is 1 if a gradient is
    wrong; entries on a kink, such as that of ReLU at 0, are listed but do not count as wrong.
    """
    generator = np.random.default_rng(seed)
    X, y = _random_task(layers, loss, samples, generator)
    # With biases of 0, a sample for which no unit of a layer is active would put the next layer on the kink of ReLU at 0.
    biases = [generator.uniform(-0.5, 0.5, size) for size in layers[1:]]
    all_ok = True
    for name in fastnn.available_backends() if backend is None else (backend,):
        network = Network(layers, activation, loss, backend=name, dtype="float64", seed=seed)
        for b, values in zip(network.biases, biases, strict=True):
            b[:] = values
        report = check_gradients(network, X, y, epsilon=epsilon, rtol=rtol, atol=atol)
        click.echo(f"Backend {name}\n{report}\n")
        all_ok = all_ok and report.ok
    if not all_ok:
        raise click.exceptions.Exit(1)


def _random_task(
    layers: Sequence[int], loss: str, n_samples: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Random features, and random targets of the kind that the loss takes."""
    X = generator.standard_normal((n_samples, layers[0]))
    shape = (n_samples, layers[-1])
    match LOSSES[loss].targets:
        case "classes":
            return X, generator.integers(layers[-1], size=n_samples)
        case "probabilities":
            return X, generator.random(shape)
        case "counts":
            return X, generator.poisson(1.0, shape)
        case _:
            return X, generator.standard_normal(shape)
