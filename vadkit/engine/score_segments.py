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
    segments, crops, _ = video.shape
    total = np.zeros(segments)
    for crop in range(crops):
        bag = whole_bag(video, crop, device)
        with torch.inference_mode(), autocast(device, dtype):
            scores = method.score(bag)  # type: ignore[arg-type]
        total += scores.frames[0].double().cpu().numpy()
    found: np.ndarray = total / crops
    return found


def score_frames_of_segments(
    method: Method,
    video: SegmentVideo,
    *,
    device: torch.device,
    dtype: torch.dtype,
    part: tuple[int, int] | None = None,
    scored: Callable[[int], None] = lambda frames: None,
) -> np.ndarray:
    """Return scores (N,) float64 of the frames of a video: each has the score of its segment.

    With ``part``, a half-open range of frames, the others have no score.
    """
    start, stop = part or (0, len(video))
    of_segments = score_segments(method, video, device=device, dtype=dtype)
    scores = np.full(len(video), np.nan)
    scores[start:stop] = of_segments[video.segments_of(start, stop)]
    scored(len(video))
    return scores
