"""The compiled backend: the functions of the NumPy reference, fused, and compiled by Numba."""

from fastnn.backends.numba_backend.activations import add_activation
from fastnn.backends.numba_backend.epoch import ROWS_PER_PASS, backward, loss, output, pre_output, train_epoch
from fastnn.backends.numba_backend.layers import bind
from fastnn.backends.numba_backend.losses import add_loss
from fastnn.backends.numba_backend.optimizers import bind_update, orthogonalize, penalty, step
from fastnn.backends.numba_backend.views import training_workspace_size, workspace_size

__all__ = [
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
]
