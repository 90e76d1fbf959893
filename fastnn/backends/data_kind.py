"""The properties of the data that determine a training program."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DataKind:
    """The properties of the data that determine a training program.

    Attributes
    ----------
    dtype : numpy dtype
        Dtype of X.
    gathers : bool
        Whether rows are gathered in some order and converted to the dtype of the network; otherwise X is used in place.
    classes : bool
        Whether targets are class indices.
    weighted : bool
        Whether samples have weights.
    sparse : bool
        Whether X is a sparse matrix.
    shuffled_by : str
        Name in `whole_epochs` of the generator that shuffles the samples within a call; empty if they are shuffled before it.
    """

    dtype: np.dtype
    gathers: bool
    classes: bool
    weighted: bool
    sparse: bool = False
    shuffled_by: str = ""
