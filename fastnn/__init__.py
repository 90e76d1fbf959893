"""fastnn: feed-forward networks on a CPU, in equations you can read and kernels that use the whole machine."""

from fastnn.activations import register_activation
from fastnn.backends import backends
from fastnn.exceptions import DivergenceError
from fastnn.gradient_check import GradientReport, check_gradients
from fastnn.losses import register_loss
from fastnn.network import Network
from fastnn.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from fastnn.serialization import load, save
from fastnn.training import History

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "DivergenceError",
    "GradientReport",
    "History",
    "Network",
    "RMSprop",
    "backends",
    "check_gradients",
    "load",
    "register_activation",
    "register_loss",
    "save",
]
