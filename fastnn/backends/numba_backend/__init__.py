"""The compiled backend: the functions of the NumPy reference, fused, and compiled by Numba."""

from fastnn.backends.numba_backend.epoch import backward, loss, output, pre_output, train_epoch
from fastnn.backends.numba_backend.layers import bind
from fastnn.backends.numba_backend.optimizers import sgd
from fastnn.backends.numba_backend.views import workspace_size

__all__ = ["backward", "bind", "loss", "output", "pre_output", "sgd", "train_epoch", "workspace_size"]
