"""What every source of video gives: frames with their times, and what happens to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from vadkit.errors import VadkitError

EventKind = Literal[
    "opened", "dropped", "stalled", "lost", "retrying", "reconnected", "failed", "ended", "idle"
]
# Kinds that come last.
OVER: tuple[EventKind, ...] = ("failed", "ended")
# Kinds after which no frame comes for now.
BROKEN: tuple[EventKind, ...] = ("stalled", "lost", "retrying")


@dataclass(frozen=True)
class Frame:
    """One picture (H, W, 3) uint8 RGB and when it was taken, in seconds from the first frame.

    Times rise from frame to frame. ``missed`` frames lie between it and the one before, as far as
    is known; clips do not reach across such a gap. ``arrived`` is when it was decoded, on the
    system's monotonic clock (0: not known).
    """

    time: float
    image: np.ndarray
    missed: int = 0
    arrived: float = 0.0


@dataclass(frozen=True)
class SourceEvent:
    """Something that happened to a source, in between its frames.

    - ``opened``: ``fps`` and ``size`` (height, width) are known; comes first, and once.
    - ``dropped``: ``frames`` frames were passed over, for scoring is slower than the camera.
    - ``stalled``: the connection stands, but no frame comes; it is closed and opened again.
    - ``lost``: the connection broke, or could not be made.
    - ``retrying``: it still cannot be made; ``message`` says why and when the next try is.
    - ``reconnected``: frames come again; ``fps`` and ``size`` as they are now.
    - ``failed``: there is nothing more to be had, for the reason in ``message``; comes last.
    - ``ended``: the video is over; comes last.
    - ``idle``: of no source; no source has said anything for a while.

    ``time`` is on the clock of the frames; ``error`` is what ``failed`` comes from.
    """

    kind: EventKind
    time: float
    message: str = ""
    frames: int = 0
    fps: float | None = None
    size: tuple[int, int] | None = None
    error: VadkitError | None = None


class Source(Protocol):
    """A video file, a camera or a stream; what the family ``sources`` holds.

    The constructor is ``(address: str, *, parameters)`` and opens nothing. ``name`` is what people
    call it, without passwords. ``live`` says, once it is opened, whether frames come at a pace of
    their own, so that whoever is slow misses some.
    """

    name: str
    live: bool

    def read(self) -> Iterator[Frame | SourceEvent]:
        """``opened``, then frames and events in order, until the video is over.

        May be called again, to begin anew. Raises ``DataError`` where frames cannot be had.
        """

    def close(self) -> None:
        """End ``read`` soon, from another thread too."""
