"""Augments of whole batches on the device: values are drawn once per clip, so frames change alike.

Each takes clips (B, C, T, H, W) in 0..1 and a CPU generator, and returns clips of the same shape,
dtype and range; its input is not changed. The few random values of a clip are drawn on the CPU, so
a CPU and a GPU use the same values. Pixels are computed in float32, because bfloat16 would round
positions and factors to 8 bits.

If clips have optical flow or boxes, an augment must support them: ``follow`` transforms whole
``Clips``, and ``keeps_places`` says that no pixel moves.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from vadkit.data.tensors import Clips
from vadkit.errors import RecipeError
from vadkit.ranks import own_rows

Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Strength = Annotated[float, Field(ge=0, le=1)]

# BT.601, the weights of red, green and blue in video and OpenCV.
_LUMA = (0.299, 0.587, 0.114)
# The largest ratio of the sides of an erased rectangle, from Zhong et al.
_ASPECT = 10 / 3


class TensorFlip:
    """Mirrors clips on the device, horizontally or vertically, each with its own probability."""

    def __init__(self, *, horizontal: Probability = 0.5, vertical: Probability = 0.0) -> None:
        self.horizontal, self.vertical = horizontal, vertical

    def __call__(self, clips_BCTHW: Tensor, generator: torch.Generator) -> Tensor:
        return self.follow(Clips(clips_BCTHW), generator).frames

    def follow(self, clips: Clips, generator: torch.Generator) -> Clips:
        """Return the clips with flow and boxes mirrored like the frames."""
        for p, axis in ((self.horizontal, 0), (self.vertical, 1)):
            if p > 0:
                chosen = _draw(clips.frames, generator) < p
                clips = _mirror(clips, chosen, axis)
        return clips


def _mirror(clips: Clips, chosen_B: Tensor, axis: int) -> Clips:
    """Mirror the chosen clips along x (axis 0) or y (axis 1)."""
    frames, flow, boxes = clips.frames, clips.flow, clips.boxes
    side, length = -1 - axis, frames.shape[-1 - axis]
    frames = torch.where(_spread(chosen_B, frames), frames.flip(side), frames)
    if flow is not None:
        mirrored = flow.flip(side)
        # Motion to the right becomes motion to the left.
        mirrored[:, axis].neg_()
        flow = torch.where(_spread(chosen_B, flow), mirrored, flow)
    if boxes is not None:
        boxes = tuple(
            _mirror_boxes(one, axis, length) if chosen else one
            for one, chosen in zip(boxes, chosen_B.tolist(), strict=True)
        )
    return Clips(frames, flow, boxes)


def _mirror_boxes(boxes_N4: Tensor, axis: int, length: int) -> Tensor:
    mirrored = boxes_N4.clone()
    mirrored[:, axis] = length - boxes_N4[:, axis + 2]
    mirrored[:, axis + 2] = length - boxes_N4[:, axis]
    return mirrored


class TensorCrop:
    """Crops up to ``share`` of each side and scales back to the clip's size, on the device."""

    def __init__(self, *, share: Annotated[float, Field(ge=0, lt=0.5)] = 0.1) -> None:
        self.share = share

    def __call__(self, clips_BCTHW: Tensor, generator: torch.Generator) -> Tensor:
        if self.share == 0:
            return clips_BCTHW
        left, right, top, bottom = (_draw(clips_BCTHW, generator, 0, self.share) for _ in range(4))
        zero = torch.zeros_like(left)
        across = torch.stack([1 - left - right, zero, left - right], dim=1)
        down = torch.stack([zero, 1 - top - bottom, top - bottom], dim=1)
        return warp(clips_BCTHW, torch.stack([across, down], dim=1))


class TensorRotate:
    """Rotates by up to ``degrees`` in either direction on the device; edge pixels fill corners."""

    def __init__(self, *, degrees: Annotated[float, Field(ge=0, le=180)] = 10.0) -> None:
        self.degrees = degrees

    def __call__(self, clips_BCTHW: Tensor, generator: torch.Generator) -> Tensor:
        if self.degrees == 0:
            return clips_BCTHW
        degrees = _draw(clips_BCTHW, generator, -self.degrees, self.degrees)
        return warp(clips_BCTHW, rotation(degrees, *clips_BCTHW.shape[-2:]))


class TensorColor:
    """Changes brightness, contrast and saturation on the device, by up to these shares.

    They are changed in this order, each by a factor from 1 - share to 1 + share. Contrast is
    relative to the mean gray of the whole clip. Clips with one channel have no saturation.
    """

    keeps_places: ClassVar[bool] = True

    def __init__(
        self,
        *,
        brightness: Strength = 0.2,
        contrast: Strength = 0.2,
        saturation: Strength = 0.2,
    ) -> None:
        self.strengths = (brightness, contrast, saturation)

    def __call__(self, clips_BCTHW: Tensor, generator: torch.Generator) -> Tensor:
        brightness, contrast, saturation = (
            _spread(_draw(clips_BCTHW, generator, 1 - strength, 1 + strength), clips_BCTHW)
            for strength in self.strengths
        )
        clips = (clips_BCTHW.float() * brightness).clamp_(0, 1)
        mean = _gray(clips).mean(dim=(1, 2, 3, 4), keepdim=True)
        clips = torch.lerp(mean, clips, contrast).clamp_(0, 1)
        if clips.shape[1] > 1:
            clips = torch.lerp(_gray(clips), clips, saturation).clamp_(0, 1)
        return clips.to(clips_BCTHW.dtype)


class TensorErase:
    """Fills a random rectangle of a clip with the clip's mean colour, with probability ``p``.

    The rectangle covers a share of the frame within ``share``, at the same place in all frames. Its
    height and width, as shares of the frame's, differ by a factor of at most 10 / 3 (Zhong et al.,
    Random Erasing, AAAI 2020). Raises ``RecipeError`` if ``share`` is not (least, most).
    """

    keeps_places: ClassVar[bool] = True

    def __init__(self, *, p: Probability = 0.5, share: tuple[Share, Share] = (0.02, 0.2)) -> None:
        if share[0] > share[1]:
            raise RecipeError(
                f"augments: tensor-erase: share must be [least, most]; got {list(share)}"
            )
        self.p, self.share = p, share

    def __call__(self, clips_BCTHW: Tensor, generator: torch.Generator) -> Tensor:
        chosen = _draw(clips_BCTHW, generator) < self.p
        share = _draw(clips_BCTHW, generator, *self.share)
        # Outside these limits, a rectangle of that share would not fit into the frame.
        most = share.log().neg().clamp(max=math.log(_ASPECT))
        aspect = (most * _draw(clips_BCTHW, generator, -1, 1)).exp()
        rows, columns = (
            _span(side, length, _draw(clips_BCTHW, generator))
            for side, length in zip(
                ((share * aspect).sqrt(), (share / aspect).sqrt()),
                clips_BCTHW.shape[-2:],
                strict=True,
            )
        )
        inside_BHW = chosen[:, None, None] & rows[:, :, None] & columns[:, None, :]
        inside = inside_BHW.to(clips_BCTHW.device)[:, None, None]
        mean = clips_BCTHW.mean(dim=(2, 3, 4), keepdim=True)
        return torch.where(inside, mean, clips_BCTHW)


class TensorNoise:
    """Adds Gaussian noise with a standard deviation of up to ``sigma`` on the device.

    Each clip has its own strength, and each pixel of each frame its own noise. A pixel's range is
    0..1. The noise itself is drawn on the device, so it differs between a CPU and a GPU.
    """

    keeps_places: ClassVar[bool] = True

    def __init__(self, *, sigma: Strength = 0.02) -> None:
        self.sigma = sigma

    def __call__(self, clips_BCTHW: Tensor, generator: torch.Generator) -> Tensor:
        device = clips_BCTHW.device
        sigma = _spread(_draw(clips_BCTHW, generator, 0, self.sigma), clips_BCTHW)
        seed = int(torch.randint(2**62, (1,), generator=generator))
        own = torch.Generator(device).manual_seed(seed)

        def draw(rows: int) -> Tensor:
            return torch.randn(rows, *clips_BCTHW.shape[1:], generator=own, device=device)

        noise = own_rows(draw, len(clips_BCTHW))
        return noise.mul_(sigma).add_(clips_BCTHW).clamp_(0, 1).to(clips_BCTHW.dtype)


def rotation(degrees_B: Tensor, height: int, width: int) -> Tensor:
    """Return matrices (B, 2, 3) for ``warp`` that rotate counter-clockwise around the centre."""
    sine, cosine = torch.sin(torch.deg2rad(degrees_B)), torch.cos(torch.deg2rad(degrees_B))
    zero = torch.zeros_like(sine)
    # Coordinates go from -1 to 1 on both sides, so a rotation must account for the aspect ratio.
    across = torch.stack([cosine, -sine * (height / width), zero], dim=1)
    down = torch.stack([sine * (width / height), cosine, zero], dim=1)
    return torch.stack([across, down], dim=1)


def warp(clips_BCTHW: Tensor, matrix_B23: Tensor) -> Tensor:
    """Sample frames bilinearly at the positions of their clip's matrix; edge pixels are repeated.

    A matrix maps (x, y, 1) of a pixel in the result to its (x, y) in the source; x and y are -1 and
    1 at the outer edges of the image.
    """
    height, width = clips_BCTHW.shape[-2:]
    device = clips_BCTHW.device
    x, y = _centres(width, device), _centres(height, device)[:, None]
    matrix = matrix_B23.to(device)[..., None, None]
    # Not affine_grid: it multiplies matrices, and TF32 or autocast would round the positions.
    grid_B2HW = matrix[:, :, 0] * x + matrix[:, :, 1] * y + matrix[:, :, 2]
    # The frames of a clip are channels, so one grid serves them all.
    frames = functional.grid_sample(
        clips_BCTHW.flatten(1, 2).float(),
        grid_B2HW.permute(0, 2, 3, 1),
        padding_mode="border",
        align_corners=False,
    )
    return frames.clamp_(0, 1).view(clips_BCTHW.shape).to(clips_BCTHW.dtype)


def _centres(pixels: int, device: torch.device) -> Tensor:
    """Return the centres of the pixels of a side, in -1..1."""
    return (2 * torch.arange(pixels, device=device) + 1) / pixels - 1


def _draw(clips: Tensor, generator: torch.Generator, low: float = 0.0, high: float = 1.0) -> Tensor:
    """Draw a uniform number per clip, (B,) on the CPU."""
    drawn = own_rows(lambda rows: torch.rand(rows, generator=generator), len(clips))
    return low + (high - low) * drawn


def _spread(values_B: Tensor, clips: Tensor) -> Tensor:
    """Return a value per clip, on the clips' device, in a shape that broadcasts over them."""
    return values_B.to(clips.device).view(-1, 1, 1, 1, 1)


def _gray(clips_BCTHW: Tensor) -> Tensor:
    """Return the clips' brightness, (B, 1, T, H, W)."""
    if clips_BCTHW.shape[1] == 1:
        return clips_BCTHW
    weights = torch.tensor(_LUMA, device=clips_BCTHW.device).view(3, 1, 1, 1)
    return (clips_BCTHW * weights).sum(dim=1, keepdim=True)


def _span(share_B: Tensor, length: int, place_B: Tensor) -> Tensor:
    """Bool (B, length): a span of that share of the length, at a given relative position."""
    size = (share_B * length).round()
    first = (place_B * (length - size + 1)).floor()[:, None]
    pixels = torch.arange(length)
    return (pixels >= first) & (pixels < first + size[:, None])
