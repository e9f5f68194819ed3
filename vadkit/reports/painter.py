"""The child process that draws and encodes annotated video, so that scoring does not wait for it.

On stdin come the settings, a JSON line, and then frames: the length of a JSON text (4 bytes), the
text, the pixels of the frame, and those of its heat if it has one. A length of 0 ends the video. On
stdout comes one JSON line: ``{}`` when the file is complete, ``{"error": "..."}`` if it cannot be
written. If stdin ends early, the file is removed.
"""

from __future__ import annotations

import json
import os
import struct
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np

from vadkit.errors import VadkitError
from vadkit.files import describe_os_error
from vadkit.reports.annotate import annotate
from vadkit.reports.strip import window_seconds
from vadkit.reports.video_writer import VideoWriter

LENGTH = struct.Struct("<I")


def main() -> None:
    """Write one video."""
    # One thread, because scoring needs the other cores.
    cv2.setNumThreads(1)
    # Libraries may print to file descriptor 1, which must not mix with the answer.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    stdin = os.fdopen(0, "rb", buffering=0, closefd=False)
    result: dict[str, str] = {}
    try:
        paint(stdin)
    except EOFError:
        return
    except OSError as error:
        result = {"error": describe_os_error(error)}
    except VadkitError as error:
        result = {"error": str(error)}
    except Exception as error:
        result = {"error": repr(error)}
    answer.write(json.dumps(result) + "\n")
    answer.flush()


def paint(stream: BinaryIO) -> None:
    """Write the video that comes from ``stream``. Raises ``EOFError`` if it ends early."""
    settings = json.loads(_text(stream))
    fps = settings["fps"]
    recent = _Recent(window_seconds(fps))
    with VideoWriter(Path(settings["path"]), fps) as writer:
        while text := _text(stream):
            seen = json.loads(text)
            frame = _array(stream, seen["frame"])
            heat = _array(stream, seen["heat"]) if seen["heat"] else None
            recent.add(seen["time"], seen["score"])
            drawn = annotate(
                frame,
                heat,
                np.array(recent.scores),
                settings["level"],
                tuple(seen["limits"]),
                fps,
                seen["index"],
                times=np.array(recent.times),
                is_threshold=settings["is_threshold"],
                raised_by=seen["raised_by"],
                boxes=seen.get("boxes", ()),
                places=settings.get("places", ()),
            )
            writer.write(drawn, seen["time"])


class _Recent:
    """The times and scores of the last seconds: only what the curve shows."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.times: deque[float] = deque()
        self.scores: deque[float] = deque()

    def add(self, time: float, score: float) -> None:
        self.times.append(time)
        self.scores.append(score)
        while self.times[0] < time - self.seconds - 1:
            self.times.popleft()
            self.scores.popleft()


def _text(stream: BinaryIO) -> str:
    (length,) = LENGTH.unpack(_read(stream, LENGTH.size))
    return _read(stream, length).decode()


def _array(stream: BinaryIO, shape: list[int]) -> np.ndarray:
    return np.frombuffer(_read(stream, int(np.prod(shape))), np.uint8).reshape(shape)


def _read(stream: Any, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = stream.readinto(view)
        if not count:
            raise EOFError
        view = view[count:]
    return data


if __name__ == "__main__":
    main()
