"""The frame store: each video is decoded once, in order, and kept as uint8."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vadkit.data.decoding.child import Worker
from vadkit.data.decoding.decode import probe
from vadkit.data.decoding.folders import warn_of_order
from vadkit.data.decoding.threads import decoding_threads
from vadkit.data.store.settings import Settings, cache_folder, store_key
from vadkit.data.store.stored_video import StoredVideo, open_stored
from vadkit.data.store.write import write_video
from vadkit.data.videos import Video
from vadkit.errors import DataError


@dataclass(frozen=True)
class Skipped:
    """A video that could not be read, and the reason."""

    id: str
    path: Path
    reason: str


@dataclass(frozen=True)
class Plan:
    """The videos that the store has, those that it lacks, and the space that these need.

    ``need_bytes`` is for frames and ``flow_bytes`` for their optical flow. ``keys`` are by video.
    ``missing`` has one video for every file that must be decoded, with the number of frames that
    its container states, None if it states none.
    """

    videos: tuple[Video, ...]
    keys: tuple[str, ...]
    missing: dict[str, tuple[Video, int | None]]
    need_bytes: int
    flow_bytes: int
    free_bytes: int
    cache: Path

    @property
    def frames(self) -> int:
        """The number of frames to decode, if the containers state it."""
        return sum(count or 0 for _, count in self.missing.values())


def plan_store(
    videos: Sequence[Video],
    settings: Settings,
    *,
    flow: bool = False,
    cache: Path | None = None,
    workers: int = 2,
) -> Plan:
    """Look up every video in the store and estimate the size of the others.

    With ``flow``, their optical flow will be stored as well.
    """
    cache = cache or cache_folder()
    for folder in {video.path for video in videos if video.path.is_dir()}:
        warn_of_order(folder)
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
        flow_bytes=sum(count or 0 for count in counts) * settings.flow_bytes * flow,
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
    """Return every video from the store, decoded now if it is missing, and the skipped ones.

    ``progress`` is called with the numbers of finished files and of decoded frames. Raises
    ``DataError`` if there is not enough disk space, and for an unreadable video unless
    ``on_bad_video`` is "skip".
    """
    check_room(plan)
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
    return _opened(plan, failed, on_bad_video)


def check_room(plan: Plan) -> None:
    """Raise ``DataError`` if there is not enough disk space for the missing videos."""
    need = plan.need_bytes + plan.flow_bytes
    if need > plan.free_bytes:
        raise DataError(
            f"the frame store needs about {size_text(need)} in {plan.cache}, where "
            f"{size_text(plan.free_bytes)} are free; set VADKIT_CACHE to a larger disk, free space "
            "with `vadkit data cache prune`, or set data.store to none"
        )


def _opened(
    plan: Plan, failed: dict[str, str], on_bad_video: Literal["stop", "skip"]
) -> tuple[list[StoredVideo], list[Skipped]]:
    """Open every video of the plan in the store; ``failed`` has reasons by key."""
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
    """A short hash over keys by video id, to check whether two runs used the same frames."""
    lines = [f"{video} {key}" for video, key in keys.items()]
    return hashlib.blake2b(os.fsencode("\n".join(lines)), digest_size=8).hexdigest()


def free_bytes(folder: Path) -> int:
    """Return the free disk space at ``folder``, which may not exist yet."""
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def size_text(count: int) -> str:
    """Format a number of bytes."""
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.2f} MiB"


def _frame_count(path: Path, settings: Settings, worker: Worker) -> int | None:
    """Return the stated number of frames; also None for a file that will fail to decode."""
    try:
        return probe(path, stall_s=settings.stall_s, worker=worker).frames
    except DataError:
        return None
