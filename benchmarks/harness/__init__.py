"""What all benchmarks share: agreement checks, interleaved timing, processes bound to cores, tables and saved results."""
