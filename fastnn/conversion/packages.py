"""Packages that are imported only where they are needed."""

from importlib import import_module
from typing import Any


def imported(name: str, needed_by: str) -> Any:
    """The package; ImportError with what to install if it is missing."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # something that the package itself needs
            raise
        raise ImportError(f"{needed_by} needs the package {name}, which is not installed: pip install {name}") from None
