"""The pace of a video: its frame rate, compared with the rate that a method was trained at."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np

# A pace this near 1 is 1: rates such as 29.97 and 30, and rounded times.
_SAME = 0.1
# Frames are left out if a step is shorter than this, in steps of the trained rate.
_SHORT = 0.7
# Of two frames that are equally near, the earlier one counts, although times are rounded.
_EARLY = 0.02
# Steps between frames to take the usual one from, and how many a stated rate counts for if it may
# be wrong.
_STEPS, _UNSURE_STEPS = 51, 4
# Each is the mean over so many frames, because some cameras send frames in pairs.
_SPAN = 4


class Beat(NamedTuple):
    """A frame's place in time, in steps of the trained rate.

    ``picked`` says whether clips contain the frame. ``since_frame`` is the time since the previous
    frame, ``since_pick`` that since the previous picked frame; both are 1 at the start and after a
    cut.
    """

    picked: bool
    since_frame: float
    since_pick: float


class Pacer:
    """The frames of one video that clips contain, so that steps between them are as in training.

    ``clip_fps`` is the rate that the method was trained at, ``fps`` the usual rate of the video; if
    one of them is None, every frame counts as one step. Of a faster video, the frames nearest to
    the trained steps are picked. Between frames of a slower one, more than one step passes. The
    rate is the median over some seconds, because single times are often inexact: a change of the
    rate counts when it lasts.
    """

    def __init__(self, clip_fps: float | None, fps: float | None = None) -> None:
        self._fps = clip_fps
        # Seconds between frames.
        self._steps: deque[float] = deque(maxlen=_STEPS)
        self.expect(fps)
        self._times: deque[float] = deque(maxlen=_SPAN)
        # The time since the last picked frame and until the next step, in steps.
        self._since, self._due = 0.0, 1.0

    def expect(self, fps: float | None, *, sure: bool = True) -> None:
        """Set the usual rate of the video, once it is known; cameras often state a wrong one."""
        self._steps.clear()
        if fps:
            self._steps.extend([1 / fps] * (_STEPS if sure else _UNSURE_STEPS))

    def at(self, time: float, *, anew: bool = False) -> Beat:
        """Take the next frame, its time in seconds; ``anew`` after a cut or missing frames."""
        if self._fps is None or not self._steps:
            return Beat(True, 1.0, 1.0)
        if anew:
            self._times.clear()
        if not self._times:
            self._times.append(time)
            self._since, self._due = 0.0, 1.0
            return Beat(True, 1.0, 1.0)
        last = self._times[-1]
        self._steps.append((time - self._times[0]) / len(self._times))
        self._times.append(time)
        usual = self._fps * median(self._steps)
        if usual >= _SHORT:
            self._since, self._due = 0.0, 1.0
            return Beat(True, _same(usual), _same(usual))
        # Frames that arrive together were not taken together.
        passed = max((time - last) * self._fps, usual / 2)
        self._since += passed
        self._due -= passed
        since = self._since
        picked = self._due <= usual / 2 + _EARLY
        if picked:
            self._since = 0.0
            self._due = max(self._due + 1, 0.5)
        return Beat(picked, _same(passed), _same(since))


def _same(pace: float) -> float:
    return 1.0 if abs(pace - 1) <= _SAME else pace


@dataclass(frozen=True)
class Beats:
    """``Beat`` for all frames of a video: arrays (N,)."""

    picked: np.ndarray
    since_frame: np.ndarray
    since_pick: np.ndarray

    @property
    def as_trained(self) -> bool:
        """Whether every frame is one step after the previous one."""
        return bool(self.picked.all() and (self.since_pick == 1).all())


def beats(
    times: np.ndarray, cuts: Collection[int], clip_fps: float | None, fps: float | None
) -> Beats:
    """Return the beats of a video from the times (N,) of its frames in seconds and its cuts."""
    pacer, anew = Pacer(clip_fps, fps), set(cuts)
    if not clip_fps or not fps or _is_steady(times, anew, clip_fps, fps):
        # The usual case, without a step for every frame.
        ones = np.ones(len(times))
        return Beats(ones.astype(bool), ones, ones)
    found = [pacer.at(time, anew=place in anew) for place, time in enumerate(times.tolist())]
    picked, since_frame, since_pick = zip(*found, strict=True) if found else ((), (), ())
    return Beats(np.array(picked, bool), np.array(since_frame, float), np.array(since_pick, float))


def _is_steady(times: np.ndarray, cuts: Collection[int], clip_fps: float, fps: float) -> bool:
    """Whether every step, except into cuts, is one step of the trained rate."""
    steps = np.delete(np.diff(times), np.array(sorted(cuts), np.int64) - 1)
    return not other_rate(clip_fps, fps) and bool((np.abs(steps * clip_fps - 1) <= _SAME).all())


def renumbered(frame: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows of frames ``frame`` (n,) are of ``numbers``, and their places there.

    Both are ascending; the rows are bool (n,), the places int64, one for each chosen row.
    """
    place = np.searchsorted(numbers, frame).clip(max=len(numbers) - 1)
    chosen = numbers[place] == frame
    return chosen, place[chosen]


def spread(values: np.ndarray, picked: np.ndarray) -> np.ndarray:
    """Return values (N, ...) of all frames from those of the ``picked`` ones (N,) bool.

    Every other frame has the value of the picked frame before it.
    """
    return np.asarray(values[np.cumsum(picked) - 1])


def other_rate(clip_fps: float | None, fps: float | None) -> bool:
    """Return whether a video's rate is known to differ from the trained one."""
    return bool(clip_fps and fps and abs(clip_fps / fps - 1) > _SAME)


def paces_of(rates: Mapping[str, float], clip_fps: float | None) -> dict[str, float]:
    """Return the steps of the trained rate between two frames, by video; 1 if a rate is unknown."""
    return {video: _same(clip_fps / rate) if clip_fps else 1.0 for video, rate in rates.items()}


def pace_note(clip_fps: float | None, fps: float | None, *, flow: bool) -> str | None:
    """Describe in one line what is done about another frame rate; None if there is none.

    ``flow`` says whether the method measures motion by optical flow.
    """
    if not clip_fps or not fps or not other_rate(clip_fps, fps):
        return None
    rates = f"{fps:g} frames per second, and the model was trained at {clip_fps:g}"
    if clip_fps / fps < _SHORT:
        return f"{rates}: {clip_fps:g} per second are scored, the others get the score before them"
    if flow:
        return f"{rates}: motion is scaled to that rate"
    longer = "longer" if fps < clip_fps else "shorter"
    return f"{rates}: a clip lasts {longer} than in training, so scores may differ"
