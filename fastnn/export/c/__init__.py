"""Trained networks as C99: one header without dependencies, for any program and for small machines."""

from fastnn.export.c.accuracy import Accuracy
from fastnn.export.c.header import CReport, to_c

__all__ = ["Accuracy", "CReport", "to_c"]
