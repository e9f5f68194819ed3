"""Features of windows of a few frames, computed once for all clips that contain the frames."""

from __future__ import annotations

import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.methods.method import Method


def encode_each(method: Method, clips: Clips) -> Tensor:
    """Return features (B, N, ...) of all windows of the clips, in order of time.

    If a clip follows the previous one by one frame, as in scoring, only its last window is new.
    """
    length = method.encoded_frames
    count = clips.frames.shape[2] - length + 1
    follows = _follows(clips) if count > 1 else [False] * len(clips)
    windows: list[tuple[int, int]] = []
    places: list[list[int]] = []
    for clip, follow in enumerate(follows):
        new = [count - 1] if follow else range(count)
        kept = places[-1][1:] if follow else []
        places.append(kept + [len(windows) + at for at in range(len(new))])
        windows += [(clip, first) for first in new]
    frames = torch.stack([clips.frames[clip, :, at : at + length] for clip, at in windows])
    flow = None
    if clips.flow is not None:
        # The flow of a clip starts with the flow to the last frame of its first window.
        flow = torch.stack([clips.flow[clip, :, at : at + 1] for clip, at in windows])
    return method.encode(Clips(frames, flow))[torch.tensor(places, device=frames.device)]


def _follows(clips: Clips) -> list[bool]:
    """Return whether each clip is the previous one, shifted by one frame."""
    both = [clips.frames]
    # Flow of consecutive clips is often a view of one row of frames.
    if clips.flow is not None and clips.flow.stride(0) != clips.flow.stride(2):
        # Flow is computed from frames, so it is equal if they are: comparing a part is enough.
        both.append(clips.flow[..., ::8, ::8])
    return [False] + [
        all(torch.equal(x[clip, :, :-1], x[clip - 1, :, 1:]) for x in both)
        for clip in range(1, len(clips))
    ]
