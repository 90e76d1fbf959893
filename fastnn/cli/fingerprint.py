"""Hashes of rows, by which a model recognises the samples that it was trained on.

A model holds 8 bytes for each of its training samples, of very many only for some. They say nothing of what a row contains,
but whoever has a row, or can guess one, can see whether it was among them: ``--no-fingerprint`` leaves them out.
"""

from hashlib import blake2b

import numpy as np

BYTES = 8
MOST_HASHES = 100_000  # in a model: 800 kB
ROWS_AT_ONCE = 4096  # of X, which may be huge, in float64


def hash_rows(X: np.ndarray) -> np.ndarray:
    """A hash of each row, uint64 (n_samples,): the same for equal numbers, whatever their type."""
    digests = []
    for start in range(0, len(X), ROWS_AT_ONCE):
        rows = np.ascontiguousarray(X[start : start + ROWS_AT_ONCE], "<f8") + 0.0  # which makes 0.0 of -0.0
        digests += [blake2b(row.data, digest_size=BYTES).digest() for row in rows]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def fingerprint(*parts: np.ndarray) -> np.ndarray:
    """What a model keeps of the rows that it was trained on: their hashes, sorted, the smallest of very many."""
    return np.unique(np.concatenate([hash_rows(X) for X in parts]))[:MOST_HASHES]


def recognized(X: np.ndarray, trained_rows: np.ndarray | None) -> np.ndarray:
    """Which rows have their hashes among those of a model, bool (n_samples,)."""
    if trained_rows is None or len(trained_rows) == 0:
        return np.zeros(len(X), bool)
    return np.isin(hash_rows(X), trained_rows)
