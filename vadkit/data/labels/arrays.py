"""One 0 or 1 per frame in NumPy, MATLAB and text files, as of ShanghaiTech and NWPU Campus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from vadkit.arrays import (
    MOST_BYTES,
    Archive,
    Head,
    is_archive,
    load_array,
    open_archive,
    read_head,
)
from vadkit.data.labels.files import at_line, label_files, number, read_lines
from vadkit.data.labels.intervals import MOST_FRAMES, MOST_INTERVALS, Labels
from vadkit.data.labels.matlab import read_matlab_row
from vadkit.errors import DataError
from vadkit.files import open_regular

# Names of a row of labels in a MATLAB file, in lower case.
ROW_NAMES = frozenset(
    (
        *("abnormal", "frame_label", "frame_labels", "gt", "gt_frames", "gt_label", "gt_labels"),
        *("label", "labels", "y_true"),
    )
)


def read_frame_npy(path: Path) -> dict[str, Labels]:
    """One ``.npy`` file, or a folder of them, by name: ``01_0014.npy`` is video "01_0014".

    Each has N values 0 or 1 of any numeric type, shape (N,) or (1, N), as in ShanghaiTech's
    ``test_frame_mask``.
    """
    files = label_files(path, "*.npy", lambda file: file.stem)
    labels = {}
    for video, file in files.items():
        _check_shape(head_of(file), str(file))
        labels[video] = _labels(load_npy(file), str(file))
    return labels


def read_frame_npz(path: Path) -> dict[str, Labels]:
    """An archive with an array of 0 or 1 per frame for each video id: NWPU Campus's ``gt.npz``."""
    labels: dict[str, Labels] = {}
    intervals = 0
    with open_npz(path) as archive:
        for video, head in archive.heads.items():
            source = f"{path}, video '{video}'"
            _check_shape(head, source)
            labels[video] = _labels(load_member(archive, video, path), source)
            intervals += len(labels[video].intervals)
            if intervals > MOST_INTERVALS:
                raise DataError(f"{path} has more than {MOST_INTERVALS:,} abnormal intervals")
    return labels


def read_frame_mat(path: Path) -> dict[str, Labels]:
    """A MATLAB file with one row or column of 0 and 1, of one video or of all in one row."""
    return {path.stem: _labels(read_matlab_row(path, ROW_NAMES), str(path))}


def read_frame_txt(path: Path) -> dict[str, Labels]:
    """A text file of 0 and 1, one per line or all in one line, or a folder of them, by name."""
    files = label_files(path, "*.txt", lambda file: file.stem)
    return {video: _flags_of_text(file) for video, file in files.items()}


def _flags_of_text(path: Path) -> Labels:
    values: list[float] = []
    for line, text in read_lines(path):
        with at_line(path, line):
            values += [number(word) for word in text.split()]
    return _labels(np.array(values), str(path))


def load_npy(path: Path, most: int = MOST_BYTES) -> np.ndarray:
    """Read the array in a ``.npy`` file; ``DataError`` for a broken, pickled or larger one."""
    with _read(path):
        if is_archive(path):
            raise DataError(f"{path} is an archive of arrays, not one array; name it .npz")
        return load_array(path, most)


def head_of(path: Path) -> Head:
    """Read the shape and the type of the array in a ``.npy`` file."""
    with _read(path):
        if is_archive(path):
            raise DataError(f"{path} is an archive of arrays, not one array; name it .npz")
        with open_regular(path) as file:
            return read_head(file)


@contextmanager
def open_npz(path: Path, most: int = MOST_BYTES) -> Iterator[Archive]:
    """Open a ``.npz`` file whose arrays have at most ``most`` bytes in total."""
    with ExitStack() as stack:
        with _read(path):
            if not is_archive(path):
                raise DataError(f"{path} is one array, not an archive of arrays; name it .npy")
            archive = stack.enter_context(open_archive(path, most))
        yield archive


def load_member(archive: Archive, name: str, path: Path) -> np.ndarray:
    """Read one array of an open archive; ``DataError`` lists the names if it does not exist."""
    if name not in archive.files:
        raise DataError(f"{path} has no video '{name}'; it has {', '.join(archive.files[:12])}")
    with _read(path):
        return archive[name]


def zeros_and_ones(array: np.ndarray, source: str) -> np.ndarray:
    """Convert an array to bool; ``DataError`` names the first value that is not 0 or 1."""
    if array.dtype.kind not in "biuf":
        raise DataError(f"{source} has values of type {array.dtype}; expected numbers 0 and 1")
    flags: np.ndarray = array != 0
    odd = array[flags & (array != 1)]
    if odd.size:
        raise DataError(
            f"{source} has the value {odd.flat[0]}; expected 0 for normal and 1 for abnormal"
        )
    return flags


def _check_shape(head: Head, source: str) -> None:
    """Check the header before the array is read."""
    shape = head.shape
    if len(shape) != 1 and not (len(shape) == 2 and shape[0] == 1):
        masks = "; masks of (N, H, W) are read by the format pixel-npy" if len(shape) == 3 else ""
        raise DataError(
            f"{source} has shape {shape}; expected (N,) or (1, N), one value per frame{masks}"
        )
    if head.values > MOST_FRAMES:
        raise DataError(
            f"{source} labels {head.values:,} frames; a video cannot have more than {MOST_FRAMES:,}"
        )


def _labels(array: np.ndarray, source: str) -> Labels:
    return Labels.from_flags(zeros_and_ones(array.ravel(), source))


@contextmanager
def _read(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"labels not found: {path}") from None
    except OSError as error:
        raise DataError(f"labels {path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise _broken(path, error) from None


def _broken(path: Path, error: Exception) -> DataError:
    if "pickle" in str(error):
        return DataError(
            f"{path} is not a plain NumPy array; pickled objects are not read, because they can "
            "run code. If you trust the file, save it again with numpy.save as an array of "
            "0 and 1"
        )
    return DataError(f"{path} is broken or not a NumPy file ({error})")
