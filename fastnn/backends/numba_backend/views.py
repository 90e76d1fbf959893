"""Named views of the flat vectors: parameters, their gradient, and the workspace of one batch.

A layer's share of the workspace is Z_l, A_l and dZ_l, each (n, n_l), one after the other, in rows or in columns.
"""

from fastnn.backends.numba_backend.compilation import inlined
from fastnn.backends.numba_backend.layouts import block, in_rows, is_narrow, narrow_workspace_size


@inlined
def weights(vector, layer):
    """W_l, a view of the flat vector: (n_{l-1}, n_l)."""
    return in_rows(vector, layer["weights"], layer["n_inputs"], layer["n_outputs"])


@inlined
def biases(vector, layer):
    """b_l, a view of the flat vector: (n_l,)."""
    return vector[layer["biases"] : layer["biases"] + layer["n_outputs"]]


def workspace_size(layers, n_samples):
    """Elements that a batch of n samples needs: 3 n sum_l n_l."""
    return 3 * n_samples * (layers[-1]["first_unit"] + layers[-1]["n_outputs"])


def training_workspace_size(layers, batch_size):
    """Elements that an epoch in batches needs."""
    return narrow_workspace_size(layers, batch_size) if is_narrow(layers) else workspace_size(layers, batch_size)


@inlined
def pre_activations(workspace, layer, n_samples):
    """Z_l, a view of the workspace: (n, n_l)."""
    return _block(workspace, layer, n_samples, 0)


@inlined
def activations(workspace, layer, n_samples):
    """A_l, a view of the workspace: (n, n_l)."""
    return _block(workspace, layer, n_samples, 1)


@inlined
def errors(workspace, layer, n_samples):
    """dZ_l, a view of the workspace: (n, n_l)."""
    return _block(workspace, layer, n_samples, 2)


@inlined
def _block(workspace, layer, n_samples, position):
    start = (3 * layer["first_unit"] + position * layer["n_outputs"]) * n_samples
    return block(workspace, start, n_samples, layer["n_outputs"])
