"""ShanghaiTech Campus in its official layout and the common re-packagings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from vadkit.data.datasets.labelled import read_flags, read_tracks
from vadkit.data.datasets.layouts import (
    REPACKAGED,
    REPACKAGED_TEXT,
    Layout,
    find_clips,
    find_file,
    find_root,
)
from vadkit.data.datasets.weak_splits import weak_videos
from vadkit.data.datasets.without_video import find_entries, videos_of_entries
from vadkit.data.labels.masks import pixel_npy
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError

_LAYOUT = Layout(
    "shanghaitech",
    REPACKAGED,
    r"(\d\d_\d+)",
    "training/videos/01_001.avi and testing/frames/01_0014/*.jpg (official), "
    f"{REPACKAGED_TEXT}, and the same with testing",
)
_LABELS = ("testing/test_frame_mask", "test_frame_mask", "labels.json")


class ShanghaiTech:
    """ShanghaiTech Campus: 13 scenes, as published or re-packaged as frames.

    ``root`` contains ``training`` and ``testing``. Labels come from ``labels`` if given, else from
    ``testing/test_frame_mask``; pixel masks come from ``testing/test_pixel_mask``. ``tracks`` is a
    folder of RBDC/TBDC files ``01_0014.txt``. ``scenes`` selects scenes, from 1. For methods on
    features or tracks, ``root`` may be a JSON file, or a folder with a ``labels.json``, which has
    ``{"videos": {"01_0014": {"frames": 265, "abnormal": [[60, 102]]}}}`` for all 437 videos.

    ``split`` is the weak split of 238 and 199 videos (Zhong et al., CVPR 2019), for learning from
    video labels: a JSON file ``{"train": [names], "test": [names]}``, or a folder with a list for
    each.
    """

    # Frames per second, which folders of images do not state.
    fps: ClassVar[float] = 24.0
    official: ClassVar[dict[Split, tuple[int, int | None]]] = {
        "train": (330, 274515),
        # The paper counts 42883 test frames, the labels 40791.
        "test": (107, None),
    }

    def __init__(
        self,
        *,
        root: Path,
        labels: Path | None = None,
        tracks: Path | None = None,
        scenes: Annotated[list[int], Field(min_length=1)] | None = None,
        split: Path | None = None,
    ) -> None:
        self.split = split
        root = root.expanduser()
        self.entries = find_entries(root)
        self.root = root if self.entries is not None else find_root(_LAYOUT, root)
        self.labels = labels.expanduser() if labels else None
        self.tracks = tracks.expanduser() if tracks else None
        self.scenes = scenes

    @property
    def label_source(self) -> str:
        """The name of the label file or folder in use."""
        if self.entries is not None and self.labels is None:
            return "labels.json" if self.root.is_dir() else self.root.name
        path = self._label_path()
        return path.name if path else "none"

    def expected(self, split: Split) -> tuple[int, int | None] | None:
        """Return official numbers of videos and frames, of all scenes."""
        return self.official[split] if self.scenes is None and self.split is None else None

    def videos(self, split: Split) -> list[Video]:
        """Return the videos of a split; test videos have labels and masks if there are any."""
        if self.split is None:
            return self._one_class(split)
        return weak_videos(self.split, split, self._one_class("train"), self._one_class("test"))

    def _one_class(self, split: Split) -> list[Video]:
        if self.entries is not None:
            videos = videos_of_entries(self.entries, split, r"\d\d_\d{4}", r"\d\d_\d{3}", self.root)
            kept = self._kept(split, {video.id: video.path for video in videos})
            return [video for video in videos if video.id in kept]
        clips = find_clips(_LAYOUT, self.root, split)
        kept = self._kept(split, clips)
        if split == "train":
            return [Video(name, split, path) for name, path in kept.items()]
        path = self._label_path()
        # Files without names have entries for all scenes.
        flags = read_flags(path, clips) if path else {}
        tracks = read_tracks(self.tracks, list(kept))
        return [
            Video(name, split, clip, flags.get(name), self._masks(name), tracks.get(name))
            for name, clip in kept.items()
        ]

    def _kept(self, split: Split, clips: dict[str, Path]) -> dict[str, Path]:
        if self.scenes is None:
            return clips
        kept = {name: path for name, path in clips.items() if int(name[:2]) in self.scenes}
        if not kept:
            known = sorted({int(name[:2]) for name in clips})
            raise DataError(
                f"dataset shanghaitech: no {split} videos of scenes {self.scenes} in {self.root}; "
                f"it has scenes {', '.join(map(str, known))}"
            )
        return kept

    def _label_path(self) -> Path | None:
        return self.labels or find_file((self.root,), _LABELS)

    def _masks(self, name: str) -> Callable[[], np.ndarray] | None:
        files = (f"testing/test_pixel_mask/{name}.npy", f"test_pixel_mask/{name}.npy")
        file = find_file((self.root,), files)
        return None if file is None else lambda: pixel_npy(file)
