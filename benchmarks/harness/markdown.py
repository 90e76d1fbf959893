"""Tables in Markdown, and how numbers are written in them."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], n_texts: int, rows: Iterable[str]) -> list[str]:
    """Return the lines of a table whose first `n_texts` columns hold text and whose others hold numbers."""
    alignment = ["---"] * n_texts + ["---:"] * (len(header) - n_texts)
    return [line(header), line(alignment), *rows]


def line(cells: Sequence[str]) -> str:
    """One row of a table."""
    return f"| {' | '.join(cells)} |"


def three_digits(number: float) -> str:
    """A number with three significant digits, or all before the point."""
    return f"{number:,.0f}" if number >= 999.5 else f"{number:#.3g}".removesuffix(".")


def duration(seconds: float) -> str:
    """A time with three digits and the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * size:
            return f"{three_digits(seconds / size)} {unit}"
    return f"{three_digits(seconds / 1e-6)} µs"


def times(ratio: float) -> str:
    """A ratio with one digit after the point."""
    return f"{ratio:.1f}×"


def cores(n_processors: int) -> str:
    """A number of cores in words."""
    return f"{n_processors} {'core' if n_processors == 1 else 'cores'}"
