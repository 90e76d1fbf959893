"""The input stage, forward and backward, as operations: embeddings of numbers and categories, and a factor for each input.

The samples of outputs and errors are in columns, so that everything is vectorised over samples, `SCRATCH` of them at a time.
Errors are derivatives of each sample's own loss; gradients are means over the batch.
"""

from fastnn.backends.numba_backend.kernels.compilation import inlined
from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.numba_backend.kernels.scratch import SCRATCH, scratch
from fastnn.backends.numba_backend.kernels.sums import dot, halved_sum, scratch_dot, total
from fastnn.backends.numba_backend.kernels.vector_math import cos_turns, sin_turns
from fastnn.backends.numba_backend.kernels.views import column, row

TWO_PI = 6.283185307179586


@body()
def select_columns(A, X, columns):
    """A = X in these columns; X (n, n_columns) -> A (n, len(columns))."""
    for j in range(len(columns)):
        copy_numbers(column(A, j, 0, len(A)), X, columns[j], 0)


@inlined
def copy_numbers(a, X, j, start):
    """a = the numbers of column j of X from row `start` on."""
    for i in range(len(a)):
        a[i] = X[start + i, j]


@inlined
def sizes(width, P):
    """Number of outputs beside x itself, m, and of frequencies, h, of a periodic embedding with outputs of this width."""
    m = width // len(P) - 1
    return m, (P.shape[1] - m) // (m + 2)


@body()
def embed_numbers(A, X, columns, P):
    """(x, V^T cos(2 pi x w + b) + c) for each of these columns, with w, b, V, c in a row of P; X -> A (n, d (m + 1)).

    Holzmueller, Grinsztajn, Steinwart (2024), Better by Default, section 3 (PBLD embeddings).
    """
    (m, h), x, cosines = sizes(A.shape[1], P), scratch(A), scratch(A)
    for start in range(0, len(A), SCRATCH):
        stop = min(start + SCRATCH, len(A))
        n = stop - start
        for feature in range(len(P)):
            p, first = row(P, feature), feature * (m + 1)
            copy_numbers(x[:n], X, columns[feature], start)
            copy_numbers(column(A, first, start, stop), X, columns[feature], start)
            for k in range(m):
                a, c = column(A, first + 1 + k, start, stop), p[h * (m + 2) + k]
                for i in range(n):
                    a[i] = c
            for j in range(h):
                w, b = p[j], p[h + j] * p.dtype.type(1 / TWO_PI)
                for i in range(n):
                    cosines[i] = cos_turns(x[i] * w + b)
                for k in range(m):
                    add_multiple(column(A, first + 1 + k, start, stop), cosines, p[2 * h + j * m + k])


@inlined
def add_multiple(a, x, v):
    """a <- a + v x, for as many numbers as a has."""
    for i in range(len(a)):
        a[i] += v * x[i]


@body()
def embed_numbers_gradient(dP, dA, X, columns, P, first):
    """dP from dA, for the features from `first` on; dA (n, d (m + 1)), X (n, n_columns), P (d, h (m + 2) + m)."""
    m, h = sizes(dA.shape[1], P)
    for f in range(len(dP)):
        g = row(dP, f)
        for p in range(len(g)):
            g[p] = 0
        for start in range(0, len(dA), SCRATCH):
            stop = min(start + SCRATCH, len(dA))
            place = columns[first + f], first + f, start, stop
            add_gradient(g, dA, X, place, row(P, first + f), (m, h))
        for p in range(len(g)):
            g[p] *= g.dtype.type(1 / len(dA))


@inlined
def add_gradient(g, dA, X, place, p, sizes_of_embedding):
    """Add the gradient of some samples to that of one feature, in sums over the samples."""
    (input_column, feature, start, stop), (m, h) = place, sizes_of_embedding
    n, first = stop - start, feature * (m + 1) + 1
    x, cosines, sines, slopes, room = scratch(dA), scratch(dA), scratch(dA), scratch(dA), scratch(dA)
    copy_numbers(x[:n], X, input_column, start)
    for k in range(m):
        g[h * (m + 2) + k] += total(column(dA, first + k, start, stop))
    for j in range(h):
        w, b = p[j], p[h + j] * p.dtype.type(1 / TWO_PI)
        for i in range(n):
            angle = x[i] * w + b
            cosines[i], sines[i], slopes[i] = cos_turns(angle), sin_turns(angle), 0
        for k in range(m):
            da = column(dA, first + k, start, stop)
            g[2 * h + j * m + k] += scratch_dot(room, cosines, da)
            add_multiple(slopes[:n], da, p[2 * h + j * m + k])
        for i in range(n):
            slopes[i] *= -sines[i]
        g[j] += p.dtype.type(TWO_PI) * scratch_dot(room, slopes, x[:n])
        for i in range(n, SCRATCH):
            slopes[i] = 0
        g[h + j] += halved_sum(slopes)


@inlined
def code_of(x, n_codes):
    """The code x, or 0 for a number that is not a valid code."""
    return int(x) if x >= 0 and x < n_codes else 0


@body()
def embed_category(A, X, column_of_codes, E):
    """a_i = E_c, c = x_i; X (n, n_columns), E (n_codes, k) -> A (n, k)."""
    for i in range(len(A)):
        e = row(E, code_of(X[i, column_of_codes], len(E)))
        for k in range(len(e)):
            A[i, k] = e[k]


@body()
def embed_category_gradient(dE, dA, X, column_of_codes):
    """dE_c = sum of da_i over samples of code c, divided by n; dA (n, k), X (n, n_columns) -> dE (n_codes, k)."""
    for c in range(len(dE)):
        e = row(dE, c)
        for k in range(len(e)):
            e[k] = 0
    scale = dE.dtype.type(1 / len(dA))
    for i in range(len(dA)):
        e = row(dE, code_of(X[i, column_of_codes], len(dE)))
        for k in range(len(e)):
            e[k] += scale * dA[i, k]


@body()
def scale_columns(A, X, scales):
    """a_j = s_j x_j; X (n, k), s (k,) -> A (n, k)."""
    for j in range(len(scales)):
        a, x, s = column(A, j, 0, len(A)), column(X, j, 0, len(A)), scales[j]
        for i in range(len(a)):
            a[i] = s * x[i]


@body()
def scales_gradient(dscales, dA, X):
    """ds_j = mean_i da_ij x_ij; dA, X (n, k) -> ds (k,)."""
    n = len(dA)
    for j in range(len(dscales)):
        dscales[j] = dot(column(dA, j, 0, n), column(X, j, 0, n)) / n
