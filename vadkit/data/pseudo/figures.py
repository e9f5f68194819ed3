"""Figures cut out of training videos, pasted into clips where they move in a wrong direction."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vadkit.data.pseudo.editing import Cutout, cut_out
from vadkit.data.pseudo.scene import Scene, median_of
from vadkit.data.pseudo.tracks import FigureTrack
from vadkit.data.videos import ClipSpec, FrameReader

# How many stretches of video figures are cut from, and the frames of each.
_STRETCHES, _WINDOW = 12, 150
# Turns from a figure's own direction, in half turns, and multiples of its own speed.
_TURNS, _SPEEDS = (0.25, 1.75), (1.0, 2.0)
# Random numbers that a pasted figure needs.
DRAWS = 5


class Figures(NamedTuple):
    """K figures over the frames of a clip, each in the middle of a picture of its own.

    ``pixels`` (K, C + 1, T, h, w) are in 0..1, times the opacity, which is the last channel.
    ``steps`` (K, 2) are their own motions, x and y, in pixels a frame of the clip.
    """

    pixels: Tensor
    steps: Tensor


def cut_figures(
    videos: Sequence[FrameReader], spec: ClipSpec, *, count: int = 64, seed: int = 0
) -> Figures | None:
    """Cut out up to ``count`` figures that move alone; None if there is none.

    The result depends only on the arguments.
    """
    rng = np.random.default_rng(seed)
    cut: list[tuple[list[Cutout], np.ndarray]] = []
    for scene in _scenes(videos, rng):
        for track in scene.tracks:
            last_start = track.last - spec.span + 1
            if last_start >= track.first:
                start = int(rng.integers(track.first, last_start + 1))
                cut.append(_cut(scene, track, start, spec))
    if not cut:
        return None
    chosen = sorted(rng.permutation(len(cut))[:count].tolist())
    shapes = [one.alpha.shape for number in chosen for one in cut[number][0]]
    height, width = (max(sides) for sides in zip(*shapes, strict=True))
    pixels = np.stack(
        [[_centred(one, height, width) for one in cut[number][0]] for number in chosen]
    )
    steps = np.stack([cut[number][1] for number in chosen])
    return Figures(
        torch.from_numpy(pixels).permute(0, 4, 1, 2, 3).contiguous(),
        torch.from_numpy(steps.astype(np.float32)),
    )


def _scenes(videos: Sequence[FrameReader], rng: np.random.Generator) -> Iterator[Scene]:
    long = [video for video in videos if len(video) > 1]
    for number in rng.permutation(len(long))[:_STRETCHES].tolist() if long else []:
        video = long[number]
        start = int(rng.integers(max(1, len(video) - _WINDOW + 1)))
        frames = video.read(start, min(start + _WINDOW, len(video)))
        yield Scene(frames, median_of(frames))


def _cut(
    scene: Scene, track: FigureTrack, start: int, spec: ClipSpec
) -> tuple[list[Cutout], np.ndarray]:
    times = range(start, start + spec.span, spec.step)
    step = track.velocity(start + (spec.span - 1) / 2) * spec.step
    return [cut_out(scene, track, time) for time in times], step


def _centred(figure: Cutout, height: int, width: int) -> np.ndarray:
    """Return the pixels of a figure, times its opacity, and the opacity (h, w, C + 1)."""
    picture = np.zeros((height, width, figure.pixels.shape[2] + 1), np.float32)
    rows, columns = figure.alpha.shape
    top, left = (height - rows) // 2, (width - columns) // 2
    inside = picture[top : top + rows, left : left + columns]
    inside[..., :-1] = figure.pixels / 255 * figure.alpha[..., None]
    inside[..., -1] = figure.alpha
    return picture


def paste_figures(clips_BCTHW: Tensor, figures: Figures, drawn_BN: Tensor) -> tuple[Tensor, Tensor]:
    """Paste a figure into each clip, whose pixels are in 0..1.

    Returns the clips and the masks (B, 1, T, H, W) bool of the figures. A figure walks through a
    random place at the middle of the clip, in a direction at least an eighth of a turn from its
    own, at up to twice its own speed. ``drawn`` are ``DRAWS`` uniform numbers 0..1 a clip.
    """
    frames, height, width = clips_BCTHW.shape[2:]
    which, x, y, turn, speed = drawn_BN.float().unbind(dim=1)
    which = (which * len(figures.steps)).long().clamp(max=len(figures.steps) - 1)
    turn = math.pi * (_TURNS[0] + (_TURNS[1] - _TURNS[0]) * turn)
    speed = _SPEEDS[0] + (_SPEEDS[1] - _SPEEDS[0]) * speed
    own = figures.steps[which]
    step_x = speed * (turn.cos() * own[:, 0] - turn.sin() * own[:, 1])
    step_y = speed * (turn.sin() * own[:, 0] + turn.cos() * own[:, 1])
    time = torch.arange(frames, device=clips_BCTHW.device) - (frames - 1) / 2
    # (B, T) centres, then a grid of places in the figure's own picture, -1 to 1.
    middle_x = x[:, None] * width + step_x[:, None] * time
    middle_y = y[:, None] * height + step_y[:, None] * time
    columns = torch.arange(width, device=clips_BCTHW.device) + 0.5
    rows = torch.arange(height, device=clips_BCTHW.device) + 0.5
    sides = figures.pixels.shape[-2:]
    across = 2 * (columns - middle_x.flatten()[:, None]) / sides[1]
    down = 2 * (rows - middle_y.flatten()[:, None]) / sides[0]
    grid = torch.stack(torch.broadcast_tensors(across[:, None, :], down[:, :, None]), dim=3)
    pictures = figures.pixels[which].transpose(1, 2).flatten(0, 1)
    found = functional.grid_sample(pictures, grid.to(pictures.dtype), align_corners=False)
    found = found.unflatten(0, (len(clips_BCTHW), frames)).transpose(1, 2).to(clips_BCTHW.dtype)
    alpha = found[:, -1:]
    return clips_BCTHW * (1 - alpha) + found[:, :-1], alpha > 0.5
