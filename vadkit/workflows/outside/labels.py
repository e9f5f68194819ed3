"""What labels, or the recipe or videos with them, tell about the videos that other code scored."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.errors import DataError
from vadkit.recipe import find_recipe, load_recipe
from vadkit.registry import build
from vadkit.workflows.build import load_videos
from vadkit.workflows.evaluate.run_scores import label_source
from vadkit.workflows.rates import frame_rates

if TYPE_CHECKING:
    from vadkit.data.labels.intervals import Labels
    from vadkit.data.labels.table import Unit
    from vadkit.data.videos import Video
    from vadkit.evaluation.metrics import TrueEvent


@dataclass(frozen=True)
class KnownLabels:
    """The labels of videos, and what else is known about these videos.

    ``labels`` are functions from the number of frames of a video to its flags. ``frames`` are the
    known numbers of frames, from the labels or, if ``from_files``, from the video files. ``row``
    is one row of labels for videos that nothing is known about; there are no ``labels`` then.
    ``events`` has the events of videos whose labels state kinds of anomaly.
    """

    source: str
    labels: dict[str, Callable[[int], np.ndarray]]
    frames: dict[str, int]
    from_files: bool = False
    rates: Mapping[str, float] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    events: Mapping[str, list[TrueEvent]] = field(default_factory=dict)
    row: Mapping[str, Labels] = field(default_factory=dict)
    notes: Sequence[str] = ()


def is_recipe(path: Path) -> bool:
    """Whether a path or the name of a built-in recipe is a recipe."""
    return find_recipe(path).suffix in (".yaml", ".yml")


def labels_of_recipe(path: Path, overrides: Sequence[str]) -> KnownLabels:
    """Return the labels of a recipe's test split."""
    recipe = load_recipe(path, overrides, code="trusted")
    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    videos = load_videos(recipe, "test")
    bare = [video.id for video in videos if video.labels is None]
    if bare:
        raise DataError(f"the dataset of {path} has no labels for test video '{bare[0]}'")
    return KnownLabels(
        label_source(recipe, dataset),
        {video.id: video.labels for video in videos if video.labels is not None},
        stated_frames(videos),
        True,
        frame_rates(videos, getattr(dataset, "fps", None)),
        {video.id: video.category for video in videos if video.category},
    )


def labels_of_file(path: Path, unit: Unit | None, fps: float | None) -> KnownLabels:
    """Return the labels of a file or folder; times in seconds need ``fps``."""
    from vadkit.data.labels import guess_format, read_any
    from vadkit.data.labels.rows import row_of

    kind = guess_format(path)
    found = read_any(path, kind, unit)
    row = row_of(found, kind, path)
    return KnownLabels(
        path.name,
        {video: _flags(one, video, path.name, fps) for video, one in found.items()},
        {video: one.frames for video, one in found.items() if one.frames is not None},
        events=_events(found),
        row={} if row is None else found,
    )


def labels_of_videos(path: Path, folder: Path, unit: Unit | None, fps: float | None) -> KnownLabels:
    """Return the labels of a file or folder for the videos in ``folder``, which have lengths."""
    from vadkit.data.datasets.folder import find_videos
    from vadkit.data.datasets.labelled import row_lengths
    from vadkit.data.decoding.counting import frame_counts
    from vadkit.data.labels import guess_format, read_any
    from vadkit.data.labels.names import match_videos
    from vadkit.data.labels.rows import cut_row, order, row_of
    from vadkit.data.videos import Video

    paths = dict(find_videos(folder))
    kind = guess_format(path)
    labels = read_any(path, kind, unit)
    notes = []
    if row_of(labels, kind, path, paths) is not None:
        lengths = row_lengths(labels, paths)
        labels = cut_row(labels, lengths, path)
        notes.append(f"The row of labels was cut in the order {order(lengths)}.")
    else:
        pairs, by_order = match_videos(list(labels), list(paths))
        # Scores have the names of the labels; the order is that of the videos.
        names = {video: name for name, video in pairs.items()}
        paths = {names[video]: place for video, place in paths.items() if video in names}
        if by_order:
            notes.append(f"Labels and videos were paired in natural order: {_pairs(pairs)}.")
        lengths = frame_counts(paths)
    videos = [Video(video, "test", place) for video, place in paths.items()]
    return KnownLabels(
        path.name,
        {
            video: _flags(one, video, path.name, fps, paths[video])
            for video, one in ((video, labels[video]) for video in paths)
        },
        lengths,
        True,
        frame_rates(videos, fps),
        events=_events(labels),
        notes=notes,
    )


def _events(labels: Mapping[str, Labels]) -> dict[str, list[TrueEvent]]:
    """Return the events of all videos with their kinds; {} if no label states a kind."""
    from vadkit.evaluation.metrics import TrueEvent

    if not any(one.kinds for one in labels.values()):
        return {}
    return {
        video: [
            TrueEvent(start, stop, kind)
            for (start, stop), kind in zip(one.intervals, one.kinds, strict=False)
        ]
        for video, one in labels.items()
    }


def _flags(
    labels: Labels, video: str, source: str, fps: float | None, path: Path | None = None
) -> Callable[[int], np.ndarray]:
    from vadkit.data.decoding.counting import frame_times

    def flags(frames: int) -> np.ndarray:
        found = labels
        if labels.seconds and path is not None:
            found = labels.in_frames(frame_times(path, frames, fps), video, source)
        elif labels.seconds and fps is not None:
            found = labels.in_frames(np.arange(frames) / fps, video, source)
        elif labels.seconds:
            raise DataError(
                f"{source} labels video '{video}' in seconds; add --videos FOLDER, or --fps"
            )
        return found.flags(frames, video, source)

    return flags


def stated_frames(videos: Sequence[Video]) -> dict[str, int]:
    """Return the number of frames that the files state, by video, if they do."""
    from vadkit.data.decoding.child import Worker
    from vadkit.data.decoding.decode import probe

    counts = {}
    with Worker() as worker:
        for path in sorted({video.path for video in videos}):
            with contextlib.suppress(DataError):
                counts[path] = probe(path, worker=worker).frames
    frames = {}
    for video in videos:
        start, stop = video.part or (0, None)
        if (end := stop or counts.get(video.path)) is not None:
            frames[video.id] = end - start
    return frames


def _pairs(pairs: Mapping[str, str]) -> str:
    from vadkit.data.labels.names import some

    return some([f"{label} = {video}" for label, video in pairs.items()])
