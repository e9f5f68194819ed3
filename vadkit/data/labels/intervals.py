"""Abnormal frames of a video as intervals, and checks against the video's length."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from vadkit.arrays import runs
from vadkit.errors import DataError

# Abnormal frames as 0-based half-open [start, end) pairs.
Intervals = list[tuple[int, int]]

# 38 days at 30 frames per second; a larger number in a label file is a mistake.
MOST_FRAMES = 10**8
# A video with more changes has noise as labels, which would need gigabytes of memory.
MOST_INTERVALS = 10**6
# Containers round times of frames to milliseconds.
_ROUNDING_S = 1e-3


@dataclass(frozen=True)
class Labels:
    """The labels of one video from a label file.

    ``frames`` is the length that the file states, None if it only has intervals. ``seconds`` are
    half-open intervals in seconds; ``in_frames`` turns them into ``intervals``. ``kinds`` has the
    kind of anomaly of every interval, where the file states it, else it is empty.
    """

    intervals: Intervals
    frames: int | None = None
    seconds: tuple[tuple[float, float], ...] = ()
    kinds: tuple[str, ...] = field(default=(), compare=False)

    def abnormal(self) -> int:
        """The number of abnormal frames."""
        return sum(end - start for start, end in join_intervals(self.intervals))

    @classmethod
    def from_flags(cls, flags: np.ndarray) -> Labels:
        """Create labels from one bool per frame; ``DataError`` for too many changes."""
        turns = int(np.count_nonzero(flags[1:] != flags[:-1]))
        if turns > 2 * MOST_INTERVALS:
            raise DataError(
                f"labels change {turns:,} times between normal and abnormal; these are not labels"
            )
        return cls(runs(flags), len(flags))

    def flags(self, frames: int, video: str, source: str) -> np.ndarray:
        """Return bool (frames,), True for abnormal frames.

        Raises ``DataError`` with both numbers and the likely cause if the file states another
        length, or has frames that the video does not have.
        """
        if self.frames is not None and self.frames != frames:
            raise DataError(
                f"video '{video}' has {frames} frames but {source} labels {self.frames}; "
                + likely_cause(frames, self.frames)
            )
        if self.seconds:
            raise DataError(
                f"{source} labels video '{video}' in seconds; turn them into frames first, with "
                f"`vadkit data convert {source} --videos FOLDER --out labels.json`"
            )
        return intervals_to_frames(self.intervals, frames, video)

    def in_frames(self, times: np.ndarray, video: str, source: str) -> Labels:
        """Return labels in frames, from the times (frames,) of a video's frames in seconds.

        A frame is abnormal if it is shown during an interval. Raises ``DataError`` if an interval
        is not inside the video.
        """
        if not self.seconds:
            return self
        step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
        end_s = float(times[-1]) + step
        found: Intervals = []
        for start, end in self.seconds:
            # People round the end of a video to whole seconds.
            if start >= end_s or end > end_s + 1:
                raise DataError(
                    f"{source}: the interval from {start:g} to {end:g} s of video '{video}' is not "
                    f"inside the video, which ends at {end_s:g} s; are these frames?"
                )
            first, stop = np.searchsorted(times, np.array([start, end]) - _ROUNDING_S)
            # An interval between two frames is seen in the earlier one.
            first = min(first, len(times) - 1) if first < stop else max(first - 1, 0)
            found.append((int(first), int(max(stop, first + 1))))
        return Labels(join_intervals(found), self.frames)

    def of(self, video: str, source: str) -> Callable[[int], np.ndarray]:
        """Return a function for ``Video.labels``: from a video's frame count to its flags."""
        return lambda frames: self.flags(frames, video, source)


def intervals_to_frames(
    intervals: Sequence[tuple[int, int]], frames: int, video: str
) -> np.ndarray:
    """Return bool (frames,), True inside an interval.

    Raises ``DataError`` if an interval is not inside the video.
    """
    check_intervals(intervals, frames, video)
    flags = np.zeros(frames, bool)
    for start, end in intervals:
        flags[start:end] = True
    return flags


def check_intervals(intervals: Sequence[tuple[int, int]], frames: int, video: str) -> None:
    """Raise ``DataError`` if an interval is not inside the video."""
    for start, end in intervals:
        if not 0 <= start < end:
            raise DataError(f"labels of video '{video}': [{start}, {end}) is not an interval")
        if end > frames:
            raise DataError(
                f"labels of video '{video}' reach frame {end}, but the video has {frames} frames; "
                + likely_cause(frames, end)
            )


def join_intervals(intervals: Iterable[tuple[int, int]]) -> Intervals:
    """Return the same frames as sorted intervals that neither overlap nor touch."""
    joined: Intervals = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def likely_cause(frames: int, labelled: int) -> str:
    """Return a likely reason why a video and its labels have different lengths."""
    low, high = sorted((frames, labelled))
    if high - low == 1:
        return (
            "one frame is off: the labels count from 1 instead of 0, or a re-encoding lost or "
            "duplicated a frame"
        )
    ratio = round(high / low) if low else 0
    if 2 <= ratio <= 60 and abs(high - ratio * low) <= max(ratio, high // 100):
        what = "the labels are" if labelled < frames else "the video was re-encoded or extracted"
        return f"{what} at 1/{ratio} of the frame rate"
    if labelled < frames and frames - labelled < 16 and labelled % 16 == 0:
        return "the labels were cut to whole segments of 16 frames, as feature extractors do"
    if labelled < frames and frames - labelled <= 16:
        return (
            f"the labels leave out {frames - labelled} frames, like files for methods that do "
            "not score the first ones"
        )
    return "the video was cut or re-encoded, or the labels belong to another version of it"
