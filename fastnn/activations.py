"""The activation functions that exist, by name: formula, derivative and source. The loops are in the backends.

To add one: an entry here, one function and its derivative in each backend's `activations.py`, a line in both tables.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Activation:
    """Specification of an activation a = f(z).

    Attributes
    ----------
    name : str
        Name by which users and the backends know it.
    code : int
        Its position in the tables of the backends.
    formula, derivative : str
        f(z), and f'(z) as the backends compute it from z and a.
    source : str
        Paper or textbook section.
    hidden : bool
        Whether it may stand on a hidden layer. Softmax, which couples the units of a layer, may not; neither may the
        exponential, which one above the other soon exceed all bounds.
    """

    name: str
    code: int
    formula: str
    derivative: str
    source: str
    hidden: bool = True


_SPECIFICATIONS = (
    ("identity", "z", "1", "Bishop, Pattern Recognition and Machine Learning (2006), section 5.1"),
    ("relu", "max(z, 0)", "1 if z > 0 else 0", "Glorot, Bordes, Bengio (2011), Deep Sparse Rectifier Neural Networks"),
    (
        "leaky_relu",
        "z if z > 0 else 0.01 z",
        "1 if z > 0 else 0.01",
        "Maas, Hannun, Ng (2013), Rectifier Nonlinearities Improve Neural Network Acoustic Models",
    ),
    (
        "elu",
        "z if z > 0 else exp(z) - 1",
        "1 if z > 0 else a + 1",
        "Clevert, Unterthiner, Hochreiter (2016), Fast and Accurate Deep Network Learning by ELUs, equation 15",
    ),
    (
        "selu",
        "s z if z > 0 else s alpha (exp(z) - 1), with s = 1.0507..., alpha = 1.6732...",
        "s if z > 0 else a + s alpha",
        "Klambauer, Unterthiner, Mayr, Hochreiter (2017), Self-Normalizing Neural Networks, equation 2",
    ),
    ("sigmoid", "1 / (1 + exp(-z))", "a (1 - a)", "Bishop (2006), equation 4.59"),
    ("tanh", "tanh(z)", "1 - a^2", "LeCun, Bottou, Orr, Mueller (1998), Efficient BackProp, section 4.4"),
    (
        "softplus",
        "log(1 + exp(z))",
        "1 / (1 + exp(-z))",
        "Dugas, Bengio, Belisle, Nadeau, Garcia (2001), Incorporating Second-Order Functional Knowledge",
    ),
    (
        "silu",
        "z s, with s = 1 / (1 + exp(-z))",
        "s + z s (1 - s)",
        "Elfwing, Uchibe, Doya (2018), Sigmoid-Weighted Linear Units, equation 5",
    ),
    (
        "gelu",
        "z Phi(z), with Phi(z) = (1 + erf(z / sqrt(2))) / 2",
        "Phi(z) + z exp(-z^2 / 2) / sqrt(2 pi)",
        "Hendrycks, Gimpel (2016), Gaussian Error Linear Units, section 2 (the exact form)",
    ),
    (
        "exponential",
        "exp(z)",
        "a",
        "McCullagh, Nelder, Generalized Linear Models (1989), section 2.2.4 (inverse of the link of counts)",
    ),
    (
        "softmax",
        "exp(z_k) / sum_j exp(z_j)",
        "da_k / dz_j = a_k ([k = j] - a_j)",
        "Bishop (2006), equations 4.104 and 4.106",
    ),
)

#: Every activation by name, in the order of the backends' tables.
ACTIVATIONS: dict[str, Activation] = {
    name: Activation(name, code, formula, derivative, source, hidden=name not in ("exponential", "softmax"))
    for code, (name, formula, derivative, source) in enumerate(_SPECIFICATIONS)
}


def find_activation(name: str) -> Activation:
    """The activation of that name.

    Raises
    ------
    ValueError
        If there is none; the message lists the known ones.
    """
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(f"Unknown activation {name!r}; known are {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]
