"""The compiled backend: the equations of the NumPy backend as operations, and programs that run them."""

from fastnn.backends.numba_backend.functions import add_activation, add_loss
from fastnn.backends.numba_backend.model import Model

__all__ = ["Model", "add_activation", "add_loss"]
