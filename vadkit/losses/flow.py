"""Losses on optical flow, with gradients for a predicted frame."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional


class FlowL1(nn.Module):
    """Mean absolute difference of two flows: to the predicted frame, and to the true frame.

    Liu et al., CVPR 2018, eq. 3. One estimator computes both flows, in the paper FlowNet2, here
    ``lucas_kanade``, which needs no weights, with ``levels`` and ``window``. So a perfect
    prediction has no loss. The unit is a pixel of a frame of 256x256, the paper's size: a weight
    means the same for clips of any size.
    """

    def __init__(
        self, *, levels: Annotated[int, Field(ge=1)] = 3, window: Annotated[int, Field(ge=3)] = 7
    ) -> None:
        super().__init__()
        if window % 2 == 0:
            raise ValueError(f"window must be odd, to have a middle; got {window}")
        self.levels, self.window = levels, window

    def forward(self, previous: Tensor, output: Tensor, target: Tensor) -> Tensor:
        """Compute the loss of three frames: the last, the predicted next and the true next one.

        Frames are (B, C, H, W) in -1..1.
        """
        height, width = previous.shape[-2:]
        found = lucas_kanade(previous, output, levels=self.levels, window=self.window)
        with torch.no_grad():
            true = lucas_kanade(previous, target, levels=self.levels, window=self.window)
        x, y = (found - true).abs().mean(dim=(0, 2, 3)).unbind()
        return (x * (256 / width) + y * (256 / height)) / 2


def lucas_kanade(previous: Tensor, current: Tensor, *, levels: int = 3, window: int = 7) -> Tensor:
    """Return flow (B, 2, H, W) in pixels from a frame (B, C, H, W) in -1..1 to the next.

    Lucas and Kanade, IJCAI 1981, from coarse to fine (Bouguet, 2000), for every pixel: the shift
    that best explains the brightness of the ``window`` around it. One step is taken at each of
    ``levels`` sizes, which are halved as long as 8 pixels remain, and the flow is then averaged
    over the window. Everything is differentiable, in float32. Motion of up to 2 ** levels - 1
    pixels can be found; without texture the flow is 0.
    """
    with torch.autocast(previous.device.type, enabled=False):
        sizes = [(previous.float().mean(1, True), current.float().mean(1, True))]
        while len(sizes) < levels and min(sizes[-1][0].shape[-2:]) >= 16:
            before, after = sizes[-1]
            sizes.append((functional.avg_pool2d(before, 2), functional.avg_pool2d(after, 2)))
        smallest = sizes[-1][0]
        flow = smallest.new_zeros(len(smallest), 2, *smallest.shape[-2:])
        for before, after in reversed(sizes):
            flow = _enlarge(flow, before.shape[-2:])
            flow = _mean_around(flow + _step(before, after, flow, window), window)
    return flow


def _enlarge(flow: Tensor, size: torch.Size) -> Tensor:
    if flow.shape[-2:] == size:
        return flow
    larger = functional.interpolate(flow, size=tuple(size), mode="bilinear", align_corners=False)
    x, y = larger.split(1, dim=1)
    # Numbers, not a tensor of them: copying one to a GPU would break a CUDA graph.
    return torch.cat([x * (size[1] / flow.shape[-1]), y * (size[0] / flow.shape[-2])], dim=1)


# The variance of brightness gradients, in -1..1 per pixel, that counts as no texture: about one of
# 255 steps per pixel, which is what video coding leaves in flat areas.
_NO_TEXTURE = 1e-4


def _step(before: Tensor, after: Tensor, flow: Tensor, window: int) -> Tensor:
    """One Gauss-Newton step, at most a pixel long in x and in y."""
    padded = functional.pad(before, (1, 1, 1, 1), mode="replicate")
    gx = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    gy = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    change = _sample(after, flow) - before
    products = torch.cat([gx * gx, gx * gy, gy * gy, gx * change, gy * change], dim=1)
    xx, xy, yy, xt, yt = _mean_around(products, window).unbind(1)
    xx, yy = xx + _NO_TEXTURE, yy + _NO_TEXTURE
    determinant = xx * yy - xy * xy
    step = torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], dim=1) / determinant[:, None]
    return step.clamp(-1, 1)


def _mean_around(planes: Tensor, window: int) -> Tensor:
    """Return means over a square around each pixel, inside the frame."""
    half = window // 2
    for size, padding in (((window, 1), (half, 0)), ((1, window), (0, half))):
        planes = functional.avg_pool2d(planes, size, 1, padding, count_include_pad=False)
    return planes


def _sample(frames: Tensor, flow: Tensor) -> Tensor:
    """Sample frames at each pixel's position plus its flow; edge pixels are repeated."""
    height, width = frames.shape[-2:]
    y = torch.arange(height, device=frames.device, dtype=torch.float32)[:, None]
    x = torch.arange(width, device=frames.device, dtype=torch.float32)
    grid = torch.stack(
        [2 * (x + flow[:, 0] + 0.5) / width - 1, 2 * (y + flow[:, 1] + 0.5) / height - 1], dim=-1
    )
    return functional.grid_sample(frames, grid, padding_mode="border", align_corners=False)
