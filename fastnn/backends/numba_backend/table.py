"""All operations of the compiled backend, with the kinds of their arguments.

Each is the twin of a NumPy function with the same name and arguments, in the NumPy backend's module of the same name as the
body's. The table imports no compiler: programs are built from it, whether their operations are prebuilt or not.
"""

from fastnn.activations import ELEMENTWISE
from fastnn.backends.numba_backend.operations import (
    BLOCK,
    COLUMNS,
    FIRST,
    FLAT,
    INDICES,
    INTEGER,
    NUMBER,
    NUMBERS,
    RECORDS,
    ROWS,
    SPARSE,
    STATES,
    STEP,
    Kind,
    Operation,
    source,
)
from fastnn.backends.whole_epochs import MERSENNE_TWISTER, PCG64
from fastnn.losses import LOSS_KERNELS
from fastnn.updates import UPDATES

#: All operations by name.
OPERATIONS: dict[str, Operation] = {}


def declare(name: str, *kinds: Kind) -> Operation:
    """Enter an operation into the table."""
    OPERATIONS[name] = Operation(name, kinds)
    return OPERATIONS[name]


# Layers: the four equations of backpropagation, and conversions between row-major and column-major samples.
affine = declare("affine", BLOCK, BLOCK, BLOCK, FLAT)
previous_error = declare("previous_error", BLOCK, BLOCK, BLOCK)
previous_error_of_few = declare("previous_error_of_few", BLOCK, BLOCK, BLOCK)
weight_gradient = declare("weight_gradient", BLOCK, BLOCK, BLOCK)
bias_gradient = declare("bias_gradient", FLAT, BLOCK)
gradient_in_columns = declare("gradient_in_columns", BLOCK, BLOCK, BLOCK)
copy_block = declare("copy_block", BLOCK, BLOCK)
copy_numbers = declare("copy_numbers", FLAT, FLAT)
lay_in_columns = declare("lay_in_columns", COLUMNS, ROWS)
lay_in_rows = declare("lay_in_rows", BLOCK, COLUMNS)
clear = declare("clear", FLAT)
mean_loss = declare("mean_loss", NUMBERS, STEP)
look_for_infinity = declare("look_for_infinity", FLAT, STEP)

# Parametric activations.
mix = declare("mix", ROWS, ROWS, ROWS, FLAT)
mix_backward = declare("mix_backward", ROWS, ROWS, FLAT)
slope_gradient = declare("slope_gradient", FLAT, BLOCK, BLOCK, BLOCK)

# The input stage.
select_columns = declare("select_columns", BLOCK, BLOCK, INDICES)
embed_numbers = declare("embed_numbers", BLOCK, BLOCK, INDICES, ROWS)
embed_numbers_gradient = declare("embed_numbers_gradient", ROWS, BLOCK, BLOCK, INDICES, ROWS, FIRST)
embed_category = declare("embed_category", BLOCK, BLOCK, INTEGER, ROWS)
embed_category_gradient = declare("embed_category_gradient", ROWS, BLOCK, BLOCK, INTEGER)
scale_columns = declare("scale_columns", BLOCK, BLOCK, FLAT)
scales_gradient = declare("scales_gradient", FLAT, BLOCK, BLOCK)

# The first layer with a sparse X.
affine_sparse = declare("affine_sparse", ROWS, SPARSE, ROWS, FLAT)
add_weight_gradient_sparse = declare("add_weight_gradient_sparse", ROWS, ROWS, SPARSE, FIRST)
descend_sparse = declare("descend_sparse", ROWS, ROWS, SPARSE, FIRST, STEP)

# Batches: rows of data, by dtype, and their targets.
SOURCE_TYPES = ("float32", "float64", "uint8")
GATHERS = {dtype: declare(f"gather_rows_of_{dtype}", BLOCK, source(dtype), INDICES) for dtype in SOURCE_TYPES}
one_hot = declare("one_hot", COLUMNS, INDICES, INDICES)
select_targets = declare("select_targets", COLUMNS, BLOCK, INDICES)

# Activations, A = f(Z), and their backward passes, dZ = dA * f'(Z), in the order of their codes; softmax comes last.
PASSES = [
    *(declare(name, FLAT, FLAT) for name in ELEMENTWISE),
    declare("softmax", COLUMNS, COLUMNS),
]
DERIVATIVE_PASSES = [
    *(declare(f"{name}_derivative", FLAT, FLAT, FLAT) for name in ELEMENTWISE),
    declare("softmax_backward", COLUMNS, COLUMNS),
]

# Losses in the order of their codes, and sample weights.
LOSSES = [declare(name, NUMBERS, COLUMNS, COLUMNS, COLUMNS, NUMBERS) for name in LOSS_KERNELS]
weigh = declare("weigh", NUMBERS, BLOCK, NUMBERS)

# Normalisation and dropout.
normalize_batch = declare("normalize_batch", BLOCK, BLOCK, BLOCK, FLAT, FLAT)
normalize_running = declare("normalize_running", ROWS, ROWS, BLOCK, FLAT, FLAT)
normalize_samples = declare("normalize_samples", ROWS, ROWS, FLAT, FLAT, FLAT)
scale_and_shift_gradient = declare("scale_and_shift_gradient", FLAT, FLAT, BLOCK, BLOCK)
normalize_batch_backward = declare("normalize_batch_backward", BLOCK, BLOCK, BLOCK, FLAT, FLAT, FLAT)
normalize_samples_backward = declare("normalize_samples_backward", ROWS, ROWS, FLAT, FLAT)
drop = declare("drop", ROWS, NUMBER, INTEGER, FIRST, STEP)
drop_in_columns = declare("drop_in_columns", COLUMNS, NUMBER, INTEGER, FIRST, STEP)

# Updates in the order of their codes: from a stored gradient, and of weights with the gradient computed on the fly.
STEPS = [declare(name, FLAT, FLAT, STATES, STEP) for name in UPDATES]
DESCENTS = [declare(f"descend_by_{name}", ROWS, BLOCK, BLOCK, ROWS, STATES, STEP) for name in UPDATES]
descend_in_product = declare("descend_in_product", BLOCK, BLOCK, BLOCK, STEP)
add_penalty_gradient = declare("add_penalty_gradient", FLAT, FLAT, STEP)
penalize = declare("penalize", FLAT, FLAT, STEP)
add_penalty = declare("add_penalty", FLAT, NUMBER, NUMBER, STEP)
scale_step = declare("scale_step", RECORDS, NUMBERS, STEP)
sum_squares = declare("sum_squares", NUMBERS, FLAT, FIRST)
clip = declare("clip", FLAT, NUMBERS, STEP)

# Muon: steps along orthogonal matrices.
follow_mean = declare("follow_mean", FLAT, FLAT, FLAT, NUMBER, NUMBER)
sum_row_squares = declare("sum_row_squares", NUMBERS, BLOCK)
divide_by_length = declare("divide_by_length", BLOCK, BLOCK, NUMBERS)
gram = declare("gram", BLOCK, BLOCK, BLOCK)
polynomial = declare("polynomial", BLOCK, BLOCK, BLOCK)
apply_polynomial = declare("apply_polynomial", BLOCK, BLOCK, BLOCK, BLOCK)
move_along = declare("move_along", BLOCK, BLOCK, NUMBER, STEP)

# Several epochs in one call: the order of each, and when they pause. The last ends a program, as a driver would.
SHUFFLES = {
    MERSENNE_TWISTER: declare("shuffle_by_mersenne_twister", INDICES, INDICES, STEP),
    PCG64: declare("permute_by_pcg64", INDICES, INDICES, STEP),
}
watch_epoch = declare("watch_epoch", NUMBERS, STEP)
leave_if_paused = declare("leave_if_paused", NUMBERS)

# Tiles of batches of narrow networks. `run_tiles` is a driver itself, and finds its programs in its record.
run_tiles = declare("run_tiles")
place_losses = declare("place_losses", NUMBERS, NUMBERS)
mean_of_tiles = declare("mean_of_tiles", FLAT, BLOCK, INTEGER, STEP)
