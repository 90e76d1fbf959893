"""Parameter updates: theta <- theta - step."""

from fastnn.backends.numba_backend.compilation import entry_point


@entry_point
def sgd(parameters, gradient, layers, learning_rate, l2, penalize_biases):
    """W <- W - eta (dW + lambda W), b <- b - eta db (with lambda b where biases are penalized); flat vectors."""
    rate, decay = parameters.dtype.type(learning_rate), parameters.dtype.type(l2)
    bias_decay = decay if penalize_biases else parameters.dtype.type(0)
    for layer in layers:
        for p in range(layer["weights"], layer["biases"]):
            parameters[p] -= rate * (gradient[p] + decay * parameters[p])
        for p in range(layer["biases"], layer["biases"] + layer["n_outputs"]):
            parameters[p] -= rate * (gradient[p] + bias_decay * parameters[p])
