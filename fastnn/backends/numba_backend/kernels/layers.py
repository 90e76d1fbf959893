"""One layer, forward and backward, as operations: the four equations of backpropagation.

Nielsen, Neural Networks and Deep Learning (2015), chapter 2, equations BP1 to BP4, with one sample per row.
"""

from fastnn.backends.numba_backend.kernels.products import (
    accumulate,
    copy,
    inner_products,
    multiply,
    multiply_add_row,
    sum_rows,
)
from fastnn.backends.numba_backend.kernels.registry import body
from fastnn.backends.numba_backend.kernels.scratch import SCRATCH, scratch
from fastnn.backends.numba_backend.kernels.views import row


@body()
def affine(Z, A_previous, W, b):
    """Z = A_previous W + b; A_previous (n, n_in), W (n_in, n_out), b (n_out,) -> Z (n, n_out)."""
    multiply_add_row(Z, A_previous, W, b)


@body()
def previous_error(dA_previous, dZ, W):
    """dA_previous = dZ W^T; dZ (n, n_out), W (n_in, n_out) -> (n, n_in)."""
    multiply(dA_previous, dZ, W.T)


@body()
def previous_error_of_few(dA_previous, dZ, W):
    """dA_previous = dZ W^T; dZ (n, n_out), W (n_in, n_out) -> (n, n_in).

    It computes inner products of rows of dZ and W in place: for a few samples, packing strips of W^T would not pay off.
    """
    inner_products(dA_previous, dZ, W.T, 1)


@body()
def mix(A, Z, F, slope):
    """a = z + alpha (f(z) - z), a parametric activation, F = f(Z); Z, F (n, n_l), alpha (n_l,) -> A (n, n_l).

    Holzmueller, Grinsztajn, Steinwart (2024), Better by Default, section 3.
    """
    for i in range(len(A)):
        a, z, f = row(A, i), row(Z, i), row(F, i)
        for j in range(len(slope)):
            a[j] = z[j] + slope[j] * (f[j] - z[j])


@body()
def mix_backward(dZ, dA, slope):
    """dz = da (1 + alpha (f'(z) - 1)); dZ holds dA * f'(Z) on entry; dZ, dA (n, n_l), alpha (n_l,) -> dZ (n, n_l)."""
    for i in range(len(dZ)):
        dz, da = row(dZ, i), row(dA, i)
        for j in range(len(slope)):
            dz[j] = da[j] + slope[j] * (dz[j] - da[j])


@body()
def slope_gradient(dslope, dA, Z, F):
    """dalpha = mean_i da_i (f(z_i) - z_i); dA, Z, F (n, n_l) -> dalpha (n_l,)."""
    n, n_outputs = dA.shape
    sums, scale = scratch(dA), dA.dtype.type(1 / n)
    for start in range(0, n_outputs, SCRATCH):
        stop = min(start + SCRATCH, n_outputs)
        for j in range(stop - start):
            sums[j] = 0
        for i in range(n):
            da, z, f = row(dA, i)[start:stop], row(Z, i)[start:stop], row(F, i)[start:stop]
            for j in range(len(da)):
                sums[j] += da[j] * (f[j] - z[j])
        for j in range(start, stop):
            dslope[j] = scale * sums[j - start]


@body("place_losses")
@body()
def copy_numbers(x, y):
    """x = y."""
    for i in range(len(x)):
        x[i] = y[i]


@body()
def weight_gradient(dW, A_previous, dZ):
    """dW = A_previous^T dZ / n; dZ (n, n_out), A_previous (n, n_in) -> dW (n_in, n_out)."""
    accumulate(dW, A_previous.T, dZ, 1 / len(dZ), 0)


@body()
def bias_gradient(db, dZ):
    """db = mean_i dz_i; dZ (n, n_out) -> db (n_out,)."""
    sum_rows(db, dZ, 1 / len(dZ))


@body()
def gradient_in_columns(dW_and_db, A_previous, dZ):
    """dW = A_previous^T dZ / n and, below it, db = mean_i dz_i, for samples in columns; -> (n_in + 1, n_out)."""
    inner_products(dW_and_db, A_previous.T, dZ, 1 / len(dZ))


@body()
def copy_block(C, A):
    """C = A; A (n, p) -> C (n, p)."""
    copy(C, A)


@body()
def lay_in_columns(C, A):
    """C = A, the samples of C in columns; A (n, p) -> C (n, p)."""
    copy(C, A)


@body()
def lay_in_rows(C, A):
    """C = A, the samples of A in columns; A (n, p) -> C (n, p)."""
    copy(C, A)


@body()
def clear(x):
    """x = 0."""
    for i in range(len(x)):
        x[i] = 0


@body()
def mean_loss(losses, step):
    """L = mean_i L_i; L_i (n,)."""
    total = 0.0
    for i in range(len(losses)):
        total += losses[i]
    step["loss"] = total / len(losses)


@body()
def look_for_infinity(z, step):
    """Record whether any number is NaN or infinite: z - z is 0 for all others."""
    strange = 0
    for i in range(len(z)):
        strange += z[i] - z[i] != 0
    if strange > 0:
        step["not_finite"] = 1
