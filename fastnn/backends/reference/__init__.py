"""The NumPy backend: the equations one by one, to be read beside a textbook."""

from fastnn.backends.reference.activations import add_activation
from fastnn.backends.reference.losses import add_loss
from fastnn.backends.reference.model import Model

__all__ = ["Model", "add_activation", "add_loss"]
