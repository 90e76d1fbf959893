"""The compiled backend: operations, and programs that run them."""
