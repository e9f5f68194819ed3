"""The child process that decodes: native libraries may hang or crash here, not in the run.

Requests come as JSON lines on stdin. Answers go to stdout as records: a header (kind, h, w, c),
then for kind FRAME h*w*c bytes of pixels, for the other kinds h bytes of UTF-8 text.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

HEADER = struct.Struct("<4I")
FRAME, END, ERROR, INFO = range(4)


def main() -> None:
    """Serve requests until stdin closes."""
    # Libraries print to file descriptor 1; records must not mix with that.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "probe" in request:
                _send_text(out, INFO, json.dumps(_probe(Path(request["probe"]))))
            else:
                _send_frames(out, request)
                _send_text(out, END, "")
        except BrokenPipeError:
            return
        except Exception as error:
            _send_text(out, ERROR, _reason(error))


def _send_frames(out: BinaryIO, request: dict[str, Any]) -> None:
    size, channels = request["size"], request["channels"]
    reader = _reader(request["reader"])
    for index, frame in enumerate(reader(Path(request["path"]))):
        if index < request["skip"]:
            # Every frame passed over is progress too: an empty record keeps the parent waiting.
            _write(out, HEADER.pack(FRAME, 0, 0, 0))
            continue
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
            raise ValueError(
                f"its frame {index} is {frame.dtype} {frame.shape}; it must be uint8 (H, W, 3)"
            )
        if size is not None or channels == "gray":
            from vadkit.data.resize import to_size

            frame = to_size(frame, tuple(size or frame.shape[:2]), channels)
        frame = np.ascontiguousarray(frame)
        _write(out, HEADER.pack(FRAME, *frame.shape))
        _write(out, memoryview(frame).cast("B"))


def _reader(name: str) -> Callable[[Path], Iterator[np.ndarray]]:
    """A reader by its registered name or as ``module:function``."""
    from vadkit.data import COMPONENTS

    target = COMPONENTS["readers"].get(name, name)
    module, _, function = target.partition(":")
    if not function:
        raise ValueError("there is no reader of this name")
    reader: Callable[[Path], Iterator[np.ndarray]] = getattr(
        importlib.import_module(module), function
    )
    return reader


def _probe(path: Path) -> dict[str, Any]:
    """Frame rate, (height, width) and, where the container says so, the number of frames."""
    if path.is_dir():
        from vadkit.data.readers import frames, image_files

        image = next(frames(path))
        return {"fps": 25.0, "size": image.shape[:2], "frames": len(image_files(path))}
    from vadkit.data.readers import open_container, quarter_turns

    with open_container(path) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        first = next(container.decode(stream), None)
        if first is None:
            raise ValueError("it holds no frames")
        size = (first.height, first.width)
        return {
            "fps": float(rate) if rate else 25.0,
            "size": size[::-1] if quarter_turns(first) % 2 else size,
            "frames": stream.frames or None,
        }


def _reason(error: Exception) -> str:
    """The first line of an error, without error numbers and places in decord's source."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    text = re.sub(r"\[[\d:]+\] \S+\.cc:\d+: |^\[Errno \d+\] ", "", lines[0] if lines else "")
    return text[:300] or type(error).__name__


def _send_text(out: BinaryIO, kind: int, text: str) -> None:
    data = text.encode(errors="replace")
    _write(out, HEADER.pack(kind, len(data), 0, 0))
    _write(out, data)


def _write(out: BinaryIO, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[out.write(view) :]


if __name__ == "__main__":
    main()
