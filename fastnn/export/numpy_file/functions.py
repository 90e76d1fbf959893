"""The functions that a written file may contain; their source is copied, so they use only each other, NumPy and math."""

import base64
import math

import numpy as np

# Cells


def rows(X, n_columns):
    """The cells of X, (n_rows, n_columns); a mapping has its columns in order."""
    if hasattr(X, "keys"):
        X = np.column_stack([np.asarray(X[key], object) for key in X])
    cells = np.asarray(X, None if hasattr(X, "dtype") else object)
    if cells.shape[1:] != (n_columns,):
        raise ValueError(f"X must be (n_rows, {n_columns}), got {cells.shape}.")
    return cells


def columns(X, names):
    """The columns of X by name; rows have them in the order of the names."""
    if not (hasattr(X, "keys") or hasattr(X, "columns")):
        return dict(zip(names, rows(X, len(names)).T))
    lacking = [name for name in names if name not in X]
    if lacking:
        raise ValueError(f"X lacks the columns {lacking}.")
    return {name: X[name] for name in names}


def is_missing(cell):
    """Whether a cell is None, NaN or pandas.NA."""
    if cell is None or type(cell).__name__ == "NAType":
        return True
    return not isinstance(cell, str) and math.isnan(cell)


def numbers(cells, name):
    """The cells of a column as float64, NaN where they are missing."""
    cells = np.asarray(cells, None if hasattr(cells, "dtype") else object)
    if cells.dtype.kind not in "biuf":
        text = [cell for cell in cells if isinstance(cell, str)]
        if text:
            raise ValueError(f"Column {name!r} holds numbers, got {text[0]!r}.")
        cells = [math.nan if is_missing(cell) else cell for cell in cells]
    return np.asarray(cells, np.float64)


def codes(cells, name, levels):
    """The code of each cell; 0 for missing and unknown categories."""
    is_text = isinstance(next(iter(levels)), str)
    others = [cell for cell in cells if isinstance(cell, str) != is_text]
    wrong = [cell for cell in others if not is_missing(cell)]
    if wrong:
        kind = "text" if is_text else "numbers"
        raise ValueError(f"Column {name!r} holds {kind}, got {wrong[0]!r}.")
    return np.array([levels.get(cell, 0) for cell in cells], np.int64)


def scaled(x, median, factor):
    """(x - median) factor, 0 where x is missing, smoothly clipped to 3."""
    with np.errstate(over="ignore", invalid="ignore"):
        x = (x - median) * factor
    x = np.clip(np.where(np.isnan(x), 0.0, x), -3e9, 3e9)
    return x / np.sqrt(1 + (x / 3) ** 2)


def matrix(by_name):
    """Columns of numbers by name as a matrix in float64."""
    return np.column_stack([numbers(by_name[name], name) for name in by_name])


def complete(X):
    """X; ValueError if a number is missing."""
    missing = np.argwhere(np.isnan(X))
    if len(missing):
        raise ValueError(f"X has no number in row {missing[0, 0]}.")
    return X


# Inputs of the network


def embedded(x, vectors):
    """The vector of each code x; that of code 0 for codes that do not exist."""
    exists = (x >= 0) & (x < len(vectors))
    return vectors[np.where(exists, x, 0).astype(np.int64)]


def periodic(x, w, b, V, c):
    """(x, V^T cos(2 pi x w + b) + c) for each column of x."""
    x = x[:, :, np.newaxis]
    waves = np.cos(2 * np.pi * x * w + b)
    e = np.concatenate([x, np.einsum("njh,jhm->njm", waves, V) + c], axis=2)
    return e.reshape(len(x), e.shape[1] * e.shape[2])


# Layers


def layer_norm(z, gamma, beta, epsilon):
    """gamma (z - mean) / sqrt(variance + epsilon) + beta, over the units of a row."""
    z = z - z.mean(axis=1, keepdims=True)
    variance = np.square(z).mean(axis=1, keepdims=True)
    return gamma * (z * (1 / np.sqrt(variance + epsilon))) + beta


def relu(z):
    """max(z, 0)"""
    return np.maximum(z, 0)


def leaky_relu(z):
    """z if z > 0 else 0.01 z"""
    return np.where(z > 0, z, 0.01 * z)


def elu(z):
    """z if z > 0 else exp(z) - 1"""
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def selu(z):
    """s z if z > 0 else s alpha (exp(z) - 1)"""
    s, alpha = 1.0507009873554805, 1.6732632423543772
    return s * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def sigmoid(z):
    """1 / (1 + exp(-z)), without overflow"""
    e = np.exp(-np.abs(z))
    return np.where(z > 0, 1, e) / (1 + e)


def tanh(z):
    """tanh(z)"""
    return np.tanh(z)


def softplus(z):
    """log(1 + exp(z)), without overflow"""
    return np.logaddexp(z, 0)


def silu(z):
    """z / (1 + exp(-z))"""
    return z * sigmoid(z)


def gelu(z):
    """z Phi(z), with the normal distribution function Phi(z) = erfc(-z / sqrt(2)) / 2"""
    erfc = np.vectorize(math.erfc, otypes=[np.float64])
    return z * (erfc(-z / math.sqrt(2)) / 2).astype(z.dtype)


def mish(z):
    """z tanh(log(1 + exp(z)))"""
    return z * np.tanh(np.logaddexp(z, 0))


def exponential(z):
    """exp(z)"""
    return np.exp(z)


def softmax(z):
    """exp(z_k) / sum_j exp(z_j), without overflow"""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# Outputs


def tempered(p, temperature):
    """p_k^(1/T) / sum_j p_j^(1/T), with a temperature T."""
    logs = np.log(np.maximum(p, 1.1754943508222875e-38)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


# Numbers in this file


def float32(text):
    """A vector from the bytes of its numbers in base64."""
    return np.frombuffer(base64.b64decode(text), "<f4")


def float64(text):
    """A vector from the bytes of its numbers in base64."""
    return np.frombuffer(base64.b64decode(text), "<f8")
