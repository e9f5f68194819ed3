"""Read MATLAB files in a separate process, because SciPy crashes on some damaged files.

The process also has a memory limit, because parts of a file are compressed.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.arrays import load_archive
from vadkit.text import printable

# A limit of address space, of which libraries take more than they use.
_MOST_MEMORY = 6 << 30
_MOST_SECONDS = 120
_CELL = "cell-{}"
# The exit code for a file of version 7.3.
_UNKNOWN_VERSION = 73


def names_of(path: Path) -> set[str]:
    """Return the names of the arrays of a MATLAB file; ``ValueError`` if it is unreadable."""
    return set(_ask(path, "")["names"].tolist())


def read_matlab_array(path: Path, name: str) -> np.ndarray:
    """Read an array of numbers, or a cell array of such arrays as an object array.

    Cells with other content are returned as text. Raises ``ValueError``, and
    ``NotImplementedError`` for a file of version 7.3.
    """
    found = _ask(path, name)
    if "shape" not in found:
        return found["array"]
    cells = np.empty(tuple(found["shape"]), object)
    for place in range(cells.size):
        cells.flat[place] = found[_CELL.format(place)]
    return cells


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
        if done.returncode == _UNKNOWN_VERSION:
            raise NotImplementedError
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
        if not name:
            names = [found for found, _, _ in scipy.io.whosmat(path)]
            np.savez(answer, names=np.array(names, str))
            return
        arrays: dict[str, Any] = _plain(scipy.io.loadmat(path, variable_names=[name])[name])
        np.savez(answer, **arrays)
    except NotImplementedError:
        sys.exit(_UNKNOWN_VERSION)
    except KeyError:
        sys.exit(f"there is no '{name}'")
    except Exception as error:
        # SciPy documents no errors; broken files raise many types from many places.
        sys.exit(f"{type(error).__name__}: {error}".splitlines()[0])


def _plain(found: Any) -> dict[str, np.ndarray]:
    if not isinstance(found, np.ndarray) or found.dtype.names is not None:
        return {"array": np.array("not an array of numbers")}
    if found.dtype != object:
        return {"array": found}
    cells = {_CELL.format(place): _numbers(cell) for place, cell in enumerate(found.ravel())}
    return {"shape": np.array(found.shape, np.int64), **cells}


def _numbers(cell: Any) -> np.ndarray:
    plain = isinstance(cell, np.ndarray) and cell.dtype.kind in "biufcU"
    return np.asarray(cell) if plain else np.array("not an array of numbers")
