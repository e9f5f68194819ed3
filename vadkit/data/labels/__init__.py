"""Readers of label files; each returns ``Labels`` by video id."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.data.tables import SHEETS, columns_of, refuse_other_sheets, separator_of
from vadkit.errors import DataError, RecipeError
from vadkit.registry import components, find

if TYPE_CHECKING:
    from vadkit.data.labels.intervals import Labels
    from vadkit.data.labels.table import Unit

_NUMBER = r"[-+]?\d+(\.\d*)?(e[-+]?\d+)?"
# 0 or 1, also as numpy.savetxt writes it.
_FLAG = r"[01](\.0*)?(e[-+]?0+)?"
# The first line of a text file, for each format.
_FIRST_LINES = {
    "tracks": rf"{_NUMBER}(\s*,\s*{_NUMBER}){{5}}",
    "ubnormal": rf"{_NUMBER}(\s*,\s*{_NUMBER}){{2}}",
    "street-scene": rf".*\d\.\w+(\s+{_NUMBER}){{5}}",
    "ucf-crime": rf"\S+\s+[a-z]\S*(\s+{_NUMBER}\s+{_NUMBER})+",
    "xd-violence": rf"\S+(\s+{_NUMBER}\s+{_NUMBER})+",
    "frame-txt": rf"{_FLAG}(\s+{_FLAG})*",
}


def read_any(path: Path, format: str | None = None, unit: Unit | None = None) -> dict[str, Labels]:
    """Return labels by video id, read in the given format, or in the detected one.

    ``unit`` is that of intervals in a table. Raises ``RecipeError`` for an unknown format, or for a
    unit with a format that has its own, and ``DataError`` for unreadable labels.
    """
    kind = format or guess_format(path)
    read = find("labels", kind).load()
    labels: dict[str, Labels]
    if unit is None:
        labels = read(path)
    elif kind == "csv":
        labels = read(path, unit)
    else:
        raise RecipeError(f"{path} is in the format {kind}, which is never in {unit}; give no unit")
    return labels


def guess_format(path: Path) -> str:
    """Return the format of a file or a folder, as a name in the registry's family ``labels``.

    It is detected from suffix and content. Raises ``DataError`` with the names of all formats if
    none or more than one matches.
    """
    if not path.exists():
        raise DataError(f"labels not found: {path}")
    found = _of_folder(path) if path.is_dir() else _of_file(path)
    if len(found) != 1:
        what = f"may be {' or '.join(sorted(found))}" if found else "has no known label format"
        raise DataError(
            f"{path} {what}; name the format of the labels (`--format` in data convert), one of "
            f"{', '.join(sorted(components('labels')))}"
        )
    return found.pop()


def _of_folder(path: Path) -> set[str]:
    found = set()
    if any(one.is_dir() and one.name.endswith("_gt") for one in path.iterdir()):
        found.add("image-masks")
    if any(path.glob("*_label.mat")):
        found.add("avenue-masks")
    if any(one.parent.name.endswith("_annotations") for one in path.rglob("*_tracks.txt")):
        found.add("ubnormal")
    if any(path.rglob("*_gt.txt")):
        found.add("street-scene")
    arrays = sorted(path.glob("[!.]*.npy"))
    if arrays:
        found |= _of_array(arrays[0])
    if not found:
        # Files of videos without anomalies are empty and have no information.
        lines = (_of_text(file) for file in sorted(path.glob("[!.]*.txt")))
        found |= {"tracks", "frame-txt"} & next((formats for formats in lines if formats), set())
    return found


def _of_file(path: Path) -> set[str]:
    suffix = path.suffix.lower()
    if suffix in (".json", ".m"):
        return {{".json": "json", ".m": "ucsd-m"}[suffix]}
    if suffix in (".csv", ".tsv", *SHEETS):
        return {"csv"}
    refuse_other_sheets(path)
    if suffix == ".npy":
        return _of_array(path)
    if suffix == ".npz":
        return _of_archive(path)
    if suffix == ".mat":
        return _of_matlab(path)
    return _of_text(path) if suffix == ".txt" else set()


def _of_array(path: Path) -> set[str]:
    from vadkit.data.labels.arrays import head_of

    return {"pixel-npy" if len(head_of(path).shape) == 3 else "frame-npy"}


def _of_archive(path: Path) -> set[str]:
    from vadkit.data.labels.arrays import open_npz

    with open_npz(path) as archive:
        shapes = [head.shape for head in list(archive.heads.values())[:1]]
    # (N,) or (1, N); masks and boxes have other shapes.
    return {"frame-npz"} if shapes and shapes[0][:-1] in ((), (1,)) else set()


def _of_matlab(path: Path) -> set[str]:
    from vadkit.data.labels.arrays import ROW_NAMES
    from vadkit.data.labels.matlab import variables_of

    try:
        found = variables_of(path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a MATLAB file ({error})") from None
    rows = {name for name, one in found.items() if one.is_row and name.lower() in ROW_NAMES}
    known = {"gt": "interval-mat", "volLabel": "avenue-masks"}
    formats = {known[name] for name in (found.keys() & known.keys()) - rows}
    return formats or ({"frame-mat"} if rows else set())


def _of_text(path: Path) -> set[str]:
    from vadkit.data.labels.files import read_lines

    first = next((text for _, text in read_lines(path)), "")
    if _is_header(first):
        return {"csv"}
    found = {
        name
        for name, pattern in _FIRST_LINES.items()
        if re.fullmatch(pattern, first, re.IGNORECASE)
    }
    # Nothing but 0 and 1 is no interval of a video.
    return {"frame-txt"} if "frame-txt" in found else found


def _is_header(line: str) -> bool:
    """Whether a line has the names of columns, with a separator."""
    cells = line.replace('"', "").split(separator_of(line))
    return len(cells) > 1 and "video" in columns_of(cells, ["video"])
