"""When and by which camera a video was recorded, as its place in the folders of Frigate says."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path

from vadkit.text import encodable

# YYYY-MM-DD/HH/<camera>/MM.SS.mp4 in UTC (docs.frigate.video/configuration/record).
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_HOUR = re.compile(r"\d{2}")
_START = re.compile(r"(\d{2})\.(\d{2})\.mp4")


@dataclass(frozen=True)
class Recorded:
    """The camera of a recording, and the Unix time of its first frame, to the second."""

    camera: str
    start: float


def recorded(path: Path) -> Recorded | None:
    """Return what the path of a recording of Frigate says; None for any other path."""
    parts = path.absolute().parts[-4:]
    if len(parts) < 4:
        return None
    day, hour, camera, name = parts
    found = _START.fullmatch(name)
    if not (found and _DAY.fullmatch(day) and _HOUR.fullmatch(hour)):
        return None
    try:
        start = datetime.datetime.fromisoformat(f"{day}T{hour}:{found[1]}:{found[2]}+00:00")
    except ValueError:
        return None
    return Recorded(encodable(camera), start.timestamp())


def recording_path(folder: Path, camera: str, start: float) -> Path:
    """Return the path below a folder that ``recorded`` understands."""
    at = datetime.datetime.fromtimestamp(start, datetime.UTC)
    return folder / f"{at:%Y-%m-%d}" / f"{at:%H}" / camera / f"{at:%M.%S}.mp4"
