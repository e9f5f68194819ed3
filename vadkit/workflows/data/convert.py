"""``vadkit data convert``: convert labels from any known format to vadkit's JSON format."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.errors import DataError, RecipeError

if TYPE_CHECKING:
    from vadkit.data.labels.intervals import Labels
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
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    force: bool = False,
) -> ConversionResult:
    """Write the labels of a file, of a folder, or of a recipe's test split to ``out``.

    The length of a video comes from the labels, or is counted in ``videos``, a folder of videos or
    of image folders. If both are known, they must agree. With ``videos``, the output uses the ids
    of the videos. Raises ``RecipeError`` if ``out`` exists and ``force`` is not set, and
    ``DataError`` for labels that have no length or do not match the videos.
    """
    if out.exists() and not force:
        raise RecipeError(f"{out} exists; give another --out, or --force to overwrite it")
    if out.is_dir():
        raise RecipeError(f"--out {out} is a folder; give a file name")
    notes: list[str] = []
    if label_format is None and _is_recipe(source):
        if videos is not None:
            raise RecipeError(
                "--videos cannot be used with a recipe, which names its videos itself"
            )
        labels, kind = _of_recipe(source, overrides, plugins)
    else:
        if overrides or plugins:
            raise RecipeError(f"'{source}' is not a recipe; --set and --plugin need a recipe")
        path = Path(source).expanduser()
        labels, kind = _of_labels(path, label_format)
        if videos is not None:
            labels = _with_lengths(labels, videos, path.name, notes)
    from vadkit.data.labels.intervals import check_intervals

    abnormal = 0
    for video, one in labels.items():
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


def match_videos(labels: Sequence[str], videos: Sequence[str]) -> tuple[dict[str, str], bool]:
    """Match each label id with a video; also return whether only the order was used.

    Ids match exactly; or without zero padding, the suffix ``_gt`` and capitals; or by the last part
    of a path; or by number only, if the names of each side differ in nothing else. A rule counts
    only if it matches every label with one video. If no rule does and the numbers of labels and
    videos are equal, they are paired in natural order. Otherwise, raises ``DataError``.
    """
    from vadkit.data.decoding.readers import natural_key

    ways: tuple[Callable[[str], Hashable], ...] = (str, _plain, _plain_name)
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
        f"labels of {len(labels)} videos ({_some(labels)}) do not match the {len(videos)} videos "
        f"({_some(videos)}); give the videos the same names as in the labels"
    )


def _plain(name: str) -> str:
    """Remove capitals, zero padding and ``_gt``."""
    name = re.sub(r"_gt$", "", name.lower())
    return re.sub(r"\d+", lambda digits: str(int(digits[0])), name)


def _plain_name(name: str) -> str:
    return _plain(name.rpartition("/")[2])


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", _plain_name(name)))


def _letters(name: str) -> str:
    return re.sub(r"\d+", "#", _plain_name(name))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _is_recipe(source: str | Path) -> bool:
    from vadkit.recipe import find_recipe

    path = find_recipe(source)
    return path.suffix.lower() in (".yaml", ".yml") and not path.is_dir()


def _of_labels(path: Path, label_format: str | None) -> tuple[dict[str, Labels], str]:
    from vadkit.data.labels import guess_format, read_any

    if not path.exists():
        raise DataError(f"labels not found: {path} is not a file, folder or built-in recipe")
    kind = label_format or guess_format(path)
    return read_any(path, kind), kind


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


def _with_lengths(
    labels: dict[str, Labels], folder: Path, source: str, notes: list[str]
) -> dict[str, Labels]:
    """Return labels by the id of their video, after checking their lengths."""
    from dataclasses import replace

    from vadkit.data.datasets.folder import find_videos
    from vadkit.recipe import Data

    paths = dict(find_videos(folder))
    pairs, by_order = match_videos(list(labels), list(paths))
    if by_order:
        listed = _some([f"{label} = {video}" for label, video in pairs.items()])
        notes.append(
            f"the ids of {source} and the names in {folder} do not match; paired in natural "
            f"order: {listed}"
        )
    if left := [video for video in paths if video not in pairs.values()]:
        notes.append(
            f"{len(left)} of {len(paths)} videos in {folder} have no labels: {_some(left)}"
        )
    counts = _count_frames((paths[video] for video in pairs.values()), Data())
    found = {}
    for label, video in pairs.items():
        frames = counts[paths[video]]
        # Raises an error if the labels have another length.
        labels[label].flags(frames, video, source)
        found[video] = replace(labels[label], frames=frames)
    return found


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
