"""The reference: the equations of a feed-forward network in plain NumPy, to be read beside the mathematics."""

from fastnn.backends.numpy_backend.epoch import backward, loss, output, pre_output, train_epoch
from fastnn.backends.numpy_backend.layers import bind
from fastnn.backends.numpy_backend.optimizers import bind_update, step
from fastnn.backends.numpy_backend.views import workspace_size

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
