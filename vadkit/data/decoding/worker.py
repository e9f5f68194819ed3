"""The child process that decodes: native libraries may hang or crash here, not in the run.

Requests are JSON lines on stdin. Answers are records on stdout: a header (kind, h, w, c), then for
the kind TIMED four doubles and h*w*c bytes of pixels, for the other kinds h bytes of UTF-8 text.
The doubles are the time in seconds, the arrival (0 for a file), 1 for a cut, which no clip may
cross, and the number of damaged packets before the frame. A record whose kind is not in
``GOING_ON`` is the last one of an answer.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import math
import os
import re
import select
import signal
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vadkit.data.decoding.levels import Levels
from vadkit.data.decoding.times import FrameClock, TimedImage

HEADER = struct.Struct("<4I")
TIMES = struct.Struct("<4d")
PROGRESS, END, ERROR, WRITE_ERROR, INFO, OPENED, TIMED = range(7)
GOING_ON = PROGRESS, OPENED, TIMED
_PROGRESS_S = 0.1
# A reader takes the path; the one of image folders also takes levels.
Reader = Callable[..., Iterator[np.ndarray]]


class _NotWritten(Exception):
    """The target cannot be written; its argument is the error number."""


def main() -> None:
    """Serve requests until stdin closes."""
    # Before any reader: if decord is loaded first, OpenCV can no longer read PNG files.
    import cv2

    # One thread, because there are as many children as cores.
    cv2.setNumThreads(1)
    # Libraries may print to file descriptor 1, which must not mix with records.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            with _ending_with_parent():
                kind, text = _answer(out, json.loads(line))
            _send_text(out, kind, text)
        except BrokenPipeError:
            return


def _answer(out: BinaryIO, request: dict[str, Any]) -> tuple[int, str]:
    """Serve a request, and return its last record."""
    try:
        if "probe" in request:
            from vadkit.data.decoding.probing import probe_path

            return INFO, json.dumps(probe_path(Path(request["probe"])))
        if "times" in request:
            from vadkit.data.decoding.probing import times_shown

            return INFO, json.dumps(times_shown(Path(request["times"])))
        if "measure" in request:
            from vadkit.data.decoding.levels import measure_images

            return INFO, json.dumps(measure_images([Path(one) for one in request["measure"]]))
        if "live" in request:
            return END, json.dumps(_follow(out, request))
        return END, json.dumps(_decode(out, request))
    except BrokenPipeError:
        raise
    except _NotWritten as error:
        return WRITE_ERROR, str(error)
    except Exception as error:
        return ERROR, _reason(error)


def _decode(out: BinaryIO, request: dict[str, Any]) -> dict[str, Any]:
    """Send a video's frames, or append them to the target; return how many the reader gave."""
    from vadkit.data.decoding.probing import stated_frames
    from vadkit.data.decoding.resize import to_size

    path, size, channels = Path(request["path"]), request["size"], request["channels"]
    skip, target = request["skip"], request.get("target")
    plugins = tuple((place, content) for place, content in request["plugins"])
    reader = _reader(request["reader"], plugins)
    frames = _Frames(path, reader, resized=size is not None, levels=request.get("levels"))
    count, due = 0, 0.0
    with contextlib.ExitStack() as stack:
        file = None if target is None else stack.enter_context(_appending(target))
        writer = stack.enter_context(ThreadPoolExecutor(1))
        written: Future[int] = Future()
        written.set_result(request.get("crc", 0))
        for frame, at, cut, damaged in frames:
            count += 1
            if count > skip:
                picture = frame
                wanted = tuple(size or frames.size)
                if frame.shape[:2] != wanted or channels == "gray":
                    picture = to_size(frame, wanted, channels)
                picture = np.ascontiguousarray(picture)
                if file is None:
                    _write(
                        out, HEADER.pack(TIMED, *picture.shape) + TIMES.pack(at, 0, cut, damaged)
                    )
                    _write(out, picture.data.cast("B"))
                    continue
                if np.may_share_memory(picture, frame):
                    # The reader may use its buffer again.
                    picture = picture.copy()
                # While it is written, the next one is decoded.
                written = writer.submit(_append, file, picture, written.result())
            # Skipped frames are progress too, because the parent is waiting.
            if time.monotonic() >= due:
                _send_text(out, PROGRESS, str(max(count, skip)))
                due = time.monotonic() + _PROGRESS_S
        crc = written.result()
    end = {"frames": count, "crc": crc, "stated": stated_frames(path), **frames.notes()}
    # Of frames that were sent, the other side knows the times.
    return end if target is None else end | {"times": frames.times}


def _follow(out: BinaryIO, request: dict[str, Any]) -> dict[str, Any]:
    """Send a stream's pictures with their times, as they arrive, until it ends."""
    from vadkit.data.decoding.live import Opened, read_live
    from vadkit.data.decoding.resize import to_size

    count, shape = 0, None
    size: tuple[int, int] = tuple(request.get("size") or ())
    address, form, options = request["live"], request["form"], request["options"]
    for item in read_live(address, form, options, request.get("every_s")):
        if isinstance(item, Opened):
            size = size or item.size
            _send_text(out, OPENED, json.dumps(item._replace(size=size)._asdict()))
            continue
        picture = item.image
        cut = shape is not None and picture.shape != shape
        shape = picture.shape
        if shape[:2] != size:
            picture = to_size(picture, size, "rgb")
        picture = np.ascontiguousarray(picture)
        times = TIMES.pack(item.time, item.arrived, cut, 0)
        _write(out, HEADER.pack(TIMED, *picture.shape) + times)
        _write(out, picture.data.cast("B"))
        count += 1
    return {"frames": count}


class _Frames:
    """The pictures of a reader with their times, and whether clips may not cross to them.

    ``size`` (height, width) is that of the first one. Readers that give no times get those of the
    packets, or of ``UNKNOWN_RATE``.
    """

    def __init__(self, path: Path, reader: Reader, *, resized: bool, levels: Levels | None) -> None:
        from vadkit.data.decoding.probing import first_rate

        self.path, self.resized = path, resized
        # Only images of a folder may have more than 8 bits.
        self.reader = reader
        if path.is_dir():
            self.reader = functools.partial(reader, levels=levels, found_deep=self._found_deep)
        self.size = (0, 0)
        self.cuts: list[int] = []
        self.times: list[float] = []
        self.damaged = 0
        self.deep = 0
        self._clock = FrameClock(first_rate(path))

    def __iter__(self) -> Iterator[tuple[np.ndarray, float, bool, int]]:
        stamps: Iterator[float] | None = None
        shape: tuple[int, ...] | None = None
        for index, frame in enumerate(self.reader(self.path)):
            self._check(frame, index)
            damaged = 0
            if isinstance(frame, TimedImage):
                stamp, damaged = frame.time, frame.damaged
            else:
                stamps = iter(self._packet_times()) if stamps is None else stamps
                stamp = next(stamps, math.nan)
            at, cut = self._clock.at(stamp)
            self.size = self.size if index else frame.shape[:2]
            cut = cut or (shape is not None and frame.shape != shape)
            shape = frame.shape
            self.damaged += damaged
            self.times.append(at)
            if cut:
                self.cuts.append(index)
            yield frame, at, cut, damaged

    def notes(self) -> dict[str, Any]:
        """Return cuts, damage and images without levels, for the end of an answer."""
        return {"cuts": self.cuts, "damaged": self.damaged, "deep": self.deep}

    def _found_deep(self) -> None:
        self.deep += 1

    def _packet_times(self) -> list[float]:
        from vadkit.data.decoding.probing import times_shown

        if self.path.is_dir():
            return []
        try:
            return times_shown(self.path)
        except Exception:
            # A plugin may read formats that PyAV does not know.
            return []

    def _check(self, frame: np.ndarray, index: int) -> None:
        """Raise ``ValueError`` if an array is not a picture, or if images of a folder differ."""
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
            raise ValueError(
                f"its frame {index} is {frame.dtype} {frame.shape}; it must be uint8 (H, W, 3)"
            )
        if index and self.path.is_dir() and frame.shape[:2] != self.size and not self.resized:
            from vadkit.data.decoding.folders import image_files

            name = image_files(self.path)[index].name
            raise ValueError(
                f"{name} is {frame.shape[1]}x{frame.shape[0]} pixels, earlier ones are "
                f"{self.size[1]}x{self.size[0]}; give a size to resize them to"
            )


@functools.cache
def _reader(name: str, plugins: tuple[tuple[str, str], ...]) -> Reader:
    """Return a reader by its registered name; ``plugins`` (path and content) run if it is theirs.

    They cannot replace a known reader, and a plugin may import PyTorch, which takes seconds.
    """
    from vadkit.plugins import Plugin, run_plugin
    from vadkit.registry import components, find

    if name not in components("readers"):
        for path, content in plugins:
            run_plugin(Plugin(Path(path), content.encode("latin-1")))
    reader: Reader = find("readers", name).load()
    return reader


@contextlib.contextmanager
def _appending(target: str) -> Iterator[int]:
    """Open a file for appending; provides its descriptor."""
    try:
        file = os.open(target, os.O_WRONLY | os.O_APPEND)
    except OSError as error:
        raise _NotWritten(error.errno) from None
    try:
        yield file
    finally:
        os.close(file)


def _append(file: int, frame: np.ndarray, crc: int) -> int:
    """Append a frame to the file; return the checksum of the whole file."""
    view = frame.data.cast("B")
    try:
        while view:
            view = view[os.write(file, view) :]
    except OSError as error:
        raise _NotWritten(error.errno) from None
    return zlib.crc32(frame.data, crc)


@contextlib.contextmanager
def _ending_with_parent() -> Iterator[None]:
    """Make the kernel end this process when the parent dies, even if a library hangs.

    The signal comes when the other end of stdin closes. The usual method, PR_SET_PDEATHSIG, would
    also end the child together with the thread that started it, which may end before the video
    does.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    flags = fcntl.fcntl(0, fcntl.F_GETFL)
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, flags | os.O_ASYNC)
    gone = select.poll()
    gone.register(0, 0)
    if gone.poll(0):
        sys.exit()
    try:
        yield
    finally:
        fcntl.fcntl(0, fcntl.F_SETFL, flags)


def _reason(error: Exception) -> str:
    """Return the first line of an error, without error numbers and places in decord's source."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    text = re.sub(r"\[[\d:]+\] \S+\.cc:\d+: |^\[Errno \d+\] ", "", lines[0] if lines else "")
    return text[:300] or type(error).__name__


def _send_text(out: BinaryIO, kind: int, text: str) -> None:
    data = text.encode(errors="replace")
    _write(out, HEADER.pack(kind, len(data), 0, 0) + data)


def _write(out: BinaryIO, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


if __name__ == "__main__":
    main()
