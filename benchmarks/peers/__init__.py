"""fastnn against scikit-learn, PyTorch and JAX on the table of workloads: ``python -m benchmarks.peers``."""
