"""Finding the files that labels come in, and the lines and numbers of those that are text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vadkit.data.labels.intervals import MOST_FRAMES
from vadkit.data.readers import natural_key
from vadkit.errors import DataError


def label_files(path: Path, pattern: str, name: Callable[[Path], str]) -> dict[str, Path]:
    """By video id, as ``name`` gives it: the file ``path``, or what matches in the folder.

    Natural order; hidden files are left out. Raises ``DataError`` when there is none, and when
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
        raise DataError(f"folder {path} holds no label file {pattern}")
    return found


def read_text(path: Path) -> str:
    """A text file in UTF-8, its line ends as they are; ``DataError`` for anything else."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read()
    except FileNotFoundError:
        raise DataError(f"labels not found: {path}") from None
    except OSError as error:
        raise DataError(f"labels {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"labels {path} are not a text file in UTF-8") from None


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Number, from 1, and stripped text of every line that is not blank."""
    lines = enumerate(read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def read_matlab(path: Path, name: str, what: str) -> Any:
    """The cell array ``name`` of a MATLAB file; ``what`` tells in errors what it should hold."""
    from scipy.io import loadmat

    if not path.is_file():
        raise DataError(f"labels not found: {path} is not a file")
    try:
        return loadmat(path, variable_names=[name])[name]
    except NotImplementedError:
        raise DataError(
            f"{path} is a MATLAB 7.3 file, which is not read; save it again in MATLAB with "
            f"save(..., '{name}', '-v7')"
        ) from None
    except Exception as error:
        # SciPy documents no errors; broken files give a dozen kinds from as many places in it.
        raise DataError(f"{path} holds no cell array '{name}' of {what} ({error})") from None


@contextmanager
def at_line(path: Path, line: int) -> Iterator[None]:
    """Turns a ``ValueError`` into a ``DataError`` that names the file and the line."""
    try:
        yield
    except ValueError as error:
        raise DataError(f"{path}, line {line}: {error}") from None


def whole_number(text: str) -> int:
    """A whole number, also one written ``12.0``; ``ValueError`` tells what the text is instead."""
    value = number(text)
    if not value.is_integer():
        raise ValueError(f"{text.strip()} is not a whole number")
    if abs(value) > MOST_FRAMES:
        raise ValueError(f"{text.strip()} is too large for a frame or an object")
    return int(value)


def number(text: str) -> float:
    """A finite number; ``ValueError`` tells what the text is instead."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"'{text.strip()}' is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"'{text.strip()}' is not a finite number")
    return value
