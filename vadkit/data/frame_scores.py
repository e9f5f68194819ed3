"""Read frame scores from other code: NumPy and MATLAB arrays, tables and plain text."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from vadkit.arrays import is_archive, load_archive, load_array
from vadkit.data.decoding.folders import natural_key
from vadkit.data.labels.matlab import read_matlab_row
from vadkit.data.labels.variants import explain_total, missing_in_total
from vadkit.data.score_lists import read_score_json
from vadkit.data.score_tables import NAMES, read_score_lines, read_score_table
from vadkit.data.tables import SHEETS, refuse_other_sheets
from vadkit.errors import DataError

_TABLES = (".csv", ".tsv", *SHEETS)
SUFFIXES = (".npy", ".npz", ".mat", ".txt", *_TABLES)
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".p")
# Names that NumPy and people give to the only array of an archive.
_ROW_NAMES = ("", "arr_0", *NAMES, "anomaly_score", "anomaly_scores", "pred", "preds")


def read_scores(path: Path) -> dict[str, np.ndarray]:
    """Return scores (N,) float64 by video; a higher score is more abnormal, NaN means no score.

    A folder has one file per video, with the name of the video: ``.npy`` of shape (N,) or (1, N);
    ``.npz`` with ``scores`` or one array; ``.mat`` with one row; ``.csv``, ``.tsv``, ``.xlsx`` or
    ``.txt`` with one number per line, or with a column ``score``, sorted by a column ``frame`` if
    there is one. The path of a file below the folder is a part of the video's name. A single
    ``.npz`` has one array per video, or arrays without names, which are a list; a single table has
    the header ``video,frame,score``; a single ``.json`` has an object of a list by video, a list of
    lists, or one list. A single ``.npy``, ``.mat``, ``.txt`` or list has the concatenated scores of
    all videos, under the name "".

    Blank lines at the end of a text file are ignored. Raises ``DataError`` for unreadable files,
    two files of one video, and frames that a table contains twice or not at all. Infinite values
    are reported later by the evaluator, with video and frame.
    """
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        raise DataError(f"scores not found: {path}")
    if path.suffix == ".npz":
        arrays = _load_npz(path)
        return {video: _row(values, f"{path}, '{video}'") for video, values in arrays.items()}
    if path.suffix.lower() in _TABLES:
        return read_score_table(path)
    if path.suffix.lower() == ".json":
        return read_score_json(path)
    return {"": _read_one(path)}


def read_lengths(path: Path) -> list[int]:
    """Read the number of frames of each video: one a line, a JSON list, or a ``.npy`` array."""
    if not path.is_file():
        raise DataError(f"lengths not found: {path} is not a file")
    values = _read_row(path)
    whole = np.isfinite(values) & (values == np.rint(values)) & (values > 0)
    if not len(values) or not whole.all():
        wrong = f"{values[whole.argmin()]:g}" if len(values) else "an empty list"
        raise DataError(
            f"{path}: {wrong} is not a number of frames; expected a whole number above 0 for each "
            "video, in their order"
        )
    return [int(value) for value in values]


def _read_row(path: Path) -> np.ndarray:
    if path.suffix.lower() == ".json":
        found = read_score_json(path)
        if list(found) != [""]:
            raise DataError(f"{path} contains several lists; expected one list of numbers")
        return found[""]
    return _read_one(path)


def only_row(found: dict[str, np.ndarray], known: Collection[str]) -> np.ndarray | None:
    """Return the scores if they are one array whose name is no video's, else None.

    ``known`` are the names of videos.
    """
    if len(found) != 1:
        return None
    ((name, row),) = found.items()
    return row if name in _ROW_NAMES and name not in known else None


def split_row(row: np.ndarray, lengths: dict[str, int], offset: int = 0) -> dict[str, np.ndarray]:
    """Split concatenated scores of all videos by the videos' lengths, in their order.

    The first ``offset`` frames of every video have no score in the row. Raises ``DataError`` if the
    lengths do not add up to the number of scores.
    """
    scored = {video: max(length - offset, 0) for video, length in lengths.items()}
    total = sum(scored.values())
    if len(row) != total:
        raise DataError(
            f"the scores are one array of {len(row)} frames, but the {len(lengths)} labelled "
            f"videos have {total}{_advice(len(row), list(scored.values()), offset)}"
        )
    ends = np.cumsum(list(scored.values()))[:-1]
    return dict(zip(lengths, np.split(row, ends), strict=True))


def offset_question(missing: int) -> str:
    """Ask whether the first frames have no score, and name the option."""
    frames = "frame" if missing == 1 else f"{missing} frames"
    have = "has" if missing == 1 else "have"
    return f"the first {frames} of each {have} no score? Then add --offset {missing}"


def _advice(scores: int, frames: list[int], offset: int) -> str:
    if reason := explain_total(scores, frames):
        return f"{reason}; give the labels or the videos that the scores were made for"
    if not offset and (missing := missing_in_total(scores, frames)):
        return f", {missing} more for each; {offset_question(missing)}"
    return "; give one file per video, with the name of the video"


def _read_folder(folder: Path) -> dict[str, np.ndarray]:
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*"), key=lambda file: natural_key(str(file))):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        video = path.relative_to(folder).with_suffix("").as_posix()
        if video in found:
            raise DataError(f"{path} and {found[video]} both score video '{video}'; remove one")
        found[video] = path
    if not found:
        raise DataError(
            f"folder {folder} contains no scores; expected one file per video, "
            f"{', '.join(SUFFIXES)}"
        )
    return {video: _read_one(path) for video, path in found.items()}


def _read_one(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        return _row(_load(path), str(path))
    if path.suffix == ".npz":
        arrays = _load_npz(path)
        named = [name for name in NAMES if name in arrays] or list(arrays)
        if len(arrays) != 1 and named[0] not in NAMES:
            raise DataError(
                f"{path} contains {', '.join(arrays) or 'nothing'}; expected an array named "
                "'scores'"
            )
        return _row(arrays[named[0]], str(path))
    if path.suffix == ".mat":
        return _row(read_matlab_row(path, _ROW_NAMES[1:]), str(path))
    if path.suffix.lower() in (".txt", *_TABLES):
        return read_score_lines(path)
    refuse_other_sheets(path)
    if path.suffix.lower() in _PICKLES:
        raise DataError(_pickled(path))
    raise DataError(f"{path} is not a score file; expected {', '.join(SUFFIXES)} or one .json")


def _row(values: np.ndarray, source: str) -> np.ndarray:
    if values.dtype.kind not in "biuf":
        raise DataError(f"{source} has values of type {values.dtype}; expected numbers")
    if values.ndim != 1 and not (values.ndim == 2 and 1 in values.shape):
        raise DataError(f"{source} has shape {values.shape}; expected one score per frame, (N,)")
    return values.ravel().astype(np.float64)


def _load(path: Path) -> np.ndarray:
    try:
        if is_archive(path):
            raise DataError(f"{path} is an archive of arrays, not one array; name it .npz")
        return load_array(path)
    except (OSError, ValueError) as error:
        raise DataError(_unreadable(path, error)) from None


def _load_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        return load_archive(path)
    except (OSError, ValueError) as error:
        raise DataError(_unreadable(path, error)) from None


def _unreadable(path: Path, error: Exception) -> str:
    if "pickle" in str(error).lower():
        return _pickled(path)
    return f"scores {path} cannot be read as a NumPy file: {error}"


def _pickled(path: Path) -> str:
    return (
        f"{path} contains pickled objects, which are not read, because they can run code; save "
        "plain numbers from the program that made them: a list of arrays by "
        "np.savez('scores.npz', *scores), a dictionary by np.savez('scores.npz', **scores)"
    )
