"""The frame store: each video decoded once, in order, kept as uint8 that clips are cut from."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vadkit.data.decode import READERS, STALL_S, probe
from vadkit.data.decode_process import Worker
from vadkit.data.decode_threads import decoding_threads
from vadkit.data.digests import content_digest
from vadkit.data.store_write import write_video
from vadkit.data.stored_video import StoredVideo, open_stored
from vadkit.data.videos import Video
from vadkit.errors import DataError
from vadkit.plugins import as_run

# Part of every key: a change of the file's layout or of how frames are resized makes a new one.
_FORMAT = "3"


@dataclass(frozen=True)
class Skipped:
    """A video that could not be read, and why."""

    id: str
    path: Path
    reason: str


@dataclass(frozen=True)
class Settings:
    """How frames are made: part of the store's key, except how long a stall may last."""

    size: tuple[int, int]
    channels: str
    readers: tuple[str, ...] = READERS
    plugins: tuple[Path, ...] = ()
    stall_s: float = STALL_S

    @property
    def planes(self) -> int:
        """Channels of one frame."""
        return 3 if self.channels == "rgb" else 1

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.size[0] * self.size[1] * self.planes


@dataclass(frozen=True)
class Plan:
    """What the store holds of the videos, what it lacks, and what that will need.

    ``keys`` are by video; ``missing`` holds one video for every file that must be decoded, with
    the number of frames that its container states, None where it does not say.
    """

    videos: tuple[Video, ...]
    keys: tuple[str, ...]
    missing: dict[str, tuple[Video, int | None]]
    need_bytes: int
    free_bytes: int
    cache: Path

    @property
    def frames(self) -> int:
        """Frames to decode, as far as the containers tell."""
        return sum(count or 0 for _, count in self.missing.values())


def cache_folder() -> Path:
    """``$VADKIT_CACHE``, else ``vadkit`` under the user's cache folder."""
    if given := os.environ.get("VADKIT_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vadkit"


def plan_store(
    videos: Sequence[Video], settings: Settings, *, cache: Path | None = None, workers: int = 2
) -> Plan:
    """Look up every video in the store and estimate what decoding the others will take."""
    cache = cache or cache_folder()
    with decoding_threads(workers) as (each, worker, _):
        keys = each(lambda video: store_key(video.path, settings, cache), videos)
        # Parts of one file share its frames.
        firsts: dict[str, Video] = {}
        for key, video in zip(keys, videos, strict=True):
            firsts.setdefault(key, video)
        absent = [(k, v) for k, v in firsts.items() if open_stored(v.id, cache / k) is None]
        counts = each(lambda item: _frame_count(item[1].path, settings, worker()), absent)
    return Plan(
        videos=tuple(videos),
        keys=tuple(keys),
        missing={key: (video, n) for (key, video), n in zip(absent, counts, strict=True)},
        need_bytes=sum(count or 0 for count in counts) * settings.frame_bytes,
        free_bytes=free_bytes(cache),
        cache=cache,
    )


def build_store(
    plan: Plan,
    settings: Settings,
    *,
    workers: int = 2,
    on_bad_video: Literal["stop", "skip"] = "stop",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[StoredVideo], list[Skipped]]:
    """Every video in the store, decoded now where it is not there yet, and those skipped.

    ``progress`` is called with the numbers of files finished and of frames decoded. Raises
    ``DataError`` when the disk has no room, and for a video that cannot be read unless
    ``on_bad_video`` is "skip".
    """
    if plan.need_bytes > plan.free_bytes:
        raise DataError(
            f"the frame store needs about {size_text(plan.need_bytes)} in {plan.cache}, where "
            f"{size_text(plan.free_bytes)} are free; set VADKIT_CACHE to a larger disk, make room "
            "with `vadkit data cache prune`, or set data.store to none"
        )
    lock = threading.Lock()
    done = [0, 0]
    failed: dict[str, str] = {}

    def tell(files: int, frames: int) -> None:
        with lock:
            done[0] += files
            done[1] += frames
            if progress is not None:
                progress(*done)

    with decoding_threads(workers) as (each, worker, check_stop):

        def decoded(frames: int) -> None:
            check_stop()
            tell(0, frames)

        def store(item: tuple[str, Video]) -> None:
            key, video = item
            try:
                write_video(video.path, plan.cache, key, settings, worker(), decoded)
            except DataError as error:
                if on_bad_video == "stop":
                    raise
                failed[key] = str(error)
            tell(1, 0)

        each(store, [(key, video) for key, (video, _) in plan.missing.items()])
    stored, skipped = [], []
    for video, key in zip(plan.videos, plan.keys, strict=True):
        found = None
        if key not in failed:
            try:
                found = open_stored(video.id, plan.cache / key, video.part)
            except DataError as error:
                if on_bad_video == "stop":
                    raise
                failed[key] = str(error)
        if found is not None:
            stored.append(found)
        else:
            skipped.append(Skipped(video.id, video.path, failed[key]))
    if skipped and not stored:
        raise DataError(f"none of {len(skipped)} videos could be read; {skipped[0].reason}")
    return stored, skipped


def dataset_fingerprint(keys: Mapping[str, str]) -> str:
    """A short hash over keys by video id, to tell whether two runs saw the same frames."""
    lines = [f"{video} {key}" for video, key in keys.items()]
    return hashlib.blake2b(os.fsencode("\n".join(lines)), digest_size=8).hexdigest()


def free_bytes(folder: Path) -> int:
    """Free disk space where ``folder`` is or will be."""
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def size_text(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.2f} MiB"


def _frame_count(path: Path, settings: Settings, worker: Worker) -> int | None:
    """What the container states; None also for a file that will fail when it is decoded."""
    try:
        return probe(path, stall_s=settings.stall_s, worker=worker).frames
    except DataError:
        return None


def store_key(path: Path, settings: Settings, cache: Path) -> str:
    """The store's name of a file's frames: a hash of its content and of how they are made.

    A file that cannot be read gets a name too; decoding it will say what is wrong.
    """
    try:
        content = content_digest(path, cache / "digests")
    except DataError:
        content = f"unreadable {path.absolute()}"
    parts = [_FORMAT, content, str(settings.size), settings.channels, *settings.readers]
    if not {*settings.readers} <= {*READERS}:
        # A reader of the user's own makes other frames once it is changed.
        parts += [one.content.decode(errors="replace") for one in as_run(settings.plugins)]
    return hashlib.blake2b(os.fsencode("\n".join(parts)), digest_size=16).hexdigest()
