"""fastnn: feed-forward networks on a CPU, in equations you can read and kernels that use the whole machine."""

from fastnn.backends import backends
from fastnn.exceptions import DivergenceError
from fastnn.gradient_check import GradientReport, check_gradients
from fastnn.network import Network
from fastnn.optimizers import SGD
from fastnn.serialization import load, save
from fastnn.training import History

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "DivergenceError",
    "GradientReport",
    "History",
    "Network",
    "backends",
    "check_gradients",
    "load",
    "save",
]
