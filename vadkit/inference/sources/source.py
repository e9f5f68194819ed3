"""The interface of video sources: frames with their times, and events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from vadkit.errors import VadkitError

EventKind = Literal[
    "opened", "dropped", "stalled", "lost", "retrying", "reconnected", "failed", "ended", "idle"
]
# Kinds that come last.
OVER: tuple[EventKind, ...] = ("failed", "ended")
# Kinds after which no frame comes for some time.
BROKEN: tuple[EventKind, ...] = ("stalled", "lost", "retrying")


@dataclass(frozen=True)
class Frame:
    """One picture (H, W, 3) uint8 RGB and its time, in seconds from the first frame.

    Times increase from frame to frame. ``missed`` is the known number of frames missing between
    this frame and the previous one; clips do not cross such a gap, and none crosses a ``cut``: a
    hole in time, a clock that starts again, or another picture size. ``arrived`` is when the frame
    was decoded, on the system's monotonic clock (0: unknown).
    """

    time: float
    image: np.ndarray = field(repr=False)
    missed: int = 0
    arrived: float = 0.0
    cut: bool = False

    @property
    def starts_anew(self) -> bool:
        """Whether clips may not contain this frame and the previous one."""
        return self.cut or self.missed > 0


@dataclass(frozen=True)
class SourceEvent:
    """An event of a source, between its frames.

    - ``opened``: ``fps`` and ``size`` (height, width) are known; comes first, and once. With
      ``timed`` False, times are only counted, as for a folder of images.
    - ``dropped``: ``frames`` frames were dropped, because scoring is slower than the camera.
    - ``stalled``: the connection is open, but no frame comes; it is closed and opened again.
    - ``lost``: the connection broke, or could not be made.
    - ``retrying``: it still cannot be made; ``message`` has the reason and the time of the next
      try.
    - ``reconnected``: frames come again; ``fps`` and ``size`` are the new ones.
    - ``failed``: no more frames will come, for the reason in ``message``; comes last.
    - ``ended``: the video is over; comes last.
    - ``idle``: from no source; nothing has come from any source for a while.

    ``time`` is on the clock of the frames; ``error`` is the exception behind ``failed``.
    """

    kind: EventKind
    time: float
    message: str = ""
    frames: int = 0
    fps: float | None = None
    size: tuple[int, int] | None = None
    timed: bool = True
    error: VadkitError | None = None


class Source(Protocol):
    """A video file, a camera or a stream; the interface of the family ``sources``.

    The constructor is ``(address: str, *, parameters)`` and opens nothing. ``name`` is shown to
    users, without passwords. ``live`` is known once the source is open. It says whether frames come
    at their own rate, so that a slow reader loses some.
    """

    name: str
    live: bool

    def read(self) -> Iterator[Frame | SourceEvent]:
        """Yield ``opened``, then frames and events in order, until the video is over.

        May be called again to start again. Raises ``DataError`` if no frames can be read.
        """

    def close(self) -> None:
        """Make ``read`` end soon; may be called from another thread."""
