"""Write a line of a CSV file for every frame."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import IO, Any, ClassVar

from vadkit.files import partial_path, put_in_place
from vadkit.inference.alarms import Event
from vadkit.inference.sinks.sink import ScoredFrame, SourceInfo, VideoScores, file_for


class Csv:
    """CSV with ``frame,time,raw,score,alarm``, a line a frame, written as frames come.

    ``time`` is in seconds, ``raw`` the method's score and ``score`` the live one that thresholds
    are for, empty where a frame has none; ``alarm`` is 1 while an alarm is on. While it grows the
    file has the name of a hidden one, ``.<name>.<process>.partial.csv``.
    """

    live: ClassVar[bool] = True

    def __init__(self, out: Path) -> None:
        self.out = out
        self._path: Path | None = None
        self._file: IO[str] | None = None
        self._lines: Any = None

    def open(self, info: SourceInfo) -> None:
        self._path = file_for(self.out, info.name, ".csv")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # By lines, so that who follows the file sees each frame at once.
        self._file = partial_path(self._path).open("w", encoding="utf-8", newline="", buffering=1)
        self._lines = csv.writer(self._file, lineterminator="\n")
        self._lines.writerow(["frame", "time", "raw", "score", "alarm"])

    def frame(self, seen: ScoredFrame) -> None:
        scores = ["" if math.isnan(one) else repr(float(one)) for one in (seen.raw, seen.score)]
        self._lines.writerow([seen.index, round(seen.time, 6), *scores, int(seen.alarm)])

    def event(self, event: Event) -> None:
        """The column ``alarm`` says as much."""

    def close(self, result: VideoScores | None) -> Path:
        assert self._path is not None and self._file is not None, "close() before open()"
        self._file.close()
        put_in_place(partial_path(self._path), self._path)
        self._file = None
        return self._path

    def abort(self) -> None:
        if self._file is not None and self._path is not None:
            self._file.close()
            partial_path(self._path).unlink(missing_ok=True)
            self._file = None
