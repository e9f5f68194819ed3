"""Features of the segments of videos, computed once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from vadkit.device import pick_device
from vadkit.errors import DataError
from vadkit.files import write_json, write_whole
from vadkit.reading import read_json
from vadkit.recipe import Recipe
from vadkit.registry import build
from vadkit.text import counted
from vadkit.workflows.build import build_clip
from vadkit.workflows.progress import clip_progress, say
from vadkit.workflows.streamed import component, kept_frames, store_settings, stream_videos

if TYPE_CHECKING:
    import torch

    from vadkit.data.clips.extras import Extras
    from vadkit.data.segments.video import SegmentVideo
    from vadkit.data.videos import ClipSpec, FrameReader, Video
    from vadkit.features.extractor import Extractor

# Raised whenever the same extractor gives other features.
_VERSION = 1
# Segments in one call of an extractor; streams have the same number, for the same bits.
AT_ONCE = 4
_AGAIN = "delete it, and its features are made again"


class _Note(BaseModel):
    """What is kept beside the features of a video."""

    frames: Annotated[int, Field(ge=1)]
    fps: Annotated[float, Field(gt=0)] | None


def extracted_videos(recipe: Recipe, videos: Sequence[Video]) -> list[SegmentVideo]:
    """Return the features of videos, and compute those that the cache lacks.

    Frames are decoded in order and not kept. Each file of the cache is written whole, so an
    interrupted extraction continues with the next video.
    """
    files, spec = extracted_files(recipe, videos), build_clip(recipe)
    missing = [video for video in videos if not _is_there(files[video.id])]
    if missing:
        _extract(recipe, missing, files, spec)
    return [_open(video, files[video.id], spec) for video in videos]


def extracted_files(recipe: Recipe, videos: Sequence[Video]) -> dict[str, Path]:
    """Return the files of the cache by video, which may not exist yet."""
    from vadkit.data.store.digests import content_digest
    from vadkit.data.store.settings import cache_folder

    folder = cache_folder() / "features" / _settings_key(recipe, build_clip(recipe))
    digests = cache_folder() / "digests"
    files = {}
    for video in videos:
        digest = content_digest(video.path, digests)
        part = "" if video.part is None else "-{}-{}".format(*video.part)
        files[video.id] = folder / f"{digest}{part}.npy"
    return files


def _settings_key(recipe: Recipe, spec: ClipSpec) -> str:
    """Return a digest of all that features depend on, except the video."""
    assert recipe.features is not None
    extractor: Extractor = build("extractors", recipe.features.type, recipe.features.params)
    parts: dict[str, Any] = {
        "version": _VERSION,
        "extractor": [recipe.features.type, component("extractors", recipe.features, recipe)[1]],
        "weights": extractor.weights,
        "clip": [spec.frames, spec.step, spec.size, spec.channels],
        "levels": recipe.data.levels,
    }
    if spec.flow and recipe.flow is not None:
        parts["flow"] = [recipe.flow.type, component("flow", recipe.flow, recipe)[1]]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _is_there(file: Path) -> bool:
    return file.is_file() and file.with_suffix(".json").is_file()


def _open(video: Video, file: Path, spec: ClipSpec) -> SegmentVideo:
    from vadkit.data.segments.feature_set import read_array
    from vadkit.data.segments.video import SegmentVideo

    try:
        note = read_json(file.with_suffix(".json"), _Note, _AGAIN, error=DataError)
        shape, load = read_array(file)
    except DataError as error:
        raise DataError(f"{str(error).removesuffix(f'; {_AGAIN}')}; {_AGAIN}") from None
    return SegmentVideo(
        video.id,
        f"{file.parent.name} {file.stem}",
        shape,
        load,
        note["frames"],
        spec.span,
        video.abnormal,
        video.category,
        note["fps"],
    )


def _extract(
    recipe: Recipe,
    videos: Sequence[Video],
    files: dict[str, Path],
    spec: ClipSpec,
) -> None:
    device = pick_device(recipe.train.device)
    # Without gradients, videos are read one after another, by one process, and flow is computed
    # from the frames of a batch, which must still be there.
    train = recipe.train.model_copy(update={"batch_size": AT_ONCE * spec.span})
    reading = recipe.model_copy(update={"optimizers": {}, "train": train})
    stored, _ = stream_videos(reading, videos, store_settings(recipe))
    assert recipe.features is not None
    extractor: Extractor = build("extractors", recipe.features.type, recipe.features.params)
    extractor = extractor.to(device)
    folder = files[videos[0].id].parent
    say(f"features of {counted(len(stored), 'video')} by {_name(recipe)}, kept in {folder}")
    with clip_progress("extracting features", sum(map(len, stored))) as done:
        for video in stored:
            rows = features_of(extractor, video, spec, _extras(reading, spec, video), device)
            file = files[video.id]
            write_json(file.with_suffix(".json"), {"frames": len(video), "fps": video.fps})
            with write_whole(file) as partial_file:
                np.save(partial_file, rows.astype(np.float16))
            done(len(video))


def _extras(recipe: Recipe, spec: ClipSpec, video: FrameReader) -> Extras:
    from vadkit.data.clips.extras import Extras
    from vadkit.data.flow.streamed import StreamedFlow

    if not spec.flow or recipe.flow is None:
        return Extras()
    flow, _ = component("flow", recipe.flow, recipe)
    return Extras(StreamedFlow(video, flow, keep=kept_frames(recipe)))


def features_of(
    extractor: Extractor, video: FrameReader, spec: ClipSpec, extras: Extras, device: torch.device
) -> np.ndarray:
    """Return the features (segments, crops, D) float32 of a video.

    The last segment is aligned to the end of the video. A video that is shorter than a segment is
    extended by its last frame.
    """
    import torch

    from vadkit.data.clips.batch import make_clips
    from vadkit.data.clips.extras import ClipExtras, gather_extras

    length, found = len(video), []
    starts = segment_starts(length, spec.span)
    gather = partial(gather_extras, [extras], spec=spec)
    for place in range(0, len(starts), AT_ONCE):
        batch = starts[place : place + AT_ONCE]
        clips = np.stack([_frames(video, start, spec) for start in batch.tolist()])
        rows = np.stack([np.zeros_like(batch), batch], axis=1)
        more = gather(rows=rows) if length >= spec.span else ClipExtras(flow=_still(spec))
        with torch.inference_mode():
            made = make_clips(torch.from_numpy(clips), more, spec, device, torch.float32)
            found.append(extractor(made).float().cpu().numpy())
    return np.concatenate(found)


def segment_starts(frames: int, span: int) -> np.ndarray:
    """Return the first frames of segments; the last one reaches the end of the video."""
    last = max(frames - span, 0)
    starts = np.arange(0, last + 1, span)
    return starts if starts[-1] == last else np.append(starts, last)


def _frames(video: FrameReader, start: int, spec: ClipSpec) -> np.ndarray:
    stop = min(start + spec.span, len(video))
    frames = video.read(start, stop)
    if stop - start < spec.span:
        frames = np.concatenate([frames, frames[-1:].repeat(spec.span - stop + start, axis=0)])
    return frames[:: spec.step]


def _still(spec: ClipSpec) -> torch.Tensor | None:
    """Return no motion, for a video that is shorter than a segment."""
    import torch

    return torch.zeros(1, len(spec.flow), *spec.size, 2) if spec.flow else None


def _name(recipe: Recipe) -> str:
    assert recipe.features is not None
    return recipe.features.type
