"""How a team normalises a layer of a network that trains in rows, forward and backward.

A batch is normalised unit by unit: the threads meet, and each takes all samples of its share of the units, so that every sum
has one order. A sample is normalised by the thread whose it is. The functions are called by address, so that a network
without them does not compile them; each takes the number of the next meeting, and returns that of the meeting after its own, or
0 if the team was broken up.
"""

from numba import types

from fastnn.backends.numba_backend.compilation import address_of, caller, entry_point
from fastnn.backends.numba_backend.matmul import ROWS
from fastnn.backends.numba_backend.normalization import (
    normalize_batch,
    normalize_batch_backward,
    normalize_running,
    normalize_samples,
    normalize_samples_backward,
    scale_and_shift_gradient,
)
from fastnn.backends.numba_backend.threads import meet, share
from fastnn.backends.numba_backend.views import (
    errors,
    normalized,
    pre_activations,
    running_means,
    running_variances,
    sample_precisions,
    scales,
    shifts,
    unit_precisions,
)


@entry_point
def batch(thread, n_threads, meeting, phase, workspace, parameters, statistics, layer, n, start, stop):
    """Y from Z of a batch of n, this thread's units."""
    phase = meet(meeting, n_threads, phase)
    if phase == 0:
        return phase
    first, last = share(layer["n_outputs"], thread, n_threads, ROWS)
    normalize_batch(
        pre_activations(workspace, layer, n)[:, first:last],
        normalized(workspace, layer, n)[:, first:last],
        unit_precisions(statistics, layer)[first:last],
        running_means(statistics, layer)[first:last],
        running_variances(statistics, layer)[first:last],
        scales(parameters, layer)[first:last],
        shifts(parameters, layer)[first:last],
    )
    return meet(meeting, n_threads, phase)


@entry_point
def samples(thread, n_threads, meeting, phase, workspace, parameters, statistics, layer, n, start, stop):
    """Y from Z of samples `start` to `stop` of a batch of n."""
    normalize_samples(
        pre_activations(workspace, layer, n)[start:stop],
        normalized(workspace, layer, n)[start:stop],
        sample_precisions(workspace, layer, n)[start:stop],
        scales(parameters, layer),
        shifts(parameters, layer),
    )
    return phase


@entry_point
def running(thread, n_threads, meeting, phase, workspace, parameters, statistics, layer, n, start, stop):
    """Y from Z of samples `start` to `stop` of n, by running statistics."""
    normalize_running(
        pre_activations(workspace, layer, n)[start:stop],
        normalized(workspace, layer, n)[start:stop],
        running_means(statistics, layer),
        running_variances(statistics, layer),
        scales(parameters, layer),
        shifts(parameters, layer),
    )
    return phase


@entry_point
def batch_backward(
    thread, n_threads, meeting, phase, gradient, workspace, parameters, statistics, layer, n, start, stop
):
    """dZ from dY, dgamma and dbeta of a batch of n, this thread's units."""
    phase = meet(meeting, n_threads, phase)
    if phase == 0:
        return phase
    first, last = share(layer["n_outputs"], thread, n_threads, ROWS)
    dZ, X = errors(workspace, layer, n)[:, first:last], normalized(workspace, layer, n)[:, first:last]
    dscale, dshift = scales(gradient, layer)[first:last], shifts(gradient, layer)[first:last]
    scale_and_shift_gradient(dscale, dshift, dZ, X)
    precision = unit_precisions(statistics, layer)[first:last]
    normalize_batch_backward(dZ, X, precision, scales(parameters, layer)[first:last], dscale, dshift)
    return meet(meeting, n_threads, phase)


@entry_point
def samples_backward(
    thread, n_threads, meeting, phase, gradient, workspace, parameters, statistics, layer, n, start, stop
):
    """dgamma and dbeta of a batch of n, this thread's units, and dZ from dY of samples `start` to `stop`."""
    phase = meet(meeting, n_threads, phase)
    if phase == 0:
        return phase
    first, last = share(layer["n_outputs"], thread, n_threads, ROWS)
    dZ, X = errors(workspace, layer, n), normalized(workspace, layer, n)
    scale_and_shift_gradient(
        scales(gradient, layer)[first:last], shifts(gradient, layer)[first:last], dZ[:, first:last], X[:, first:last]
    )
    phase = meet(meeting, n_threads, phase)
    if phase != 0:
        precision = sample_precisions(workspace, layer, n)[start:stop]
        normalize_samples_backward(dZ[start:stop], X[start:stop], precision, scales(parameters, layer))
    return phase


#: What is called forward and backward, in the order of the codes; nothing is trained by running statistics.
FORWARD, BACKWARD = (None, batch, samples, running), (None, batch_backward, samples_backward, None)

call_team = caller(types.int64)


def bind_normalization(layer, real, record):
    """Enter into the record of a layer the addresses of what normalises it."""
    number, vector = types.int64, types.Array(real, 1, "C")
    member, place = (number, number, number[::1], number), (record, number, number, number)
    forward, backward = FORWARD[layer["normalization"]], BACKWARD[layer["normalization"]]
    if forward is not None:
        layer["normalize"] = address_of(forward, number, *member, vector, vector, vector, *place)
    if backward is not None:
        layer["normalize_backward"] = address_of(backward, number, *member, *[vector] * 4, *place)
