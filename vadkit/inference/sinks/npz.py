"""Write the scores as NumPy arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vadkit.files import write_whole
from vadkit.inference.sinks.sink import ResultSink, VideoScores, file_for


class Npz(ResultSink):
    """NumPy archive with ``time``, ``raw`` and ``final`` (N,) float64, ``fps``, ``final_label``.

    ``time`` is in seconds from the first frame, ``fps`` the usual frame rate. NaN marks frames
    without a score; ``labels`` (N,) bool exists only for labelled video.
    ``numpy.load`` reads the archive without pickle.
    """

    def __init__(self, out: Path) -> None:
        super().__init__(out)

    def close(self, result: VideoScores | None) -> Path:
        assert result is not None, "not a live sink"
        path = file_for(self.out, result.name, ".npz")
        arrays: dict[str, Any] = {
            "time": result.times.astype(np.float64),
            "raw": result.raw.astype(np.float64),
            "final": result.final.astype(np.float64),
            "fps": np.float64(result.fps),
            "final_label": np.array(result.final_label),
        }
        if result.labels is not None:
            arrays["labels"] = result.labels.astype(bool)
        with write_whole(path) as partial:
            np.savez(partial, **arrays)
        return path
