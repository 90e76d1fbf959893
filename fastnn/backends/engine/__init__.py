"""The compiled backend: the equations of the NumPy reference as operations, and programs that run them."""

from fastnn.backends.engine.functions import add_activation, add_loss
from fastnn.backends.engine.model import Model

__all__ = ["Model", "add_activation", "add_loss"]
