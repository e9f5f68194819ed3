"""Scores of the frames of one video, from a method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from vadkit.data.clips.batch import make_clips
from vadkit.data.clips.extras import ClipExtras, Extras, gather_extras
from vadkit.data.clips.ranges import scatter_scores, scoring_starts
from vadkit.data.segments.video import SegmentVideo
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec, FrameReader
from vadkit.engine.score_segments import score_frames_of_segments
from vadkit.methods.exported.method import ExportedMethod
from vadkit.methods.method import Method, Scores

T = TypeVar("T")
# Called with the number of a frame and its detections.
Detected = Callable[[int, Tensor], None]
# Batches whose scores are still on the device while others are read and started.
_QUEUED = 2


def score_video(
    method: Method,
    video: FrameReader,
    *,
    device: torch.device,
    dtype: torch.dtype,
    batch_size: int,
    extras: Extras | None = None,
    part: tuple[int, int] | None = None,
    scored: Callable[[int], None] = lambda clips: None,
) -> np.ndarray:
    """Return raw scores (N,) float64 of a video, NaN for frames without a score.

    ``extras`` are the video's flow and boxes, if the method takes any. With ``part``, a half-open
    range of frames, only clips inside it are scored. Frames are read in order, one batch of clips
    at a time, so memory does not grow. ``scored`` is called with the number of clips of each batch.
    """
    scores, _ = score_video_parts(
        method,
        video,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        extras=extras,
        part=part,
        scored=scored,
    )
    return scores


def score_video_parts(
    method: Method,
    video: FrameReader,
    *,
    device: torch.device,
    dtype: torch.dtype,
    batch_size: int,
    extras: Extras | None = None,
    part: tuple[int, int] | None = None,
    scored: Callable[[int], None] = lambda clips: None,
    detected: Detected | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Like ``score_video``, and also return ``Scores.parts`` (N,) by name; {} without parts.

    ``detected`` is called with each scored frame of a method that scores objects, and with its
    detections (n, 5) on the device, see ``Scores.objects``.
    """
    if isinstance(video, SegmentVideo):
        return score_frames_of_segments(
            method, video, device=device, dtype=dtype, part=part, scored=scored
        )
    spec = method.clip.scoring
    starts = scoring_starts(len(video), spec, video.cuts)
    if part is not None:
        starts = starts[(starts >= part[0]) & (starts + spec.span <= part[1])]
    # Scores and parts by name; the scores have no name.
    found: list[dict[str, Tensor]] = []
    known_extras = extras or Extras()
    for batch, scores in _scored(method, video, starts, known_extras, device, dtype, batch_size):
        named = {"": scores.frames, **(scores.parts or {})}
        found.append({name: one.double() for name, one in named.items()})
        if detected is not None and scores.objects is not None:
            for start, rows in zip(batch.tolist(), scores.objects, strict=True):
                detected(start + spec.scored[-1] * spec.step, rows)
        if len(found) > _QUEUED:
            # Waits for an earlier batch only, so the device is never idle.
            found[-1 - _QUEUED] = {name: one.cpu() for name, one in found[-1 - _QUEUED].items()}
        scored(len(batch))

    def of_frames(name: str) -> np.ndarray:
        # A part that a batch lacks has no score there.
        each = [one.get(name, torch.full_like(one[""], torch.nan)).cpu().numpy() for one in found]
        values = np.concatenate(each or [np.empty((0, len(spec.scored)))])
        return scatter_scores(values, starts, len(video), spec)

    names = dict.fromkeys(name for one in found for name in one if name)
    return of_frames(""), {name: of_frames(name) for name in names}


def score_with_peaks(
    method: Method,
    video: FrameReader,
    *,
    device: torch.device,
    dtype: torch.dtype,
    batch_size: int,
    extras: Extras | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Like ``score_video``, and also return the peak of each frame's map, (N, 2) float64.

    Peaks are row and column as shares of height and width, NaN for frames without a map; if several
    clips score a frame, the last one counts. None for a method without maps.
    """
    spec = method.clip.scoring
    starts = scoring_starts(len(video), spec, video.cuts)
    scores = np.empty((len(starts), len(spec.scored)))
    peaks = np.full((len(video), 2), np.nan)
    place, any_maps = 0, False
    for batch, clips in _clips(video, starts, spec, device, batch_size, extras or Extras()):
        scores[place : place + len(batch)], maps = score_batch(method, clips, dtype, maps=True)
        place += len(batch)
        if maps is not None:
            any_maps = True
            height, width = maps.shape[2:]
            highest = np.divmod(maps.reshape(*maps.shape[:2], -1).argmax(axis=2), width)
            frames = batch[:, None] + np.array(spec.scored) * spec.step
            peaks[frames] = (np.stack(highest, axis=-1) + 0.5) / (height, width)
    found = scatter_scores(scores, starts, len(video), spec)
    return found, peaks if any_maps else None


def map_video(
    method: Method,
    video: FrameReader,
    *,
    device: torch.device,
    dtype: torch.dtype,
    batch_size: int,
    extras: Extras | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield frame numbers and score maps (h, w) float32, in any order.

    Yields nothing for a method without maps. A frame that several clips score comes several times.
    """
    spec = method.clip.scoring
    starts = scoring_starts(len(video), spec, video.cuts)
    known_extras = extras or Extras()
    for batch, found in _scored(method, video, starts, known_extras, device, dtype, batch_size):
        if found.maps is None:
            return
        maps = found.maps.float().cpu().numpy()
        for start, of_clip in zip(batch.tolist(), maps, strict=True):
            for offset, values in zip(spec.scored, of_clip, strict=True):
                yield start + offset * spec.step, values


def _scored(
    method: Method,
    video: FrameReader,
    starts: np.ndarray,
    extras: Extras,
    device: torch.device,
    dtype: torch.dtype,
    batch_size: int,
) -> Iterator[tuple[np.ndarray, Scores]]:
    """Yield batches of the first frames of clips, with the clips' scores."""
    spec, length = method.clip.scoring, method.encoded_frames
    if not length or spec.step > 1:
        # With the fastest kernels, a GPU tries all of them for each new shape.
        whole = device.type == "cuda" and not method.adapts
        for batch, clips in _clips(video, starts, spec, device, batch_size, extras, whole=whole):
            with torch.inference_mode(), _autocast(device, dtype):
                scores = method.score(clips)
            yield batch, scores if len(batch) == len(clips) else _first(scores, len(batch))
        return
    last = length - 1
    window = replace(
        spec,
        frames=length,
        scored=(last,),
        flow=(last,) if spec.flow else (),
        boxes=None if spec.boxes is None else last,
    )
    count = spec.frames - last
    # Windows from number ``first`` on; each is computed once.
    features: Tensor | None = None
    first = 0
    for place in range(0, len(starts), batch_size):
        batch = starts[place : place + batch_size]
        kept = None if features is None else features[int(batch[0]) - first :]
        first = int(batch[0])
        new = np.arange(first + (0 if kept is None else len(kept)), int(batch[-1]) + count)
        ((_, clips),) = _clips(video, new, window, device, len(new), extras)
        numbers = torch.from_numpy(batch[:, None] - first + np.arange(count)).to(device)
        with torch.inference_mode(), _autocast(device, dtype):
            encoded = method.encode(clips)
            features = encoded if kept is None else torch.cat([kept, encoded])
            scores = method.score_encoded(features[numbers])
        yield batch, scores


def _first(scores: Scores, count: int) -> Scores:
    """Return the scores of the first clips."""
    maps, output = scores.maps, scores.output
    return Scores(
        scores.frames[:count],
        None if maps is None else maps[:count],
        None if output is None else output[:count],
        scores.parts and {name: part[:count] for name, part in scores.parts.items()},
        scores.objects and scores.objects[:count],
    )


def _autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)


def _clips(
    video: FrameReader,
    starts: np.ndarray,
    spec: ClipSpec,
    device: torch.device,
    batch_size: int,
    extras: Extras,
    *,
    whole: bool = False,
) -> Iterator[tuple[np.ndarray, Clips]]:
    """Yield batches of the clips that start at ``starts``, with their first frames.

    The next batch is read meanwhile. With ``whole``, the last clip is repeated to fill its batch.
    """
    offsets = np.arange(spec.frames) * spec.step

    def read(place: int) -> tuple[np.ndarray, np.ndarray, Tensor, ClipExtras]:
        batch = starts[place : place + batch_size]
        filled = np.pad(batch, (0, batch_size - len(batch)), "edge") if whole else batch
        frames = torch.from_numpy(video.read(int(batch[0]), int(batch[-1]) + spec.span))
        if device.type == "cuda":
            frames = frames.pin_memory()
        rows = np.stack([np.zeros_like(filled), filled], axis=1)
        return batch, filled, frames, gather_extras([extras], rows, spec)

    for batch, filled, frames, found in _ahead(read, range(0, len(starts), batch_size)):
        # Frames that several clips have are transferred once.
        index = torch.from_numpy(filled[:, None] - filled[0] + offsets)
        if device.type == "cuda":
            index = index.pin_memory().to(device, non_blocking=True)
        clips = frames.to(device, non_blocking=True)[index]
        yield batch, make_clips(clips, found, spec, device, torch.float32)


def _ahead(read: Callable[[int], T], places: Sequence[int]) -> Iterator[T]:
    """Yield what is read at each place; a thread reads one place ahead."""
    if len(places) < 2:
        yield from map(read, places)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="scoring") as thread:
        pending = thread.submit(read, places[0])
        for following in places[1:]:
            found, pending = pending.result(), thread.submit(read, following)
            yield found
        yield pending.result()


def frame_maps(
    method: Method,
    video: FrameReader,
    frames: Iterable[int],
    *,
    device: torch.device,
    dtype: torch.dtype,
    extras: Extras | None = None,
) -> dict[int, np.ndarray]:
    """Return maps (h, w) float32 of a few frames of a video, without scoring the rest.

    Frames that no clip scores are left out; all are left out for a method without maps. If two
    clips score a frame, the later map is used.
    """
    spec = method.clip.scoring
    clip_of = {
        int(start) + offset * spec.step: (int(start), place)
        for start in scoring_starts(len(video), spec, video.cuts)
        for place, offset in enumerate(spec.scored)
    }
    maps = {}
    for frame in frames:
        if frame not in clip_of:
            continue
        start, place = clip_of[frame]
        ((_, clips),) = _clips(video, np.array([start]), spec, device, 1, extras or Extras())
        found = score_batch(method, clips, dtype, maps=True)[1]
        if found is not None:
            maps[frame] = found[0, place]
    return maps


def score_batch(
    method: Method | ExportedMethod, clips: Clips, dtype: torch.dtype, *, maps: bool = False
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return scores (B, S) float64 of clips and, if requested, maps (B, S, h, w) float32."""
    with torch.inference_mode(), _autocast(clips.device, dtype):
        scores = method.score(clips)
    wanted = scores.maps.float().cpu().numpy() if maps and scores.maps is not None else None
    return scores.frames.double().cpu().numpy(), wanted
