"""The compiled backend: the functions of the NumPy reference, fused, and compiled by Numba."""

from fastnn.backends.numba_backend.epoch import backward, loss, output, pre_output, train_epoch
from fastnn.backends.numba_backend.layers import bind
from fastnn.backends.numba_backend.optimizers import bind_update, step
from fastnn.backends.numba_backend.views import workspace_size

__all__ = [
    "backward",
    "bind",
    "bind_update",
    "loss",
    "output",
    "pre_output",
    "step",
    "train_epoch",
    "workspace_size",
]
