"""Bounded queues between threads: who is too fast waits, or drops the oldest frames."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Generic, TypeVar

from vadkit.inference.sources.source import Frame, SourceEvent

T = TypeVar("T")


class Closed(Exception):
    """The buffer is not wanted any more."""


class Buffer(Generic[T]):
    """A queue of at most ``capacity`` items between threads, which either side may close."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.items: deque[T] = deque()
        self.changed = threading.Condition()
        self._closed = self._finished = False

    def __len__(self) -> int:
        """Items that wait."""
        return len(self.items)

    def put(self, item: T) -> None:
        """Add an item once there is room; raises ``Closed`` when nobody takes it any more."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.items) < self.capacity or self._closed)
            if self._closed:
                raise Closed
            self.items.append(item)
            self.changed.notify_all()

    def get(self, timeout_s: float | None = None) -> T | None:
        """The oldest item; None when none comes in time, or ever."""
        with self.changed:
            self.changed.wait_for(lambda: self.items or self._finished or self._closed, timeout_s)
            if self._closed or not self.items:
                return None
            item = self.items.popleft()
            self.changed.notify_all()
            return item

    def __iter__(self) -> Iterator[T]:
        """Items until the last one was taken after ``finish``, or the buffer is closed."""
        while (item := self.get()) is not None:
            yield item

    def finish(self) -> None:
        """Nothing more is put in."""
        with self.changed:
            self._finished = True
            self.changed.notify_all()

    def close(self) -> None:
        """Nothing more is taken out: what waits is let go."""
        with self.changed:
            self._closed = True
            self.items.clear()
            self.changed.notify_all()


class FrameBuffer(Buffer[Frame | SourceEvent | Exception]):
    """Frames of a source, in between its reader and whoever scores them."""

    def put_live(self, frame: Frame) -> None:
        """Add a frame at once; when the buffer is full, all frames that wait in it are dropped.

        All and not only the oldest one: what follows is then a run of frames without a gap, which
        is what clips are made of, and they are scored as soon as may be.
        """
        with self.changed:
            if self._closed:
                raise Closed
            if len(self.items) >= self.capacity:
                frames = [item for item in self.items if isinstance(item, Frame)]
                kept = [item for item in self.items if not isinstance(item, Frame)]
                self.items.clear()
                self.items.extend(kept)
                text = f"{len(frames)} frames dropped: scoring is slower than the source"
                self.items.append(SourceEvent("dropped", frame.time, text, frames=len(frames)))
                missed = sum(one.missed for one in frames) + len(frames)
                frame = replace(frame, missed=frame.missed + missed)
            self.items.append(frame)
            self.changed.notify_all()
