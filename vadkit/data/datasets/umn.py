"""UMN: crowds that suddenly run, in one video of three scenes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from vadkit.data.datasets.labelled import read_part_flags
from vadkit.data.datasets.layouts import find_below, not_there, video_name
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError

_NAME = "Crowd-Activity-All"
# First frames of the eleven clips, from 0.
_STARTS = (0, 625, 1453, 1996, 2687, 3455, 4034, 4929, 5596, 6238, 6931)
_CLIPS = {"lawn": range(2), "indoor": range(2, 8), "plaza": range(8, 11)}


class Umn:
    """UMN crowd activity: eleven clips of people who walk around and then run away.

    ``root`` contains ``Crowd-Activity-All.avi``. ``scene`` selects one of its three scenes. The
    first ``train_frames`` of every scene are for training, the clips without them for testing.
    There is no official label file; ``labels`` needs the entry ``Crowd-Activity-All`` with frames
    counted in the whole file, or an entry per test clip, such as ``lawn-01``, with frames counted
    in the clip.
    """

    def __init__(
        self,
        *,
        root: Path,
        labels: Path | None = None,
        scene: Literal["all", "lawn", "indoor", "plaza"] = "all",
        # The shortest first clip of a scene has 543 frames, and its end is abnormal.
        train_frames: Annotated[int, Field(ge=1, le=500)] = 400,
    ) -> None:
        self.root = root.expanduser()
        self.labels = labels.expanduser() if labels else None
        self.clips = _CLIPS if scene == "all" else {scene: _CLIPS[scene]}
        self.train_frames = train_frames

    @property
    def label_source(self) -> str:
        """The name of the label file in use."""
        return self.labels.name if self.labels else "none"

    def expected(self, split: Split) -> tuple[int, int | None]:
        """Return numbers of parts and, if the end of the file does not matter, of frames."""
        if split == "train":
            return len(self.clips), len(self.clips) * self.train_frames
        return sum(map(len, self.clips.values())), None

    def videos(self, split: Split) -> list[Video]:
        """Return one part per scene for training, one part per clip for testing."""
        path = self._file()
        if split == "train":
            firsts = {scene: _STARTS[clips[0]] for scene, clips in self.clips.items()}
            return [
                Video(scene, split, path, part=(start, start + self.train_frames))
                for scene, start in firsts.items()
            ]
        parts = self._test_parts()
        flags = read_part_flags(self.labels, _NAME, parts) if self.labels else {}
        return [
            Video(name, split, path, flags.get(name), part=part) for name, part in parts.items()
        ]

    def _test_parts(self) -> dict[str, tuple[int, int | None]]:
        # The last clip has no fixed end, because decoders disagree about the last frames of the
        # file.
        ends: list[tuple[int, int | None]] = [*pairwise(_STARTS), (_STARTS[-1], None)]
        parts: dict[str, tuple[int, int | None]] = {}
        for scene, clips in self.clips.items():
            for clip in clips:
                start, end = ends[clip]
                first = start + self.train_frames if clip == clips[0] else start
                parts[f"{scene}-{clip + 1:02d}"] = (first, end)
        return parts

    def _file(self) -> Path:
        text = f"{_NAME}.avi, or the same with another ending or as a folder of images"
        paths = find_below("umn", self.root, text)
        found = [path for path in paths if video_name(path).lower() == _NAME.lower()]
        if not found:
            raise not_there("umn", self.root, text)
        if len(found) > 1:
            names = ", ".join(str(path.relative_to(self.root)) for path in found)
            raise DataError(f"dataset umn: {self.root} contains {_NAME} more than once: {names}")
        return found[0]
