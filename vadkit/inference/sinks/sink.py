"""The contract between the detector and what writes its results."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from vadkit.scoring.normal import NormalScores


@dataclass(frozen=True)
class SourceInfo:
    """A video about to be scored: its name, frame rate, (height, width), normal reference."""

    name: str
    fps: float
    size: tuple[int, int]
    normal: NormalScores | None = None


@dataclass(frozen=True)
class VideoScores:
    """A video's scores, (N,) float64 each, NaN where a frame has none; higher is more abnormal.

    ``final_label`` names the scorers that made ``final`` of ``raw``, "raw" for none; ``same_unit``
    says whether both are in the method's own unit (see ``chain_keeps_unit``). ``labels`` is (N,)
    bool.
    """

    name: str
    fps: float
    raw: np.ndarray
    final: np.ndarray
    final_label: str = "raw"
    labels: np.ndarray | None = None
    same_unit: bool = False


class Sink(Protocol):
    """Writes one kind of file into a folder; made once, then opened and closed for every video.

    The constructor is ``(out: Path, *, parameters)``. For each video come ``open``, then ``frame``
    for every frame from 0 on in order, then ``close``, which gives the path written, or ``abort``,
    which leaves nothing behind. Files are written under a temporary name and renamed.
    """

    def open(self, info: SourceInfo) -> None: ...

    def frame(
        self, index: int, frame_rgb: np.ndarray, score: float, score_map: np.ndarray | None
    ) -> None:
        """Take one frame: (H, W, 3) uint8 RGB, its raw score or NaN, its score map (h, w)."""
        ...

    def close(self, result: VideoScores) -> Path: ...

    def abort(self) -> None: ...


class ResultSink:
    """Base of the sinks that need only the finished scores: they write in ``close``."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.info: SourceInfo | None = None

    def open(self, info: SourceInfo) -> None:
        self.info = info

    def frame(
        self, index: int, frame_rgb: np.ndarray, score: float, score_map: np.ndarray | None
    ) -> None:
        """Frames are not needed."""

    def abort(self) -> None:
        self.info = None


def file_for(out: Path, name: str, suffix: str) -> Path:
    """The file of a video in the folder ``out``; what a file name cannot hold becomes "_"."""
    stem = re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "video"
    return out / f"{stem}{suffix}"
