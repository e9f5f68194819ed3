"""Read MATLAB files in a separate process, because libraries crash on some damaged files.

The process also has a memory limit, because parts of a file are compressed.
"""

from __future__ import annotations

import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vadkit.arrays import load_archive
from vadkit.errors import DataError
from vadkit.text import printable

# A limit of address space, of which libraries take more than they use.
_MOST_MEMORY = 6 << 30
_MOST_SECONDS = 120
_CELL = "cell-{}"
# Exit codes for a file of version 7.3: h5py is not installed, or cannot read it.
_NO_LIBRARY, _NOT_READ = 73, 74
# Variables of this class are lists of arrays of any shape.
CELL = "cell"


class Variable(NamedTuple):
    """What a MATLAB file states about an array: its shape, and MATLAB's class, such as double."""

    shape: tuple[int, ...]
    kind: str

    @property
    def is_row(self) -> bool:
        """Whether it is a row or a column of more than two numbers."""
        numbers = self.kind not in (CELL, "char", "struct", "object", "function", "opaque")
        size = math.prod(self.shape)
        return numbers and size > 2 and size == max(self.shape)


def variables_of(path: Path) -> dict[str, Variable]:
    """Return the arrays of a MATLAB file by name; errors are those of ``read_matlab_array``."""
    listed = json.loads(str(_ask(path, "")["variables"]))
    return {name: Variable(tuple(shape), kind) for name, shape, kind in listed}


def read_matlab_array(path: Path, name: str) -> np.ndarray:
    """Read an array of numbers, or a cell array of such arrays as an object array.

    Cells with other content are returned as text. Raises ``ValueError`` for an unreadable file, and
    ``DataError`` for a file of version 7.3 if h5py is missing.
    """
    found = _ask(path, name)
    if "shape" not in found:
        return found["array"]
    cells = np.empty(tuple(found["shape"]), object)
    for place in range(cells.size):
        cells.flat[place] = found[_CELL.format(place)]
    return cells


def read_matlab_row(path: Path, names: Collection[str]) -> np.ndarray:
    """Read the row of numbers (N,) with one of these names, or the only row of a file.

    Raises ``DataError`` if there is none or more than one.
    """
    try:
        rows = [name for name, one in variables_of(path).items() if one.is_row]
        chosen = [name for name in rows if name.lower() in names] or rows
        if len(chosen) != 1:
            what = ", ".join(rows) if rows else "nothing of this kind"
            raise DataError(
                f"{path} must have one row of numbers, named {' or '.join(sorted(names))}; it has "
                f"{printable(what, 200)}"
            )
        return read_matlab_array(path, chosen[0]).ravel()
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a MATLAB file ({error})") from None


def _ask(path: Path, name: str) -> dict[str, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.npz"
        code = f"from {__name__} import _answer; _answer()"
        command = [sys.executable, "-P", "-c", code, str(path.absolute()), name, str(answer)]
        modules = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
        try:
            done = subprocess.run(
                command, capture_output=True, env=modules, timeout=_MOST_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise ValueError(f"reading it takes more than {_MOST_SECONDS} s") from None
        if done.returncode in (_NO_LIBRARY, _NOT_READ):
            why = (
                "which needs h5py: pip install 'vadkit[matlab]'; or"
                if done.returncode == _NO_LIBRARY
                else "which h5py cannot read, so it is probably damaged;"
            )
            raise DataError(
                f"{path} is a MATLAB 7.3 file, {why} save it again in MATLAB with "
                f"save(..., '{name or 'gt'}', '-v7')"
            )
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            crashed = done.returncode < 0 or not lines
            raise ValueError("it is damaged" if crashed else printable(lines[-1], 300))
        return load_archive(answer)


def _answer() -> None:
    """The code of the process; its arguments are the file, the array's name and the output."""
    import scipy.io

    path, name, answer = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, resource.RLIM_INFINITY))
    try:
        try:
            if not name:
                _save_variables(answer, scipy.io.whosmat(path))
            else:
                found = scipy.io.loadmat(path, variable_names=[name])[name]
                np.savez(answer, **_plain(found))
        except NotImplementedError:
            _answer_hdf5(path, name, answer)
    except ModuleNotFoundError:
        sys.exit(_NO_LIBRARY)
    except KeyError:
        sys.exit(f"there is no '{name}'")
    except Exception as error:
        # SciPy documents no errors; broken files raise many types from many places.
        sys.exit(f"{type(error).__name__}: {error}".splitlines()[0])


def _answer_hdf5(path: str, name: str, answer: str) -> None:
    """Read a file of version 7.3, which is an HDF5 file with all axes in reverse order."""
    import h5py

    try:
        opened = h5py.File(path, "r")
    except OSError:
        sys.exit(_NOT_READ)
    with opened as file:
        if name:
            np.savez(answer, **_plain_hdf5(file, _own(file, name)))
            return
        arrays = {key: one for key in file if isinstance(one := _own(file, key), h5py.Dataset)}
        _save_variables(
            answer, [(key, one.shape[::-1], _class_hdf5(one)) for key, one in arrays.items()]
        )


def _own(file: Any, name: str) -> Any:
    """Return what is in the file itself; ``ValueError`` for a link, which may lead to other files.

    MATLAB writes none.
    """
    import h5py

    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"'{name}' is a link") if name in file else KeyError(name)
    return file[name]


def _save_variables(answer: str, listed: list[tuple[str, tuple[int, ...], str]]) -> None:
    plain = [(name, [int(side) for side in shape], kind) for name, shape, kind in listed]
    np.savez(answer, variables=np.array(json.dumps(plain)))


def _class_hdf5(array: Any) -> str:
    kind = array.attrs.get("MATLAB_class", b"double")
    return kind.decode() if isinstance(kind, bytes) else str(kind)


def _plain_hdf5(file: Any, array: Any) -> dict[str, Any]:
    import h5py

    if not isinstance(array, h5py.Dataset):
        return {"array": np.array("not an array of numbers")}
    if _class_hdf5(array) != CELL:
        return {"array": _numbers_hdf5(array)}
    references = np.asarray(array[()]).T
    cells = {
        _CELL.format(place): _numbers_hdf5(file[one])
        for place, one in enumerate(references.ravel())
    }
    return {"shape": np.array(references.shape, np.int64), **cells}


def _numbers_hdf5(array: Any) -> np.ndarray:
    if not hasattr(array, "dtype") or array.dtype.kind not in "biuf":
        return np.array("not an array of numbers")
    if array.external or array.is_virtual:
        raise ValueError(f"the values of '{array.name}' are in another file")
    # An empty array is saved as its shape.
    return np.zeros((0, 0)) if array.attrs.get("MATLAB_empty") else np.asarray(array[()]).T


def _plain(found: Any) -> dict[str, Any]:
    if not isinstance(found, np.ndarray) or found.dtype.names is not None:
        return {"array": np.array("not an array of numbers")}
    if found.dtype != object:
        return {"array": found}
    cells = {_CELL.format(place): _numbers(cell) for place, cell in enumerate(found.ravel())}
    return {"shape": np.array(found.shape, np.int64), **cells}


def _numbers(cell: Any) -> np.ndarray:
    plain = isinstance(cell, np.ndarray) and cell.dtype.kind in "biufcU"
    return np.asarray(cell) if plain else np.array("not an array of numbers")
