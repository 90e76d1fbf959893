"""Named views of the flat vectors: parameters, their gradient, and the workspace of one batch.

A layer's share of the workspace is Z_l, A_l and dZ_l, each (n, n_l), one after the other, in rows or in columns; then, where
the layer is normalised, what is normalised, where outputs are dropped, those that are passed on, and last a number for each
sample.
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


@inlined
def scales(vector, layer):
    """gamma_l, a view of the flat vector: (n_l,)."""
    return vector[layer["scales"] : layer["shifts"]]


@inlined
def shifts(vector, layer):
    """beta_l, a view of the flat vector: (n_l,)."""
    return vector[layer["shifts"] : layer["end"]]


@inlined
def running_means(statistics, layer):
    """Running means of z_l, a view of the running statistics: (n_l,)."""
    return _statistic(statistics, layer, 0)


@inlined
def running_variances(statistics, layer):
    """Running variances of z_l, a view of the running statistics: (n_l,)."""
    return _statistic(statistics, layer, 1)


@inlined
def unit_precisions(statistics, layer):
    """1 / sqrt(variance + epsilon) of z_l in the last batch, a view of the running statistics: (n_l,)."""
    return _statistic(statistics, layer, 2)


def workspace_size(layers, n_samples):
    """Elements that a batch of n samples needs: n times what a sample needs."""
    return n_samples * (layers[-1]["workspace"] + 3 * layers[-1]["n_outputs"])


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
def normalized(workspace, layer, n_samples):
    """What of a layer is normalised, a view of the workspace: (n, n_l)."""
    return _block(workspace, layer, n_samples, 3)


@inlined
def passed_on(workspace, layer, n_samples):
    """What of A_l is passed on to the next layer, a view of the workspace: (n, n_l)."""
    position = 1 if layer["dropout"] == 0 else 3 if layer["normalization"] == 0 else 4
    return _block(workspace, layer, n_samples, position)


@inlined
def sample_precisions(workspace, layer, n_samples):
    """1 / sqrt(variance + epsilon) of each sample's z_l, a view of the workspace: (n,)."""
    n_blocks = 5 if layer["dropout"] > 0 else 4
    start = n_samples * (layer["workspace"] + n_blocks * layer["n_outputs"])
    return workspace[start : start + n_samples]


@inlined
def _block(workspace, layer, n_samples, position):
    start = (layer["workspace"] + position * layer["n_outputs"]) * n_samples
    return block(workspace, start, n_samples, layer["n_outputs"])


@inlined
def _statistic(statistics, layer, position):
    start = layer["statistics"] + position * layer["n_outputs"]
    return statistics[start : start + layer["n_outputs"]]
