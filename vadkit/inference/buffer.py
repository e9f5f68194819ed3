"""Bounded queues between threads; a fast producer waits, or drops frames."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Generic, TypeVar

from vadkit.inference.sources.source import Frame, SourceEvent

T = TypeVar("T")


class Closed(Exception):
    """The buffer was closed by its reader."""


class Buffer(Generic[T]):
    """A queue of at most ``capacity`` items between threads, which either side may close."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.items: deque[T] = deque()
        self.changed = threading.Condition()
        self._closed = self._finished = False

    def __len__(self) -> int:
        """The number of waiting items."""
        return len(self.items)

    def put(self, item: T) -> None:
        """Add an item as soon as there is room; raise ``Closed`` if the buffer is closed."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.items) < self.capacity or self._closed)
            if self._closed:
                raise Closed
            self.items.append(item)
            self.changed.notify_all()

    def get(self, timeout_s: float | None = None) -> T | None:
        """Return the oldest item; None after the timeout, or if there will be no more."""
        with self.changed:
            self.changed.wait_for(lambda: self.items or self._finished or self._closed, timeout_s)
            if self._closed or not self.items:
                return None
            item = self.items.popleft()
            self.changed.notify_all()
            return item

    def __iter__(self) -> Iterator[T]:
        """Yield items until the last one after ``finish``, or until the buffer is closed."""
        while (item := self.get()) is not None:
            yield item

    def finish(self) -> None:
        """Declare that no more items will be added."""
        with self.changed:
            self._finished = True
            self.changed.notify_all()

    def close(self) -> None:
        """Stop reading: discard all waiting items."""
        with self.changed:
            self._closed = True
            self.items.clear()
            self.changed.notify_all()


class FrameBuffer(Buffer[Frame | SourceEvent | Exception]):
    """The frames of a source, between its reader and the scoring."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        # Frames dropped since the last accepted one, frames missing among them, and their time.
        self._dropped = self._missed = 0
        self._dropped_last = 0.0

    def put_live(self, frame: Frame) -> None:
        """Add a frame immediately or drop it: once the buffer is full, drop until it is empty.

        The output therefore consists of gapless runs of frames, as long as the buffer, however slow
        scoring is; clips need such runs. Dropping the oldest frames instead would interrupt the run
        that is being scored. An event in place of the dropped frames counts them.
        """
        with self.changed:
            if self._closed:
                raise Closed
            waiting = sum(isinstance(item, Frame) for item in self.items)
            if waiting >= self.capacity or (self._dropped and waiting):
                self._dropped += 1
                self._missed += frame.missed
                self._dropped_last = frame.time
                return
            if self._dropped:
                frame = replace(frame, missed=frame.missed + self._missed + self._dropped)
                self._tell()
            self.items.append(frame)
            self.changed.notify_all()

    def finish(self) -> None:
        """Declare that no more items will be added."""
        with self.changed:
            if self._dropped:
                self._tell()
        super().finish()

    def _tell(self) -> None:
        text = f"{self._dropped} frames dropped: scoring is slower than the source"
        event = SourceEvent("dropped", self._dropped_last, text, frames=self._dropped)
        self.items.append(event)
        self._dropped = self._missed = 0
