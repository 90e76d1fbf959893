"""Networks from and for other libraries: scikit-learn, PyTorch and Keras."""

from fastnn.conversion.keras_models import from_keras
from fastnn.conversion.scikit_learn import from_sklearn, to_sklearn
from fastnn.conversion.torch_modules import from_torch, to_torch

__all__ = ["from_keras", "from_sklearn", "from_torch", "to_sklearn", "to_torch"]
