"""Object boxes of videos, found once and kept in the cache."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.arrays import load_archive
from vadkit.data.decoding.decode import READERS, STALL_S, read_frames
from vadkit.data.decoding.levels import Levels
from vadkit.data.decoding.threads import decoding_threads
from vadkit.data.objects import Boxes, ObjectFinder
from vadkit.data.store.derived import Progress, counter, key_of, one_at_a_time, write_derived
from vadkit.data.videos import Video
from vadkit.errors import DataError


def build_objects(
    videos: Sequence[Video],
    lengths: Sequence[int],
    finder_name: str,
    finder: ObjectFinder,
    params: Mapping[str, Any],
    *,
    cache: Path,
    digest: Callable[[Path], str],
    readers: Sequence[str] = READERS,
    plugins: Sequence[Path] = (),
    stall_s: float = STALL_S,
    levels: Levels | None = None,
    workers: int = 2,
    progress: Progress | None = None,
) -> dict[str, Boxes]:
    """Return the boxes of every video by id; find them now if ``cache/objects`` lacks them.

    ``lengths`` are the numbers of frames; ids must be unique, so call it for one split at a time.
    ``finder_name`` and ``params`` (with defaults) identify the component ``finder``; ``digest``
    returns the content of a video, or of a file such as weights that ``params`` name, as text.
    ``readers``, ``plugins``, ``stall_s`` and ``levels`` are those of ``read_frames``. ``progress``
    is called with the numbers of finished videos and of decoded frames. Raises ``DataError`` if a
    video has another number of frames, and the errors of ``read_frames`` and of the finder.
    """
    files = {name: digest(path) for name, value in params.items() if (path := _file(value))}
    named = {**params, **files}
    scale = () if levels is None else (str(levels),)
    tell = counter(progress)
    read = partial(read_frames, readers=readers, plugins=plugins, stall_s=stall_s, levels=levels)
    with decoding_threads(workers) as (each, worker, check_stop):

        def frames_of(video: Video, length: int) -> Generator[np.ndarray, None, None]:
            for frame in _part(video, length, read(video.path, worker=worker())):
                check_stop()
                tell(0, 1)
                yield frame

        def find(item: tuple[Video, int]) -> Boxes:
            video, length = item
            if finder.reads_frames:
                parts = (digest(video.path), str(video.part), str(length), *readers, *scale)
                key = key_of(finder_name, named, *parts)
                path = cache / "objects" / f"{key}.npz"
                with one_at_a_time(path):
                    boxes = _load(path)
                    if boxes is None:
                        boxes = _find(finder, video, length, frames_of(video, length))
                        with write_derived(path) as file:
                            np.savez(file, **vars(boxes))
            else:
                boxes = _find(finder, video, length, frames_of(video, length))
            tell(1, 0)
            return boxes

        found = each(find, zip(videos, lengths, strict=True))
    return {video.id: boxes for video, boxes in zip(videos, found, strict=True)}


def _find(
    finder: ObjectFinder, video: Video, length: int, frames: Generator[np.ndarray, None, None]
) -> Boxes:
    with contextlib.closing(frames):
        return finder(video, length, frames)


def _part(
    video: Video, length: int, frames: Generator[np.ndarray, None, None]
) -> Iterator[np.ndarray]:
    """Yield the frames of a part of a file; ``DataError`` if there are not ``length`` frames."""
    start, stop = video.part or (0, None)
    count = 0
    with contextlib.closing(frames):
        for frame in itertools.islice(frames, start, stop):
            count += 1
            if count <= length:
                yield frame
    if count != length:
        raise DataError(
            f"video '{video.id}' gave {count} frames while objects were searched, but {length} "
            f"when it was stored; {video.path} was changed or read by another reader"
        )


def _load(path: Path) -> Boxes | None:
    """Return saved boxes; None if there are none, or if the file is damaged."""
    try:
        boxes = Boxes(**load_archive(path))
        # Records the last use, for `vadkit data cache prune`.
        os.utime(path)
        return boxes
    except Exception:
        # NumPy raises errors of many types; in all cases, finding objects again helps.
        return None


def _file(value: Any) -> Path | None:
    path = value.expanduser() if isinstance(value, Path) else None
    return path if path is not None and path.is_file() else None
