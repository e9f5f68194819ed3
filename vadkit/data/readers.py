"""Readers: a video in, its frames out in order, (H, W, 3) uint8 RGB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"}


def decord(path: Path) -> Iterator[np.ndarray]:
    """decord, the fastest on whole files; it needs an index, so it refuses some streams."""
    import decord as library

    video = library.VideoReader(str(path), num_threads=1)
    for _ in range(len(video)):
        yield video.next().asnumpy()


def pyav(path: Path) -> Iterator[np.ndarray]:
    """PyAV on FFmpeg; reads truncated files and streams up to their last whole frame."""
    import av

    with av.open(str(path)) as container:
        if not container.streams.video:
            raise ValueError("it holds no video stream")
        for frame in container.decode(container.streams.video[0]):
            yield frame.to_ndarray(format="rgb24")


def frames(path: Path) -> Iterator[np.ndarray]:
    """A folder of images, in natural order of their names; 16-bit ones are scaled to 8."""
    import cv2

    for image in image_files(path):
        pixels = cv2.imdecode(np.fromfile(image, np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            raise ValueError(f"{image.name} is not an image that can be read")
        yield cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def image_files(folder: Path) -> list[Path]:
    """Images directly in a folder, in natural order: ``2.png`` before ``10.png``."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
    found = [path for path in found if not path.name.startswith(".")]
    return sorted(found, key=lambda path: natural_key(path.name))


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """A sort key that takes runs of digits as numbers."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part)) if part.isdigit() else (1, part) for part in parts if part]
