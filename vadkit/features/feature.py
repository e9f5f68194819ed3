"""The interface of the family ``features``, and the regions that features describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.tensors import Clips


class Feature(nn.Module):
    """Rows of numbers that describe regions of a clip's last frame.

    ``regions`` has the boxes (n, 4) of each clip, x1, y1, x2, y2 in clip pixels; they may be
    objects, cells of a grid or the whole frame. The result has a row (F,) of float32 for each
    region, clip after clip; a row of NaN means that nothing is known about the region.

    ``flow`` says whether it uses the optical flow to the last frame, ``Clips.flow[:, :, -1]``.
    """

    flow: ClassVar[bool] = False
    # Whether rows come from files: then ``forward`` gets the rows of `Clips.given` with its name.
    from_file: ClassVar[bool] = False

    def forward(self, clips: Clips, regions: Sequence[Tensor]) -> Tensor:
        """Return rows (N, F) of all regions."""
        raise NotImplementedError


def grid_boxes(grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Return boxes (rows * columns, 4) of the cells of a grid in a frame of (height, width)."""
    rows, columns = grid
    ys = torch.linspace(0, size[0], rows + 1)
    xs = torch.linspace(0, size[1], columns + 1)
    top, left = torch.meshgrid(ys[:-1], xs[:-1], indexing="ij")
    bottom, right = torch.meshgrid(ys[1:], xs[1:], indexing="ij")
    return torch.stack([left, top, right, bottom], dim=-1).reshape(-1, 4)


def owners(regions: Sequence[Tensor]) -> Tensor:
    """Return the clip (N,) of each region."""
    counts = torch.tensor([len(one) for one in regions])
    return torch.arange(len(regions)).repeat_interleave(counts).to(regions[0].device)


def region_means(planes_BPHW: Tensor, regions: Sequence[Tensor]) -> Tensor:
    """Return means (N, P) of planes over the pixels of each region, at least one pixel each."""
    height, width = planes_BPHW.shape[-2:]
    # Integral images; in double precision, because differences of large sums are needed.
    sums = functional.pad(planes_BPHW.double(), (1, 0, 1, 0)).cumsum(dim=-1).cumsum(dim=-2)
    boxes = torch.cat(list(regions))
    left = boxes[:, 0].floor().long().clamp(0, width - 1)
    top = boxes[:, 1].floor().long().clamp(0, height - 1)
    right = torch.maximum(boxes[:, 2].ceil().long().clamp(max=width), left + 1)
    bottom = torch.maximum(boxes[:, 3].ceil().long().clamp(max=height), top + 1)
    clip = owners(regions)
    low, high = (sums[clip, :, row, right] - sums[clip, :, row, left] for row in (top, bottom))
    area = ((bottom - top) * (right - left))[:, None]
    return ((high - low) / area).float()


def last_frames(clips: Clips) -> Tensor:
    """Return the frames (B, C, H, W) that contain the regions, float32."""
    return clips.frames[:, :, -1].float()


def last_flow(clips: Clips) -> Tensor:
    """Return the flow (B, 2, H, W) to the frames that contain the regions."""
    assert clips.flow is not None
    return clips.flow[:, :, -1]


def heights(regions: Sequence[Tensor]) -> Tensor:
    """Return heights (N,) of regions in pixels, at least 1."""
    boxes = torch.cat(list(regions))
    return (boxes[:, 3] - boxes[:, 1]).clamp(min=1)
