"""The scene that a run was trained on, as small pictures, and whether a camera shows it."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.arrays import load_archive
from vadkit.files import write_whole
from vadkit.inference.camera_picture import HEIGHT, WIDTH, Picture, shows_other_view, small_picture

if TYPE_CHECKING:
    from vadkit.data.videos import FrameReader

FILE = "scene.npz"
# Reference pictures of a run; each is the median of some frames of a video, so that people go.
_PICTURES, _FRAMES = 32, 9
# A camera is looked at for so many seconds, with a picture every few; scores count from the start.
_LOOK_S, _EVERY_S, _LEAST = 30.0, 1.5, 8
_HIGH = 0.5
_log = logging.getLogger("vadkit.watch")


def write_scene(run: Path, stored: Sequence[FrameReader]) -> None:
    """Keep small pictures of the training video in a run, to know its scene again."""
    if not stored:
        return
    each = max(1, _PICTURES // len(stored))
    step = max(1, math.ceil(len(stored) / _PICTURES))
    pictures = []
    for video in stored[::step]:
        for part in np.array_split(np.arange(len(video)), each):
            if len(part):
                places = np.unique(np.linspace(part[0], part[-1], _FRAMES).astype(int))
                frames = [video.read(int(one), int(one) + 1)[0] for one in places]
                pictures.append(np.median([small_picture(one).grey for one in frames], axis=0))
    with write_whole(run / FILE) as partial:
        np.savez_compressed(partial, grey=np.clip(pictures, 0, 255).astype(np.uint8))


def read_scene(run: Path) -> list[Picture]:
    """Return the pictures of a run; none if it has none, as those of earlier versions."""
    path = run / FILE
    if not path.is_file():
        return []
    try:
        grey = load_archive(path)["grey"]
    except (ValueError, OSError, KeyError) as error:
        _log.warning("%s cannot be read, so its scene is unknown: %s", path, error)
        return []
    if grey.ndim != 3 or grey.shape[1:] != (HEIGHT, WIDTH) or grey.dtype != np.uint8:
        return []
    return [Picture(one.astype(np.float32), 0.0) for one in grey]


class SceneCheck:
    """Looks at the first half minute of a camera; ``push`` every frame until it says something.

    Either the view differs from all ``references``, or more than half of the scores of normal times
    would be alarms.
    """

    def __init__(self, references: Sequence[Picture], threshold: float) -> None:
        self._references, self._threshold = references, threshold
        self._seen: list[np.ndarray] = []
        self._first = math.nan
        self._due = -math.inf
        self._scores = self._above = 0
        self.done = False

    def push(self, time: float, score: float, frame: np.ndarray) -> str | None:
        """Add a frame; return what is wrong, once, or None."""
        if self.done or not frame.size:
            return None
        if math.isnan(self._first):
            self._first = time
        past = time - self._first
        if score == score:
            self._scores += 1
            self._above += score >= self._threshold
        if self._references and time >= self._due and past <= _LOOK_S:
            self._due = time + _EVERY_S
            self._seen.append(small_picture(frame).grey)
        said = None
        if past > _LOOK_S and self._seen:
            said = self._view()
            self._seen = []
        if said is None and past > _LOOK_S:
            said = self._high()
        self.done = past > _LOOK_S
        return said

    def _view(self) -> str | None:
        if len(self._seen) < _LEAST:
            return None
        now = Picture(np.median(self._seen, axis=0).astype(np.float32), 0.0)
        if all(shows_other_view(now, one) for one in self._references):
            return (
                "the view differs from all of the training video: the camera may show another "
                "scene than this run was trained on, or has moved"
            )
        return None

    def _high(self) -> str | None:
        if self._scores and self._above / self._scores > _HIGH:
            share = self._above / self._scores
            return (
                f"{share:.0%} of the first scores are above the threshold: the camera may show "
                "another scene than this run was trained on; train it on its own video, or "
                "calibrate again"
            )
        return None
