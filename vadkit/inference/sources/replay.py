"""A video file that plays like a camera: in real time, in a loop."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import cast

from vadkit.inference.sources.files import FileSource
from vadkit.inference.sources.source import OVER, Frame, SourceEvent


class Replay:
    """A video file that plays like a camera, for tests without one.

    Frames arrive at the times in the file, even if earlier ones are not yet scored; if scoring is
    too slow, frames are dropped, as with a camera. ``loop`` starts again at the end, with a gap of
    one frame.
    """

    live = True

    def __init__(self, address: str, *, loop: bool = True) -> None:
        self._file = FileSource(address)
        self.name = self._file.name
        self.loop = loop
        self._closed = threading.Event()

    def read(self) -> Iterator[Frame | SourceEvent]:
        """See ``Source``; the errors are those of ``FileSource``."""
        self._closed.clear()
        began = time.monotonic()
        first, begin, last, step = True, 0.0, 0.0, 0.04
        while not self._closed.is_set():
            items = self._file.read()
            with contextlib.closing(cast(Generator[Frame | SourceEvent], items)):
                for item in items:
                    if isinstance(item, SourceEvent):
                        step = 1 / item.fps if item.fps else step
                        if first and item.kind == "opened":
                            yield item
                        if item.kind not in OVER:
                            continue
                        break
                    at = begin + item.time
                    if self._closed.wait(max(0.0, began + at - time.monotonic())):
                        return
                    cut = item.cut or not (first or item.time)
                    yield replace(item, time=at, cut=cut, arrived=time.monotonic())
                    last = at
            if not self.loop:
                break
            first, begin = False, last + 2 * step
        yield SourceEvent("ended", last)

    def close(self) -> None:
        """See ``Source``."""
        self._closed.set()
        self._file.close()
