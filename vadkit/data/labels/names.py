"""Match the names in a label file with those of videos."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence

from vadkit.data.decoding.folders import natural_key
from vadkit.data.decoding.suffixes import VIDEO_SUFFIXES
from vadkit.errors import DataError
from vadkit.text import printable


def without_ending(name: str) -> str:
    """Remove the ending of a video file from a name: "01" for "01.mp4"."""
    stem, dot, ending = name.rpartition(".")
    return stem if f"{dot}{ending.lower()}" in VIDEO_SUFFIXES else name


def match_endings(names: Iterable[str], videos: Iterable[str]) -> dict[str, str]:
    """Return the video of each name that is equal to it, or equal without the ending of a file.

    A name that has no video, or several, keeps itself. Raises ``DataError`` if two names have the
    same video.
    """
    videos = list(videos)
    known = set(videos)
    plain: dict[str, list[str]] = {}
    for video in videos:
        plain.setdefault(without_ending(video), []).append(video)
    found: dict[str, str] = {}
    first: dict[str, str] = {}
    for name in names:
        near = plain.get(without_ending(name), [])
        unclear = name in known or len(near) != 1 or not _one_ends(name, near[0])
        found[name] = video = name if unclear else near[0]
        if first.setdefault(video, name) != name:
            raise DataError(
                f"'{printable(first[video])}' and '{printable(name)}' are both video "
                f"'{printable(video)}'; remove one"
            )
    return found


def _one_ends(name: str, video: str) -> bool:
    """Whether only one of both has an ending: "a.mp4" is not the video "a.avi"."""
    return (without_ending(name) == name) != (without_ending(video) == video)


def match_videos(labels: Sequence[str], videos: Sequence[str]) -> tuple[dict[str, str], bool]:
    """Match each label id with a video; also return whether only the order was used.

    Ids match exactly; or without the ending of a file; or without zero padding, the suffix ``_gt``
    and capitals; or by the last part of a path; or by number only, if the names of each side differ
    in nothing else. A rule counts only if it matches every label with one video. If no rule does
    and the numbers of labels and videos are equal, they are paired in natural order. Otherwise,
    raises ``DataError``.
    """
    ways: tuple[Callable[[str], Hashable], ...] = (str, without_ending, _plain, _plain_name)
    if len({_letters(name) for name in labels}) == len({_letters(name) for name in videos}) == 1:
        ways += (_numbers,)
    for key in ways:
        by_key = {key(video): video for video in videos}
        wanted = {key(label) for label in labels}
        if len(by_key) == len(videos) and len(wanted) == len(labels) and wanted <= by_key.keys():
            return {label: by_key[key(label)] for label in labels}, False
    if len(labels) == len(videos):
        ordered = (sorted(names, key=natural_key) for names in (labels, videos))
        return dict(zip(*ordered, strict=True)), True
    raise DataError(
        f"labels of {len(labels)} videos ({some(labels)}) do not match the {len(videos)} videos "
        f"({some(videos)}); give the videos the same names as in the labels"
    )


def some(names: Sequence[str]) -> str:
    """The first three names."""
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _plain(name: str) -> str:
    """Remove capitals, zero padding, the ending and ``_gt``."""
    name = re.sub(r"_gt$", "", without_ending(name).lower())
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), name)


def _plain_name(name: str) -> str:
    return _plain(name.replace("\\", "/").rpartition("/")[2])


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", _plain_name(name)))


def _letters(name: str) -> str:
    return re.sub(r"\d+", "#", _plain_name(name))
