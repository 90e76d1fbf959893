"""Measurements: one table of workloads, timed by pytest-benchmark, by asv and by ``python -m benchmarks.compare_backends``."""
