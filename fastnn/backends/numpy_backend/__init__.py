"""The NumPy backend: one equation per function, to be read beside a textbook."""

from fastnn.backends.numpy_backend.activations import add_activation
from fastnn.backends.numpy_backend.losses import add_loss
from fastnn.backends.numpy_backend.model import Model

__all__ = ["Model", "add_activation", "add_loss"]
