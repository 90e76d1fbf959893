"""Benchmarks: one table of workloads, timed by pytest-benchmark, by asv and by the commands in this package."""
