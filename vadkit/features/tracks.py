"""Rows of numbers of the tracked people of each frame, from files of tracks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from vadkit.data.objects.tracks import TrackRows, read_tracks
from vadkit.data.segments.people import PERSON, person_rows
from vadkit.errors import RecipeError
from vadkit.features.people_files import PeopleFiles


class TrackFiles(PeopleFiles):
    """Tracked people of each frame, for ``track-density``; no video is needed.

    ``files`` are files or folders of tracks: MOT text, ``.npz``, or JSON of AlphaPose or COCO. A
    video must be in one of them. ``size`` is the height and width of the pictures that the boxes
    were measured in. The speed of a person is measured over the last ``past`` frames. Of more than
    ``people`` in a frame, the tallest are kept. ``scenes`` takes the digits at the beginning of a
    video's name, up to the first other character, as the number of its camera: 01 for 01_0014.
    """

    content: ClassVar[str] = "tracks"

    def __init__(
        self,
        *,
        files: Annotated[list[Path], Field(min_length=1)],
        size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
        past: Annotated[int, Field(ge=1)] = 12,
        people: Annotated[int, Field(ge=1, le=1000)] = 16,
        scenes: bool = False,
    ) -> None:
        self.files = [file.expanduser() for file in files]
        self.size, self.past, self.people, self.scenes = size, past, people, scenes
        self.dim = 1 + people * PERSON

    def read(self, file: Path) -> Mapping[str, TrackRows]:
        return read_tracks(file)

    def arrays(self, people: TrackRows) -> Sequence[np.ndarray]:
        return people.frame, people.track, people.xyxy

    def load(self, people: TrackRows, frames: int, video: str) -> np.ndarray:
        rows = person_rows(people, frames, self.size, self.past, self.people)
        return np.column_stack([np.full(frames, self._scene(video), np.float32), rows])

    def settings(self) -> str:
        return f"{self.size} {self.past} {self.people} {self.scenes}"

    def _scene(self, name: str) -> int:
        if not self.scenes:
            return 0
        found = re.match(r"\d+", Path(name).name)
        if found is None:
            raise RecipeError(
                f"features: the name of video '{name}' does not begin with the number of its "
                "camera; set features.scenes: false"
            )
        return int(found[0])
