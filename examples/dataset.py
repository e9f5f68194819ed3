"""A data set: folders of videos, and a CSV table of incidents in seconds."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

import vadkit

_COLUMNS = ["video", "start_s", "end_s", "kind"]


@vadkit.register("datasets", "incident-log")
class IncidentLog:
    """Videos in ``normal`` and ``test``, and a table ``incidents.csv`` of what happens in ``test``.

    The table has the columns ``video``, ``start_s``, ``end_s`` and ``kind``, and a row for each
    incident, with times in seconds. A video without a row is normal. ``fps`` is the frame rate of
    the videos, which converts seconds to frames.
    """

    # Where the labels come from; protocols name it.
    label_source = "incidents.csv"

    def __init__(self, *, root: Path, fps: Annotated[float, Field(gt=0)] = 25.0) -> None:
        self.root = root.expanduser()
        self.fps = fps

    def videos(self, split: Literal["train", "test"]) -> list[vadkit.Video]:
        """Return the videos of a split; raise ``DataError`` if the folder or table is unusable."""
        folder = self.root / ("normal" if split == "train" else "test")
        paths = sorted(folder.glob("*.mp4"))
        if not paths:
            raise vadkit.DataError(f"{folder} has no .mp4 files; set dataset.root to your data")
        if split == "train":
            return [vadkit.Video(path.stem, split, path) for path in paths]
        incidents = self._incidents({path.stem for path in paths})
        return [self._test_video(path, incidents.get(path.stem, [])) for path in paths]

    def _test_video(self, path: Path, rows: list[dict[str, str]]) -> vadkit.Video:
        frames = [
            (round(float(row["start_s"]) * self.fps), round(float(row["end_s"]) * self.fps))
            for row in rows
        ]
        return vadkit.Video(
            path.stem,
            "test",
            path,
            # Becomes one bool per frame when the length of the video is known, and is checked then.
            labels=vadkit.Labels(frames).of(path.stem, self.label_source),
            category=rows[0]["kind"] if rows else None,
        )

    def _incidents(self, videos: set[str]) -> dict[str, list[dict[str, str]]]:
        """Return the rows of the table by video."""
        path = self.root / self.label_source
        found: dict[str, list[dict[str, str]]] = {}
        try:
            with path.open(newline="", encoding="utf-8") as file:
                table = csv.DictReader(file)
                if table.fieldnames != _COLUMNS:
                    raise vadkit.DataError(f"{path}, line 1: expected {','.join(_COLUMNS)}")
                for row in table:
                    where = f"{path}, line {table.line_num}"
                    if row["video"] not in videos:
                        raise vadkit.DataError(f"{where}: no video {row['video']!r} in test")
                    try:
                        float(row["start_s"]), float(row["end_s"])
                    except (TypeError, ValueError):
                        raise vadkit.DataError(f"{where}: times must be seconds") from None
                    found.setdefault(row["video"], []).append(row)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise vadkit.DataError(f"{path} cannot be read: {error}") from None
        return found
