"""One table of all operations: arguments for each, and its NumPy twin.

It drives the comparison of twins, compiled, interpreted and with bounds checks, and that of prebuilt libraries with the
compiler. Results are initialised with NaN.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from scipy import sparse

from fastnn.activations import ELEMENTWISE
from fastnn.backends.numba_backend import table
from fastnn.backends.numba_backend.levels import CHUNK
from fastnn.backends.numba_backend.operations import FIRST, NOTHING, STEP, Operation, Sparse, View
from fastnn.backends.numba_backend.partition import UPDATE_ROWS
from fastnn.backends.numba_backend.programs.program import Program
from fastnn.backends.whole_epochs import state_of_pcg64, words_of
from fastnn.losses import LOSS_KERNELS
from fastnn.updates import SCALED, SETTINGS, UPDATES

MODULES = (
    "activations",
    "inputs",
    "layers",
    "losses",
    "normalization",
    "optimizers",
    "shuffling",
    "sparse",
    "stopping",
    "dropout",  # the last one: `mix` is also a function for random numbers
)
N, N_IN, N_OUT = 70, 9, 5  # more samples than an operation keeps on the stack at a time
MORE_UNITS = 70  # the same for units
N_FREQUENCIES = 3  # of periodic embeddings of two columns, with two outputs beside the number itself
MANY_ROWS = UPDATE_ROWS + 1  # of weights, more than are updated at a time

#: Operations whose NumPy twin has another name, because it computes the same in a different way.
OTHER_NAMES = {"previous_error_of_few": "previous_error", "drop_in_columns": "drop"}


def twin(name: str) -> Callable[..., Any] | None:
    """The function of the NumPy backend that an operation must equal, if it has one."""
    for module in MODULES:
        function = getattr(import_module(f"fastnn.backends.numpy_backend.{module}"), OTHER_NAMES.get(name, name), None)
        if function is not None:
            return function
    return None


class Arrays:
    """Random arguments in one dtype; results are initialised with NaN."""

    def __init__(self, dtype):
        self.random, self.dtype = np.random.default_rng(0), np.dtype(dtype)

    def __call__(self, *shape):
        return self.random.standard_normal(shape).astype(self.dtype)

    def columns(self, n, k):
        """Samples in columns."""
        return np.asfortranarray(self(n, k))

    def rubbish(self, *shape):
        """An array for a result."""
        return np.full(shape, np.nan, self.dtype)

    def rubbish_in_columns(self, n, k):
        """The same in columns."""
        return np.asfortranarray(self.rubbish(n, k))

    def numbers(self, *shape):
        """Positive numbers in double precision."""
        return abs(self.random.standard_normal(shape))

    def order(self, n, n_data):
        """Some of the positions in data, in any order."""
        return self.random.permutation(n_data)[:n]

    def sparse_rows(self, n, k):
        """Rows of a sparse matrix."""
        X = sparse.random_array((n, k), density=0.4, rng=self.random, dtype=self.dtype, format="csr")
        places = np.stack([X.indptr[:-1], X.indptr[1:]], axis=1).astype(np.int64)
        return Sparse(X.data, X.indices.astype(np.int64), places)


def a_step():
    """The record of a step, with every field in use."""
    step = np.zeros(1, SETTINGS)
    step["n_samples"], step["learning_rate"], step["l1"], step["l2"], step["weight_decay"] = N, 0.1, 0.01, 0.02, 0.03
    step["momentum"], step["squares_kept"], step["epsilon"], step["penalties_reported"] = 0.9, 0.99, 1e-3, 1
    step["momentum_correction"], step["squares_correction"], step["max_grad_norm"] = 0.5, 0.4, 0.7
    step["orthogonal_rate"], step["mask_key"], step["dropout_reduction"] = 0.2, 12345, 0.25
    return step


def softmaxed(Z):
    exponentials = np.exp(Z)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def loss_arguments(make, name):
    outputs, Y = make.columns(N, N_OUT), np.asfortranarray(softmaxed(make(N, N_OUT)).astype(make.dtype))
    options = {"squared_error": [0.5], "huber": [0.7], "quantile": [0.2]}.get(name, [0.1, np.inf])
    return [np.full(N, np.nan), make.rubbish_in_columns(N, N_OUT), outputs, Y, np.array(options)]


def a_table(make, n_codes=N_OUT):
    """Columns of numbers; the last one holds codes, some of which are not valid."""
    X = make(N, 4)
    X[:, 3] = make.random.integers(-1, n_codes + 2, N)
    X[:3, 3] = np.nan, np.inf, -np.inf
    return X


def periodic_parameters(make):
    return make(2, N_FREQUENCIES * 4 + 2)


def an_own_step(make):
    own = np.full(1, 7, SETTINGS)
    return [own, make.numbers(len(SCALED))]


COLUMNS = np.array([2, 0])

#: Arguments of the operations that have a function of the NumPy backend as their twin, in the order of both.
TWINS = {
    "affine": lambda make: [make.rubbish(N, N_OUT), make(N, N_IN), make(N_IN, N_OUT), make(N_OUT)],
    "previous_error": lambda make: [make.rubbish(N, N_IN), make(N, N_OUT), make(N_IN, N_OUT)],
    "previous_error_of_few": lambda make: [make.rubbish(N, N_IN), make(N, N_OUT), make(N_IN, N_OUT)],
    "weight_gradient": lambda make: [make.rubbish(N_IN, N_OUT), make(N, N_IN), make(N, N_OUT)],
    "bias_gradient": lambda make: [make.rubbish(N_OUT), make(N, N_OUT)],
    "softmax": lambda make: [make.rubbish_in_columns(N, N_OUT), make.columns(N, N_OUT)],
    "softmax_backward": lambda make: [make.columns(N, N_OUT), make.columns(N, N_OUT)],
    "normalize_batch": lambda make: [
        make.rubbish(N, N_OUT), make(N, N_OUT), abs(make(3, N_OUT)), make(N_OUT), make(N_OUT)
    ],
    "normalize_running": lambda make: [
        make.rubbish(N, N_OUT), make(N, N_OUT), abs(make(3, N_OUT)), make(N_OUT), make(N_OUT)
    ],
    "normalize_samples": lambda make: [
        make.rubbish(N, N_OUT), make(N, N_OUT), make.rubbish(N), make(N_OUT), make(N_OUT)
    ],
    "scale_and_shift_gradient": lambda make: [
        make.rubbish(N_OUT), make.rubbish(N_OUT), make(N, N_OUT), make(N, N_OUT)
    ],
    "normalize_batch_backward": lambda make: [
        make(N, N_OUT), make(N, N_OUT), make(3, N_OUT), make(N_OUT), make(N_OUT), make(N_OUT)
    ],
    "normalize_samples_backward": lambda make: [make(N, N_OUT), make(N, N_OUT), make(N), make(N_OUT)],
    "drop": lambda make: [make(N, N_OUT), 0.3, 1],
    "drop_in_columns": lambda make: [make.columns(N, N_OUT), 0.3, 1],
    "add_penalty_gradient": lambda make: [make(N_IN), make(N_IN)],
    "penalize": lambda make: [make(N_IN), make(N_IN)],
    "add_penalty": lambda make: [make(N_IN), 0.7, 1.4],
    "scale_step": an_own_step,
    "mix": lambda make: [make.rubbish(N, MORE_UNITS), make(N, MORE_UNITS), make(N, MORE_UNITS), make(MORE_UNITS)],
    "mix_backward": lambda make: [make(N, MORE_UNITS), make(N, MORE_UNITS), make(MORE_UNITS)],
    "slope_gradient": lambda make: [
        make.rubbish(MORE_UNITS), make(N, MORE_UNITS), make(N, MORE_UNITS), make(N, MORE_UNITS)
    ],
    "select_columns": lambda make: [make.rubbish_in_columns(N, 2), make(N, 4), COLUMNS],
    "embed_numbers": lambda make: [make.rubbish_in_columns(N, 6), make(N, 4), COLUMNS, periodic_parameters(make)],
    "embed_category": lambda make: [make.rubbish_in_columns(N, 3), a_table(make), 3, make(N_OUT, 3)],
    "embed_category_gradient": lambda make: [make.rubbish(N_OUT, 3), make.columns(N, 3), a_table(make), 3],
    "scale_columns": lambda make: [make.rubbish_in_columns(N, N_IN), make.columns(N, N_IN), make(N_IN)],
    "scales_gradient": lambda make: [make.rubbish(N_IN), make.columns(N, N_IN), make.columns(N, N_IN)],
    "follow_mean": lambda make: [make.rubbish(N_IN), make(N_IN), make(N_IN), 0.9, 1.0],
    "move_along": lambda make: [make(N_IN, N_OUT), make(N_IN, N_OUT), 1.5],
    "shuffle_by_mersenne_twister": lambda make: [
        make.random.permutation(700), words_of(np.random.RandomState(0).get_state(legacy=False))
    ],
    "permute_by_pcg64": lambda make: [np.full(700, -1), state_of_pcg64(make.random.bit_generator)],
    "watch_epoch": lambda make: [np.array([1.0, 0.5, 3.0, 0.01, 3.0, N, 2.0, 4.0, 0.0])],
    **{name: (lambda make, name=name: loss_arguments(make, name)) for name in LOSS_KERNELS},
}  # fmt: skip

N_STATES = {"sgd": 0, "rmsprop_momentum": 2, "adam": 2, "amsgrad": 3}
TWINS |= {
    name: (lambda make, name=name: [make(N_IN), make(N_IN), abs(make(N_STATES.get(name, 1), N_IN))]) for name in UPDATES
}


@dataclass(frozen=True)
class Equation:
    """Arguments of an operation without a twin in the NumPy backend, and their expected values afterwards.

    `leaves` is the position of an argument whose final values do not matter.
    """

    arguments: Callable[[Arrays], list[Any]]
    result: Callable[..., Any]
    leaves: int = -1


def _assign(C, A):
    C[:] = A


def _gradient_in_columns(dW_and_db, A_previous, dZ):
    dW_and_db[:-1], dW_and_db[-1] = A_previous.T @ dZ / len(dZ), dZ.mean(axis=0)


def _dense(X, n_columns):
    indptr = np.append(X.places[:, 0], X.places[-1, 1])
    return sparse.csr_array((X.data, X.indices, indptr), shape=(len(X.places), n_columns)).toarray()


def _affine_sparse(Z, X, W, b):
    Z[:] = _dense(X, len(W)) @ W + b


def _add_weight_gradient_sparse(dW, dZ, X, first):
    dW += _dense(X, len(dW)).T @ dZ / len(dZ)


def _descend_in_product(W, A_previous, dZ, step):
    rate = step["learning_rate"]
    W[:] = (1 - rate * (step["l2"] + step["weight_decay"])) * W - rate * A_previous.T @ dZ / len(dZ)


def _descend_sparse(W, dZ, X, first, step):
    _descend_in_product(W, _dense(X, len(W)), dZ, step)


def _descend_by(update):
    def descend(W, A_previous, dZ, room, states, step):
        gradient = (A_previous.T @ dZ / len(dZ)).ravel()
        twin("penalize")(W.reshape(-1), gradient, step)
        twin(update)(W.reshape(-1), gradient, states, step)

    return descend


def _sum_squares(squares, vector, first):
    squares[:] = np.add.reduceat(vector.astype(np.float64) ** 2, np.arange(0, len(vector), CHUNK))


def _clip(gradient, squares, step):
    gradient *= min(1.0, step["max_grad_norm"] / (np.sqrt(squares.sum()) + 1e-6))


def _mean_loss(losses, step):
    step["loss"] = losses.mean()


def _look_for_infinity(z, step):
    step["not_finite"] = not np.isfinite(z).all()


def _weigh(losses, dZ, weights):
    losses *= weights
    dZ *= weights[:, np.newaxis].astype(dZ.dtype)


def _embed_numbers_gradient(dP, dA, X, columns, P, first):
    twin("embed_numbers_gradient")(dP, dA, X, columns, P)


def _mean_of_tiles(mean, gradients, tile, step):
    sizes = np.diff([*range(0, N, tile), N])
    mean[:] = sizes / N @ gradients


def _one_hot(Y, classes, order):
    Y[:] = classes[order][:, np.newaxis] == np.arange(Y.shape[1])


def _select(Y, targets, order):
    Y[:] = targets[order]


def _gather(make, dtype):
    data = 100 * make.random.random((100, N_IN))
    return [make.rubbish(N, N_IN), data.astype(dtype), make.order(N, 100)]


NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def _divide_by_length(X, u, squares):
    X[:] = u / (np.sqrt(squares.sum()) + 1e-7)


def _polynomial(P, rows, A):
    P[:] = NEWTON_SCHULZ[1] * rows + NEWTON_SCHULZ[2] * rows @ A


def _apply_polynomial(Y, P, rows, X):
    Y[:] = NEWTON_SCHULZ[0] * rows + P @ X


EQUATIONS = {
    "gradient_in_columns": Equation(
        lambda make: [make.rubbish(N_IN + 1, N_OUT), make.columns(N, N_IN), make.columns(N, N_OUT)],
        _gradient_in_columns,
    ),
    "copy_block": Equation(lambda make: [make.rubbish(N, N_IN), make.columns(N, N_IN)], _assign),
    "copy_numbers": Equation(lambda make: [make.rubbish(N), make(N)], _assign),
    "lay_in_columns": Equation(lambda make: [make.rubbish_in_columns(N, N_OUT), make(N, N_OUT)], _assign),
    "lay_in_rows": Equation(lambda make: [make.rubbish(N, N_OUT), make.columns(N, N_OUT)], _assign),
    "clear": Equation(lambda make: [make.rubbish(N)], lambda x: _assign(x, 0)),
    "mean_loss": Equation(lambda make: [make.numbers(N)], _mean_loss),
    "look_for_infinity": Equation(lambda make: [np.append(make(N), make.dtype.type(np.inf))], _look_for_infinity),
    "affine_sparse": Equation(
        lambda make: [make.rubbish(N, N_OUT), make.sparse_rows(N, N_IN), make(N_IN, N_OUT), make(N_OUT)],
        _affine_sparse,
    ),
    "add_weight_gradient_sparse": Equation(
        lambda make: [make(N_IN, N_OUT), make(N, N_OUT), make.sparse_rows(N, N_IN)], _add_weight_gradient_sparse
    ),
    "descend_sparse": Equation(
        lambda make: [make(N_IN, N_OUT), make(N, N_OUT), make.sparse_rows(N, N_IN)], _descend_sparse
    ),
    **{
        f"gather_rows_of_{dtype}": Equation(lambda make, dtype=dtype: _gather(make, dtype), _select)
        for dtype in table.SOURCE_TYPES
    },
    "one_hot": Equation(
        lambda make: [make.rubbish_in_columns(N, N_OUT), make.random.integers(0, N_OUT, 100), make.order(N, 100)],
        _one_hot,
    ),
    "select_targets": Equation(
        lambda make: [make.rubbish_in_columns(N, N_OUT), make(100, N_OUT), make.order(N, 100)], _select
    ),
    **{
        name: Equation(
            lambda make: [make.rubbish(300), 3 * make(300)], lambda a, z, name=name: _assign(a, twin(name)(z))
        )
        for name in ELEMENTWISE
    },
    **{
        f"{name}_derivative": Equation(
            lambda make, name=name: _slope_arguments(make, name),
            lambda dz, z, a, name=name: _assign(dz, dz * twin(f"{name}_derivative")(z, a)),
        )
        for name in ELEMENTWISE
    },
    "weigh": Equation(lambda make: [make.numbers(N), make(N, N_OUT), make.numbers(N)], _weigh),
    **{
        f"descend_by_{name}": Equation(
            lambda make, name=name: [
                make(MANY_ROWS, N_OUT),
                make(N, MANY_ROWS),
                make(N, N_OUT),
                make.rubbish(UPDATE_ROWS, N_OUT),
                abs(make(N_STATES.get(name, 1), MANY_ROWS * N_OUT)),
            ],
            _descend_by(name),
            leaves=3,
        )
        for name in UPDATES
    },
    "descend_in_product": Equation(
        lambda make: [make(N_IN, N_OUT), make(N, N_IN), make(N, N_OUT)], _descend_in_product
    ),
    "sum_squares": Equation(lambda make: [np.full(2, np.nan), make(CHUNK + 9)], _sum_squares),
    "clip": Equation(lambda make: [make(N_IN), make.numbers(3)], _clip),
    "sum_row_squares": Equation(
        lambda make: [np.full(N_IN, np.nan), make(N_IN, N_OUT)],
        lambda squares, u: _assign(squares, (u * u).sum(axis=1)),
    ),
    "divide_by_length": Equation(
        lambda make: [make.rubbish(N_IN, N_OUT), make(N_IN, N_OUT), make.numbers(N_IN)], _divide_by_length
    ),
    "gram": Equation(
        lambda make: [make.rubbish(4, N_IN), make(4, N_OUT), make(N_IN, N_OUT)],
        lambda A, rows, X: _assign(A, rows @ X.T),
    ),
    "polynomial": Equation(lambda make: [make.rubbish(4, N_IN), make(4, N_IN), make(N_IN, N_IN)], _polynomial),
    "apply_polynomial": Equation(
        lambda make: [make.rubbish(4, N_OUT), make(4, N_IN), make(4, N_OUT), make(N_IN, N_OUT)], _apply_polynomial
    ),
    "embed_numbers_gradient": Equation(
        lambda make: [
            make.rubbish(2, N_FREQUENCIES * 4 + 2),
            make.columns(N, 6),
            make(N, 4),
            COLUMNS,
            periodic_parameters(make),
        ],
        _embed_numbers_gradient,
    ),
    "place_losses": Equation(lambda make: [np.full(N, np.nan), make.numbers(N)], _assign),
    "mean_of_tiles": Equation(lambda make: [make.rubbish(N_IN), make(3, N_IN), 32], _mean_of_tiles),
}


def _slope_arguments(make, name):
    z = 3 * make(300)
    return [make(300), z, twin(name)(z)]


#: Operations that are drivers of their own: they take the address of their record, and return a status.
DRIVERS = ("run_tiles", "leave_if_paused")

#: All others.
NAMES = sorted({*TWINS, *EQUATIONS})


def arguments_of(name: str, dtype: Any) -> list[Any]:
    """Arguments of an operation but for step and first sample."""
    arguments = TWINS[name] if name in TWINS else EQUATIONS[name].arguments
    return arguments(Arrays(dtype))


def expect(name: str, arguments: list[Any], step: Any) -> None:
    """Let the arguments become what the operation must make of them."""
    kinds = table.OPERATIONS[name].kinds
    more = [0] * (FIRST in kinds) + [step] * (STEP in kinds)
    with np.errstate(all="ignore"):
        (twin(name) if name in TWINS else EQUATIONS[name].result)(*arguments, *more)


def results(name: str, arguments: list[Any]) -> list[np.ndarray]:
    """The arrays among the arguments whose final values matter."""
    left = EQUATIONS[name].leaves if name in EQUATIONS else -1
    arrays = [a for place, a in enumerate(arguments) if isinstance(a, np.ndarray) and place != left]
    return [a if a.dtype.names is None else np.array(a.tolist()) for a in arrays]


def _view(argument):
    if isinstance(argument, Sparse):
        return Sparse(*map(View, argument))
    return View(argument) if isinstance(argument, np.ndarray) else argument


def run(operation: Operation, arguments: list[Any], step: np.ndarray, dtype: Any) -> None:
    """Run one operation on all of its arguments."""
    program = Program(np.dtype(dtype))
    program.add(operation, (NOTHING, 1), *map(_view, arguments))
    with np.errstate(all="ignore"):  # as in all calls of the backends
        program.run(step)
