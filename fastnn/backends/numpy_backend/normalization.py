"""Normalisation before the activation: x = (z - mean) / sqrt(variance + epsilon), y = gamma x + beta.

Batch normalisation uses the mean and variance of each unit over the samples of a batch, and running ones at inference
(Ioffe, Szegedy (2015), Batch Normalization, algorithms 1 and 2); layer normalisation uses those of each sample over the
units of a layer (Ba, Kiros, Hinton (2016), Layer Normalization, equation 4). Errors dY, dZ are derivatives of each sample's
own loss; gradients are means over the batch.
"""

import numpy as np

#: Constant added to variances, and weight of a new batch in the running statistics: as in PyTorch.
EPSILON, RUNNING_SHARE = 1e-5, 0.1


def normalize_batch(Y, X, statistics, scale, shift):
    """x = (z - m) s, y = gamma x + beta, m = mean_i z_i, s = 1 / sqrt(mean_i (z_i - m)^2 + epsilon); X holds Z on entry.

    Y, X (n, n_l), scale and shift (n_l,); statistics (3, n_l) holds running mean, running variance and s. The running
    variance is the unbiased estimate, with n - 1.
    """
    n, mean, (running_mean, running_variance, precision) = len(X), X.mean(axis=0), statistics
    X -= mean
    variance = np.square(X).mean(axis=0)
    precision[:] = 1 / np.sqrt(variance + EPSILON)
    X *= precision
    Y[:] = scale * X + shift
    running_mean += RUNNING_SHARE * (mean - running_mean)
    running_variance += RUNNING_SHARE * (variance * (n / max(n - 1, 1)) - running_variance)


def normalize_running(Y, X, statistics, scale, shift):
    """x = (z - m) / sqrt(v + epsilon), y = gamma x + beta with running m and v; X holds Z on entry; Y, X (n, n_l)."""
    running_mean, running_variance, _ = statistics
    X -= running_mean
    X /= np.sqrt(running_variance + EPSILON)
    Y[:] = scale * X + shift


def normalize_samples(Y, X, precision, scale, shift):
    """x = (z - m) s, y = gamma x + beta, m = mean_j z_j, s = 1 / sqrt(mean_j (z_j - m)^2 + epsilon); X holds Z on entry.

    Y, X (n, n_l), precision (n,), scale and shift (n_l,).
    """
    X -= X.mean(axis=1, keepdims=True)
    precision[:] = 1 / np.sqrt(np.square(X).mean(axis=1) + EPSILON)
    X *= precision[:, np.newaxis]
    Y[:] = scale * X + shift


def scale_and_shift_gradient(dscale, dshift, dY, X):
    """dgamma = mean_i dy_i x_i, dbeta = mean_i dy_i; dY, X (n, n_l) -> (n_l,)."""
    dscale[:] = (dY * X).mean(axis=0)
    dshift[:] = dY.mean(axis=0)


def normalize_batch_backward(dZ, X, statistics, scale, dscale, dshift):
    """dz = gamma s (dy - dbeta - x dgamma); dZ holds dY on entry; dZ, X (n, n_l), statistics (3, n_l), the others (n_l,)."""
    _, _, precision = statistics
    dZ[:] = scale * precision * (dZ - dshift - X * dscale)


def normalize_samples_backward(dZ, X, precision, scale):
    """dz = s (g - mean_j g_j - x mean_j g_j x_j), g = gamma dy; dZ holds dY on entry; dZ, X (n, n_l), precision (n,)."""
    dZ *= scale
    means, slopes = dZ.mean(axis=1, keepdims=True), (dZ * X).mean(axis=1, keepdims=True)
    dZ[:] = precision[:, np.newaxis] * (dZ - means - X * slopes)
