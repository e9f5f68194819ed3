"""The decoding child process as its parent sees it: requests go in, records come out."""

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

# Imported here although nothing below uses it: while any thread imports OpenCV, sys.path holds a
# folder whose `typing` would hide Python's own from a child that is started then.
import cv2  # noqa: F401
import numpy as np

from vadkit.data.decode_worker import (
    ERROR,
    FRAME,
    GOING_ON,
    HEADER,
    TIMED,
    TIMES,
    WRITE_ERROR,
)

_log = logging.getLogger("vadkit.data")
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ, which only Linux has
_PIPE_BYTES = 1 << 20
# glibc keeps the memory of a frame for the next one; giving it back and forth costs PyAV a fifth
# of its speed on frames of 768x576.
DECODER_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(1 << 28), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}


class Failed(Exception):
    """A reader gave up, crashed or stalled; the text says how."""


class Stalled(Failed):
    """A reader said nothing for too long."""


class Worker:
    """A decoding child process, started when first needed and again after a failure.

    ``inherits`` are file descriptors that the child has too, under the same numbers.
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
        """From another thread: let what is being asked fail at once."""
        process = self._process
        if process is not None:
            process.kill()

    def ask(
        self, request: dict[str, Any], stall_s: float | None
    ) -> Generator[tuple[int, Any], None, None]:
        """Send a request; yield (kind, body) records until its last one.

        A body is text, a frame, or for ``TIMED`` its two times and the frame. Raises ``Failed``
        when the child reports an error, dies, or says nothing for ``stall_s`` (``Stalled``), and
        ``OSError`` when it cannot write the request's target. The child is ended unless its
        answer was heard to the end.
        """
        process = self._start()
        assert process.stdin is not None
        heard = False
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            while not heard:
                kind, *shape = HEADER.unpack(self._read(HEADER.size, stall_s))
                times = TIMES.unpack(self._read(TIMES.size, stall_s)) if kind == TIMED else ()
                pixels = kind in (FRAME, TIMED)
                size = shape[0] * shape[1] * shape[2] if pixels else shape[0]
                body = self._read(size, stall_s)
                heard = kind not in GOING_ON
                if pixels:
                    frame = np.frombuffer(body, np.uint8).reshape(shape)
                    yield kind, (*times, frame) if times else frame
                elif kind == ERROR:
                    raise Failed(body.decode(errors="replace"))
                elif kind == WRITE_ERROR:
                    raise OSError(int(body), os.strerror(int(body)), request["target"])
                else:
                    yield kind, body.decode()
        except BrokenPipeError:
            raise Failed("the decoder crashed") from None
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
                    **DECODER_MEMORY,
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                },
                pass_fds=self._inherits,
                # Ctrl-C is for the parent, which ends its children itself.
                start_new_session=True,
            )
            _enlarge_pipe(self._process)
        return self._process

    def _read(self, size: int, stall_s: float | None) -> bytearray:
        process = self._process
        assert process is not None and process.stdout is not None
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
