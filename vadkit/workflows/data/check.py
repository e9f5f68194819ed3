"""``vadkit data check``: decode every video once and report inconsistencies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.errors import DataError, RecipeError
from vadkit.workflows.data.faults import (
    CheckedVideo,
    DataFault,
    copy_faults,
    label_faults,
    length_fault,
    numbering_faults,
    official_faults,
    order_faults,
    short_faults,
    size_fault,
    split_size_faults,
    time_faults,
)
from vadkit.workflows.data.look import FileCheck, contents, look_at_files
from vadkit.workflows.levels import measured_levels

if TYPE_CHECKING:
    from vadkit.data.videos import Split, Video
    from vadkit.recipe import Data

_SPLITS: tuple[Split, ...] = ("train", "test")


@dataclass(frozen=True)
class DataReport:
    """Every video and every fault; with ``quick``, frame counts come from the containers."""

    videos: list[CheckedVideo]
    faults: list[DataFault]
    quick: bool

    @property
    def has_errors(self) -> bool:
        """Whether any fault is an error."""
        return any(fault.severity == "error" for fault in self.faults)

    @property
    def summary(self) -> dict[str, Any]:
        """Return totals; ``labelled`` frames include ``abnormal`` ones."""
        labelled = [video for video in self.videos if video.abnormal is not None]
        severities = Counter(fault.severity for fault in self.faults)
        return {
            "videos": len(self.videos),
            "frames": sum(video.frames or 0 for video in self.videos),
            "labelled": sum(video.frames or 0 for video in labelled),
            "abnormal": sum(video.abnormal or 0 for video in labelled),
            "errors": severities["error"],
            "warnings": severities["warning"],
            "quick": self.quick,
        }

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        return {
            "videos": [asdict(video) for video in self.videos],
            "faults": [asdict(fault) for fault in self.faults],
            "summary": self.summary,
        }


def check(
    source: str, overrides: Sequence[str] = (), plugins: Sequence[Path] = (), *, quick: bool = False
) -> DataReport:
    """Check the dataset of a recipe, or a folder of videos.

    With ``quick``, nothing is decoded: frame counts come from the containers, and masks are not
    checked. Raises ``DataError`` if the dataset has no videos.
    """
    from vadkit.recipe import Data, load_recipe
    from vadkit.registry import build
    from vadkit.workflows.build import build_clip

    if Path(source).expanduser().is_dir():
        if overrides or plugins:
            raise RecipeError(f"'{source}' is a folder; --set and --plugin need a recipe")
        dataset, span, data = build("datasets", "folder", {"root": source}), 1, Data()
    else:
        recipe = load_recipe(source, overrides, plugins)
        dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
        span, data, plugins = build_clip(recipe).span, recipe.data, recipe.plugins
    videos, faults = _list_videos(dataset)
    if data.levels is None and not quick:
        training = [video for video in videos if video.split == "train"]
        levels = measured_levels(training or videos, data.stall_s)
        data = data.model_copy(update={"levels": levels})
    label_source = str(getattr(dataset, "label_source", "the dataset"))
    looked, checked, found = _check_videos(videos, label_source, data, plugins, quick)
    faults += _file_faults(videos, looked) + found
    faults += split_size_faults(checked) + copy_faults(checked, contents(looked))
    faults += label_faults(checked) + short_faults(checked, span)
    for split in _SPLITS:
        expected = getattr(dataset, "expected", lambda split: None)(split)
        these = [video for video in checked if video.split == split]
        faults += official_faults(split, these, expected) if these else []
    return DataReport(checked, faults, quick)


def _list_videos(dataset: Any) -> tuple[list[Video], list[DataFault]]:
    """List the videos of both splits; if only one split fails, that is a fault."""
    videos: list[Video] = []
    faults, errors = [], []
    for split in _SPLITS:
        try:
            videos += dataset.videos(split)
        except DataError as error:
            faults.append(DataFault("error", "dataset", split, str(error)))
            errors.append(error)
    if not videos:
        raise errors[0] if errors else DataError("the dataset has no videos")
    return videos, faults


def _check_videos(
    videos: Sequence[Video],
    label_source: str,
    data: Data,
    plugins: Sequence[Path],
    quick: bool,
) -> tuple[dict[Path, FileCheck], list[CheckedVideo], list[DataFault]]:
    """Check every video with its labels and masks, as soon as its file is decoded."""
    places: dict[Path, list[int]] = defaultdict(list)
    for place, video in enumerate(videos):
        places[video.path].append(place)
    results: dict[int, tuple[CheckedVideo, list[DataFault]]] = {}

    def then(path: Path, file: FileCheck) -> None:
        for place in places[path]:
            results[place] = _check_video(videos[place], file, label_source, quick)

    looked = look_at_files(list(places), data, plugins=plugins, quick=quick, then=then)
    checked = [results[place][0] for place in range(len(videos))]
    return looked, checked, [fault for place in sorted(results) for fault in results[place][1]]


def _check_video(
    video: Video, file: FileCheck, label_source: str, quick: bool
) -> tuple[CheckedVideo, list[DataFault]]:
    name = f"{video.split}/{video.id}"
    faults: list[DataFault] = []
    frames = file.frames
    if video.part is not None and frames is not None:
        start, stop = video.part
        if not 0 <= start < (frames if stop is None else stop) <= frames:
            message = (
                f"the video is frames {start} to {stop} of {video.path.name}, which has only "
                f"{frames} frames; "
                "the file is truncated or another version"
            )
            faults.append(DataFault("error", "part", name, message))
            frames = None
        else:
            frames = (frames if stop is None else stop) - start
    info = file.info
    height, width = info.size if info else (None, None)
    checked = CheckedVideo(
        video.split,
        video.id,
        str(video.path),
        frames=frames,
        height=height,
        width=width,
        fps=info.fps if info and not video.path.is_dir() else None,
        codec=info.codec if info else None,
        labels=label_source if video.labels is not None else None,
        part=video.part,
    )
    if frames is None or file.broken is not None:
        return checked, faults
    if video.labels is not None:
        try:
            checked = replace(checked, abnormal=int(video.labels(frames).sum()))
        except DataError as error:
            # A truncated file fits no labels; the truncation is reported elsewhere.
            if not file.cut:
                faults.append(DataFault("error", "labels-length", name, str(error)))
    if not file.cut and not quick:
        faults += _region_faults(video, name, checked)
    return checked, faults


def _region_faults(video: Video, name: str, checked: CheckedVideo) -> list[DataFault]:
    """Compare masks and tracks with the frames."""
    assert checked.frames is not None
    try:
        if video.masks is not None:
            count, height, width = video.masks().shape
            if count != checked.frames:
                message = (
                    f"{count} masks for {checked.frames} frames; the folder or file is incomplete"
                )
                return [DataFault("error", "masks", name, message)]
            if (height, width) != (checked.height, checked.width):
                message = (
                    f"masks are {width}x{height} but frames {checked.width}x{checked.height}; "
                    "use the masks of this version of the videos"
                )
                return [DataFault("error", "masks", name, message)]
        if video.tracks is not None:
            last = max((int(t.frames.max()) for t in video.tracks() if len(t.frames)), default=-1)
            if last >= checked.frames:
                message = (
                    f"tracks reach frame {last} (from 0), but there are {checked.frames} frames"
                )
                return [DataFault("error", "tracks", name, message)]
    except DataError as error:
        return [DataFault("error", "masks", name, str(error))]
    return []


def _file_faults(videos: Sequence[Video], looked: dict[Path, FileCheck]) -> list[DataFault]:
    """Report problems of files and folders of images, each only once."""
    from vadkit.data.decoding.folders import image_files

    faults: list[DataFault | None] = []
    names: dict[Path, str] = {}
    for video in videos:
        names.setdefault(video.path, f"{video.split}/{video.id}")
    for path, name in names.items():
        file = looked[path]
        if file.broken is not None:
            faults.append(DataFault("error", "unreadable", name, file.broken))
        elif file.frames is None:
            message = "the container states no number of frames; check without --quick"
            faults.append(DataFault("warning", "frame-count", name, message))
        elif file.stated is not None and not path.is_dir():
            decoded = file.frames + file.damaged
            faults.append(length_fault(name, file.stated, decoded, file.cut))
        if file.info is not None and file.broken is None and not path.is_dir():
            info = file.info
            faults += time_faults(name, info.fps, file.cuts, file.damaged, info.dropped)
        faults.append(size_fault(name, file.sizes, "frames"))
        if path.is_dir():
            images = [image.name for image in image_files(path)]
            faults += numbering_faults(name, images) or order_faults(name, images)
    return [fault for fault in faults if fault is not None]
