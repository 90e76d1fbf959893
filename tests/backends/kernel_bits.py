"""``python -m tests.backends.kernel_bits``: digests of the results of operations and whole fits, to the last bit, as JSON.

Run with ``FASTNN_KERNELS=prebuilt`` and ``jit``, it shows whether prebuilt libraries give the same bits as the compiler.
"""

import hashlib
import json
import sys

import numpy as np
from scipy import sparse

import fastnn
from fastnn.backends.numba_backend import table
from tests.backends.operations import NAMES, a_step, arguments_of, results, run
from tests.cases import DTYPES

#: Networks and optimizers whose programs have every kind of operation.
FITS = {
    "rows": ({"layer_sizes": (40, 70, 33, 3)}, fastnn.SGD(0.1)),
    "columns": ({"layer_sizes": (5, 12, 3), "activations": ("tanh", "softmax")}, fastnn.SGD(0.1, momentum=0.9)),
    "table": (
        {"layer_sizes": (40, 100, 3), "activations": ("gelu", "softmax")},
        fastnn.AdamW(0.01, max_grad_norm=1),
    ),
    "normalized": (
        {"layer_sizes": (40, 64, 64, 3), "normalization": ("batch", "layer")},
        fastnn.RMSprop(0.01, l2=0.01),
    ),
    "dropout": ({"layer_sizes": (40, 70, 3), "activations": ("sigmoid", "softmax"), "dropout": 0.3}, fastnn.Adam(0.01)),
    "inputs": (
        {
            "layer_sizes": (40, 70, 3),
            "activations": ("mish", "softmax"),
            "parametric": True,
            "embeddings": [fastnn.PeriodicEmbedding((0, 3), 5, 3), fastnn.CategoryEmbedding(1, 3, 2)],
            "input_scaling": True,
            "parametrization": "ntk",
        },
        fastnn.AdamW(0.01, l2=0.01, learning_rate_factors={"biases": 0.1}),
    ),
    "orthogonal": ({"layer_sizes": (40, 50, 3)}, fastnn.Muon()),
}


def digest(*arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]


def operations():
    """(name, digest) of every operation."""
    for dtype in DTYPES:
        for name in NAMES:
            arguments, step = arguments_of(name, dtype), a_step()
            run(table.OPERATIONS[name], arguments, step, dtype)
            yield f"{name} {dtype}", digest(*results(name, arguments), step)


def fits():
    """(name, digest) of trained networks, and of their predictions."""
    random = np.random.default_rng(0)
    X, y = random.standard_normal((203, 40)), random.integers(0, 3, 203)
    for dtype in DTYPES:
        for name, (options, optimizer) in FITS.items():
            network = fastnn.Network(**options, dtype=dtype, seed=0)
            features = X[:, : options["layer_sizes"][0]]
            few = [] if "embeddings" in options else [sparse.csr_array(features * (features > 1))]
            for inputs in (features, *few):
                history = network.fit(inputs, y, optimizer=optimizer, epochs=3, batch_size=50, progress=False)
            kept = network.parameters, network.forward(features), np.array(history.loss)
            yield f"fit {name} {dtype}", digest(*kept)


if __name__ == "__main__":
    json.dump(dict([*operations(), *fits()]), sys.stdout)
