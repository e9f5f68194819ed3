"""Find label files, and read the lines and numbers of text files."""

from __future__ import annotations

import codecs
import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vadkit.data.decoding.folders import natural_key
from vadkit.data.labels.intervals import MOST_FRAMES
from vadkit.data.labels.matlab import read_matlab_array
from vadkit.errors import DataError
from vadkit.reading import read_bytes
from vadkit.text import printable

# A row for each of ten million frames.
_MOST_TEXT = 256 << 20
_MOST_LINES = 10_000_000


def label_files(path: Path, pattern: str, name: Callable[[Path], str]) -> dict[str, Path]:
    """Return files by video id (from ``name``): the file ``path``, or matches in the folder.

    They are in natural order, without hidden files. Raises ``DataError`` if there is none, and if
    two files have the same id.
    """
    if path.is_file():
        return {name(path): path}
    if not path.is_dir():
        raise DataError(f"labels not found: {path}")
    found: dict[str, Path] = {}
    for file in sorted(path.glob(pattern), key=lambda file: natural_key(str(file))):
        if file.name.startswith("."):
            continue
        video = name(file)
        if video in found:
            raise DataError(f"{file} and {found[video]} both label video '{video}'; remove one")
        found[video] = file
    if not found:
        raise DataError(f"folder {path} contains no label file {pattern}")
    return found


def read_text(path: Path, most: int = _MOST_TEXT, encoding: str = "utf-8-sig") -> str:
    """Read a text file with its line ends, of at most ``most`` bytes and 10 million lines.

    A byte order mark tells UTF-16 from ``encoding``. Raises ``DataError`` for anything else.
    """
    try:
        content = read_bytes(path, most)
        marked = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        text = content.decode("utf-16" if marked else encoding)
    except FileNotFoundError:
        raise DataError(f"labels not found: {path}") from None
    except OSError as error:
        raise DataError(f"labels {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"labels {path} are not a UTF-8 text file") from None
    except ValueError as error:
        raise DataError(f"labels {path} cannot be read: {error}") from None
    if text.count("\n") + text.count("\r") > 2 * _MOST_LINES:
        raise DataError(f"labels {path} have more than {_MOST_LINES:,} lines")
    return text


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Return the number, from 1, and the stripped text of every line that is not blank."""
    lines = enumerate(io.StringIO(read_text(path), newline=None), 1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def read_matlab(path: Path, name: str, what: str) -> np.ndarray:
    """Read the cell array ``name`` of a MATLAB file; ``what`` describes its content in errors."""
    if not path.is_file():
        raise DataError(f"labels not found: {path} is not a file")
    try:
        return read_matlab_array(path, name)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} has no cell array '{name}' of {what} ({error})") from None


@contextmanager
def at_line(path: Path, line: int, what: str = "line") -> Iterator[None]:
    """Convert a ``ValueError`` into a ``DataError`` that names the file and the line."""
    try:
        yield
    except ValueError as error:
        raise DataError(f"{path}, {what} {line}: {error}") from None


def whole_number(text: str) -> int:
    """Parse a whole number, also written as ``12.0``; ``ValueError`` for other text."""
    value = number(text)
    if not value.is_integer():
        raise ValueError(f"{printable(text.strip(), 60)} is not a whole number")
    if abs(value) > MOST_FRAMES:
        raise ValueError(f"{printable(text.strip(), 60)} is too large for a frame or an object")
    return int(value)


def number(text: str) -> float:
    """Parse a finite number; ``ValueError`` for other text."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"'{printable(text.strip(), 60)}' is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"'{printable(text.strip(), 60)}' is not a finite number")
    return value
