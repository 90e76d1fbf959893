"""Normalisation before the activation: x = (z - mean) / sqrt(variance + epsilon), y = gamma x + beta.

Batch normalisation takes mean and variance of a unit over the samples of a batch, and running ones at inference (Ioffe,
Szegedy (2015), Batch Normalization, algorithms 1 and 2); layer normalisation those of a sample over the units of a layer
(Ba, Kiros, Hinton (2016), Layer Normalization, equation 4). Errors dY, dZ are those of each sample's own loss, of which
the mean is taken over the batch.
"""

import numpy as np

from fastnn.backends.numba_backend.compilation import kernel

#: Codes of what is normalised in training: a batch unit by unit, or each sample.
BATCH, SAMPLES = 1, 2

#: Added to a variance, and the share of a batch in the running statistics: as in PyTorch.
EPSILON, RUNNING_SHARE = 1e-5, 0.1


@kernel
def normalize_batch(Y, X, precision, running_mean, running_variance, scale, shift):
    """x = (z - m) s, y = gamma x + beta, m = mean_i z_i, s = 1 / sqrt(mean_i (z_i - m)^2 + epsilon), X holding Z before.

    Y, X (n, n_l), the others (n_l,). The running variance is that of the samples' population, with n - 1.
    """
    (n, n_outputs), real = X.shape, X.dtype.type
    mean, variance, share = np.zeros(n_outputs, X.dtype), np.zeros(n_outputs, X.dtype), real(1 / n)
    for i in range(n):
        for j in range(n_outputs):
            mean[j] += X[i, j]
    for j in range(n_outputs):
        mean[j] *= share
    for i in range(n):
        for j in range(n_outputs):
            X[i, j] -= mean[j]
            variance[j] += X[i, j] * X[i, j]
    new, population = real(RUNNING_SHARE), real(n / max(n - 1, 1))
    for j in range(n_outputs):
        variance[j] *= share
        precision[j] = real(1) / np.sqrt(variance[j] + real(EPSILON))
        running_mean[j] += new * (mean[j] - running_mean[j])
        running_variance[j] += new * (variance[j] * population - running_variance[j])
    for i in range(n):
        for j in range(n_outputs):
            X[i, j] *= precision[j]
            Y[i, j] = scale[j] * X[i, j] + shift[j]


@kernel
def normalize_running(Y, X, running_mean, running_variance, scale, shift):
    """x = (z - m) / sqrt(v + epsilon), y = gamma x + beta with running m and v, X holding Z before; Y, X (n, n_l)."""
    (n, n_outputs), real = X.shape, X.dtype.type
    deviation = np.empty(n_outputs, X.dtype)
    for j in range(n_outputs):
        deviation[j] = np.sqrt(running_variance[j] + real(EPSILON))
    for i in range(n):
        for j in range(n_outputs):
            X[i, j] = (X[i, j] - running_mean[j]) / deviation[j]
            Y[i, j] = scale[j] * X[i, j] + shift[j]


@kernel
def normalize_samples(Y, X, precision, scale, shift):
    """x = (z - m) s, y = gamma x + beta, m = mean_j z_j, s = 1 / sqrt(mean_j (z_j - m)^2 + epsilon), X holding Z before.

    Y, X (n, n_l), precision (n,), scale and shift (n_l,).
    """
    (n, n_outputs), real = X.shape, X.dtype.type
    for i in range(n):
        mean = real(_sum(X[i]) / n_outputs)
        for j in range(n_outputs):
            X[i, j] -= mean
        precision[i] = 1 / np.sqrt(_dot(X[i], X[i]) / n_outputs + EPSILON)
        for j in range(n_outputs):
            X[i, j] *= precision[i]
            Y[i, j] = scale[j] * X[i, j] + shift[j]


@kernel
def scale_and_shift_gradient(dscale, dshift, dY, X):
    """dgamma = mean_i dy_i x_i, dbeta = mean_i dy_i; dY, X (n, n_l) -> (n_l,)."""
    (n, n_outputs), share = X.shape, X.dtype.type(1 / len(X))
    dscale[:] = 0
    dshift[:] = 0
    for i in range(n):
        for j in range(n_outputs):
            dscale[j] += dY[i, j] * X[i, j]
            dshift[j] += dY[i, j]
    for j in range(n_outputs):
        dscale[j] *= share
        dshift[j] *= share


@kernel
def normalize_batch_backward(dZ, X, precision, scale, dscale, dshift):
    """dz = gamma s (dy - dbeta - x dgamma), dZ holding dY before; dZ, X (n, n_l), the others (n_l,)."""
    n, n_outputs = X.shape
    for i in range(n):
        for j in range(n_outputs):
            dZ[i, j] = scale[j] * precision[j] * (dZ[i, j] - dshift[j] - X[i, j] * dscale[j])


@kernel
def normalize_samples_backward(dZ, X, precision, scale):
    """dz = s (g - mean_j g_j - x mean_j g_j x_j), g = gamma dy, dZ holding dY before; dZ, X (n, n_l), precision (n,)."""
    (n, n_outputs), real = X.shape, X.dtype.type
    for i in range(n):
        for j in range(n_outputs):
            dZ[i, j] *= scale[j]
        mean, slope = real(_sum(dZ[i]) / n_outputs), real(_dot(dZ[i], X[i]) / n_outputs)
        for j in range(n_outputs):
            dZ[i, j] = precision[i] * (dZ[i, j] - mean - X[i, j] * slope)


@kernel
def _sum(x):
    """sum_j x_j in double precision, in eight interleaved parts."""
    parts, n_whole = np.zeros(LANES), len(x) // LANES * LANES
    for start in range(0, n_whole, LANES):
        for lane in range(LANES):
            parts[lane] += x[start + lane]
    for j in range(n_whole, len(x)):
        parts[j - n_whole] += x[j]
    return parts.sum()


@kernel
def _dot(x, y):
    """sum_j x_j y_j in double precision, in eight interleaved parts."""
    parts, n_whole = np.zeros(LANES), len(x) // LANES * LANES
    for start in range(0, n_whole, LANES):
        for lane in range(LANES):
            parts[lane] += x[start + lane] * y[start + lane]
    for j in range(n_whole, len(x)):
        parts[j - n_whole] += x[j] * y[j]
    return parts.sum()


LANES = 8  # sums kept side by side, so that no addition waits for the one before
