"""Lists of videos with a label for each, as authors publish them: text, tables, JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, Field

from vadkit.data.datasets.xd_violence import xd_category
from vadkit.data.labels.files import read_lines
from vadkit.data.videos import Split
from vadkit.errors import DataError
from vadkit.reading import read_json
from vadkit.text import printable

# What feature files have after the name of the video.
_ENDING = re.compile(r"(_(i3d|c3d|clip|rgb|feat|features))*(__\d+)?$", re.IGNORECASE)
_NORMAL = {"0", "0.0", "normal", "nofight", "nonviolence", "a"}
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_ABNORMAL = {"1", "1.0", "abnormal", "anomaly"}


@dataclass(frozen=True)
class Listed:
    """A video of a list: whether it is abnormal, and of which kind; None if the list does not say.

    ``name`` is the name of the video, and ``entry`` is what the list has, such as a path.
    """

    name: str
    entry: str
    abnormal: bool | None = None
    category: str | None = None


class SplitFile(BaseModel):
    """A JSON file with the names of a weak split, and perhaps the labels of its videos."""

    class Video(BaseModel):
        """Frames of a video, and abnormal intervals [start, end) from 0."""

        frames: int | None = Field(default=None, ge=1)
        abnormal: list[tuple[int, int]] = []

    train: list[str] | None = None
    test: list[str] | None = None
    weak_split: dict[Split, list[str]] | None = None
    videos: dict[str, Video] = {}

    def names(self, split: Split) -> list[str]:
        """Return the names of a split; [] if the file has none."""
        own = self.train if split == "train" else self.test
        return own or (self.weak_split or {}).get(split, [])


def read_split_file(path: Path) -> SplitFile:
    """Read a split in JSON: ``{"train": [names], "test": [names]}``, perhaps with ``videos``.

    ``videos`` maps names to ``{"frames": 764, "abnormal": [[86, 374]]}``. Raises ``DataError``.
    """
    advice = 'expected {"train": [names], "test": [names]}'
    try:
        return SplitFile.model_validate(read_json(path, Any, advice, error=DataError))
    except FileNotFoundError:
        raise DataError(f"split not found: {path}") from None
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is not a split of videos: {printable(reason)}; {advice}") from None


def read_video_list(path: Path) -> dict[str, Listed]:
    """Read a list of videos or feature files by the name of the video, in its order.

    A line has a path, of any machine, and may have a label after a comma or a space: 0 or 1, or the
    kind of anomaly. Without a label, the name tells if it contains ``normal`` or ``label_A``. Crops
    of a video, ``__0`` to ``__9``, are one entry. Raises ``DataError`` for a video with two labels
    and for other numbers.
    """
    found: dict[str, Listed] = {}
    for line, text in read_lines(path):
        entry, label = _parts(text)
        if line == 1 and entry.lower() in ("path", "video", "name", "file"):
            continue
        name = video_of(entry)
        if _NUMBER.fullmatch(label) and label not in _NORMAL | _ABNORMAL:
            raise DataError(
                f"{path}, line {line}: the label {label} is neither 0, 1 nor a kind of anomaly"
            )
        abnormal, category = _meaning(label, entry)
        one = Listed(name, entry, abnormal, category)
        known = found.setdefault(name, one)
        if (known.abnormal, known.category) != (abnormal, category):
            raise DataError(
                f"{path}, line {line}: video '{printable(name)}' has another label than before"
            )
    if not found:
        raise DataError(f"{path} lists no videos")
    return found


def video_of(entry: str) -> str:
    """Return the name of the video of a path, without folders and endings."""
    name = PurePosixPath(entry.replace("\\", "/")).name
    stem, dot, ending = name.rpartition(".")
    if dot and re.fullmatch(r"[a-z0-9]{2,4}", ending, re.IGNORECASE):
        name = stem
    return _ENDING.sub("", name)


def _parts(text: str) -> tuple[str, str]:
    """Return the path and the label of a line; only what follows the last separator is a label."""
    for separator in (",", "\t", " "):
        entry, found, label = text.rpartition(separator)
        if found and "/" not in label and "." not in label.removesuffix(".0"):
            # Names of XD-Violence have spaces and commas, but end in a label or in .npy.
            first = text.partition(separator)[0] if separator == "," else entry
            return (entry if "/" in label else first).strip(), label.strip()
    return text.strip(), ""


def _meaning(label: str, entry: str) -> tuple[bool | None, str | None]:
    word = label.lower()
    if word in _NORMAL:
        return False, None
    if word in _ABNORMAL:
        return True, _kind_of(entry)
    if label:
        return True, xd_category(f"label_{label}") or label
    lower = entry.lower()
    if re.search(r"(?<!ab)normal", lower) or re.search(r"label_a\b|label_a[_.]", lower):
        return False, None
    kind = _kind_of(entry)
    return (True, kind) if kind else (None, None)


def _kind_of(entry: str) -> str | None:
    """Return the kind of anomaly that a path names: ``label_B1``, or ``Abuse/Abuse001``."""
    if found := xd_category(entry):
        return found
    parts = PurePosixPath(entry.replace("\\", "/")).parts
    folder = parts[-2] if len(parts) > 1 else ""
    return folder if folder and parts[-1].lower().startswith(folder.lower()) else None
