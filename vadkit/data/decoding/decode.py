"""Decoding in a child process, because libraries may hang or crash."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import zlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vadkit.data.decoding.child import Failed, Worker
from vadkit.data.decoding.folders import image_files, warn_of_order
from vadkit.data.decoding.levels import Levels
from vadkit.data.decoding.readers import CANNOT_OPEN
from vadkit.data.decoding.suffixes import ARCHIVE_SUFFIXES
from vadkit.data.decoding.worker import END, TIMED
from vadkit.data.images import check_pages
from vadkit.errors import DataError
from vadkit.plugins import as_run, given

_log = logging.getLogger("vadkit.data")
READERS = ("pyav", "decord")
STALL_S = 20.0


@dataclass(frozen=True)
class VideoInfo:
    """The properties that a video file states; None for what it does not state.

    ``fps`` is in frames per second (25 if unknown), ``size`` (height, width) upright, ``codec`` and
    ``pixels`` are FFmpeg's names, ``duration`` is in seconds. ``variable_rate`` says whether the
    times between frames differ by more than a tenth. ``dropped`` counts the empty chunks of an AVI,
    which stand for dropped frames. For a folder of images, ``codec`` is the
    suffix of the first one.
    """

    fps: float
    size: tuple[int, int]
    frames: int | None
    codec: str
    pixels: str | None
    duration: float | None
    variable_rate: bool
    dropped: int = 0


@dataclass(frozen=True)
class DecodeResult:
    """The number of frames, zlib.crc32 of the whole file, and the readers used, in order.

    ``cuts`` are the numbers of frames that no clip may cross to, and ``times`` the times of all
    frames in seconds. ``damaged`` is the number of packets that could not be decoded.
    """

    frames: int
    crc: int
    readers: tuple[str, ...]
    cuts: tuple[int, ...] = ()
    damaged: int = 0
    times: tuple[float, ...] = ()


class VideoFrame(NamedTuple):
    """A frame (H, W, C) uint8, its time in seconds from the first, and whether it is a cut.

    No clip may cross to a cut: before it the clock starts again, frames are missing for seconds, or
    the size changes. ``damaged`` is the number of packets before the frame that could not be
    decoded.
    """

    time: float
    cut: bool
    image: np.ndarray
    damaged: int = 0


def read_frames(
    path: Path,
    *,
    readers: Sequence[str] = READERS,
    size: tuple[int, int] | None = None,
    channels: str = "rgb",
    plugins: Sequence[Path] = (),
    stall_s: float = STALL_S,
    levels: Levels | None = None,
    worker: Worker | None = None,
) -> Generator[np.ndarray, None, None]:
    """Yield the frames of a video file or image folder in order, (H, W, 3) uint8 RGB.

    See ``read_timed_frames``.
    """
    reading = read_timed_frames(
        path,
        readers=readers,
        size=size,
        channels=channels,
        plugins=plugins,
        stall_s=stall_s,
        levels=levels,
        worker=worker,
    )
    with contextlib.closing(reading) as frames:
        for frame in frames:
            yield frame.image


def read_timed_frames(
    path: Path,
    *,
    readers: Sequence[str] = READERS,
    size: tuple[int, int] | None = None,
    channels: str = "rgb",
    plugins: Sequence[Path] = (),
    stall_s: float = STALL_S,
    levels: Levels | None = None,
    worker: Worker | None = None,
) -> Generator[VideoFrame, None, None]:
    """Yield the frames of a video file or image folder in order, with their times.

    With ``size`` (height, width), frames are resized; with ``channels`` "gray", they are (H, W, 1).
    Images of more than 8 bits are scaled by ``levels`` (see ``read_image``).
    Readers are registered names, built in or from ``plugins``. If a reader fails, stalls for
    ``stall_s`` seconds or crashes, the next one continues at the same frame, with a warning. Raises
    ``DataError`` if the last one also fails.

    Every coded frame comes once, in display order, upright, whatever its time; frames that an edit
    list hides are left out. If a decoder repairs damaged pictures, the repaired pictures are used.
    A packet that cannot be decoded costs its frame, with a warning; a file with many of them is an
    error. A truncated file is an error if the damage is detectable (MP4), otherwise a warning if it
    has fewer frames than stated. If the size changes within a file and no ``size`` is given, later
    frames are resized to the first one; in a folder of images this is an error. A file that changes
    during reading is read as far as possible, with a warning.
    """
    request = {"size": size, "channels": channels, "levels": levels}
    before, reached = _state(path), 0
    answers = _answers(path, request, readers, plugins, stall_s, worker, lambda: {"skip": reached})
    with contextlib.closing(answers):
        for _, kind, body in answers:
            if kind == TIMED:
                reached += 1
                time, _, cut, damaged, image = body
                yield VideoFrame(time, bool(cut), image, int(damaged))
    if _state(path) != before:
        _log.warning("%s; %d frames were read", _changed(path), reached)


def decode_to_file(
    path: Path,
    target: Path,
    *,
    readers: Sequence[str] = READERS,
    size: tuple[int, int],
    channels: str,
    plugins: Sequence[Path] = (),
    stall_s: float = STALL_S,
    levels: Levels | None = None,
    worker: Worker | None = None,
    progress: Callable[[int], None] | None = None,
) -> DecodeResult:
    """Write a video's frames, resized, as uint8 (N, H, W, C) into ``target``.

    The content of ``target`` is overwritten. ``progress`` is called with numbers of new frames.
    Frames, errors and warnings are those of ``read_frames``, except that a file that changes during
    reading is a ``DataError``. Raises ``OSError`` if ``target`` cannot be written (a full disk).
    """
    frame_bytes = size[0] * size[1] * (1 if channels == "gray" else 3)
    before, reported, used = _state(path), 0, dict[str, None]()
    target.open("wb").close()

    def place() -> dict[str, Any]:
        length = target.stat().st_size
        if length % frame_bytes:
            os.truncate(target, length - length % frame_bytes)
        return {"skip": length // frame_bytes, "crc": _crc(target) if length else 0}

    request = {
        "size": size,
        "channels": channels,
        "levels": levels,
        "target": str(target.absolute()),
    }
    answers = _answers(path, request, readers, plugins, stall_s, worker, place)
    with contextlib.closing(answers):
        for name, kind, body in answers:
            end = json.loads(body) if kind == END else {}
            frames = end["frames"] if end else int(body)
            if frames > reported:
                used[name] = None
                if progress is not None:
                    progress(frames - reported)
                reported = frames
    if _state(path) != before:
        raise DataError(f"{_changed(path)}; wait until it is complete")
    return DecodeResult(
        end["frames"],
        end["crc"],
        tuple(used),
        tuple(end["cuts"]),
        end["damaged"],
        tuple(end["times"]),
    )


def probe(path: Path, *, stall_s: float = STALL_S, worker: Worker | None = None) -> VideoInfo:
    """Return the properties of a file from its header and first frame; ``DataError`` for others."""
    _check_readable(path)
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(Worker())
        try:
            (record,) = worker.ask({"probe": str(path.absolute())}, stall_s)
        except Failed as failure:
            raise DataError(_unreadable(path, 0, [str(failure)])) from None
    info = json.loads(record[1])
    return VideoInfo(**{**info, "size": tuple(info["size"])})


def _answers(
    path: Path,
    request: dict[str, Any],
    readers: Sequence[str],
    plugins: Sequence[Path],
    stall_s: float,
    worker: Worker | None,
    place: Callable[[], dict[str, Any]],
) -> Generator[tuple[str, int, Any], None, None]:
    """Yield the records of one reader after another, until one reaches the end, with its name.

    ``place`` says where the next one continues: after ``skip`` frames.
    """
    _check_readable(path)
    names = ("frames",) if path.is_dir() else tuple(readers)
    if path.is_dir():
        warn_of_order(path)
    reasons = []
    # Bytes as text, so that the child runs exactly what this process ran, even if the file changes.
    code = (*as_run(plugins), *given())
    sources = [(str(one.path), one.content.decode("latin-1")) for one in code]
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(Worker())
        for name in names:
            here = place()
            asked = {
                **request,
                **here,
                "path": str(path.absolute()),
                "reader": name,
                "plugins": sources,
            }
            try:
                # Closed immediately if the caller stops early, which ends the child.
                with contextlib.closing(worker.ask(asked, stall_s)) as records:
                    for kind, body in records:
                        if kind == END:
                            _check_end(path, json.loads(body), here["skip"])
                        yield name, kind, body
                return
            except Failed as failure:
                reasons.append(f"{name}: {failure}")
                if name != names[-1]:
                    _log.warning(
                        "%s: reader %s failed after %d frames (%s); trying %s",
                        path,
                        name,
                        place()["skip"],
                        failure,
                        names[len(reasons)],
                    )
    raise DataError(_unreadable(path, place()["skip"], reasons))


def _check_end(path: Path, end: dict[str, Any], skipped: int) -> None:
    """Compare the number of frames with that of earlier readers and with the stated number."""
    frames, damaged = end["frames"], end["damaged"]
    if not frames:
        raise Failed("it has no frames")
    if frames < skipped:
        raise Failed(f"it has {frames} frames, but {skipped} were already read")
    if damaged:
        _log.warning(
            "%s: %d damaged packet%s could not be decoded; %d frames were read",
            path, damaged, "" if damaged == 1 else "s", frames,
        )  # fmt: skip
        frames += damaged
    if end["deep"]:
        _log.warning(
            "%s: %d images have more than 8 bits, and only the upper 8 are used; state the values "
            "that are black and white as data.levels in the recipe",
            path, end["deep"],
        )  # fmt: skip
    stated, exact = end["stated"] or (0, True)
    # Durations are rounded, and include some time before and after the frames.
    if frames < (stated if exact else stated * 0.95 - 2):
        _log.warning(
            "%s states %s%d frames but has %d: it is truncated, damaged%s",
            path,
            "" if exact else "about ",
            stated,
            frames,
            " or contains empty frames" if exact else " or has a variable frame rate",
        )


def _state(path: Path) -> tuple[int, int] | None:
    """Return a value that changes when a file or folder is written."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _changed(path: Path) -> str:
    return f"{path} was changed while it was read"


def _crc(target: Path) -> int:
    crc = 0
    with target.open("rb") as file:
        while piece := file.read(1 << 20):
            crc = zlib.crc32(piece, crc)
    return crc


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise DataError(f"video not found: {path}")
    if not (path.is_file() or path.is_dir()):
        raise DataError(f"{path} is a pipe or a device, not a video file")
    if path.suffix.lower() in ARCHIVE_SUFFIXES:
        raise DataError(f"{path} is an archive; unpack it and give the folder")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes); copy or download it again")
    if not os.access(path, os.R_OK):
        raise DataError(f"no permission to read {path}")
    if path.is_file():
        try:
            check_pages(path)
        except ValueError as error:
            raise DataError(f"{path.parent / str(error)}") from None
    if path.is_dir() and not image_files(path):
        raise DataError(f"folder {path} contains no images (jpg, png, bmp or tif)")


def _unreadable(path: Path, reached: int, reasons: list[str]) -> str:
    if path.is_dir():
        reason = reasons[0].removeprefix("frames: ")
        return f"folder {path} cannot be read after {reached} images: {reason}"
    if reached:
        return (
            f"{path} is truncated or damaged: {reached} frames could be read, then every reader "
            f"failed ({'; '.join(reasons)}); repair or replace the file"
        )
    if all(reason.endswith(CANNOT_OPEN) for reason in reasons):
        return f"no reader can open {path}; check that it is a complete video file"
    return (
        f"{path} cannot be read as video ({'; '.join(reasons)}); "
        "check that it is a complete video file"
    )
