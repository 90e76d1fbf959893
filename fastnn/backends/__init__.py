"""The two backends behind one contract: the same functions, argument for argument, over the same flat vectors.

Both packages have `views`, `activations`, `losses`, `layers`, `optimizers` and `epoch`, with the same functions in the
same order, so that they can be read side by side. `CONTRACT` names what the rest of fastnn calls.
"""

from functools import cache
from importlib import import_module
from types import ModuleType

BACKENDS = ("numpy", "numba")

#: What a backend offers:
#:
#: - `bind(layers, dtype, gives_outputs)`: the layer records of an architecture, made ready for this backend;
#: - `workspace_size(layers, n_samples)`: elements of the work vector that a batch needs, n times those of one sample,
#:   and `training_workspace_size(layers, batch_size)` those that an epoch needs;
#: - `pre_output`, `output`: logits Z_L and outputs A_L of any number of samples, in a workspace for all of them or for
#:   `ROWS_PER_PASS` a thread; they return whether Z_1 is finite, which it is not where X is not, so that a caller need
#:   not read X for that;
#: - `loss`: mean loss of a batch, leaving dZ_L in the workspace; `backward`: the gradient from there. Weights of samples
#:   come relative to the mean weight of their batch, so that plain means of what they multiply are weighted means;
#: - `bind_update(update, dtype, settings_dtype, penalizes, clips, reports)`: an optimizer's update, made ready for this
#:   backend, with penalties and clipping where they are used; with `reports`, the losses of `train_epoch` include the
#:   penalty at the parameters before each step;
#: - `penalty`: that number, for settings of a step;
#: - `orthogonalize`: the matrix that an update by orthogonal steps follows;
#: - `add_activation`, `add_loss`: functions of the user's, by a code that no other has;
#: - `step`: one update of the parameters; `train_epoch`: all of it, batch after batch.
CONTRACT = (
    "ROWS_PER_PASS",
    "add_activation",
    "add_loss",
    "backward",
    "bind",
    "bind_update",
    "loss",
    "orthogonalize",
    "output",
    "penalty",
    "pre_output",
    "step",
    "train_epoch",
    "training_workspace_size",
    "workspace_size",
)


def backends() -> tuple[str, ...]:
    """Names of the backends."""
    return BACKENDS


@cache
def get_backend(name: str) -> ModuleType:
    """The backend of that name, imported when it is first asked for.

    Raises
    ------
    ValueError
        If there is none; the message lists the known ones.
    """
    if name not in BACKENDS:
        raise ValueError(f"Unknown backend {name!r}; known are {', '.join(BACKENDS)}.")
    return import_module(f"fastnn.backends.{name}_backend")
