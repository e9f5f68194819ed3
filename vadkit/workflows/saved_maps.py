"""Score maps of a run's test split on disk: use saved ones, or compute them."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from vadkit.errors import DataError, TrainingError
from vadkit.files import partial_path, put_in_place, start_partial, write_json
from vadkit.reading import read_json
from vadkit.recipe import Recipe
from vadkit.text import video_file
from vadkit.workflows.build import load_method
from vadkit.workflows.frames import load_extras, store_videos
from vadkit.workflows.progress import decoding_progress, say
from vadkit.workflows.run import checkpoint_file

if TYPE_CHECKING:
    from vadkit.data.videos import Video

# The largest size of one map. Maps of 4K video are smaller.
_MOST_PIXELS = 1 << 24
_LARGEST = float(np.finfo(np.float16).max)


def current_maps(
    run: Path, recipe: Recipe, videos: Sequence[Video], meta: Mapping[str, Any]
) -> Callable[[str], np.ndarray] | None:
    """Return a function from a video's id to its maps, (N, h, w) float16; None without maps.

    Maps are in the method's unit times a power of two, which is the same for all videos. Frames
    without a map are NaN. ``meta`` is the record of the saved scores, see ``score_run``; maps of
    another checkpoint are computed again. Raises ``DataError`` if there is not enough disk space.
    """
    folder = run / "scores" / "test" / "maps"
    made_from = {key: meta[key] for key in ("checkpoint", "digest", "overrides", "videos")}
    # Records of older versions do not have contents and zones.
    made_from |= {"contents": meta.get("contents"), "zones": meta.get("zones", "")}
    record = folder / "meta.json"
    try:
        saved = {"zones": "", **read_json(record, _Record, "evaluate again")}
    except (OSError, TrainingError):
        saved = {}
    if {key: saved.get(key) for key in made_from} != made_from:
        record.unlink(missing_ok=True)
        checkpoint = checkpoint_file(run, meta["checkpoint"])
        scale = _scale(run)
        saved = {
            **made_from,
            "maps": _save_maps(recipe, checkpoint, videos, folder, scale),
            "scale": scale,
        }
        write_json(record, saved)
    return partial(_load_maps, folder) if saved["maps"] else None


class _Record(BaseModel):
    """The metadata that is saved with the maps."""

    checkpoint: str
    digest: str
    zones: str = ""
    overrides: list[str]
    videos: list[str]
    contents: dict[str, str] | None = None
    maps: bool
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _load_maps(folder: Path, video: str) -> np.ndarray:
    path = video_file(folder, video, ".npy")
    try:
        maps = check_maps(np.load(path, mmap_mode="r"))
        if maps.dtype != np.float16:
            raise ValueError(f"it contains {maps.dtype}")
    except Exception as error:
        # A damaged header is a Python literal, which can fail in many ways.
        raise DataError(
            f"saved maps {path} cannot be read ({error}); delete {folder} and evaluate again"
        ) from None
    return maps


def check_maps(maps: np.ndarray) -> np.ndarray:
    """Return maps (N, h, w) unchanged; raise ``ValueError`` for other arrays and for huge maps.

    A sparse file can claim more bytes than the disk has.
    """
    if maps.ndim != 3 or maps.dtype.kind != "f":
        raise ValueError(f"it contains {maps.dtype} {maps.shape}")
    if math.prod(maps.shape[1:]) > _MOST_PIXELS:
        raise ValueError(f"a map has {maps.shape[1]} x {maps.shape[2]} pixels")
    return maps


def _scale(run: Path) -> float:
    """Return the power of two that scales high values of normal maps to about 1, for float16."""
    from vadkit.scoring.normal import load_normal

    normal = load_normal(run)
    if normal is None or not 0 < normal.map_q99 < math.inf:
        return 1.0
    return 2.0 ** -round(math.log2(normal.map_q99))


def _save_maps(
    recipe: Recipe, checkpoint: Path, videos: Sequence[Video], folder: Path, scale: float
) -> bool:
    """Score the videos again and save their maps; return False if the method has none."""
    from vadkit.data.store.paced import frames_scored_as, whole
    from vadkit.device import pick_device, pick_precision, scoring_batch
    from vadkit.engine.scoring import map_video

    device = pick_device(recipe.train.device)
    dtype = pick_precision(recipe.train.precision, device)
    method, _ = load_method(recipe, checkpoint, device)
    stored, _ = store_videos(recipe, videos)
    extras = load_extras(recipe, method.clip.scoring, videos, stored)
    batch_size = scoring_batch(recipe.train.batch_size, device)
    score = partial(map_video, method, device=device, dtype=dtype, batch_size=batch_size)
    frames = sum(len(whole(video)) for video in stored)
    written = _Written(folder, frames, scale)
    empty = []
    with method.adapting(), decoding_progress(len(stored), frames, "score maps") as progress:
        for finished, (video, video_extras) in enumerate(zip(stored, extras, strict=True), 1):
            maps = (
                (frame, values)
                for number, values in score(video, extras=video_extras)
                for frame in frames_scored_as(video, number)
            )
            if not written.write(video.id, len(whole(video)), maps):
                if len(video) >= method.clip.scoring.span:
                    return False
                empty.append(video)
            progress(finished, written.frames)
    for video in empty:
        # Shorter than a clip, so no frame has a map.
        written.write(video.id, len(whole(video)), iter([(0, np.full((1, 1), np.nan, np.float32))]))
    return len(empty) < len(stored)


class _Written:
    """Writes map files to a folder; prints the total size when the first map is known."""

    def __init__(self, folder: Path, frames: int, scale: float) -> None:
        self.folder, self.expected, self.scale = folder, frames, scale
        self.frames = 0

    def write(self, video: str, frames: int, maps: Iterator[tuple[int, np.ndarray]]) -> bool:
        """Write the maps of a video under a temporary name and rename; False if there are none.

        If a frame has several maps, they are averaged.
        """
        path = video_file(self.folder, video, ".npy")
        counts = np.zeros(frames, np.int64)
        kept: np.ndarray | None = None
        for number, values in maps:
            if kept is None:
                self._check_room(values.shape)
                kept = np.lib.format.open_memmap(
                    start_partial(path), mode="w+", dtype=np.float16, shape=(frames, *values.shape)
                )
            scaled = values.astype(np.float32) * np.float32(self.scale)
            finite = np.isfinite(scaled)
            scaled[finite] = scaled[finite].clip(-_LARGEST, _LARGEST)
            if counts[number]:
                scaled = (kept[number] * counts[number] + scaled) / (counts[number] + 1)
            kept[number] = scaled
            counts[number] += 1
        if kept is None:
            return False
        kept[counts == 0] = np.nan
        kept.flush()  # type: ignore[attr-defined]
        del kept
        put_in_place(partial_path(path), path)
        self.frames += frames
        return True

    def _check_room(self, shape: tuple[int, ...]) -> None:
        from vadkit.data.store.build import size_text

        if self.frames:
            return
        need = self.expected * math.prod(shape) * 2
        self.folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        size = "x".join(map(str, shape))
        text = f"maps of {self.expected} frames at {size}: {size_text(need)} in {self.folder}"
        if need > free:
            raise DataError(f"not enough disk space for {text} ({size_text(free)} free)")
        say(f"saving {text} ({size_text(free)} free)")
