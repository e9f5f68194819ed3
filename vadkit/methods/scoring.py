"""Per-frame scores of one video from a method."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vadkit.data.clip_sources import FrameReader
from vadkit.data.clips import scatter_scores, scoring_starts
from vadkit.data.tensors import Clips, to_input
from vadkit.methods.method import Method


def score_video(
    method: Method,
    video: FrameReader,
    *,
    device: torch.device,
    dtype: torch.dtype,
    batch_size: int,
) -> np.ndarray:
    """Raw scores (N,) float64 of a video, NaN where the method gives none.

    Frames are read a batch of clips at a time, in order, so memory stays flat.
    """
    spec = method.clip.scoring
    starts = scoring_starts(len(video), spec)
    offsets = np.arange(spec.frames) * spec.step
    scores = np.empty((len(starts), len(spec.scored)))
    for place in range(0, len(starts), batch_size):
        batch = starts[place : place + batch_size]
        frames = torch.from_numpy(video.read(int(batch[0]), int(batch[-1]) + spec.span))
        clips = frames[batch[:, None] - batch[0] + offsets]
        scores[place : place + len(batch)] = score_batch(method, clips, device, dtype)[0]
    return scatter_scores(scores, starts, len(video), spec)


def score_batch(
    method: Method,
    clips_BTHWC: Tensor,
    device: torch.device,
    dtype: torch.dtype,
    *,
    maps: bool = False,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Scores (B, S) float64 of uint8 clips and, if asked, maps (B, S, h, w) float32."""
    clips = Clips(to_input(clips_BTHWC, method.clip, device, torch.float32))
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)
    with torch.inference_mode(), autocast:
        scores = method.score(clips)
    wanted = scores.maps.float().cpu().numpy() if maps and scores.maps is not None else None
    return scores.frames.double().cpu().numpy(), wanted
