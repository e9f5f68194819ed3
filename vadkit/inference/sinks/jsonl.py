"""Write a JSON line for every frame."""

from __future__ import annotations

import json
import math
from pathlib import Path

from vadkit.files import write_whole
from vadkit.inference.sinks.sink import ResultSink, VideoScores, file_for


class Jsonl(ResultSink):
    """JSON lines, one per frame: ``{"frame": 0, "time": 0.0, "raw": null, "score": null}``.

    ``time`` is in seconds from the first frame, ``raw`` is the method's score and ``score`` the
    result of the scorers; null for a frame without a score.
    """

    def __init__(self, out: Path) -> None:
        super().__init__(out)

    def close(self, result: VideoScores | None) -> Path:
        assert result is not None, "not a live sink"
        path = file_for(self.out, result.name, ".jsonl")
        with write_whole(path) as partial, partial.open("w", encoding="utf-8") as file:
            columns = (column.tolist() for column in (result.times, result.raw, result.final))
            for frame, (time, raw, score) in enumerate(zip(*columns, strict=True)):
                line = {
                    "frame": frame,
                    "time": round(time, 6),
                    "raw": None if math.isnan(raw) else raw,
                    "score": None if math.isnan(score) else score,
                }
                file.write(json.dumps(line, allow_nan=False) + "\n")
        return path
