"""All learning-rate schedules, with formula, options and source.

A schedule gives the learning rate, and some also the momentum, of every step of a fit. Steps t are updates, counted from 0
at the start of the fit; T is their total number, and eta the optimizer's learning rate. A fit that resumes from a checkpoint
with a different number of epochs has a different T, and follows the schedule for that T from there on.
"""

from fastnn.schedules.cycles import Cosine, FlatCosine, LogCosine, OneCycle
from fastnn.schedules.decays import ExponentialDecay, InverseScaling, StepDecay
from fastnn.schedules.functions import FromFunction, Tabulated, find_schedule
from fastnn.schedules.plateau import Plateau, ReduceOnPlateau
from fastnn.schedules.schedule import Constant, Course, Rates, Schedule

__all__ = [
    "Constant",
    "Cosine",
    "Course",
    "ExponentialDecay",
    "FlatCosine",
    "FromFunction",
    "InverseScaling",
    "LogCosine",
    "OneCycle",
    "Plateau",
    "Rates",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "Tabulated",
    "find_schedule",
]
