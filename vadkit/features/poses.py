"""The poses of the tracked people of each frame, from files of pose estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from vadkit.data.objects.pose_tracks import PoseRows, read_pose_tracks
from vadkit.data.segments.poses import PERSON, pose_rows
from vadkit.features.people_files import PeopleFiles


class PoseFiles(PeopleFiles):
    """Poses of tracked people, for ``stg-nf`` and ``mocodad``; no video is needed.

    ``files`` are files or folders of poses with tracks: JSON of AlphaPose or COCO, or ``.npz`` with
    ``points``. A video must be in one of them. Poses have 17 joints (COCO) or 18 (OpenPose). Of
    more than ``people`` in a frame, the tallest are kept.
    """

    content: ClassVar[str] = "poses"

    def __init__(
        self,
        *,
        files: Annotated[list[Path], Field(min_length=1)],
        people: Annotated[int, Field(ge=1, le=1000)] = 16,
    ) -> None:
        self.files = [file.expanduser() for file in files]
        self.people = people
        self.dim = 1 + people * PERSON

    def read(self, file: Path) -> Mapping[str, PoseRows]:
        return read_pose_tracks(file)

    def arrays(self, people: PoseRows) -> Sequence[np.ndarray]:
        return people.frame, people.track, people.points

    def load(self, people: PoseRows, frames: int, video: str) -> np.ndarray:
        return pose_rows(people, frames, self.people)

    def settings(self) -> str:
        return f"poses {self.people}"
