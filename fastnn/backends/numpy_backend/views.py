"""Named views of the flat vectors: parameters, their gradient, and the workspace of one batch.

A layer's share of the workspace is Z_l, A_l and dZ_l, each (n, n_l), one after the other.
"""


def weights(vector, layer):
    """W_l, a view of the flat vector: (n_{l-1}, n_l)."""
    return vector[layer["weights"] : layer["biases"]].reshape(layer["n_inputs"], layer["n_outputs"])


def biases(vector, layer):
    """b_l, a view of the flat vector: (n_l,)."""
    return vector[layer["biases"] : layer["biases"] + layer["n_outputs"]]


def workspace_size(layers, n_samples):
    """Elements that a batch of n samples needs: 3 n sum_l n_l."""
    return 3 * n_samples * (layers[-1]["first_unit"] + layers[-1]["n_outputs"])


def training_workspace_size(layers, batch_size):
    """Elements that an epoch in batches needs."""
    return workspace_size(layers, batch_size)


def pre_activations(workspace, layer, n_samples):
    """Z_l, a view of the workspace: (n, n_l)."""
    return _block(workspace, layer, n_samples, 0)


def activations(workspace, layer, n_samples):
    """A_l, a view of the workspace: (n, n_l)."""
    return _block(workspace, layer, n_samples, 1)


def errors(workspace, layer, n_samples):
    """dZ_l, a view of the workspace: (n, n_l)."""
    return _block(workspace, layer, n_samples, 2)


def _block(workspace, layer, n_samples, position):
    size = n_samples * layer["n_outputs"]
    start = 3 * n_samples * layer["first_unit"] + position * size
    return workspace[start : start + size].reshape(n_samples, layer["n_outputs"])
