"""Readers: a video in, its frames out in order, (H, W, 3) uint8 RGB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"}
CANNOT_OPEN = "cannot open it"


def decord(path: Path) -> Iterator[np.ndarray]:
    """decord, the fastest on whole files; refuses transport streams (``.ts``, ``.m2ts``)."""
    import decord as library

    if is_transport_stream(path):
        # decord 0.6.0 starts these at a later key frame and fills up with copies of the last
        # frame, so that the count is right and the pictures are not; on cut ones it may hang.
        raise ValueError("it does not read transport streams faithfully")
    try:
        video = library.VideoReader(str(path), num_threads=1)
    except RuntimeError as error:
        if str(error).startswith("Error reading"):
            raise ValueError(CANNOT_OPEN) from None
        raise
    for _ in range(len(video)):
        yield video.next().asnumpy()


def pyav(path: Path) -> Iterator[np.ndarray]:
    """PyAV on FFmpeg; reads truncated files and streams up to their last whole frame."""
    with open_container(path) as container:
        for frame in container.decode(container.streams.video[0]):
            pixels = frame.to_ndarray(format="rgb24")
            yield np.rot90(pixels, quarter_turns(frame))


def quarter_turns(frame: Any) -> int:
    """Turns of 90 degrees against the clock that show a PyAV frame upright (phone videos)."""
    # Older versions of PyAV do not tell.
    return round(getattr(frame, "rotation", 0) / 90) % 4


def open_container(path: Path) -> Any:
    """A PyAV container with a video stream; ``ValueError`` says what else the file is."""
    import av
    from av.error import InvalidDataError

    try:
        container = av.open(str(path))
    except InvalidDataError:
        raise ValueError(CANNOT_OPEN) from None
    if not container.streams.video:
        container.close()
        raise ValueError("it holds no video stream")
    return container


def is_transport_stream(path: Path) -> bool:
    """Whether a file is MPEG-TS by its sync bytes, whatever its name.

    Packets are of 188 bytes, of 192 on Blu-ray (4 of time stamp first), of 204 with parity.
    """
    with path.open("rb") as file:
        head = file.read(204 * 4)
    return any(
        len(head) > start + 3 * packet
        and all(head[start + place * packet] == 0x47 for place in range(4))
        for start, packet in ((0, 188), (4, 192), (0, 204))
    )


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
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]
