"""All weight initializers by name, with distribution and source. Biases always start at zero."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastnn.names import unknown


@dataclass(frozen=True)
class Initializer:
    """Specification of an initializer: zero-mean weights whose variance keeps the scale of signals constant across layers.

    Attributes
    ----------
    name : str
        Name used by users.
    variance : callable
        Variance of the weights, from the fan-in and fan-out of the layer.
    distribution : str
        ``"normal"``, or ``"uniform"`` on ``[-sqrt(3 variance), sqrt(3 variance)]``.
    source : str
        Paper and equation.
    """

    name: str
    variance: Callable[[int, int], float]
    distribution: str
    source: str

    def draw(self, random: np.random.Generator, n_inputs: int, n_outputs: int) -> np.ndarray:
        """Weights W (n_inputs, n_outputs), float64."""
        deviation = np.sqrt(self.variance(n_inputs, n_outputs))
        if self.distribution == "normal":
            return random.normal(0.0, deviation, (n_inputs, n_outputs))
        bound = np.sqrt(3.0) * deviation
        return random.uniform(-bound, bound, (n_inputs, n_outputs))


_HE = "He, Zhang, Ren, Sun (2015), Delving Deep into Rectifiers, equation 10"
_GLOROT = "Glorot, Bengio (2010), Understanding the Difficulty of Training Deep Networks, equation 16"
_LECUN = "LeCun, Bottou, Orr, Mueller (1998), Efficient BackProp, equation 16"

#: Every initializer by name.
INITIALIZERS: dict[str, Initializer] = {
    initializer.name: initializer
    for initializer in (
        Initializer("he_normal", lambda n_in, n_out: 2.0 / n_in, "normal", _HE),
        Initializer("he_uniform", lambda n_in, n_out: 2.0 / n_in, "uniform", _HE),
        Initializer("glorot_uniform", lambda n_in, n_out: 2.0 / (n_in + n_out), "uniform", _GLOROT),
        Initializer("glorot_normal", lambda n_in, n_out: 2.0 / (n_in + n_out), "normal", _GLOROT),
        Initializer("lecun_normal", lambda n_in, n_out: 1.0 / n_in, "normal", _LECUN),
        Initializer("zeros", lambda n_in, n_out: 0.0, "normal", "All weights 0: for single layers and for tests"),
    )
}


def find_initializer(name: str) -> Initializer:
    """The initializer of that name.

    Raises
    ------
    ValueError
        If the name is unknown; the message lists the known ones.
    """
    if not isinstance(name, str) or name not in INITIALIZERS:
        raise ValueError(unknown("initializer", name, INITIALIZERS))
    return INITIALIZERS[name]
