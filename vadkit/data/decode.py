"""Decoding that outlives its libraries: a hang or a crash costs a child process, not the run."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import zlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.data.decode_process import Failed, Worker
from vadkit.data.decode_worker import END, FRAME
from vadkit.data.readers import CANNOT_OPEN, image_files
from vadkit.errors import DataError
from vadkit.plugins import as_run

_log = logging.getLogger("vadkit.data")
READERS = ("pyav", "decord")
STALL_S = 20.0


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself; None where it does not say.

    ``fps`` frames a second (25 where unsaid), ``size`` (height, width) upright, ``codec`` and
    ``pixels`` FFmpeg's names, ``duration`` seconds, ``variable_rate`` whether the times between
    frames differ by more than a tenth. For a folder of images ``codec`` is the first one's suffix.
    """

    fps: float
    size: tuple[int, int]
    frames: int | None
    codec: str
    pixels: str | None
    duration: float | None
    variable_rate: bool


@dataclass(frozen=True)
class Decoded:
    """Frames written, zlib.crc32 over the whole file, and the readers that gave frames in order."""

    frames: int
    crc: int
    readers: tuple[str, ...]


def read_frames(
    path: Path,
    *,
    readers: Sequence[str] = READERS,
    size: tuple[int, int] | None = None,
    channels: str = "rgb",
    plugins: Sequence[Path] = (),
    stall_s: float = STALL_S,
    worker: Worker | None = None,
) -> Generator[np.ndarray, None, None]:
    """Frames of a video file or image folder in order, (H, W, 3) uint8 RGB.

    With ``size`` (height, width) they come resized; as (H, W, 1) for ``channels`` "gray". A reader
    is a registered name, or one that ``plugins`` register. When a reader fails, stalls for
    ``stall_s`` seconds or crashes, the next goes on from the frame reached and a warning says so.
    Raises ``DataError`` when the last one fails too.

    Every coded frame comes once, in the order shown, upright, whatever its time; frames that an
    edit list hides do not. Pictures that a decoder mends after damage come as it mends them;
    damage that it cannot mend is an error. A file that breaks off is an error where the break
    shows (MP4), otherwise a warning when fewer frames come than it states. Where pictures differ
    in size and no ``size`` is given, the first odd one is an error. A file that changes meanwhile
    is read as far as it goes, with a warning.
    """
    request = {"size": size, "channels": channels}
    before, reached = _state(path), 0
    answers = _answers(path, request, readers, plugins, stall_s, worker, lambda: {"skip": reached})
    with contextlib.closing(answers):
        for _, kind, body in answers:
            if kind == FRAME:
                reached += 1
                yield body
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
    worker: Worker | None = None,
    progress: Callable[[int], None] | None = None,
) -> Decoded:
    """Write a video's frames, resized, one after another as uint8 (N, H, W, C) into ``target``.

    What ``target`` held is lost. ``progress`` is called with numbers of new frames. Frames are
    those of ``read_frames``, with its errors and warnings; a file that changes meanwhile is a
    ``DataError`` here. Raises ``OSError`` when ``target`` cannot be written (a full disk).
    """
    frame_bytes = size[0] * size[1] * (1 if channels == "gray" else 3)
    before, told, used = _state(path), 0, dict[str, None]()
    target.open("wb").close()

    def place() -> dict[str, Any]:
        length = target.stat().st_size
        if length % frame_bytes:
            os.truncate(target, length - length % frame_bytes)
        return {"skip": length // frame_bytes, "crc": _crc(target) if length else 0}

    request = {"size": size, "channels": channels, "target": str(target.absolute())}
    answers = _answers(path, request, readers, plugins, stall_s, worker, place)
    with contextlib.closing(answers):
        for name, kind, body in answers:
            end = json.loads(body) if kind == END else {}
            frames = end["frames"] if end else int(body)
            if frames > told:
                used[name] = None
                if progress is not None:
                    progress(frames - told)
                told = frames
    if _state(path) != before:
        raise DataError(f"{_changed(path)}; wait until it is whole")
    return Decoded(end["frames"], end["crc"], tuple(used))


def probe(path: Path, *, stall_s: float = STALL_S, worker: Worker | None = None) -> VideoInfo:
    """What a file says of itself, from its head and first frame; ``DataError`` when it is none."""
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
    """Records of one reader after another, until one reaches the end, with the reader's name.

    ``place`` says where the next one goes on: ``skip`` frames that are there already.
    """
    _check_readable(path)
    names = ("frames",) if path.is_dir() else tuple(readers)
    reasons = []
    # As bytes in text, so that the child runs what this process ran, whatever became of the file.
    sources = [(str(one.path), one.content.decode("latin-1")) for one in as_run(plugins)]
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
                # Closed at once when the caller leaves early, which ends the child.
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
    """Compare the frames that came with those of the readers before and with those stated."""
    frames = end["frames"]
    if not frames:
        raise Failed("it holds no frames")
    if frames < skipped:
        raise Failed(f"it gives {frames} frames, where {skipped} had been read")
    stated, exact = end["stated"] or (0, True)
    # Lengths are rounded, and cover some time before and after the frames.
    if frames < (stated if exact else stated * 0.95 - 2):
        _log.warning(
            "%s states %s%d frames but gives %d: it is cut, damaged%s",
            path,
            "" if exact else "about ",
            stated,
            frames,
            " or holds empty frames" if exact else " or of variable frame rate",
        )


def _state(path: Path) -> tuple[int, int] | None:
    """Differs when a file or folder was written in between."""
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
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes); copy or download it again")
    if not os.access(path, os.R_OK):
        raise DataError(f"no permission to read {path}")
    if path.is_dir() and not image_files(path):
        raise DataError(f"folder {path} holds no images (jpg, png, bmp or tif)")


def _unreadable(path: Path, reached: int, reasons: list[str]) -> str:
    if path.is_dir():
        reason = reasons[0].removeprefix("frames: ")
        return f"folder {path} cannot be read after {reached} images: {reason}"
    if reached:
        return (
            f"{path} breaks off: {reached} frames could be read, then every reader failed "
            f"({'; '.join(reasons)}); repair or replace the file"
        )
    if all(reason.endswith(CANNOT_OPEN) for reason in reasons):
        return f"no reader can open {path}; check that it is a video file and whole"
    return (
        f"{path} cannot be read as video ({'; '.join(reasons)}); "
        "check that it is a video file and whole"
    )
