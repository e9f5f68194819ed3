"""Features of windows of a few frames, each worked out once for all clips that hold its frames."""

from __future__ import annotations

import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.methods.method import Method


def encode_each(method: Method, clips: Clips) -> Tensor:
    """Features (B, N, ...) of all windows of the clips, in order of time.

    Where a clip follows the one before it by one frame, as in scoring, only its last window is new.
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
        # The flow of a clip begins with that to the last frame of its first window.
        flow = torch.stack([clips.flow[clip, :, at : at + 1] for clip, at in windows])
    return method.encode(Clips(frames, flow))[torch.tensor(places, device=frames.device)]


def _follows(clips: Clips) -> list[bool]:
    """Whether each clip is the one before it, a frame later."""
    both = [clips.frames]
    # Flow of clips that follow each other is often a view of one row of frames.
    if clips.flow is not None and clips.flow.stride(0) != clips.flow.stride(2):
        # Worked out from frames, it is the same where they are: a look at some of it is enough.
        both.append(clips.flow[..., ::8, ::8])
    return [False] + [
        all(torch.equal(x[clip, :, :-1], x[clip - 1, :, 1:]) for x in both)
        for clip in range(1, len(clips))
    ]
