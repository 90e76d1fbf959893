"""Networks from and for other libraries: PyTorch."""

from fastnn.conversion.torch_modules import from_torch, to_torch

__all__ = ["from_torch", "to_torch"]
