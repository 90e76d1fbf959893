"""Matrix products on register tiles against NumPy's, for every shape, stride and edge; also with narrower vectors."""

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import types

from fastnn.backends.numba_backend.kernels import compilation
from fastnn.backends.numba_backend.kernels import products as matmul
from tests.cases import DTYPES, assert_agree, tolerance

pytestmark = [pytest.mark.kernels, pytest.mark.tiles]

every_dtype = pytest.mark.parametrize("dtype", DTYPES)

#: Below, at and above the sizes of tiles, strips and blocks, at every vector width.
SHAPES = (
    (1, 1, 1),
    (1, 784, 10),
    (2, 3, 5),
    (7, 17, 33),
    (8, 16, 32),
    (13, 1, 64),
    (16, 31, 8),
    (129, 40, 17),
    (6, 513, 3),
    (5, 1025, 34),
)
EDGE = 3


def normal(*shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def framed(n_rows, n_columns, dtype):
    """An array of NaN, and the block within it that a kernel may write, so that writes outside are detected."""
    frame = np.full((n_rows + 2 * EDGE, n_columns), np.nan, dtype)
    return frame, frame[EDGE:-EDGE]


def assert_only_the_block_was_written(frame, block):
    assert np.isfinite(block).all()
    assert np.isnan(frame[:EDGE]).all()
    assert np.isnan(frame[-EDGE:]).all()


def product(A, B):
    return A.astype(np.longdouble) @ B.astype(np.longdouble)


@every_dtype
@pytest.mark.parametrize(("n", "m", "p"), SHAPES)
def test_multiply(n, m, p, dtype):
    A, B = normal(n, m, dtype=dtype), normal(m, p, dtype=dtype, seed=1)
    frame, C = framed(n, p, dtype)
    matmul.multiply(C, A, B)
    assert_only_the_block_was_written(frame, C)
    assert_agree(C, product(A, B), tolerance(dtype, m))


@every_dtype
@pytest.mark.parametrize(("n", "m", "p"), SHAPES)
def test_multiply_by_a_transpose(n, m, p, dtype):
    A, B = normal(n, m, dtype=dtype), normal(p, m, dtype=dtype, seed=1)
    frame, C = framed(n, p, dtype)
    matmul.multiply(C, A, B.T)
    assert_only_the_block_was_written(frame, C)
    assert_agree(C, product(A, B.T), tolerance(dtype, m))


@every_dtype
@pytest.mark.parametrize(("n", "m", "p"), SHAPES)
def test_multiply_and_add_a_row(n, m, p, dtype):
    A, B, b = normal(n, m, dtype=dtype), normal(m, p, dtype=dtype, seed=1), normal(p, dtype=dtype, seed=2)
    frame, C = framed(n, p, dtype)
    matmul.multiply_add_row(C, A, B, b)
    assert_only_the_block_was_written(frame, C)
    assert_agree(C, product(A, B) + b, tolerance(dtype, m + 1))


@every_dtype
@pytest.mark.parametrize("keep", [0, 1, 0.9])
@pytest.mark.parametrize(("n", "m", "p"), SHAPES)
def test_accumulate_a_transpose_times_a_matrix(n, m, p, keep, dtype):
    A, B = normal(m, n, dtype=dtype), normal(m, p, dtype=dtype, seed=1)
    frame, C = framed(n, p, dtype)
    before = normal(n, p, dtype=dtype, seed=2)
    if keep:
        C[:] = before
    matmul.accumulate(C, A.T, B, -0.25, keep)
    assert_only_the_block_was_written(frame, C)
    assert_agree(C, keep * before.astype(np.longdouble) - product(A.T, B) / 4, tolerance(dtype, m + 1))


@every_dtype
@pytest.mark.parametrize("n_states", [0, 1, 2])
@pytest.mark.parametrize(("n", "m", "p"), SHAPES)
def test_multiply_bringing_parameters_near(n, m, p, n_states, dtype):
    A, B = normal(n, m, dtype=dtype), normal(m, p, dtype=dtype, seed=1)
    parameters, state = normal(n * p, dtype=dtype), normal(n_states, n * p + EDGE, dtype=dtype)
    before = parameters.copy(), state.copy()
    frame, C = framed(n, p, dtype)
    matmul.multiply_with_hint(C, A, B, 0.5, parameters.reshape(n, p), state, EDGE)
    assert_only_the_block_was_written(frame, C)
    assert_agree(C, product(A, B) / 2, tolerance(dtype, m))
    for vector, expected in zip((parameters, state), before, strict=True):
        np.testing.assert_array_equal(vector, expected)


@every_dtype
@pytest.mark.parametrize(("n", "p"), [(1, 1), (5, 3), (64, 64), (9, 131)])
def test_sum_rows(n, p, dtype):
    B, c = normal(n, p, dtype=dtype), np.full(p, np.nan, dtype)
    matmul.sum_rows(c, B, 0.5)
    assert_agree(c, 0.5 * B.sum(axis=0, dtype=np.longdouble), tolerance(dtype, n + 1))


@every_dtype
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("n", "m", "p"), [*SHAPES, (64, 3, 5), (128, 17, 4), (192, 1, 33)])
def test_products_in_columns(n, m, p, bias, dtype):
    A, B = np.asfortranarray(normal(n, m, dtype=dtype)), normal(m, p, dtype=dtype, seed=1)
    b = normal(p, dtype=dtype, seed=2) if bias else np.zeros(p, dtype)
    C = np.full((n, p), np.nan, dtype, order="F")
    if bias:
        matmul.multiply_add_row(C, A, B, b)
    else:
        matmul.multiply(C, A, B)
    assert_agree(C, product(A, B) + b, tolerance(dtype, m + 1))


@every_dtype
@pytest.mark.parametrize("with_ones", [False, True])
@pytest.mark.parametrize(("n", "m", "p"), [(1, 1, 1), (2, 64, 8), (4, 37, 4), (5, 100, 7), (8, 3, 1), (33, 16, 10)])
def test_inner_products(n, m, p, with_ones, dtype):
    A, B = normal(n, m, dtype=dtype), np.asfortranarray(normal(m, p, dtype=dtype, seed=1))
    frame, C = framed(n + with_ones, p, dtype)
    matmul.inner_products(C, A, B, 0.25)
    assert_only_the_block_was_written(frame, C)
    A_with_ones = np.vstack([A, np.ones((int(with_ones), m), dtype)])
    assert_agree(C, product(A_with_ones, B) / 4, tolerance(dtype, m))


@every_dtype
@pytest.mark.parametrize("orders", ["CC", "CF", "FC", "FF"])
@pytest.mark.parametrize(("n", "p"), [(1, 1), (3, 17), (16, 16), (40, 5), (7, 64)])
def test_copy(n, p, orders, dtype):
    A, C = (np.array(normal(n, p, dtype=dtype, seed=seed), order=order) for seed, order in enumerate(orders))
    matmul.copy(C, A)
    assert C.tolist() == A.tolist()


@every_dtype
@pytest.mark.parametrize("way", ["A B", "A B^T", "A^T B"])
@pytest.mark.parametrize(("m", "p"), [(600, 37), (600, 300), (70, 600), (40, 9)])
def test_rows_have_the_same_bits_whichever_rows_are_computed_with_them(m, p, way, dtype):
    n = 140
    A = normal(m, 700, dtype=dtype)[:, :n].T if way == "A^T B" else normal(n, m, dtype=dtype)
    B = normal(p, m, dtype=dtype, seed=1).T if way == "A B^T" else normal(m, p, dtype=dtype, seed=1)
    whole, parts = np.empty((n, p), dtype), np.empty((n, p), dtype)
    matmul.multiply(whole, A, B)
    assert_agree(whole, product(A, B), tolerance(dtype, m))
    for start, stop in ((0, 1), (1, 3), (3, 6), (6, 14), (14, 40), (40, 140)):
        matmul.multiply(parts[start:stop], A[start:stop], B)
    if matmul.config.DISABLE_JIT:
        assert_agree(parts, whole, tolerance(dtype, m))  # NumPy makes no such promise
    else:
        assert parts.tobytes() == whole.tobytes()


@pytest.mark.skipif(bool(matmul.config.DISABLE_JIT), reason="nothing is compiled")
def test_machine_code_calls_nothing_but_other_products():
    # For the oldest processor of its kind, since one that has no multiply-add might call fmaf.
    oldest = llvm.Target.from_default_triple().create_target_machine(cpu="generic")
    products = {product.symbol(types.float32) for product in matmul.PRODUCTS}
    for product in matmul.PRODUCTS:
        overload = compilation.compile_linked(product, types.float32)
        module = overload.library._final_module
        called = {function.name for function in module.functions if function.is_declaration}
        assert {name for name in called if not name.startswith("llvm.")} <= products
        assert b"fmaf" not in oldest.emit_object(module)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    n=st.integers(1, 70),
    m=st.integers(1, 70),
    p=st.integers(1, 70),
    first_column=st.integers(0, 5),
    offset=st.integers(0, 15),
    seed=st.integers(0, 1000),
)
def test_any_shape_step_and_alignment(n, m, p, first_column, offset, seed):
    random = np.random.default_rng(seed)
    A = random.standard_normal((n, m + 5))[:, first_column : first_column + m]
    B = random.standard_normal(offset + m * p)[offset:].reshape(m, p)
    frame, C = framed(n, p, "float64")
    matmul.multiply(C, A, B)
    assert_only_the_block_was_written(frame, C)
    assert_agree(C, product(A, B), tolerance("float64", m))


@every_dtype
def test_not_a_number_and_infinity_survive(dtype):
    A, B = np.ones((3, 4), dtype), np.ones((4, 5), dtype)
    A[1, 2], B[0, 3] = np.nan, np.inf
    C = np.empty((3, 5), dtype)
    matmul.multiply(C, A, B)
    np.testing.assert_array_equal(C, A @ B)
    matmul.inner_products(C, A, np.asfortranarray(B), 1)
    np.testing.assert_array_equal(C, A @ B)
    C[:] = 0
    C[2, 4] = np.nan
    matmul.accumulate(C, A, B, 1, 1)
    np.testing.assert_array_equal(np.isnan(C), np.isnan(A @ B) | np.isnan([[0] * 5, [0] * 5, [0] * 4 + [np.nan]]))
    matmul.accumulate(C, A, B, 1, 0)  # what is overwritten is not read
    np.testing.assert_array_equal(C, A @ B)
