"""Weights as 8-bit integers."""

from dataclasses import replace

import numpy as np

from fastnn.export.prediction import Dense, PlainNetwork, Prediction

#: The largest integer; -128 is not used, so that negative weights are treated as positive ones are.
LARGEST = 127


def quantized(W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers q and scales s of the units, W = q s approximately; (n_in, n_out) -> int8 (n_in, n_out) and (n_out,).

    Symmetric, with one scale for the weights of each unit: |w| <= 127 s. Jacob et al. (2018), Quantization and Training of
    Neural Networks for Efficient Integer-Arithmetic-Only Inference, section 2; per channel as in Krishnamoorthi (2018),
    Quantizing Deep Convolutional Networks for Efficient Inference, section 3.1.
    """
    if not np.isfinite(W).all():
        raise ValueError("weights='int8' needs finite weights, and some of this network are NaN or infinite.")
    largest = np.abs(W).max(axis=0)
    scales = np.where(largest > 0, largest / LARGEST, 1).astype(W.dtype)
    scales = np.where(scales > 0, scales, 1).astype(W.dtype)  # of weights so small that a part of them is 0
    return np.clip(np.rint(W / scales), -LARGEST, LARGEST).astype(np.int8), scales


def with_quantized_weights(prediction: Prediction) -> Prediction:
    """A prediction whose weights are the numbers that the integers stand for."""
    return replace(prediction, networks=tuple(map(_with_quantized_layers, prediction.networks)))


def _with_quantized_layers(network: PlainNetwork) -> PlainNetwork:
    return replace(network, layers=tuple(map(_with_quantized_layer, network.layers)))


def _with_quantized_layer(layer: Dense) -> Dense:
    integers, scales = quantized(layer.weights)
    return replace(layer, weights=integers * scales)
