"""Identifiers: made of any text, and unique."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

_RESERVED = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class co_await
    co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do double
    dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable namespace new
    noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires restrict return
    short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef
    typeid typename typeof typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq
    assert complex errno far hyper imaginary interface linux near noreturn small stderr stdin stdout unix
"""

#: Keywords of C and of C++, and lower-case names that headers of some systems define as macros.
RESERVED = frozenset(_RESERVED.split())

#: Most characters of an identifier that is made of a text.
LONGEST = 40


def words(text: str) -> str:
    """Letters, digits and single underscores for a text, perhaps none; accents are left out.

    >>> words("Größe (cm)")
    'Grosse_cm'
    """
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    return re.sub(r"[^0-9A-Za-z]+", "_", plain)[:LONGEST].strip("_")


def member(text: str) -> str:
    """The name of a struct's member for a column; capitals become small if there is nothing else, as in macros.

    >>> member("sepal length (cm)"), member("NAN"), member("2nd"), member("class"), member("")
    ('sepal_length_cm', 'nan', 'x2nd', 'class_', 'column')
    """
    name = words(text) or "column"
    name = name.lower() if name.isupper() else name
    name = f"x{name}" if name[0].isdigit() else name
    return f"{name}_" if name in RESERVED else name


class Names:
    """Identifiers that are taken, some of them from the beginning."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def unique(self, wanted: str) -> str:
        """The wanted identifier, or if it is taken, one with a number."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted.rstrip('_')}_{number}"
        self._taken.add(name)
        return name


def checked_prefix(name: str | None, path: Path) -> str:
    """The prefix of all names, given or made of the stem of the file; ValueError if it is no identifier."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r}.")
    prefix = re.sub("[^0-9A-Za-z_]", "_", path.stem) if name is None else name
    if re.fullmatch("[A-Za-z][A-Za-z0-9_]*", prefix) and prefix not in RESERVED:
        return prefix
    if name is None:
        raise ValueError(
            f"The names in the header begin with that of the file, and {path.stem!r} makes no C identifier that begins with a "
            "letter: choose another file name, such as 'model.h', or pass name='model'."
        )
    raise ValueError(f"name must be a C identifier that begins with a letter, such as 'model', got {name!r}.")
