"""Check the arguments of public functions, so that a wrong type fails at once with a clear message.

The functions raise ``TypeError``: such a mistake is in the calling code, not in a user's files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def as_path(value: object, name: str) -> Path:
    """Return ``value`` as a path, with ``~`` expanded; ``name`` is the name of the argument."""
    if isinstance(value, str | os.PathLike):
        path = os.fspath(value)
        if isinstance(path, str):
            return Path(os.path.expanduser(path))
    raise TypeError(f"'{name}' must be a path (str or pathlib.Path); got {_kind(value)}")


def as_paths(values: object, name: str) -> list[Path]:
    """Return a list of paths as ``Path`` objects; one path in place of a list is an error."""
    return [as_path(value, f"{name}[{number}]") for number, value in enumerate(_list(values, name))]


def as_texts(values: object, name: str) -> tuple[str, ...]:
    """Return a list of texts as a tuple; one text in place of a list is an error."""
    texts = []
    for number, value in enumerate(_list(values, name)):
        if not isinstance(value, str):
            raise TypeError(f"'{name}[{number}]' must be a str; got {_kind(value)}")
        texts.append(value)
    return tuple(texts)


def as_name(value: object, name: str) -> str:
    """Return a text; anything else is an error."""
    if isinstance(value, str):
        return value
    raise TypeError(f"'{name}' must be a str; got {_kind(value)}")


def _list(values: object, name: str) -> Iterable[object]:
    if isinstance(values, str | bytes | os.PathLike):
        raise TypeError(f"'{name}' must be a list; got {_kind(values)}. Write {name}=[{values!r}]")
    if isinstance(values, dict) or not isinstance(values, Iterable):
        raise TypeError(f"'{name}' must be a list; got {_kind(values)}")
    return values


def _kind(value: object) -> str:
    """Describe a value in a few words: its type, and the value itself if it is short."""
    kind, shown = type(value).__name__, repr(value)
    return kind if len(shown) > 40 or shown.startswith("<") else f"{kind} {shown}"
