"""The frames around a past event, from its video if it is still there, else from its saved clip."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydantic import BaseModel

from vadkit.data.store.digests import content_state
from vadkit.errors import DataError, TrainingError
from vadkit.reading import read_json
from vadkit.workflows.past_events import PastEvent

if TYPE_CHECKING:
    from vadkit.inference.sources.source import Frame
    from vadkit.workflows.detector import Detector

# Seconds before and after an event that belong to it: smoothed scores rise late.
PAD_S = 1.0
# The longest part of an event that is used, as in its clip.
_LONGEST_S = 60.0


@dataclass(frozen=True)
class Stretch:
    """Frames of a video, resized for the method, and the seconds from ``start`` to ``end`` in it.

    The frames begin earlier, so that the scores of the stretch do not depend on where it was cut.
    ``fps`` is their rate. ``exact`` says that they are those of the video itself; a saved clip has
    fewer frames a second and was encoded again.
    """

    frames: list[Frame] = field(repr=False)
    fps: float
    start: float
    end: float
    exact: bool

    def contains(self, time: float) -> bool:
        """Whether a time belongs to the stretch."""
        return self.start <= time <= self.end


class Seen(NamedTuple):
    """Raw and live scores (n,) of the frames in a stretch, NaN for no score.

    ``event`` (n,) says which frames are inside the event, and not just before or after it.
    """

    raw: np.ndarray
    live: np.ndarray
    event: np.ndarray

    @property
    def peak(self) -> float:
        """The highest live score; NaN if there is none."""
        return float(np.nanmax(self.live)) if np.isfinite(self.live).any() else float("nan")


def event_stretch(detector: Detector, run: Path, event: PastEvent) -> Stretch | None:
    """Return the frames of an event; None if neither its video nor its clip can be read."""
    start, end = event.record["start"], event.record["end"]
    if end is None:
        # `watch` was killed during the event, so there is no clip either.
        return None
    end = min(end, start + _LONGEST_S)
    before = min(detector.alarms.before_s, start)
    first = start - before
    video = _video_of(run, event)
    if video is not None:
        with contextlib.suppress(DataError):
            return _read(detector, video, first, start, end, exact=True)
    if event.clip is not None:
        with contextlib.suppress(DataError):
            return _read(detector, event.clip, 0.0, before, before + end - start, exact=False)
    return None


def live_scores(detector: Detector, stretch: Stretch) -> Seen:
    """Return the scores of the frames in a stretch."""
    seen = replace(detector, maps=False).stream(stretch.frames, fps=stretch.fps)
    inside = [(one.time, one.raw, one.score) for one in seen if stretch.contains(one.time)]
    times, raw, live = np.array(inside, float).reshape(-1, 3).T
    return Seen(raw, live, (times >= stretch.start + PAD_S) & (times <= stretch.end - PAD_S))


def _read(
    detector: Detector, path: Path, first: float, start: float, end: float, *, exact: bool
) -> Stretch:
    """Read the frames of a file from ``first`` seconds until after ``end``."""
    from vadkit.inference.sources.source import Frame

    fps, frames = 0.0, []
    for item in _small(detector, path):
        if isinstance(item, Frame):
            if item.time > end + PAD_S:
                break
            if item.time >= first:
                frames.append(item)
        elif item.fps:
            fps = item.fps
    if not frames:
        raise DataError(f"{path} has no frames at {first:.1f} s")
    # The first frame may be after a cut that lies before the stretch.
    frames[0] = replace(frames[0], cut=False, missed=0)
    return Stretch(frames, fps, start - PAD_S, end + PAD_S, exact)


def _small(detector: Detector, path: Path) -> Iterator[Any]:
    """Yield the frames of a file, in the size that the method takes, and its events."""
    source = file_source(detector, path)
    reading: Any = source.read()
    with contextlib.closing(reading):
        yield from reading


def file_source(detector: Detector, path: Path) -> Any:
    """Return the source of a file that no picture is shown of."""
    from vadkit.inference.sources.files import FileSource

    form = dict(detector.settings.get("file", {}))
    if detector.objects is None:
        clip = detector.method.clip
        form |= {"size": clip.size, "channels": clip.channels}
    return FileSource(path, **form)


class _Source(BaseModel):
    path: str
    state: str


class _Result(BaseModel):
    """What is needed of a ``result.json``."""

    source: _Source


def _video_of(run: Path, event: PastEvent) -> Path | None:
    """Return the video that ``infer`` found an event in, if it has not changed since then."""
    name = PurePosixPath(event.record["source"])
    if event.record["started_at"] is not None or name.is_absolute() or ".." in name.parts:
        return None
    with contextlib.suppress(OSError, ValueError, TrainingError):
        path = run / "infer" / name / "result.json"
        found = read_json(path, _Result, "score the video again")["source"]
        video = Path(found["path"])
        return video if content_state(video) == found["state"] else None
    return None
