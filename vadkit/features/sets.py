"""Features of segments from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from vadkit.data.segments.feature_set import FeatureSet


class FeatureFiles:
    """Features of segments that are already in files: a set of vadkit, or one that was published.

    ``root`` is a folder with a ``.npy`` file for each video, or a ``.npz`` archive with an array
    for each. An array is (T, D), (T, crops, D) or (crops, T, D); crops may also be files ``__0`` to
    ``__9``. ``frames`` is the number of frames of a segment, unless the set itself says it. With
    ``spread``, all videos have the same number of segments, which are spread evenly over their
    frames.
    """

    from_file: ClassVar[bool] = True

    def __init__(
        self, *, root: Path, frames: Annotated[int, Field(ge=1)] = 16, spread: bool = False
    ) -> None:
        self.root = root
        self.every = None if spread else frames

    def open(self) -> FeatureSet:
        """Return the set; ``DataError`` if there is none."""
        return FeatureSet(self.root, self.every)
