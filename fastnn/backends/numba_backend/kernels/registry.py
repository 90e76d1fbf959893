"""The bodies of operations by name, registered where they are defined."""

from collections.abc import Callable
from typing import Any

BODIES: dict[str, Callable[..., Any]] = {}


def body(name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: register a function as the body of an operation, under its own name or another."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        BODIES[name or function.__name__] = function
        return function

    return enter
