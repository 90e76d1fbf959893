"""Columns of a new table in the order of the training table."""

from collections.abc import Sequence

from fastnn.names import suggestion
from fastnn.tabular.labels import columns_named


def column_order(
    names: Sequence[str] | None, n_columns: int, trained: Sequence[str] | None, n_trained: int
) -> Sequence[int]:
    """For each column of the training table, its position in a new one: by name if both have names, else by position.

    ValueError if columns are missing or there are others; the message names them.
    """
    if names is None or trained is None:
        if n_columns != n_trained:
            raise ValueError(
                f"X has {n_columns} features, but TableEncoder is expecting {n_trained} features as input."
            )
        return range(n_trained)
    if names == trained:
        return range(n_trained)
    position = {name: column for column, name in enumerate(names)}
    missing = [name for name in trained if name not in position]
    known = set(trained)
    extra = [name for name in names if name not in known]
    if missing or extra:
        raise ValueError(_difference(missing, extra))
    return [position[name] for name in trained]


def _difference(missing: Sequence[str], extra: Sequence[str]) -> str:
    """The message for missing columns, other columns, or both."""
    problems = [f"lacks the {columns_named(missing)}"] * bool(missing)
    problems += [f"has the {columns_named(extra)}, which the training table did not have"] * bool(extra)
    hint = suggestion(extra[0], missing) if missing and extra else ""
    return f"X must have the columns of the training table, but it {' and '.join(problems)}.{hint}"
