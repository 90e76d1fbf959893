"""What operations compute with: register tiles, matrix products, functions of whole vectors, and how Numba compiles them."""
