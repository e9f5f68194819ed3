"""Readers: from a video file to its frames in order, (H, W, 3) uint8 RGB."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.data.decoding.folders import image_files
from vadkit.data.decoding.levels import Levels, read_image
from vadkit.data.decoding.times import timed

CANNOT_OPEN = "cannot open it"
# More damage than this means that a file is broken: packets in a row, and as a share of all.
_DAMAGED_IN_A_ROW, _DAMAGED_SHARE = 100, 0.05
# Packets to look at to find the stream that moves.
_LOOKED_AT = 400


def decord(path: Path) -> Iterator[np.ndarray]:
    """decord 0.6.0; rejects files that it would read wrongly."""
    import decord as library

    if fault := _decord_fault(path):
        raise ValueError(fault)
    try:
        with _utf8_path(path) as name:
            video = library.VideoReader(name, num_threads=1)
    except RuntimeError as error:
        if str(error).startswith("Error reading"):
            raise ValueError(CANNOT_OPEN) from None
        raise
    for index in range(len(video)):
        try:
            frame = video.next()
        except StopIteration:
            raise ValueError(f"it ends after {index} of {len(video)} frames") from None
        yield timed(frame.asnumpy(), video.get_frame_timestamp(index)[0])


@contextlib.contextmanager
def _utf8_path(path: Path) -> Iterator[str]:
    """Provide a UTF-8 name of a file, for libraries that need one."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with path.open("rb") as file:
            yield f"/dev/fd/{file.fileno()}"
    else:
        yield str(path)


def _decord_fault(path: Path) -> str | None:
    """Return what decord 0.6.0 does wrong with a file, mostly by inserting copies of frames."""
    if is_transport_stream(path):
        # It starts at a later key frame; it may hang on truncated files.
        return "it does not read transport streams correctly"
    with open_container(path) as (container, stream):
        if len(container.streams.video) > 1:
            return "it may choose another one of several video streams"
        packets = container.demux(stream)
        if not next(packets).is_keyframe:
            return "it does not correctly read files that start without a key frame"
        if "mp4" in container.format.name and any(packet.is_discard for packet in packets):
            return "it does not correctly read files whose edit list hides frames"
    return None


def pyav(path: Path) -> Iterator[np.ndarray]:
    """PyAV with FFmpeg; reads truncated files and streams up to the last complete frame.

    A packet that cannot be decoded costs its own frame.
    """
    from av.video.reformatter import VideoReformatter

    # One reformatter for all frames; creating it each time takes a third of the decoding time.
    reformatter = VideoReformatter()
    with open_container(path) as (container, stream):
        # Videos are decoded in parallel; more threads per video cost a fifth more time in total.
        stream.codec_context.thread_count = 1
        for frame, damaged in _decoded(container, stream):
            pixels = reformatter.reformat(frame, format="rgb24").to_ndarray()
            yield timed(np.rot90(pixels, quarter_turns(frame)), frame.time, damaged)


def _decoded(container: Any, stream: Any) -> Iterator[tuple[Any, int]]:
    """Yield decoded frames with the number of damaged packets before each.

    Raises ``InvalidDataError`` if there are too many of them, or if nothing follows them: the file
    is truncated or broken then.
    """
    from av.error import InvalidDataError

    packets = total = pending = 0
    last = InvalidDataError(0, CANNOT_OPEN)
    truncated = False
    for packet in container.demux(stream):
        packets += bool(packet.size)
        # After the last packet, an empty one makes the decoder give its remaining frames.
        truncated = truncated or (not packet.size and pending > 0)
        try:
            frames = packet.decode()
        except InvalidDataError as error:
            total, pending, last = total + 1, pending + 1, error
            if pending > _DAMAGED_IN_A_ROW or not packet.size:
                raise
            continue
        for frame in frames:
            yield frame, pending
            pending = 0
    if truncated or pending or total > _DAMAGED_SHARE * packets:
        raise last


def quarter_turns(frame: Any) -> int:
    """Return the counter-clockwise turns of 90 degrees that make a frame upright (phone videos)."""
    turns: int = round(frame.rotation / 90) % 4
    return turns


@contextlib.contextmanager
def open_container(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a PyAV container and its main video stream; ``ValueError`` says what is wrong."""
    import av
    from av.error import InvalidDataError

    try:
        number = _main_stream(path)
        container = av.open(str(path))
    except InvalidDataError:
        raise ValueError(CANNOT_OPEN) from None
    with container:
        yield container, container.streams[number]


def _main_stream(path: Path) -> int:
    """Return the number of the stream that moves, if a file has several video streams.

    A container may call a still picture its default stream, such as a thumbnail.
    """
    import av
    from av.stream import Disposition

    with av.open(str(path)) as container:
        # The cover image of an audio file is also a video stream.
        videos = [
            one for one in container.streams.video if not one.disposition & Disposition.attached_pic
        ]
        best = container.streams.best("video")
        if not videos or best is None:
            raise ValueError("it has no video stream")
        if len(videos) == 1:
            return int(videos[0].index)
        packets = itertools.islice(container.demux(videos), _LOOKED_AT)
        counts = Counter(packet.stream_index for packet in packets if packet.size)
        still = [one.index for one in videos if counts[one.index] <= 1]
        moving = [one.index for one in videos if counts[one.index] > 1] or still
        return int(best.index if best.index in moving else max(moving, key=counts.__getitem__))


def is_transport_stream(path: Path) -> bool:
    """Whether a file is MPEG-TS, from its sync bytes, whatever its name.

    Packets have 188 bytes, 192 on Blu-ray (starting with 4 bytes of timestamp), or 204 with parity.
    """
    with path.open("rb") as file:
        head = file.read(204 * 4)
    return any(
        len(head) > start + 3 * packet
        and all(head[start + place * packet] == 0x47 for place in range(4))
        for start, packet in ((0, 188), (4, 192), (0, 204))
    )


def frames(
    path: Path, levels: Levels | None = None, found_deep: Callable[[], None] | None = None
) -> Iterator[np.ndarray]:
    """A folder of images in the order of ``image_files``, rotated upright by their EXIF data.

    Gray images get three channels, and alpha is dropped. See ``read_image`` for images of more than
    8 bits.
    """
    for image in image_files(path):
        yield read_image(image, levels, found_deep)
