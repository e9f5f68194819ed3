"""Subway: hours of video from one camera at an entrance and one at an exit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from vadkit.data.datasets.labelled import read_part_flags
from vadkit.data.datasets.layouts import find_below, not_there, video_name
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError

_TEXT = (
    "one video with 'entrance' in its name and one with 'exit', such as entrance.avi or "
    "subway_exit_turnstiles.AVI"
)
_MINUTES = {"entrance": 15.0, "exit": 5.0}


class Subway:
    """Subway: the entrance or the exit gate, one long video whose first minutes are for training.

    ``root`` contains the videos, at any depth. ``train_minutes`` is 15 for the entrance and 5 for
    the exit by default, at ``fps`` frames per second; the rest is for testing. There is no official
    label file; ``labels`` needs the entry ``entrance`` or ``exit`` with frames counted in the whole
    file, or ``entrance-test`` with frames counted in the test part.
    """

    def __init__(
        self,
        *,
        root: Path,
        scene: Literal["entrance", "exit"],
        labels: Path | None = None,
        train_minutes: Annotated[float, Field(gt=0)] | None = None,
        fps: Annotated[float, Field(gt=0)] = 25.0,
    ) -> None:
        self.root = root.expanduser()
        self.scene = scene
        self.labels = labels.expanduser() if labels else None
        minutes = _MINUTES[scene] if train_minutes is None else train_minutes
        self.train_frames = max(1, round(minutes * 60 * fps))

    @property
    def label_source(self) -> str:
        """The name of the label file in use."""
        return self.labels.name if self.labels else "none"

    def expected(self, split: Split) -> tuple[int, None]:
        """Return one part of one video; copies of it differ in length."""
        return 1, None

    def videos(self, split: Split) -> list[Video]:
        """Return the part of the video for a split."""
        path = self._file()
        name = f"{self.scene}-{split}"
        if split == "train":
            return [Video(name, split, path, part=(0, self.train_frames))]
        part = (self.train_frames, None)
        flags = read_part_flags(self.labels, self.scene, {name: part}) if self.labels else {}
        return [Video(name, split, path, flags.get(name), part=part)]

    def _file(self) -> Path:
        paths = find_below("subway", self.root, _TEXT)
        found = [path for path in paths if self.scene in video_name(path).lower()]
        if not found:
            raise not_there("subway", self.root, _TEXT)
        if len(found) > 1:
            names = ", ".join(str(path.relative_to(self.root)) for path in found)
            raise DataError(
                f"dataset subway: {self.root} contains {len(found)} videos of the {self.scene}: "
                f"{names}; keep one"
            )
        return found[0]
