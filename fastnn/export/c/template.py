"""Templates, which are plain C for a float32 network in a header with the prefix `model`."""

import re
from dataclasses import dataclass
from string import Template

import numpy as np

#: What has the suffix f in single precision.
_FUNCTIONS = re.compile(r"\b(cos|erfc|exp|expm1|fabs|log|log1p|tanh)f\b")
_CONSTANTS = re.compile(r"\b(\d+\.\d+(?:e[+-]?\d+)?)f\b")


@dataclass(frozen=True)
class Dialect:
    """What differs from header to header.

    Attributes
    ----------
    prefix : str
        The prefix of all names.
    dtype : numpy dtype
        That of the networks' numbers, float32 or float64.
    """

    prefix: str
    dtype: np.dtype

    @property
    def real(self) -> str:
        """The type of the networks' numbers."""
        return "float" if self.dtype == np.float32 else "double"

    def fill(self, template: str, **values: object) -> str:
        """A template with the prefix and the precision of this header, and then with these values for its $ names."""
        text = re.sub(r"\bmodel_", f"{self.prefix}_", template.removeprefix("\n"))
        text = re.sub(r"\bMODEL_", f"{self.prefix.upper()}_", text)
        if self.real == "double":
            text = re.sub(r"\bfloat\b", "double", text)
            text = _CONSTANTS.sub(r"\1", _FUNCTIONS.sub(r"\1", text))
        return Template(text).substitute(values)
