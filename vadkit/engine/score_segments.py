"""Scores of the frames of one video, from a method that scores segments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from vadkit.data.segments.bags import whole_bag
from vadkit.data.segments.video import SegmentVideo
from vadkit.engine.collect import autocast
from vadkit.methods.method import Method


def score_segments(
    method: Method, video: SegmentVideo, *, device: torch.device, dtype: torch.dtype
) -> np.ndarray:
    """Return scores (T,) float64 of all segments of a video, as means over its crops."""
    return score_segment_parts(method, video, device=device, dtype=dtype)[""]


def score_segment_parts(
    method: Method, video: SegmentVideo, *, device: torch.device, dtype: torch.dtype
) -> dict[str, np.ndarray]:
    """Like ``score_segments``, with ``Scores.parts`` by name; the scores have the name ""."""
    segments, crops, _ = video.shape
    total: dict[str, np.ndarray] = {}
    for crop in range(crops):
        bag = whole_bag(video, crop, device)
        with torch.inference_mode(), autocast(device, dtype):
            scores = method.score(bag)  # type: ignore[arg-type]
        for name, own in {"": scores.frames, **(scores.parts or {})}.items():
            total[name] = total.get(name, np.zeros(segments)) + own[0].double().cpu().numpy()
    return {name: own / crops for name, own in total.items()}


def score_frames_of_segments(
    method: Method,
    video: SegmentVideo,
    *,
    device: torch.device,
    dtype: torch.dtype,
    part: tuple[int, int] | None = None,
    scored: Callable[[int], None] = lambda frames: None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return scores (N,) float64 of the frames of a video, and of parts: those of their segments.

    With ``part``, a half-open range of frames, the others have no score.
    """
    start, stop = part or (0, len(video))
    place = video.segments_of(start, stop)
    found = {}
    for name, own in score_segment_parts(method, video, device=device, dtype=dtype).items():
        found[name] = np.full(len(video), np.nan)
        found[name][start:stop] = own[place]
    scored(len(video))
    return found.pop(""), found
