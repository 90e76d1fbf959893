"""Temperature scaling of probabilities."""

import numpy as np
from scipy.optimize import minimize_scalar

#: Bounds of the temperature.
COLDEST, HOTTEST = 0.05, 20.0

#: Smaller probabilities count as this one.
SMALLEST = float(np.finfo(np.float32).tiny)


def rescaled(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """p_k^(1/T) / sum_j p_j^(1/T): the softmax of logits divided by T; (n, K) -> (n, K)."""
    if temperature == 1.0:
        return probabilities
    logs = np.log(np.maximum(probabilities, SMALLEST)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), probabilities.dtype)


def best_temperature(probabilities: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> float:
    """The temperature T for which the (weighted) mean log-loss of rows that were held out is smallest.

    Guo, Pleiss, Sun, Weinberger (2017), On Calibration of Modern Neural Networks, section 4.2. The log-loss is convex in
    1 / T. So that it stays finite when all rows are classified correctly, T is limited to 1/20 to 20.
    """
    rows, logs = np.arange(len(classes)), np.log(np.maximum(probabilities.astype(np.float64), SMALLEST))

    def log_loss(inverse: float) -> float:
        z = inverse * logs
        largest = z.max(axis=1)
        losses = largest + np.log(np.exp(z - largest[:, np.newaxis]).sum(axis=1)) - z[rows, classes]
        return float(np.average(losses, weights=weights if len(weights) else None))

    found = minimize_scalar(log_loss, bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded", options={"xatol": 1e-4})
    return 1 / float(found.x)
