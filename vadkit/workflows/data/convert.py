"""``vadkit data convert``: convert labels from any known format to vadkit's JSON format."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.errors import DataError, RecipeError

if TYPE_CHECKING:
    from vadkit.data.labels.intervals import Labels
    from vadkit.data.labels.table import Unit
    from vadkit.recipe import Data


@dataclass(frozen=True)
class ConversionResult:
    """The result of a conversion: totals, the source format, and notes for the user."""

    videos: int
    frames: int
    abnormal: int
    format: str
    out: str
    notes: list[str]

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        return asdict(self)


def convert(
    source: str | Path,
    out: Path,
    *,
    label_format: str | None = None,
    videos: Path | None = None,
    unit: Unit | None = None,
    fps: float | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    force: bool = False,
) -> ConversionResult:
    """Write the labels of a file, of a folder, or of a recipe's test split to ``out``.

    The length of a video comes from the labels, or is counted in ``videos``, a folder of videos or
    of image folders. If both are known, they must agree. With ``videos``, the output uses the ids
    of the videos, and a file that is one row for all videos is cut by their lengths. ``unit`` says
    what a table counts; times in seconds become frames by the times in the video files, or by
    ``fps``. Raises ``RecipeError`` if ``out`` exists and ``force`` is not set, and ``DataError``
    for labels that have no length or do not match the videos.
    """
    _check_options(out, fps, force)
    notes: list[str] = []
    if label_format is None and _is_recipe(source):
        if videos is not None:
            raise RecipeError(
                "--videos cannot be used with a recipe, which names its videos itself"
            )
        if unit is not None:
            raise RecipeError("--unit cannot be used with a recipe; set dataset.unit instead")
        labels, kind = _of_recipe(source, overrides, plugins)
    else:
        if overrides or plugins:
            raise RecipeError(f"'{source}' is not a recipe; --set and --plugin need a recipe")
        path = Path(source).expanduser()
        labels, kind = _of_labels(path, label_format, unit)
        if videos is not None:
            labels = _fit_to_videos(labels, kind, path, videos, unit, fps, notes)
    from vadkit.data.labels.intervals import check_intervals

    abnormal = 0
    for video, one in labels.items():
        if one.seconds:
            raise DataError(
                f"{source} labels video '{video}' in seconds; add --videos FOLDER, the folder of "
                "the videos, which have the times of their frames"
            )
        if one.frames is None:
            raise DataError(
                f"{source} ({kind}) does not state the number of frames of video '{video}'; add "
                "--videos FOLDER, the folder of the videos or of their frames, to count them"
            )
        check_intervals(one.intervals, one.frames, video)
        abnormal += one.abnormal()
    _write(out, labels)
    frames = sum(one.frames or 0 for one in labels.values())
    return ConversionResult(len(labels), frames, abnormal, kind, str(out), notes)


def _check_options(out: Path, fps: float | None, force: bool) -> None:
    if fps is not None and not 0 < fps < math.inf:
        raise RecipeError(f"--fps {fps:g} is not a frame rate; give frames per second, above 0")
    if out.exists() and not force:
        raise RecipeError(f"{out} exists; give another --out, or --force to overwrite it")
    if out.is_dir():
        raise RecipeError(f"--out {out} is a folder; give a file name")


def _is_recipe(source: str | Path) -> bool:
    from vadkit.recipe import find_recipe

    path = find_recipe(source)
    return path.suffix.lower() in (".yaml", ".yml") and not path.is_dir()


def _of_labels(
    path: Path, label_format: str | None, unit: Unit | None
) -> tuple[dict[str, Labels], str]:
    from vadkit.data.labels import guess_format, read_any

    if not path.exists():
        raise DataError(f"labels not found: {path} is not a file, folder or built-in recipe")
    kind = label_format or guess_format(path)
    return read_any(path, kind, unit), kind


def _of_recipe(
    source: str | Path, overrides: Sequence[str], plugins: Sequence[Path]
) -> tuple[dict[str, Labels], str]:
    """Return the labels of the test split, after counting the frames of its videos."""
    from vadkit.data.labels.intervals import Labels
    from vadkit.recipe import load_recipe
    from vadkit.workflows.build import load_videos

    recipe = load_recipe(source, overrides, plugins)
    videos = load_videos(recipe, "test")
    bare = [video.id for video in videos if video.labels is None]
    if bare:
        raise DataError(
            f"{len(bare)} of {len(videos)} test videos have no labels, first '{bare[0]}'; "
            "there is nothing to convert"
        )
    counts = _count_frames({video.path for video in videos}, recipe.data, recipe.plugins)
    labels = {}
    for video in videos:
        start, stop = video.part or (0, None)
        assert video.labels is not None
        frames = (counts[video.path] if stop is None else stop) - start
        labels[video.id] = Labels.from_flags(video.labels(frames))
    return labels, f"dataset {recipe.dataset.type}"


def _fit_to_videos(
    labels: dict[str, Labels],
    kind: str,
    path: Path,
    folder: Path,
    unit: Unit | None,
    fps: float | None,
    notes: list[str],
) -> dict[str, Labels]:
    """Return labels by the id of their video, in frames, after checking their lengths."""
    from vadkit.data.datasets.folder import find_videos
    from vadkit.data.labels.names import some
    from vadkit.data.labels.rows import cut_row, order, row_of
    from vadkit.recipe import Data

    paths = dict(find_videos(folder))
    if row_of(labels, kind, path, paths) is not None:
        counts = _count_frames(paths.values(), Data())
        lengths = {video: counts[place] for video, place in paths.items()}
        labels = cut_row(labels, lengths, path)
        notes.append(
            f"{path.name} is one row for all videos; it was cut in the order {order(lengths)}"
            if len(labels) > 1
            else f"{path.name} is the row of one video"
        )
    else:
        pairs = _matched(labels, paths, path.name, folder, notes)
        labels = {pairs[label]: one for label, one in labels.items()}
        counts = _count_frames((paths[video] for video in labels), Data())
    if left := [video for video in paths if video not in labels]:
        notes.append(f"{len(left)} of {len(paths)} videos in {folder} have no labels: {some(left)}")
    found = {
        video: _checked(one, video, paths[video], counts[paths[video]], path.name, fps)
        for video, one in labels.items()
    }
    if kind == "csv" and unit is None and _all_early(found):
        notes.append(
            "all abnormal frames are in the first twentieth of their videos; if the table is in "
            "seconds, add --unit seconds"
        )
    return found


def _all_early(labels: Mapping[str, Labels]) -> bool:
    ends = [(end, one.frames or 0) for one in labels.values() for _, end in one.intervals]
    return bool(ends) and all(end * 20 <= frames for end, frames in ends)


def _matched(
    labels: Mapping[str, Labels],
    paths: Mapping[str, Path],
    source: str,
    folder: Path,
    notes: list[str],
) -> dict[str, str]:
    from vadkit.data.labels.names import match_videos, some

    pairs, by_order = match_videos(list(labels), list(paths))
    if by_order:
        listed = some([f"{label} = {video}" for label, video in pairs.items()])
        notes.append(
            f"the ids of {source} and the names in {folder} do not match; paired in natural "
            f"order: {listed}"
        )
    return pairs


def _checked(
    labels: Labels, video: str, path: Path, frames: int, source: str, fps: float | None
) -> Labels:
    """Return labels in frames with the length of their video; ``DataError`` for another length."""
    from dataclasses import replace

    from vadkit.data.decoding.counting import frame_times

    if labels.seconds:
        labels = labels.in_frames(frame_times(path, frames, fps), video, source)
    labels.flags(frames, video, source)
    return replace(labels, frames=frames)


def _count_frames(
    paths: Iterable[Path], data: Data, plugins: Sequence[Path] = ()
) -> dict[Path, int]:
    from vadkit.workflows.data.look import look_at_files

    counts = {}
    for path, looked in look_at_files(sorted(paths), data, plugins=plugins).items():
        if looked.broken is not None:
            raise DataError(looked.broken)
        counts[path] = looked.frames or 0
    return counts


def _write(out: Path, labels: dict[str, Labels]) -> None:
    from vadkit.data.labels.own import write_labels
    from vadkit.files import write_whole

    try:
        with write_whole(out) as temporary:
            write_labels(temporary, labels)
    except OSError as error:
        raise DataError(f"{out} cannot be written: {error.strerror}") from None
