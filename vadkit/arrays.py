"""Read arrays from untrusted NumPy files, only if they fit in memory.

A compressed archive of 3 MB may contain 8 GB, so the header of every array is read first. Every
problem of a file is a ``ValueError`` or ``OSError`` with a reason that can be shown.
"""

from __future__ import annotations

import contextlib
import math
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from vadkit.files import open_regular

# The default memory limit for all arrays of one file.
MOST_BYTES = 1 << 30

_MAGIC = b"\x93NUMPY"
_PICKLED = "pickled objects are not read, because they can run code"
_HEADS: dict[tuple[int, int], Callable[[Any], tuple[tuple[int, ...], bool, np.dtype[Any]]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# The errors of NumPy, zipfile and zlib for broken files: a header is a Python literal, and parts of
# an archive may be missing, damaged or protected by a password.
_OF_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    tokenize.TokenError,
    EOFError,
    SyntaxError,
    TypeError,
    LookupError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
)


@dataclass(frozen=True)
class Head:
    """The header of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def values(self) -> int:
        """The number of values."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """The required memory."""
        return self.values * self.dtype.itemsize


class Archive:
    """An open ``.npz`` file: the headers of all arrays, and the arrays one by one."""

    def __init__(self, file: zipfile.ZipFile, most: int) -> None:
        self._file = file
        self._members: dict[str, str] = {}
        self.heads: dict[str, Head] = {}
        for member in file.infolist():
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("an archive is compressed in a way that NumPy does not write")
            name = member.filename.removesuffix(".npy")
            with file.open(member) as opened:
                self.heads[name] = _read_head(opened)
            self._members[name] = member.filename
        _check_size(sum(head.bytes for head in self.heads.values()), most)

    @property
    def files(self) -> list[str]:
        """Names of the arrays."""
        return list(self.heads)

    def __getitem__(self, name: str) -> np.ndarray:
        with _damage_as_value_error(), self._file.open(self._members[name]) as opened:
            return np.asarray(np.lib.format.read_array(opened, allow_pickle=False))


def is_archive(path: Path) -> bool:
    """Return whether a file is an archive, from its first bytes. Raises ``OSError``."""
    with open_regular(path) as file:
        return file.read(2) == b"PK"


@contextlib.contextmanager
def open_archive(path: Path, most: int = MOST_BYTES) -> Iterator[Archive]:
    """Open a ``.npz`` file whose arrays need at most ``most`` bytes of memory in total."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open_regular(path))
        with _damage_as_value_error():
            opened = stack.enter_context(zipfile.ZipFile(file))
            archive = Archive(opened, most)
        yield archive


def load_archive(path: Path, most: int = MOST_BYTES) -> dict[str, np.ndarray]:
    """Read all arrays of a ``.npz`` file by name."""
    with open_archive(path, most) as archive:
        return {name: archive[name] for name in archive.files}


def load_array(path: Path, most: int = MOST_BYTES) -> np.ndarray:
    """Read the array of a ``.npy`` file."""
    with open_regular(path) as file:
        head = read_head(file)
        _check_size(head.bytes, most)
        left = os.fstat(file.fileno()).st_size - file.tell()
        if head.bytes > left:
            raise ValueError(f"it is truncated: it has {left} of {head.bytes} bytes of values")
        file.seek(0)
        with _damage_as_value_error():
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def read_head(file: IO[bytes]) -> Head:
    """Read the header of an array from the start of a ``.npy`` file."""
    start = file.read(len(_MAGIC))
    if start != _MAGIC:
        raise ValueError(_PICKLED if start[:1] == b"\x80" else "it is not a NumPy file")
    file.seek(0)
    return _read_head(file)


@contextlib.contextmanager
def _damage_as_value_error() -> Iterator[None]:
    """Convert the errors of broken files to ``ValueError``."""
    try:
        yield
    except _OF_DAMAGE as error:
        raise ValueError(f"it is damaged: {error or type(error).__name__}") from None


def _read_head(file: Any) -> Head:
    with _damage_as_value_error():
        version = np.lib.format.read_magic(file)
        if version not in _HEADS:
            raise ValueError(f"it has version {version}, which is for tables, not arrays")
        shape, _, dtype = _HEADS[version](file)
    if dtype.hasobject:
        raise ValueError(_PICKLED)
    if min(shape, default=0) < 0:
        raise ValueError(f"it is damaged: the shape is {shape}")
    return Head(tuple(shape), dtype)


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise ValueError(
            f"it would take {size / 1e9:,.1f} GB of memory; the limit is {most / 1e9:,.1f} GB"
        )


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return every maximal run [start, stop) of True in a bool (N,) array, in order."""
    # Bytes instead of integers, which would take eight times the memory.
    padded = np.zeros(len(mask) + 2, bool)
    padded[1:-1] = mask
    edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))
