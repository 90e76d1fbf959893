"""The losses that exist, by name: formula, source, and the output activations whose range they accept.

Every loss is summed over the outputs of a sample and averaged over the samples. To add one: an entry here, one function
in each backend's `losses.py`, a line in both tables.
"""

from dataclasses import dataclass

from fastnn.activations import ACTIVATIONS

#: The backends' loss functions, in the order of their tables: first those that start from the logits Z, because the
#: exponentials of their output activation cancel; then those that start from the outputs A and multiply by f'(Z).
LOSS_KERNELS = (
    "softmax_cross_entropy",
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_softmax",
    "squared_error",
)


@dataclass(frozen=True)
class Loss:
    """Specification of a loss.

    Attributes
    ----------
    name : str
        Name by which users know it.
    formula : str
        Loss of one sample, from its outputs a (K,) and targets y (K,).
    source : str
        Paper or textbook section.
    matched_activation : str
        Output activation with which dL/dZ simplifies to A - Y (times two for the squared error).
    output_activations : tuple of str
        Output activations whose range lies in the domain of the loss.
    targets : str
        What y holds: ``"classes"``, ``"probabilities"`` or ``"numbers"``.
    kernels : dict of str to str
        Backend function for an output activation; ``"*"`` for any other.
    """

    name: str
    formula: str
    source: str
    matched_activation: str
    output_activations: tuple[str, ...]
    targets: str
    kernels: dict[str, str]

    @property
    def classifies(self) -> bool:
        """Whether predictions are class labels."""
        return self.targets != "numbers"

    def kernel(self, output_activation: str) -> int:
        """Position in the backends' tables of the function for this loss under that output activation."""
        return LOSS_KERNELS.index(self.kernels.get(output_activation) or self.kernels["*"])

    def check_output(self, activation: str, n_outputs: int) -> None:
        """Raise ValueError unless the outputs lie in the domain of the loss."""
        if activation not in self.output_activations:
            raise ValueError(
                f"{self.name} needs outputs from {' or '.join(self.output_activations)}, "
                f"got {activation!r} on the output layer."
            )
        if activation == "softmax" and n_outputs < 2:
            raise ValueError(
                "softmax over a single output is always 1: use two outputs, or one sigmoid output with "
                "binary_cross_entropy."
            )


#: Every loss by name.
LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            name="softmax_cross_entropy",
            formula="-sum_k y_k log(a_k), computed as log(sum_j exp(z_j)) - sum_k y_k z_k",
            source="Bishop (2006), equation 4.108",
            matched_activation="softmax",
            output_activations=("softmax",),
            targets="classes",
            kernels={"softmax": "softmax_cross_entropy"},
        ),
        Loss(
            name="binary_cross_entropy",
            formula="-sum_k (y_k log(a_k) + (1 - y_k) log(1 - a_k)), "
            "under sigmoid computed as sum_k max(z_k, 0) - y_k z_k + log(1 + exp(-|z_k|))",
            source="Bishop (2006), equation 4.90",
            matched_activation="sigmoid",
            output_activations=("sigmoid", "softmax"),
            targets="probabilities",
            kernels={
                "sigmoid": "binary_cross_entropy_with_logits",
                "softmax": "binary_cross_entropy_with_softmax",
            },
        ),
        Loss(
            name="squared_error",
            formula="sum_k (a_k - y_k)^2",
            source="Bishop (2006), equation 5.11, without its factor of one half",
            matched_activation="identity",
            output_activations=tuple(ACTIVATIONS),
            targets="numbers",
            kernels={"*": "squared_error"},
        ),
    )
}


def find_loss(name: str) -> Loss:
    """The loss of that name.

    Raises
    ------
    ValueError
        If there is none; the message lists the known ones.
    """
    if not isinstance(name, str) or name not in LOSSES:
        raise ValueError(f"Unknown loss {name!r}; known are {', '.join(LOSSES)}.")
    return LOSSES[name]
