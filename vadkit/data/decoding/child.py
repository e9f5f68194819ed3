"""The parent's side of the decoding child process: it sends requests and receives records."""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from types import TracebackType
from typing import Any

# Imported although nothing below uses it: while a thread imports OpenCV, sys.path contains a folder
# whose `typing` would hide Python's own module from a child that starts at that time.
import cv2  # noqa: F401
import numpy as np

from vadkit.data.decoding.worker import (
    ERROR,
    GOING_ON,
    HEADER,
    TIMED,
    TIMES,
    WRITE_ERROR,
)

_log = logging.getLogger("vadkit.data")
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ, only on Linux
_PIPE_BYTES = 1 << 20
# How long the end of an answer may take after the last frame; starting a child takes longer.
_END_S = 0.1
# glibc keeps the memory of a frame for the next one; releasing it each time costs PyAV a fifth of
# its speed on frames of 768x576.
DECODER_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 28), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}


class Failed(Exception):
    """A reader failed, crashed or stalled; the message says how."""


class Stalled(Failed):
    """A reader gave no answer for too long."""


class Worker:
    """A decoding child process, which starts when first needed and again after a failure.

    ``inherits`` are file descriptors that the child also gets, with the same numbers.
    """

    def __init__(self, inherits: Sequence[int] = ()) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._inherits = tuple(inherits)

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

    def interrupt(self) -> None:
        """Make the current request fail immediately; called from another thread."""
        process = self._process
        if process is not None:
            process.kill()

    def ask(
        self, request: dict[str, Any], stall_s: float | None
    ) -> Generator[tuple[int, Any], None, None]:
        """Send a request; yield (kind, body) records until the last one of the answer.

        A body is text, or for ``TIMED`` four numbers and a frame. Raises ``Failed`` if the
        child reports an error or dies, ``Stalled`` if it gives no answer for ``stall_s``, and
        ``OSError`` if it cannot write the target. The child is ended unless its whole answer was
        read, but for its end: a caller that has all frames of a video may close this.
        """
        process = self._start()
        assert process.stdin is not None
        complete = False
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            while not complete:
                kind, *shape = HEADER.unpack(self._read(HEADER.size, stall_s))
                times = TIMES.unpack(self._read(TIMES.size, stall_s)) if kind == TIMED else ()
                pixels = kind == TIMED
                size = shape[0] * shape[1] * shape[2] if pixels else shape[0]
                body = self._read(size, stall_s)
                complete = kind not in GOING_ON
                if pixels:
                    frame = np.frombuffer(body, np.uint8).reshape(shape)
                    yield kind, (*times, frame)
                elif kind == ERROR:
                    raise Failed(body.decode(errors="replace"))
                elif kind == WRITE_ERROR:
                    raise OSError(int(body), os.strerror(int(body)), request["target"])
                else:
                    yield kind, body.decode()
        except BrokenPipeError:
            raise Failed("the decoder crashed") from None
        except GeneratorExit:
            complete = self._only_end_is_left()
            raise
        finally:
            if not complete:
                self.close()

    def _only_end_is_left(self) -> bool:
        """Read the next record if it is the last one of the answer; else return False."""
        try:
            kind, size, *_ = HEADER.unpack(self._read(HEADER.size, _END_S))
            if kind in GOING_ON:
                return False
            self._read(size, _END_S)
        except (Failed, OSError, ValueError):
            # Another thread may have ended the child.
            return False
        return True

    def _start(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(
                # -P: the child finds modules like this process, not in the current folder.
                [sys.executable, "-P", "-m", "vadkit.data.decoding.worker"],
                # Unbuffered, so that nothing is left to write when the pipe of a dead child is
                # closed.
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={
                    **DECODER_MEMORY,
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                },
                pass_fds=self._inherits,
                # Ctrl-C is handled by the parent, which ends its children.
                start_new_session=True,
            )
            _enlarge_pipe(self._process)
        return self._process

    def _read(self, size: int, stall_s: float | None) -> bytearray:
        process = self._process
        if process is None or process.stdout is None:
            raise Failed("the decoder was ended")
        data = bytearray(size)
        view = memoryview(data)
        descriptor = process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while view:
                if not selector.select(stall_s):
                    raise Stalled(f"no frame came for {stall_s:g} s, so the decoder was ended")
                count = os.readv(descriptor, [view])
                if not count:
                    raise Failed(f"the decoder crashed{_exit_text(process)}")
                view = view[count:]
        return data


def _exit_text(process: subprocess.Popen[bytes]) -> str:
    """Describe how the child ended, after a short wait."""
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
    """Let the child decode a few frames ahead; a pipe holds only 64 KiB by default."""
    if not sys.platform.startswith("linux"):
        return
    import fcntl

    assert process.stdout is not None
    try:
        fcntl.fcntl(process.stdout.fileno(), _SET_PIPE_SIZE, _PIPE_BYTES)
    except OSError:
        _log.debug("the pipe of the decoder keeps its default size")
