"""The two products of the first layer with a sparse X, a SciPy CSR matrix."""


def affine_sparse(Z, X, W, b):
    """Z = X W + b, a sum over the non-zero entries of each row; X (n, n_in), W (n_in, n_out), b (n_out,) -> Z (n, n_out)."""
    Z[:] = X @ W + b


def weight_gradient_sparse(dW, X, dZ):
    """dW = X^T dZ / n, a sum over the non-zero entries; dZ (n, n_out), X (n, n_in) -> dW (n_in, n_out)."""
    dW[:] = X.T @ dZ / len(dZ)
