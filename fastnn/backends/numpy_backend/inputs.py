"""The input stage: embeddings of numbers and categories, and a factor for each input, forward and backward.

Errors are derivatives of each sample's own loss; gradients are means over the batch.
"""

import numpy as np


def select_columns(A, X, columns):
    """A = X in these columns; X (n, n_columns) -> A (n, len(columns))."""
    A[:] = X[:, columns]


def embed_numbers(A, X, columns, P):
    """(x, V^T cos(2 pi x w + b) + c) for each of these columns, with w, b, V, c in a row of P; X -> A (n, d (m + 1)).

    Holzmueller, Grinsztajn, Steinwart (2024), Better by Default, section 3 (PBLD embeddings).
    """
    w, b, V, c = parts(P, A.shape[1] // len(P) - 1)
    x = X[:, columns, np.newaxis]
    embedded = np.einsum("njh,jhm->njm", np.cos(2 * np.pi * x * w + b), V) + c
    A[:] = np.concatenate([x, embedded], axis=2).reshape(A.shape)


def embed_numbers_gradient(dP, dA, X, columns, P):
    """dP from dA; dA (n, d (m + 1)), X (n, n_columns), P (d, h (m + 2) + m) -> dP, of the same shape."""
    n, m = len(dA), dA.shape[1] // len(P) - 1
    w, b, V, _ = parts(P, m)
    dw, db, dV, dc = parts(dP, m)
    x, dZ = X[:, columns, np.newaxis], dA.reshape(n, len(P), m + 1)[:, :, 1:]
    angles = 2 * np.pi * x * w + b
    dangles = -np.sin(angles) * np.einsum("njm,jhm->njh", dZ, V)
    dw[:], db[:] = (2 * np.pi * x * dangles).mean(axis=0), dangles.mean(axis=0)
    dV[:] = np.einsum("njh,njm->jhm", np.cos(angles), dZ) / n
    dc[:] = dZ.mean(axis=0)


def parts(P, m):
    """Views w (d, h), b (d, h), V (d, h, m) and c (d, m) of the parameters of a periodic embedding; P (d, h (m + 2) + m)."""
    h = (P.shape[1] - m) // (m + 2)
    return P[:, :h], P[:, h : 2 * h], P[:, 2 * h : h * (m + 2)].reshape(len(P), h, m), P[:, h * (m + 2) :]


def codes_of(X, column, n_codes):
    """The codes in a column, 0 for numbers that are not valid codes; X (n, n_columns) -> (n,)."""
    x = X[:, column]
    return np.where((x >= 0) & (x < n_codes), x, 0).astype(np.int64)


def embed_category(A, X, column_of_codes, E):
    """a_i = E_c, c = x_i; X (n, n_columns), E (n_codes, k) -> A (n, k)."""
    A[:] = E[codes_of(X, column_of_codes, len(E))]


def embed_category_gradient(dE, dA, X, column_of_codes):
    """dE_c = sum of da_i over samples of code c, divided by n; dA (n, k), X (n, n_columns) -> dE (n_codes, k)."""
    dE[:] = 0
    np.add.at(dE, codes_of(X, column_of_codes, len(dE)), dA / len(dA))


def scale_columns(A, X, scales):
    """a_j = s_j x_j; X (n, k), s (k,) -> A (n, k)."""
    A[:] = X * scales


def scales_gradient(dscales, dA, X):
    """ds_j = mean_i da_ij x_ij; dA, X (n, k) -> ds (k,)."""
    dscales[:] = (dA * X).mean(axis=0)
