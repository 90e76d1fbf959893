"""Monitoring of the loss when several epochs are trained in one call."""

import math

from fastnn.backends.whole_epochs import (
    BEST,
    COUNT,
    N_EPOCHS,
    N_SAMPLES,
    N_TARGETS,
    PATIENCE,
    PAUSED,
    SUM,
    TOLERANCE,
)


def watch_epoch(progress, step):
    """Sum the losses of an epoch; after its last batch, pause if they have not improved for long or are not finite."""
    progress[SUM] += step["loss"] * step["n_samples"]
    if step["start"] + step["n_samples"] < progress[N_SAMPLES]:
        return
    loss = progress[SUM] / (progress[N_SAMPLES] * progress[N_TARGETS])
    progress[COUNT] = progress[COUNT] + 1 if loss > progress[BEST] - progress[TOLERANCE] else 0
    progress[BEST] = min(progress[BEST], loss)
    progress[SUM] = 0
    progress[N_EPOCHS] += 1
    if progress[COUNT] > progress[PATIENCE] or not math.isfinite(loss):
        progress[PAUSED] = 1
