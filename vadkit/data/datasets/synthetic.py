"""A synthetic surveillance scene that needs no download: people walk, then an anomaly occurs."""

from __future__ import annotations

import logging
import math
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from vadkit.arrays import Head, open_archive
from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.own import read_labels, write_labels
from vadkit.data.synthetic.scene import ANOMALIES, draw_video
from vadkit.data.videos import Split, Video
from vadkit.errors import DataError
from vadkit.files import write_whole_folder

_log = logging.getLogger("vadkit.data")

# Part of the folder's name: increase it when the drawing changes, so that no old copy is used.
_VERSION = 1
_LABELS = "labels.json"

_Side = Annotated[int, Field(ge=32, le=1080, multiple_of=2)]


class Synthetic:
    """A synthetic surveillance scene, drawn on first use: people walk, then an anomaly occurs.

    One fixed camera above a walkway. Training videos show people walking. The test videos show in
    turn a cyclist, a runner across everyone's path, a cart, and an abandoned bag. Synthetic video
    does not replace a benchmark: use it to check that a recipe works. A bag that stands still is
    hard for methods that predict or reconstruct frames.

    The videos are written into a folder of ``root`` whose name contains the parameters, as H.264
    with 25 frames per second and ``size`` (height, width), with ``labels.json`` and pixel masks.
    The same parameters give the same frames.
    """

    label_source = _LABELS

    def __init__(
        self,
        *,
        root: Path = Path("datasets/synthetic"),
        train_videos: Annotated[int, Field(ge=1, le=99)] = 6,
        test_videos: Annotated[int, Field(ge=1, le=99)] = 4,
        frames: Annotated[int, Field(ge=10, le=10_000)] = 120,
        size: tuple[_Side, _Side] = (120, 160),
        seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0,
    ) -> None:
        self.root = Path(root).expanduser()
        self.counts: dict[Split, int] = {"train": train_videos, "test": test_videos}
        self.frames = frames
        self.size = size
        self.seed = seed

    @property
    def folder(self) -> Path:
        """The folder of the videos for these parameters, which may not exist yet."""
        height, width = self.size
        counts = f"{self.counts['train']}x{self.counts['test']}x{self.frames}"
        return self.root / f"{width}x{height}-{counts}-seed{self.seed}-v{_VERSION}"

    def videos(self, split: Split) -> list[Video]:
        """Return the videos of a split; draw them first if they do not exist.

        Raises ``DataError`` if the folder cannot be written.
        """
        if not self.folder.is_dir():
            self._draw()
        place = self.folder / f"{split}ing"
        names = [f"{number:02d}" for number in range(1, self.counts[split] + 1)]
        if split == "train":
            return [Video(name, split, place / f"{name}.mp4") for name in names]
        labels = read_labels(self.folder / _LABELS)
        return [
            Video(
                name,
                split,
                place / f"{name}.mp4",
                labels[name].of(name, _LABELS),
                partial(self._masks, place / f"{name}_masks.npz"),
            )
            for name in names
        ]

    def _masks(self, path: Path) -> np.ndarray:
        """Return bool (N, H, W) of a test video."""
        height, width = self.size
        shape = (self.frames, height, -(-width // 8))
        try:
            with open_archive(path, math.prod(shape) + 64) as archive:
                if archive.heads.get("bits") != Head(shape, np.dtype(np.uint8)):
                    raise ValueError(f"expected 'bits' of uint8 {shape}")
                packed = archive["bits"]
        except (OSError, ValueError) as error:
            raise DataError(
                f"masks {path} cannot be read ({error}); delete {self.folder}, so that it is "
                "drawn again"
            ) from None
        return np.unpackbits(packed, axis=-1, count=width).astype(bool)

    def _draw(self) -> None:
        """Draw everything into a temporary folder, which becomes the real one when complete."""
        _log.info("drawing the synthetic dataset into %s", self.folder)
        try:
            with write_whole_folder(self.folder) as unfinished:
                self._draw_into(unfinished)
        except OSError as error:
            # Another process may have drawn the same videos; its copy is equal.
            if not self.folder.is_dir():
                raise DataError(
                    f"dataset synthetic: cannot write to {self.root} ({error.strerror}); "
                    "use another folder with --set dataset.root=FOLDER"
                ) from None

    def _draw_into(self, folder: Path) -> None:
        labels: dict[str, Labels] = {}
        for kind, split in enumerate(self.counts):
            place = folder / f"{split}ing"
            place.mkdir()
            for number in range(self.counts[split]):
                # One random generator per video, so that more videos do not change the others.
                seed = int(np.random.SeedSequence([self.seed, kind, number]).generate_state(1)[0])
                anomaly = ANOMALIES[number % len(ANOMALIES)] if split == "test" else None
                frames, masks = draw_video(
                    seed=seed, frames=self.frames, size=self.size, anomaly=anomaly
                )
                name = f"{number + 1:02d}"
                _write_video(place / f"{name}.mp4", frames)
                if split == "test":
                    labels[name] = Labels.from_flags(np.asarray(masks.any(axis=(1, 2))))
                    np.savez_compressed(
                        place / f"{name}_masks.npz",
                        bits=np.packbits(masks, axis=-1),
                        width=np.int64(masks.shape[2]),
                    )
        write_labels(folder / _LABELS, labels)


def _write_video(path: Path, frames: np.ndarray) -> None:
    """Write near-lossless H.264 whose bytes depend on nothing but the frames.

    With several threads, or with x264's macroblock tree, two encodings of one video differ.
    """
    import av

    height, width = frames.shape[1:3]
    with av.open(str(path), "w") as container:
        options = {"crf": "12", "preset": "fast", "threads": "1", "x264-params": "mbtree=0"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
