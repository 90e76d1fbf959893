"""Tables of one column."""


def column(cells, name: str = "y") -> str:
    """A table with one feature, which is not a counter, and a column of these cells."""
    return f"x,{name}\n" + "".join(f"{n * n / 4},{cell}\n" for n, cell in enumerate(cells))
