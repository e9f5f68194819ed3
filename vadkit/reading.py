"""Read untrusted text and JSON with a size limit, and check it before it is used."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from vadkit.errors import TrainingError, VadkitError
from vadkit.files import open_regular
from vadkit.text import printable

# Text read as JSON may need forty times its size in memory.
MOST_JSON = 64 << 20
_PIECE = 1 << 20

T = TypeVar("T")


def read_bytes(path: Path, most: int) -> bytes:
    """Read a file; ``ValueError`` if it is larger than ``most`` bytes.

    Raises ``OSError`` for a pipe or a device.
    """
    content = bytearray()
    with open_regular(path) as file:
        # A read of `most` bytes would allocate that much memory for a file of any size.
        while piece := file.read(min(_PIECE, most + 1 - len(content))):
            content += piece
    if len(content) > most:
        raise ValueError(f"it is larger than {most >> 20} MB")
    return bytes(content)


def parse_json(text: str) -> Any:
    """Parse any JSON to plain data; ``ValueError`` for other text or too deep nesting."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_json(
    path: Path, kind: Any, advice: str, *, error: type[VadkitError] = TrainingError
) -> Any:
    """Read a JSON file of vadkit as plain data that matches ``kind``, such as a pydantic model.

    Raises ``error`` with the file, the wrong key and ``advice``, and ``FileNotFoundError``.
    """
    try:
        data = parse_json(read_bytes(path, MOST_JSON).decode("utf-8"))
        checked(kind, data)
        return data
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or printable(str(problem))
        raise error(f"{path} is damaged: {reason}; {advice}") from None


def checked(kind: type[T], data: Any) -> T:
    """Return plain data as ``kind``, with exact types: no text for a number, no true for 1.

    Raises a ``ValueError`` that names the first wrong key.
    """
    try:
        # Names of files may contain surrogates, which pydantic rejects.
        content = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
        return cast(T, _adapter(cast(Any, kind)).validate_json(content, strict=True))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = first["msg"][:1].lower() + first["msg"][1:]
        raise ValueError(f"{where}: {message}" if where else message) from None


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
