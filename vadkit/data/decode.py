"""Decoding that outlives its libraries: a hang or a crash costs a child process, not the run."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from vadkit.data.decode_worker import ERROR, FRAME, HEADER, INFO
from vadkit.data.readers import CANNOT_OPEN, image_files
from vadkit.errors import DataError

_log = logging.getLogger("vadkit.data")
READERS = ("decord", "pyav")
STALL_S = 20.0
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ, which only Linux has
_PIPE_BYTES = 1 << 20


class _Failed(Exception):
    """A reader gave up, crashed or stalled; the text says how."""


class Worker:
    """A decoding child process, started when first needed and again after a failure."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def ask(
        self, request: dict[str, Any], stall_s: float
    ) -> Generator[tuple[int, Any], None, None]:
        """Send a request; yield (kind, frame or text) records until its last one.

        Raises ``_Failed`` when the child reports an error, dies, or says nothing for ``stall_s``.
        The child is ended unless its answer was heard to the end.
        """
        process = self._start()
        assert process.stdin is not None
        heard = False
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            while not heard:
                kind, *shape = HEADER.unpack(self._read(HEADER.size, stall_s))
                size = shape[0] * shape[1] * shape[2] if kind == FRAME else shape[0]
                body = self._read(size, stall_s)
                heard = kind != FRAME
                if kind == FRAME:
                    yield kind, np.frombuffer(body, np.uint8).reshape(shape)
                elif kind == ERROR:
                    raise _Failed(body.decode(errors="replace"))
                else:
                    yield kind, body.decode()
        except BrokenPipeError:
            raise _Failed("the decoder crashed") from None
        finally:
            if not heard:
                self.close()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(
                # -P: the child finds modules where this process does, not in the current folder.
                [sys.executable, "-P", "-m", "vadkit.data.decode_worker"],
                # Unbuffered, so that closing the pipe of a dead child has nothing left to write.
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path),
                },
                # Ctrl-C is for the parent, which ends its children itself.
                start_new_session=True,
            )
            _enlarge_pipe(self._process)
        return self._process

    def _read(self, size: int, stall_s: float) -> bytearray:
        process = self._process
        assert process is not None and process.stdout is not None
        data = bytearray(size)
        view = memoryview(data)
        descriptor = process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while view:
                if not selector.select(stall_s):
                    raise _Failed(f"no frame came for {stall_s:g} s, so the decoder was ended")
                count = os.readv(descriptor, [view])
                if not count:
                    raise _Failed(f"the decoder crashed{_exit_text(process)}")
                view = view[count:]
        return data


@dataclass(frozen=True)
class VideoInfo:
    """Frames a second, (height, width), and the number of frames where the file states it."""

    fps: float
    size: tuple[int, int]
    frames: int | None


def read_frames(
    path: Path,
    *,
    readers: Sequence[str] = READERS,
    size: tuple[int, int] | None = None,
    channels: str = "rgb",
    stall_s: float = STALL_S,
    worker: Worker | None = None,
) -> Generator[np.ndarray, None, None]:
    """Frames of a video file or image folder in order, (H, W, 3) uint8 RGB.

    With ``size`` (height, width) they come resized; as (H, W, 1) for ``channels`` "gray".
    When a reader fails, stalls or crashes, the next goes on from the frame reached and a warning
    says so. Raises ``DataError`` when the last one fails too.
    """
    _check_readable(path)
    own = worker is None
    worker = worker or Worker()
    names = ("frames",) if path.is_dir() else tuple(readers)
    reached, reasons = 0, []
    try:
        for name in names:
            request = {
                "path": str(path.absolute()),
                "reader": name,
                "size": size,
                "channels": channels,
                "skip": reached,
            }
            try:
                # Closed at once when the caller leaves early, which ends the child.
                with contextlib.closing(worker.ask(request, stall_s)) as records:
                    for kind, body in records:
                        if kind == FRAME and body.size:
                            reached += 1
                            yield body
                if reached:
                    return
                raise _Failed("it holds no frames")
            except _Failed as failure:
                reasons.append(f"{name}: {failure}")
                if name != names[-1]:
                    _log.warning(
                        "%s: reader %s failed after %d frames (%s); trying %s",
                        path,
                        name,
                        reached,
                        failure,
                        names[len(reasons)],
                    )
    finally:
        if own:
            worker.close()
    raise DataError(_unreadable(path, reached, reasons))


def probe(path: Path, *, stall_s: float = STALL_S) -> VideoInfo:
    """A video's frame rate and size without decoding it; ``DataError`` when it is none."""
    _check_readable(path)
    with Worker() as worker:
        try:
            for kind, body in worker.ask({"probe": str(path.absolute())}, stall_s):
                assert kind == INFO
                info = json.loads(body)
        except _Failed as failure:
            raise DataError(_unreadable(path, 0, [str(failure)])) from None
    return VideoInfo(info["fps"], tuple(info["size"]), info["frames"])


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise DataError(f"video not found: {path}")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty (0 bytes); copy or download it again")
    if not os.access(path, os.R_OK):
        raise DataError(f"no permission to read {path}")
    if path.is_dir() and not image_files(path):
        raise DataError(f"folder {path} holds no images (jpg, png, bmp or tif)")


def _unreadable(path: Path, reached: int, reasons: list[str]) -> str:
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


def _exit_text(process: subprocess.Popen[bytes]) -> str:
    """How the child ended, given a moment to do so."""
    deadline = time.monotonic() + 1
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    code = process.returncode
    if code is None:
        return ""
    if code < 0:
        return f" ({signal.Signals(-code).name})"
    return f" (exit status {code})"


def _enlarge_pipe(process: subprocess.Popen[bytes]) -> None:
    """Let the child run ahead by a few frames; a pipe holds 64 KiB otherwise."""
    if not sys.platform.startswith("linux"):
        return
    import fcntl

    assert process.stdout is not None
    try:
        fcntl.fcntl(process.stdout.fileno(), _SET_PIPE_SIZE, _PIPE_BYTES)
    except OSError:
        _log.debug("the pipe of the decoder keeps its usual size")
