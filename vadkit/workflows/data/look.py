"""Inspect many files: what each container states, what can be decoded, and which are copies."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.data.decoding.times import HIGHEST_RATE, LOWEST_RATE
from vadkit.errors import DataError

if TYPE_CHECKING:
    from vadkit.data.decoding.child import Worker
    from vadkit.data.decoding.decode import VideoInfo
    from vadkit.recipe import Data


# Decoded frames are only counted, so they are resized to this before they go through the pipe.
_COUNTED_SIZE = (8, 8)


@dataclass
class FileCheck:
    """What was found in one file or folder of images.

    ``frames`` is the number of decoded frames, or the number that the container states if nothing
    was decoded. ``sizes`` counts the images of a folder by (height, width). ``broken`` is the
    reason why the file cannot be read to its end. ``cuts`` are the times of the frames before and
    after each cut (see ``VideoFrame``), ``damaged`` counts packets that could not be decoded.
    """

    info: VideoInfo | None = None
    frames: int | None = None
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    broken: str | None = None
    cuts: list[tuple[float, float]] = field(default_factory=list)
    damaged: int = 0

    @property
    def stated(self) -> tuple[int, bool] | None:
        """The frames that the container states, and whether that is an exact count."""
        if self.info is None:
            return None
        if self.info.frames is not None:
            return self.info.frames, True
        if self.info.duration is None or self.info.variable_rate:
            return None
        if not LOWEST_RATE <= self.info.fps <= HIGHEST_RATE:
            return None
        return round(self.info.duration * self.info.fps), False

    @property
    def cut(self) -> bool:
        """Whether it is unreadable, or has clearly fewer frames than the container states."""
        if self.broken is not None or self.frames is None:
            return True
        count, exact = self.stated or (0, True)
        # Durations in seconds include some time before and after the frames.
        return self.frames + self.damaged < (count if exact else count * 0.95 - 2)


def look_at_files(
    paths: Sequence[Path],
    data: Data,
    *,
    plugins: Sequence[Path] = (),
    quick: bool = False,
    then: Callable[[Path, FileCheck], None] = lambda path, looked: None,
) -> dict[Path, FileCheck]:
    """Probe every file, decode it unless ``quick``, then call ``then`` in the same thread.

    ``plugins`` may contain readers that ``data`` names. Two files are read at a time. In a
    terminal, a progress bar is shown on stderr.
    """
    from vadkit.data.decoding.decode import probe
    from vadkit.data.decoding.threads import decoding_threads
    from vadkit.workflows.progress import decoding_progress

    lock = threading.Lock()
    done = [0, 0]

    with decoding_threads(2) as (each, worker, check_stop):

        def ask(path: Path) -> FileCheck:
            check_stop()
            try:
                info = probe(path, stall_s=data.stall_s, worker=worker())
            except DataError as error:
                return FileCheck(broken=str(error))
            return FileCheck(info, info.frames, _image_sizes(path))

        looked = dict(zip(paths, each(ask, paths), strict=True))
        stated = sum(one.frames or 0 for one in looked.values())
        with decoding_progress(0 if quick else len(paths), stated) as report:

            def tell(files: int, frames: int) -> None:
                check_stop()
                with lock:
                    done[0] += files
                    done[1] += frames
                    report(*done)

            def look(path: Path) -> None:
                if not quick and looked[path].broken is None:
                    _decode(path, looked[path], data, plugins, worker(), tell)
                then(path, looked[path])
                tell(1, 0)

            each(look, paths)
    return looked


def _decode(
    path: Path,
    looked: FileCheck,
    data: Data,
    plugins: Sequence[Path],
    worker: Worker,
    tell: Callable[[int, int], None],
) -> None:
    from vadkit.data.decoding.decode import read_timed_frames

    looked.frames, before = 0, 0.0
    reading = read_timed_frames(
        path,
        readers=data.readers,
        size=_COUNTED_SIZE,
        plugins=plugins,
        stall_s=data.stall_s,
        levels=data.levels,
        worker=worker,
    )
    try:
        with contextlib.closing(reading) as frames:
            for frame in frames:
                looked.frames += 1
                looked.damaged += frame.damaged
                if frame.cut:
                    looked.cuts.append((before, frame.time))
                before = frame.time
                tell(0, 1)
    except DataError as error:
        looked.broken = str(error)


def _image_sizes(path: Path) -> Counter[tuple[int, int]]:
    """Sizes of a folder's images from their headers; decoding finds damaged images."""
    from vadkit.data.decoding.folders import image_files
    from vadkit.data.images import image_size

    sizes: Counter[tuple[int, int]] = Counter()
    for file in image_files(path) if path.is_dir() else []:
        if size := image_size(file):
            sizes[size[1], size[0]] += 1
    return sizes


def contents(paths: Iterable[Path]) -> dict[str, str]:
    """Return a text for each path that is equal for files with equal bytes; skip broken files.

    Only files of equal sizes are hashed, because the others cannot be equal.
    """
    from vadkit.data.store.digests import content_digest
    from vadkit.data.store.settings import cache_folder

    alike: dict[tuple[int, ...], list[Path]] = defaultdict(list)
    for path in paths:
        sizes = _sizes(path)
        if any(sizes):
            alike[sizes].append(path)
    found: dict[str, str] = {}
    for group in alike.values():
        for path in group:
            with contextlib.suppress(DataError):
                found[str(path)] = (
                    content_digest(path, cache_folder() / "digests")
                    if len(group) > 1
                    else str(path)
                )
    return found


def _sizes(path: Path) -> tuple[int, ...]:
    """Sizes in bytes of a file or of a folder's images; () if it does not exist."""
    from vadkit.data.decoding.folders import image_files

    try:
        files = image_files(path) if path.is_dir() else [path]
        return tuple(file.stat().st_size for file in files)
    except OSError:
        return ()
