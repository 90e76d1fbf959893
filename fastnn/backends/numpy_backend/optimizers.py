"""Parameter updates: theta <- theta - step."""

from fastnn.backends.numpy_backend.views import biases, weights


def sgd(parameters, gradient, layers, learning_rate, l2, penalize_biases):
    """W <- W - eta (dW + lambda W), b <- b - eta db (with lambda b where biases are penalized); flat vectors."""
    for layer in layers:
        W, dW = weights(parameters, layer), weights(gradient, layer)
        b, db = biases(parameters, layer), biases(gradient, layer)
        W -= learning_rate * (dW + l2 * W)
        b -= learning_rate * (db + (l2 * b if penalize_biases else 0))
