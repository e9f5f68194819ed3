"""One 0 or 1 a frame in NumPy files: ShanghaiTech's frame masks and NWPU Campus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vadkit.data.labels.files import label_files
from vadkit.data.labels.intervals import Labels
from vadkit.errors import DataError


def read_frame_npy(path: Path) -> dict[str, Labels]:
    """One ``.npy`` file, or a folder of them, by name: ``01_0014.npy`` is video "01_0014".

    Each holds N values 0 or 1 of any numeric type, shape (N,) or (1, N), as in ShanghaiTech's
    ``test_frame_mask``.
    """
    files = label_files(path, "*.npy", lambda file: file.stem)
    return {video: _labels(load_npy(file), str(file)) for video, file in files.items()}


def read_frame_npz(path: Path) -> dict[str, Labels]:
    """An archive of arrays 0 or 1 a frame by video id, as NWPU Campus has in ``gt.npz``."""
    with open_npz(path) as archive:
        return {
            video: _labels(load_member(archive, video, path), f"{path}, video '{video}'")
            for video in archive.files
        }


def load_npy(path: Path) -> np.ndarray:
    """The array in a ``.npy`` file; ``DataError`` for a broken or a pickled one."""
    loaded = _load(path)
    if not isinstance(loaded, np.ndarray):
        loaded.close()
        raise DataError(f"{path} is an archive of arrays, not one array; name it .npz")
    return loaded


def open_npz(path: Path) -> Any:
    """The open archive of a ``.npz`` file, to be used with ``with``."""
    loaded = _load(path)
    if isinstance(loaded, np.ndarray):
        raise DataError(f"{path} is one array, not an archive of arrays; name it .npy")
    return loaded


def load_member(archive: Any, name: str, path: Path) -> np.ndarray:
    """One array of an open archive; ``DataError`` lists the names when there is none such."""
    if name not in archive.files:
        raise DataError(f"{path} holds no video '{name}'; it has {', '.join(archive.files[:12])}")
    try:
        return np.asarray(archive[name])
    except Exception as error:
        raise _broken(path, error) from None


def zeros_and_ones(array: np.ndarray, source: str) -> np.ndarray:
    """The array as bool; ``DataError`` names the first value that is neither 0 nor 1."""
    if array.dtype.kind not in "biuf":
        raise DataError(f"{source} holds values of type {array.dtype}; expected numbers 0 and 1")
    flags = array != 0
    odd = array[flags & (array != 1)]
    if odd.size:
        raise DataError(
            f"{source} holds the value {odd.flat[0]}; expected 0 for normal and 1 for abnormal"
        )
    return flags


def _labels(array: np.ndarray, source: str) -> Labels:
    if array.ndim != 1 and not (array.ndim == 2 and array.shape[0] == 1):
        masks = "; masks of (N, H, W) are read by the format pixel-npy" if array.ndim == 3 else ""
        raise DataError(
            f"{source} has shape {array.shape}; expected (N,) or (1, N), a value a frame{masks}"
        )
    return Labels.from_flags(zeros_and_ones(array.ravel(), source))


def _load(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"labels not found: {path}") from None
    except OSError as error:
        raise DataError(f"labels {path} cannot be read: {error.strerror or error}") from None
    except Exception as error:
        # Broken files give errors of a dozen kinds: of the header, the archive, its compression.
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> DataError:
    if "pickle" in str(error):
        return DataError(
            f"{path} is not a plain NumPy array; pickled objects are not read, because they can "
            "run code. Where you trust the file, save it again with numpy.save as an array of "
            "0 and 1"
        )
    return DataError(f"{path} is broken or not a NumPy file ({error})")
