"""Videos, thumbnails and error maps of a report, from the test videos of its runs."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.arrays import open_archive
from vadkit.data.videos import Video
from vadkit.errors import DataError, VadkitError
from vadkit.recipe import Recipe
from vadkit.reports.mistakes import Mistake
from vadkit.reports.record import RunRecord
from vadkit.reports.web_video import WebVideo, web_size, write_web_video
from vadkit.text import video_file
from vadkit.workflows.build import load_method, load_videos
from vadkit.workflows.frames import load_extras, store_videos
from vadkit.workflows.progress import ReportProgress, decoding_progress
from vadkit.workflows.run import checkpoint_file, load_run
from vadkit.workflows.saved_maps import check_maps
from vadkit.workflows.streamed import store_settings

if TYPE_CHECKING:
    from vadkit.data.decoding.child import Worker

# A video that several runs share is encoded once; videos are identified by their location.
Source = tuple[Path, tuple[int, int | None] | None]


@dataclass
class ReportVideo:
    """The result for one video: a file, or the reason why there is none, and some frames."""

    video: WebVideo | None = None
    reason: str | None = None
    frames: dict[int, np.ndarray] = field(default_factory=dict)


def find_videos(record: RunRecord, overrides: Sequence[str] = ()) -> dict[str, Video]:
    """Return a run's test videos by name; add a note to the record if there are none."""
    try:
        found = load_videos(_recipe(record, overrides), "test")
    except VadkitError as error:
        record.notes.append(
            f"No videos and thumbnails: {error}. If the dataset has moved, make the report again "
            "with --set dataset.root=FOLDER."
        )
        return {}
    return {video.id: video for video in found if video.id in record.raw}


def make_films(
    wanted: dict[Source, set[int]], frames: dict[Source, int], recipe: Recipe, folder: Path
) -> dict[Source, ReportVideo]:
    """Encode every source once into ``folder``, and keep the wanted frames.

    ``frames`` gives the number of frames that each must have to match its scores.
    """
    from vadkit.data.decoding.child import Worker

    films, done, decoded = {}, 0, 0
    progressing = decoding_progress(len(wanted), sum(frames.values()), "videos")
    with Worker() as worker, progressing as progress:
        for number, source in enumerate(wanted):
            ahead = _Counter(progress, done, decoded)
            place = folder / f"{number:03}.mp4"
            film = _make_film(source, wanted[source], recipe, place, ahead, worker)
            if film.video is not None and film.video.frames != frames[source]:
                film = ReportVideo(
                    reason=f"it has {film.video.frames} frames now, but {frames[source]} scores"
                )
            films[source], done, decoded = film, done + 1, ahead.decoded
            progress(done, decoded)
    return films


def source_of(video: Video) -> Source:
    return video.path.absolute(), video.part


class _Counter:
    """Adds the frames of one video to those of earlier videos."""

    def __init__(self, progress: ReportProgress, done: int, decoded: int) -> None:
        self.progress, self.done, self.decoded = progress, done, decoded

    def __call__(self, frames: int) -> None:
        self.decoded += frames
        self.progress(self.done, self.decoded)


def _make_film(
    source: Source,
    wanted: set[int],
    recipe: Recipe,
    path: Path,
    progress: _Counter,
    worker: Worker,
) -> ReportVideo:
    from vadkit.data.decoding.decode import probe, read_timed_frames

    file, part = source
    settings = store_settings(recipe)
    try:
        info = probe(file, worker=worker)
        reading = read_timed_frames(
            file,
            readers=settings.readers,
            size=web_size(info.size),
            plugins=settings.plugins,
            stall_s=settings.stall_s,
            levels=settings.levels,
            worker=worker,
        )
        with contextlib.closing(reading) as frames:
            start, stop = part or (0, None)
            cut = ((one.time, one.image) for one in itertools.islice(frames, start, stop))
            video, kept = write_web_video(path, cut, info.fps, wanted=wanted, progress=progress)
    except DataError as error:
        return ReportVideo(reason=str(error))
    return ReportVideo(video, frames=kept)


def mistake_maps(
    record: RunRecord,
    mistakes: Sequence[Mistake],
    videos: dict[str, Video],
    overrides: Sequence[str] = (),
) -> dict[tuple[str, int], np.ndarray]:
    """Return error maps (h, w) by video and frame: saved ones, else computed ones.

    Frames without a map are left out. If there are none at all, a note in the record says why.
    """
    wanted: dict[str, list[int]] = {}
    for mistake in mistakes:
        wanted.setdefault(mistake.video, []).append(mistake.frame)
    maps = {}
    for video in list(wanted):
        saved = _saved_maps(record, video)
        if saved is not None:
            for frame in wanted.pop(video):
                maps[video, frame] = np.asarray(saved[frame], np.float32)
    try:
        if record.recipe:
            maps.update(_work_out(record, wanted, videos, overrides))
    except VadkitError as error:
        # Errors of a checkpoint that does not match have several lines.
        record.notes.append(f"No error maps with the thumbnails: {' '.join(str(error).split())}")
    return {place: one for place, one in maps.items() if np.isfinite(one).any()}


def _saved_maps(record: RunRecord, video: str) -> np.ndarray | None:
    """Return maps (N, h, w) that evaluation has saved, None if there are none that match."""
    folder = record.folder / "scores" / "test" / "maps"
    for path in (video_file(folder, video, ".npy"), video_file(folder, video, ".npz")):
        if not path.is_file():
            continue
        try:
            found = _read_maps(path)
        except Exception:
            # For any problem with the file, there are no maps.
            return None
        if found.ndim == 3 and len(found) == len(record.raw[video]):
            return found
    return None


def _read_maps(path: Path) -> np.ndarray:
    """Read the maps of a file; ``.npy`` is memory-mapped, archives must fit in memory."""
    if path.suffix == ".npy":
        return check_maps(np.load(path, mmap_mode="r"))
    with open_archive(path) as archive:
        name = "maps" if "maps" in archive.heads else archive.files[0]
        return check_maps(archive[name])


def _work_out(
    record: RunRecord,
    wanted: dict[str, list[int]],
    videos: dict[str, Video],
    overrides: Sequence[str],
) -> Iterator[tuple[tuple[str, int], np.ndarray]]:
    """Compute the maps of these frames with the run's method."""
    chosen = [videos[video] for video in wanted if video in videos]
    if not chosen:
        return
    from vadkit.data.store.paced import scored_as
    from vadkit.device import pick_device, pick_precision
    from vadkit.engine.scoring import frame_maps

    recipe = _recipe(record, overrides)
    device = pick_device(recipe.train.device)
    dtype = pick_precision(recipe.train.precision, device)
    name = record.evaluation.get("checkpoint") or "last"
    method, _ = load_method(recipe, checkpoint_file(record.folder, name), device)
    stored, _ = store_videos(recipe, chosen)
    extras = load_extras(recipe, method.clip.scoring, chosen, stored)
    for video, video_extras in zip(stored, extras, strict=True):
        picked = {frame: scored_as(video, frame) for frame in wanted[video.id]}
        found = frame_maps(
            method, video, picked.values(), device=device, dtype=dtype, extras=video_extras
        )
        for frame, number in picked.items():
            if number in found:
                yield (video.id, frame), found[number]


def _recipe(record: RunRecord, overrides: Sequence[str]) -> Recipe:
    return load_run(record.folder, (*record.overrides, *overrides))
