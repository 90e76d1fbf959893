"""The properties of data that decide how a backend trains on them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DataKind:
    """What decides about a training program, of the data.

    Attributes
    ----------
    dtype : numpy dtype
        Type of X.
    gathers : bool
        Whether rows are taken in an order, and brought to the type of the network; else X is used where it lies.
    classes : bool
        Whether targets are class numbers.
    weighted : bool
        Whether samples have weights.
    sparse : bool
        Whether X is a sparse matrix.
    """

    dtype: np.dtype
    gathers: bool
    classes: bool
    weighted: bool
    sparse: bool = False
