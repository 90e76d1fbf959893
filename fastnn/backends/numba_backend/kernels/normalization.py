"""Normalisation before the activation: x = (z - mean) / sqrt(variance + epsilon), y = gamma x + beta.

Batch normalisation uses the mean and variance of each unit over the samples of a batch, and running ones at inference
(Ioffe, Szegedy (2015), Batch Normalization, algorithms 1 and 2); layer normalisation uses those of each sample over the
units of a layer (Ba, Kiros, Hinton (2016), Layer Normalization, equation 4). Errors dY, dZ are derivatives of each sample's
own loss; gradients are means over the batch.
"""

from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.numba_backend.kernels.scratch import SCRATCH, scratch
from fastnn.backends.numba_backend.kernels.sums import dot, total
from fastnn.backends.numba_backend.kernels.vector_math import sqrt

#: Codes of normalisation in training: by unit over a batch, or by sample.
BATCH, SAMPLES = 1, 2

#: Constant added to variances, and weight of a new batch in the running statistics: as in PyTorch.
EPSILON, RUNNING_SHARE = 1e-5, 0.1


@body()
def normalize_batch(Y, X, statistics, scale, shift):
    """x = (z - m) s, y = gamma x + beta, m = mean_i z_i, s = 1 / sqrt(mean_i (z_i - m)^2 + epsilon); X holds Z on entry.

    Y, X (n, n_l), scale and shift (n_l,); statistics (3, n_l) holds running mean, running variance and s. The running
    variance is the unbiased estimate, with n - 1.
    """
    (n, n_outputs), real = X.shape, X.dtype.type
    mean, variance, new, population = scratch(X), scratch(X), real(RUNNING_SHARE), real(n / max(n - 1, 1))
    for start in range(0, n_outputs, SCRATCH):
        stop = min(start + SCRATCH, n_outputs)
        for j in range(start, stop):
            mean[j - start] = variance[j - start] = 0
        for i in range(n):
            for j in range(start, stop):
                mean[j - start] += X[i, j]
        for j in range(start, stop):
            mean[j - start] *= real(1 / n)
        for i in range(n):
            for j in range(start, stop):
                X[i, j] -= mean[j - start]
                variance[j - start] += X[i, j] * X[i, j]
        for j in range(start, stop):
            variance[j - start] *= real(1 / n)
            statistics[0, j] += new * (mean[j - start] - statistics[0, j])
            statistics[1, j] += new * (variance[j - start] * population - statistics[1, j])
            statistics[2, j] = real(1) / sqrt(variance[j - start] + real(EPSILON))
    for i in range(n):
        for j in range(n_outputs):
            X[i, j] *= statistics[2, j]
            Y[i, j] = scale[j] * X[i, j] + shift[j]


@body()
def normalize_running(Y, X, statistics, scale, shift):
    """x = (z - m) / sqrt(v + epsilon), y = gamma x + beta with running m and v; X holds Z on entry; Y, X (n, n_l)."""
    (n, n_outputs), real = X.shape, X.dtype.type
    for i in range(n):
        for j in range(n_outputs):
            X[i, j] = (X[i, j] - statistics[0, j]) / sqrt(statistics[1, j] + real(EPSILON))
            Y[i, j] = scale[j] * X[i, j] + shift[j]


@body()
def normalize_samples(Y, X, precision, scale, shift):
    """x = (z - m) s, y = gamma x + beta, m = mean_j z_j, s = 1 / sqrt(mean_j (z_j - m)^2 + epsilon); X holds Z on entry.

    Y, X (n, n_l), precision (n,), scale and shift (n_l,).
    """
    (n, n_outputs), real = X.shape, X.dtype.type
    for i in range(n):
        mean = real(total(X[i]) / n_outputs)
        for j in range(n_outputs):
            X[i, j] -= mean
        precision[i] = 1 / sqrt(dot(X[i], X[i]) / n_outputs + EPSILON)
        for j in range(n_outputs):
            X[i, j] *= precision[i]
            Y[i, j] = scale[j] * X[i, j] + shift[j]


@body()
def scale_and_shift_gradient(dscale, dshift, dY, X):
    """dgamma = mean_i dy_i x_i, dbeta = mean_i dy_i; dY, X (n, n_l) -> (n_l,)."""
    (n, n_outputs), share = X.shape, X.dtype.type(1 / len(X))
    for j in range(n_outputs):
        dscale[j] = dshift[j] = 0
    for i in range(n):
        for j in range(n_outputs):
            dscale[j] += dY[i, j] * X[i, j]
            dshift[j] += dY[i, j]
    for j in range(n_outputs):
        dscale[j] *= share
        dshift[j] *= share


@body()
def normalize_batch_backward(dZ, X, statistics, scale, dscale, dshift):
    """dz = gamma s (dy - dbeta - x dgamma); dZ holds dY on entry; dZ, X (n, n_l), statistics (3, n_l), the others (n_l,)."""
    n, n_outputs = X.shape
    for i in range(n):
        for j in range(n_outputs):
            dZ[i, j] = scale[j] * statistics[2, j] * (dZ[i, j] - dshift[j] - X[i, j] * dscale[j])


@body()
def normalize_samples_backward(dZ, X, precision, scale):
    """dz = s (g - mean_j g_j - x mean_j g_j x_j), g = gamma dy; dZ holds dY on entry; dZ, X (n, n_l), precision (n,)."""
    (n, n_outputs), real = X.shape, X.dtype.type
    for i in range(n):
        for j in range(n_outputs):
            dZ[i, j] *= scale[j]
        mean, slope = real(total(dZ[i]) / n_outputs), real(dot(dZ[i], X[i]) / n_outputs)
        for j in range(n_outputs):
            dZ[i, j] = precision[i] * (dZ[i, j] - mean - X[i, j] * slope)
