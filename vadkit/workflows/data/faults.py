"""Checks of videos and labels: functions from plain facts to faults."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from vadkit.data.decoding.folders import decimal_names, order_doubt
from vadkit.data.decoding.times import HIGHEST_RATE, LOWEST_RATE
from vadkit.text import counted

# Year, month, day, hour and minute.
_TIME_NUMBERS = 5
Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class DataFault:
    """One problem; ``video`` is "split/id", or a split if the whole split is affected."""

    severity: Severity
    kind: str
    video: str
    message: str


@dataclass(frozen=True)
class CheckedVideo:
    """What is known about one video; None if unknown or not applicable.

    ``frames`` is its length, ``abnormal`` the number of abnormal frames, ``labels`` the source of
    the labels, and ``part`` the range of the file that the video consists of.
    """

    split: str
    id: str
    path: str
    frames: int | None = None
    height: int | None = None
    width: int | None = None
    fps: float | None = None
    codec: str | None = None
    labels: str | None = None
    abnormal: int | None = None
    part: tuple[int, int | None] | None = None

    @property
    def name(self) -> str:
        """Split and id."""
        return f"{self.split}/{self.id}"


def length_fault(video: str, stated: tuple[int, bool], decoded: int, cut: bool) -> DataFault | None:
    """Compare the container's frame count with the number of decoded frames."""
    count, exact = stated
    message = f"the container states {'' if exact else 'about '}{count} frames but {decoded} came"
    if cut:
        return DataFault(
            "error",
            "truncated",
            video,
            message + "; the file is truncated or damaged, get it again",
        )
    if exact and decoded > count:
        message += "; other programs may count differently, so check labels made with them"
        return DataFault("warning", "frame-count", video, message)
    return None


def time_faults(
    video: str,
    rate: float,
    cuts: Sequence[tuple[float, float]],
    damaged: int,
    dropped: int,
) -> list[DataFault]:
    """Find a frame rate that cannot be right, cuts, and missing frames.

    ``rate`` is in frames per second; ``cuts`` are the times before and after each, in seconds.
    ``damaged`` packets could not be decoded; ``dropped`` frames are empty in the file.
    """
    faults = []
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        message = (
            f"the times of its frames make {rate:,.4g} frames per second, which is absurd, so "
            "times of alarms and rates per hour will be wrong; write the file again with its rate"
        )
        faults.append(DataFault("warning", "frame-rate", video, message))
    if cuts:
        before, after = max(cuts, key=lambda pair: pair[1] - pair[0])
        message = (
            f"{counted(len(cuts), 'cut')} in time or size, the longest from {before:.1f} to "
            f"{after:.1f} s; no clip crosses them"
        )
        faults.append(DataFault("warning", "cuts", video, message))
    if dropped:
        message = (
            f"{counted(dropped, 'frame')} dropped by the camera: the file has empty chunks in "
            "their place, and the other frames keep their times"
        )
        faults.append(DataFault("warning", "dropped", video, message))
    if damaged:
        message = f"{counted(damaged, 'damaged packet')} could not be decoded; frames are missing"
        faults.append(DataFault("warning", "damaged", video, message))
    return faults


def numbering_faults(video: str, names: Sequence[str]) -> list[DataFault]:
    """Find gaps and duplicates in image numbers; ignore names without numbers.

    The last number of a name counts. The most common distance between numbers is the regular one,
    so a folder of every fifth frame is valid. Decimal numbers and dates with times are not checked.
    """
    texts = [re.findall(r"\d+", name.rpartition(".")[0]) for name in names]
    if not (texts and all(texts)):
        return []
    if decimal_names(names) or all(len(found) >= _TIME_NUMBERS for found in texts):
        return []
    numbers = Counter(int(found[-1]) for found in texts)
    digits = len(texts[0][-1])
    faults = []
    twice = [number for number, count in numbers.items() if count > 1]
    if twice:
        first = [n for n, found in zip(names, texts, strict=True) if int(found[-1]) == twice[0]]
        message = (
            f"{_count(len(twice), 'frame number')} given to more than one image, first "
            f"{' and '.join(first[:2])}; keep one version of the frames in the folder"
        )
        faults.append(DataFault("error", "frame-numbers", video, message))
    gaps = _gaps(sorted(numbers))
    missing = sum(len(gap) for gap in gaps)
    if missing > len(names):
        message = (
            f"{len(names)} images, but their numbers leave out {missing}: the numbers are times, "
            "or frames are missing; number the images consecutively"
        )
        faults.append(DataFault("warning", "frame-numbers", video, message))
    elif missing:
        runs = [
            f"{gap[0]:0{digits}d}" + f" to {gap[-1]:0{digits}d}" * (len(gap) > 1) for gap in gaps
        ]
        message = (
            f"{_count(missing, 'frame')} missing from the numbering: {_first(runs)}; copy or "
            "extract the folder again, because labels after a gap would be shifted"
        )
        faults.append(DataFault("error", "frame-numbers", video, message))
    return faults


def order_faults(video: str, names: Sequence[str]) -> list[DataFault]:
    """Report images, given by their names in order, whose order is unsure."""
    doubt = order_doubt(names)
    if doubt is None:
        return []
    message = f"the order of the images is unsure: {doubt}; number them in the order of the frames"
    return [DataFault("warning", "frame-order", video, message)]


def _gaps(numbers: Sequence[int]) -> list[range]:
    steps = [after - before for before, after in pairwise(numbers)]
    if not steps:
        return []
    count = Counter(steps)
    step = min(count, key=lambda size: (-count[size], size))
    gaps = [range(before + step, after - step + 1, step) for before, after in pairwise(numbers)]
    return [gap for gap in gaps if gap]


def size_fault(video: str, sizes: Counter[tuple[int, int]], whats: str) -> DataFault | None:
    """Report frames of one video, or videos of one split, with more than one (height, width)."""
    if len(sizes) < 2:
        return None
    listed = [f"{n} of {w}x{h}" for (h, w), n in sizes.most_common()]
    message = f"{whats} of {len(sizes)} sizes: {_first(listed)}; all are stretched to clip.size"
    return DataFault("warning", "mixed-sizes", video, message)


def split_size_faults(videos: Iterable[CheckedVideo]) -> list[DataFault]:
    """Report splits whose videos have more than one image size."""
    sizes: dict[str, Counter[tuple[int, int]]] = {}
    for video in videos:
        if video.height is not None and video.width is not None:
            sizes.setdefault(video.split, Counter())[video.height, video.width] += 1
    found = [size_fault(split, count, "videos") for split, count in sizes.items()]
    return [fault for fault in found if fault]


def copy_faults(videos: Iterable[CheckedVideo], contents: Mapping[str, str]) -> list[DataFault]:
    """Report videos with the same content: an error across splits, a warning within one split.

    ``contents`` maps a path to a text that is equal for files with equal bytes.
    """
    seen: dict[str, list[CheckedVideo]] = {}
    faults = []
    for video in videos:
        if video.path not in contents:
            continue
        known = seen.setdefault(contents[video.path], [])
        # An overlap of splits is more important than a duplicate within a split.
        same = sorted(
            (other for other in known if _overlap(video.part, other.part)),
            key=lambda other: other.split == video.split,
        )
        known.append(video)
        if not same:
            continue
        if same[0].split == video.split:
            message = f"same content as {same[0].name}; it counts twice"
            faults.append(DataFault("warning", "duplicate", video.name, message))
        else:
            message = (
                f"same content as {same[0].name}; scores of videos that were used in training are "
                "meaningless, remove one of the two"
            )
            faults.append(DataFault("error", "train-test-overlap", video.name, message))
    return faults


def _overlap(one: tuple[int, int | None] | None, other: tuple[int, int | None] | None) -> bool:
    (a, b), (c, d) = one or (0, None), other or (0, None)
    return (d is None or a < d) and (b is None or c < b)


def label_faults(videos: Iterable[CheckedVideo]) -> list[DataFault]:
    """Report test videos without labels, and test sets with only one class."""
    test = [video for video in videos if video.split == "test"]
    bare = [video for video in test if video.labels is None]
    if test and len(bare) == len(test):
        message = (
            f"none of {len(test)} test videos has labels, so `vadkit eval` cannot evaluate them"
        )
        return [DataFault("warning", "no-labels", "test", message)]
    message = "test video without labels; `vadkit eval` needs labels for every test video"
    faults = [DataFault("error", "no-labels", video.name, message) for video in bare]
    known = [(video.abnormal, video.frames) for video in test if video.labels is not None]
    if known and all(abnormal is not None for abnormal, _ in known):
        abnormal = sum(count or 0 for count, _ in known)
        frames = sum(count or 0 for _, count in known)
        if abnormal in (0, frames):
            message = (
                f"all {frames} labelled test frames are {'abnormal' if abnormal else 'normal'}, so "
                "AUC is undefined; check the label file and how its ids match the videos"
            )
            faults.append(DataFault("error", "one-class-test", "test", message))
    return faults


def short_faults(videos: Sequence[CheckedVideo], span: int) -> list[DataFault]:
    """Report videos that are shorter than a clip: an error if this is true for a whole split."""
    known = [video for video in videos if video.frames is not None]
    long = {video.split for video in known if (video.frames or 0) >= span}
    return [
        DataFault(
            "warning" if video.split in long else "error",
            "too-short",
            video.name,
            f"{_count(video.frames or 0, 'frame', verb=False)}, but a clip of the recipe spans "
            f"{span}; the video is not used in training and gets no scores",
        )
        for video in known
        if (video.frames or 0) < span
    ]


def official_faults(
    split: str, videos: Sequence[CheckedVideo], expected: tuple[int, int | None] | None
) -> list[DataFault]:
    """Compare a split with its official numbers; fewer videos or frames is an error."""
    if expected is None:
        return []
    faults = []
    frames = [video.frames for video in videos]
    known = None if None in frames else sum(count or 0 for count in frames)
    counts = (("videos", len(videos), expected[0]), ("frames", known, expected[1]))
    for what, found, official in counts:
        if found is None or official is None or found == official:
            continue
        message = f"{found} {what}, {abs(found - official)} "
        message += (
            f"fewer than the official {official}; the copy is incomplete or re-encoded"
            if found < official
            else f"more than the official {official}; results will not be comparable"
        )
        severity: Severity = "error" if found < official else "warning"
        faults.append(DataFault(severity, "official-counts", split, message))
    return faults


def _count(number: int, what: str, verb: bool = True) -> str:
    """``1 frame is`` or ``2 frames are``."""
    return f"{number} {what}{'s' * (number != 1)}" + (" is" if number == 1 else " are") * verb


def _first(items: Sequence[str], most: int = 5) -> str:
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")
