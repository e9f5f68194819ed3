"""Video from standard input."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from vadkit.data.decoding.child import Failed, Worker
from vadkit.data.decoding.times import FrameClock
from vadkit.data.decoding.worker import OPENED, TIMED
from vadkit.errors import DataError, RecipeError
from vadkit.inference.sources.source import Frame, SourceEvent

_RAW = re.compile(r"(?P<size>\d+x\d+)(@(?P<fps>\d+(\.\d+)?))?(:(?P<pixels>\w+))?")


class StandardInput:
    """Standard input: Y4M or another self-describing format, or raw frames.

    For raw frames, the address is ``WIDTHxHEIGHT``, with ``@FPS`` (25) and ``:PIXELS`` (rgb24, or
    another FFmpeg name such as gray or yuv420p): ``640x480@10:gray``. The writer waits while
    scoring is busy, so no frame is lost. Raises ``RecipeError`` for another address.
    """

    live = False
    name = "stdin"

    def __init__(self, address: str = "") -> None:
        self._request: dict[str, Any] = {"form": None, "options": {}}
        raw = _RAW.fullmatch(address)
        if raw:
            pixels = raw["pixels"] or "rgb24"
            options = {"video_size": raw["size"], "framerate": raw["fps"] or "25"}
            self._request = {"form": "rawvideo", "options": {**options, "pixel_format": pixels}}
        elif address:
            raise RecipeError(
                f"stdin:{address} is not a raw video format; use stdin:WIDTHxHEIGHT@FPS:PIXELS, "
                "for example stdin:640x480@10:rgb24, or - for Y4M"
            )
        self._worker: Worker | None = None

    def read(self) -> Iterator[Frame | SourceEvent]:
        """See ``Source``; can be read only once. ``DataError`` if there is no video in it."""
        clock, frames, now = FrameClock(), 0, 0.0
        pipe = os.dup(sys.stdin.fileno())
        try:
            with Worker(inherits=[pipe]) as self._worker:
                request = {**self._request, "live": f"pipe:{pipe}"}
                # The writer may take as long as it likes.
                with contextlib.closing(self._worker.ask(request, None)) as records:
                    for kind, body in records:
                        if kind == OPENED:
                            record = json.loads(body)
                            clock = FrameClock(record["fps"])
                            size = tuple(record["size"])
                            yield SourceEvent("opened", 0.0, fps=record["fps"], size=size)
                        elif kind == TIMED:
                            time, _, resized, _, image = body
                            now, cut = clock.at(time)
                            yield Frame(now, image, cut=cut or bool(resized))
                            frames += 1
        except Failed as failure:
            reason = str(failure).removesuffix(f": 'pipe:{pipe}'")
            raise DataError(
                f"standard input cannot be read as video after {frames} frames ({reason}); send "
                "Y4M, or raw frames with stdin:WIDTHxHEIGHT@FPS"
            ) from None
        finally:
            os.close(pipe)
        yield SourceEvent("ended", now)

    def close(self) -> None:
        """See ``Source``."""
        if self._worker is not None:
            self._worker.interrupt()
