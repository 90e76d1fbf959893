"""Hashes of rows, by which a model recognises its training samples.

A model stores 8 bytes per training sample, up to a limit. The hashes do not reveal the contents of a row, but anyone who
has a row, or can guess it, can tell whether it was among the training samples: ``--no-fingerprint`` omits the hashes.
"""

from hashlib import blake2b

import numpy as np

BYTES = 8
MOST_HASHES = 100_000  # per model: 800 kB
ROWS_AT_ONCE = 4096  # converted to float64 at a time, because X may be huge


def hash_rows(X: np.ndarray) -> np.ndarray:
    """A hash of each row, uint64 (n_samples,); rows with equal numbers have equal hashes, whatever their dtype."""
    digests = []
    for start in range(0, len(X), ROWS_AT_ONCE):
        rows = np.ascontiguousarray(X[start : start + ROWS_AT_ONCE], "<f8") + 0.0  # turns -0.0 into 0.0
        digests += [blake2b(row.data, digest_size=BYTES).digest() for row in rows]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def fingerprint(*parts: np.ndarray) -> np.ndarray:
    """The hashes that a model stores: those of the training rows, sorted, and only the smallest if there are very many."""
    return np.unique(np.concatenate([hash_rows(X) for X in parts]))[:MOST_HASHES]


def recognized(X: np.ndarray, trained_rows: np.ndarray | None) -> np.ndarray:
    """Which rows have hashes among those of a model, bool (n_samples,)."""
    if trained_rows is None or len(trained_rows) == 0:
        return np.zeros(len(X), bool)
    return np.isin(hash_rows(X), trained_rows)
