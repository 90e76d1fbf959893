"""Steps along orthogonal matrices, as operations: Newton-Schulz iterations towards the orthogonal factor of a gradient.

Singular values approach 1 and end up between 0.7 and 1.2: the coefficients are chosen so that small ones grow fastest
(Jordan and others (2024), Muon: An optimizer for hidden layers in neural networks).
"""

from fastnn.backends.numba_backend.kernels.products import accumulate, copy, multiply
from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.numba_backend.kernels.vector_math import sqrt

#: a, b and c of the polynomial a X + (b A + c A^2) X, A = X X^T.
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


@body()
def follow_mean(ahead, mean, gradient, mu, looks_ahead):
    """v <- mu v + (1 - mu) g; u = (1 - mu) g + mu v if it looks ahead, else v."""
    kept, new = mean.dtype.type(mu), mean.dtype.type(1 - mu)
    for p in range(len(mean)):
        mean[p] = kept * mean[p] + new * gradient[p]
        ahead[p] = new * gradient[p] + kept * mean[p] if looks_ahead != 0 else mean[p]


@body()
def sum_row_squares(squares, u):
    """s_i = sum_j u_ij^2."""
    for i in range(len(u)):
        total = 0.0
        for j in range(u.shape[1]):
            total += u[i, j] * u[i, j]
        squares[i] = total


@body()
def divide_by_length(X, u, squares):
    """X = u / (|u| + 10^-7), |u| the Frobenius norm."""
    total = 0.0
    for i in range(len(squares)):
        total += squares[i]
    length = X.dtype.type(sqrt(total) + 1e-7)
    for i in range(len(u)):
        for j in range(u.shape[1]):
            X[i, j] = u[i, j] / length


@body()
def gram(A, rows, X):
    """A = X X^T, for some of its rows."""
    multiply(A, rows, X.T)


@body()
def polynomial(P, rows, A):
    """P = b A + c A^2, for some of its rows."""
    _, b, c = NEWTON_SCHULZ
    copy(P, rows)
    accumulate(P, rows, A, c, b)


@body()
def apply_polynomial(Y, P, rows, X):
    """Y = a X + P X, for some of its rows."""
    a, _, _ = NEWTON_SCHULZ
    copy(Y, rows)
    accumulate(Y, P, X, 1, a)


@body()
def move_along(W, O, scale, step):
    """W <- (1 - eta lambda) W - eta s O."""
    rate = step["orthogonal_rate"]
    kept, length = W.dtype.type(1 - rate * step["weight_decay"]), W.dtype.type(rate * scale)
    for i in range(len(W)):
        for j in range(W.shape[1]):
            W[i, j] = kept * W[i, j] - length * O[i, j]
