"""How fast things move at each place, against how fast they usually move there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.methods.method import Method, Scores, WeightedLoss

# Pixels of the clip on a side of a cell, on which speeds are kept.
_CELL = 4
# A pixel is foreground from `_DARKEST` grey levels (of 255) off the background on, wholly so
# `_RISE` levels further.
_DARKEST, _RISE = 8 / 255, 16 / 255
# Keeps speeds of windows without foreground near 0, in shares of a window.
_SOFT = 0.1
# Pixels a frame: the least deviation that counts, which is that of optical flow itself.
_FLOW_ERROR = 0.05


class MotionField(Method):
    """Speeds at each place of a still camera's picture; no network and no weights.

    The background is each pixel's median over training frames. What differs from it is foreground,
    softly, and the speed of a window is the mean length of the optical flow of its foreground.
    Windows are as large as a person, and lie around every cell of 4x4 pixels. Speeds are averaged
    over the frames of the clip along the flow, each frame before with ``memory`` times the weight.
    Training keeps mean and deviation of each cell's speed, over frames with foreground there,
    smoothed over neighbouring cells and drawn to the whole picture's by ``prior`` frames. The map,
    of a value a cell, is how many deviations a speed lies above the mean; with ``direction`` also
    how far its two components lie from theirs on either side, the largest of the three. A frame's
    score is the largest value of its map. The first ``frames - 1`` frames of a video have none.

    ``person`` is the height of a person in pixels of the clip; None measures it, as the median
    height of what moves in the training frames. Differences in pixels are of grey levels, speeds in
    pixels a frame, so both clip size and frame rate must stay as in training.

    There is no paper: the design was found on UCSD Ped2, as docs/results.md tells. Raises
    ``TrainingError`` where nothing moves in the training frames and ``person`` is not given.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 6, "size": [240, 360], "channels": "gray"},
        "flow": {"type": "dis", "preset": "fast", "upscale": 2},
        "train": {"epochs": 1, "batch_size": 8},
    }
    passes: ClassVar[int] = 2
    background: Tensor
    window: Tensor
    means: Tensor
    deviations: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        person: Annotated[float, Field(gt=0)] | None = None,
        memory: Annotated[float, Field(ge=0, lt=1)] = 0.6,
        prior: Annotated[float, Field(gt=0)] = 4.0,
        smooth: Annotated[float, Field(gt=0)] = 1.5,
        direction: bool = False,
        samples: Annotated[int, Field(ge=3)] = 150,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.person, self.memory, self.prior, self.smooth = person, memory, prior, smooth
        self.kinds, self.samples = 3 if direction else 1, samples
        height, width = clip.size
        cells = self.kinds, height // _CELL, width // _CELL
        self.register_buffer("background", torch.zeros(1, 1, height, width))
        # Height and width of a window, in cells.
        self.register_buffer("window", torch.ones(2, dtype=torch.long))
        self.register_buffer("means", torch.zeros(cells))
        self.register_buffer("deviations", torch.ones(cells))
        self._frames: list[Tensor] = []
        self._lots: list[Tensor] = []
        self._draw = torch.Generator().manual_seed(0)
        # Frames with foreground, and sums of speeds and their squares, at each cell.
        self._sums: Tensor | None = None

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if frames < 2 or step != 1:
            raise ValueError(
                "motion-field needs 2 frames or more with step 1; "
                f"got {frames} frames with step {step}"
            )
        if channels != "gray":
            raise ValueError("motion-field works on gray frames; set clip.channels: gray")
        if size[0] % _CELL or size[1] % _CELL:
            raise ValueError(
                f"motion-field needs a height and width that are multiples of {_CELL}; "
                f"got {size[0]}x{size[1]}"
            )
        return ClipSpec(frames, size, channels, (frames - 1,), flow=tuple(range(1, frames)))

    def collect(self, clips: Clips) -> None:
        """First pass: a sample of frames; second: speeds where there is foreground."""
        if not self._background_known:
            self._frames.append((clips.frames[:, 0, -1] * 255).round().byte().cpu())
            self._lots.append(torch.rand(len(clips), generator=self._draw))
            if sum(map(len, self._frames)) > 4 * self.samples:
                self._keep_samples()
            return
        speeds, foreground = self._speeds(clips)
        moves = (foreground > _SOFT).double()
        sums = torch.stack(
            [
                moves.expand_as(speeds).sum(dim=0),
                (speeds * moves).sum(dim=0),
                (speeds.square() * moves).sum(dim=0),
            ]
        )
        self._sums = sums if self._sums is None else self._sums + sums

    @property
    def _background_known(self) -> bool:
        return bool(self.background.any())

    def _keep_samples(self) -> None:
        frames, lots = torch.cat(self._frames), torch.cat(self._lots)
        chosen = lots.topk(min(self.samples, len(lots))).indices
        self._frames, self._lots = [frames[chosen]], [lots[chosen]]

    def finalize(self) -> None:
        if not self._background_known:
            self._keep_samples()
            frames = self._frames[0].to(self.background.device).float() / 255
            self._frames, self._lots = [], []
            self.background.copy_(frames.median(dim=0).values)
            # An entirely black background would look as if it were not known yet.
            self.background.clamp_(min=1e-6)
            height = self.person or _height_of_moving(self._foreground(frames[:, None]))
            window = torch.tensor([1.15 * height / _CELL, 0.7 * height / _CELL])
            self.window.copy_(window.round().clamp(min=1))
            return
        assert self._sums is not None
        counts, first, second = self._sums
        self._sums = None
        # Moments of the whole picture, which stand in where little was seen.
        everywhere = [each.sum(dim=(1, 2), keepdim=True) for each in (counts, first, second)]
        usual, squares = (each / everywhere[0].clamp(min=1) for each in everywhere[1:])
        counts, first, second = (_blur(each, self.smooth) for each in (counts, first, second))
        counts = counts + self.prior
        means = (first + self.prior * usual) / counts
        squares = (second + self.prior * squares) / counts
        self.means.copy_(means)
        self.deviations.copy_((squares - means.square()).clamp(min=0).sqrt())

    def _foreground(self, frames_BCHW: Tensor) -> Tensor:
        """How surely each pixel is foreground, 0..1."""
        differs = _soften(frames_BCHW - self.background).abs_()
        return differs.sub_(_DARKEST).div_(_RISE).clamp_(0, 1)

    def _speeds(self, clips: Clips) -> tuple[Tensor, Tensor]:
        """Speeds (B, kinds, h, w) of cells in pixels a frame, and foreground (B, 1, h, w) there.

        Kinds are the length of the motion and, with ``direction``, its parts to the right and down.
        """
        assert clips.flow is not None
        frames, flow, places = _each_once(clips.frames[:, 0, :-1], clips.flow)
        # Flow lies at the pixels of the frame that it starts from.
        foreground = self._foreground(frames[:, None].float())
        length = flow.square().sum(dim=1, keepdim=True).sqrt()
        pixels = torch.cat([foreground, foreground * length, foreground * flow], dim=1)
        sums = _around(functional.avg_pool2d(pixels, _CELL), *self.window.tolist())
        foreground, speeds = sums[:, :1], sums[:, 1:] / (sums[:, :1] + _SOFT)
        kept = speeds[places[:, 0]]
        for place in places[:, 1:].unbind(1):
            now = speeds[place]
            kept = (1 - self.memory) * now + self.memory * _moved(kept, now[:, 1:] / _CELL)
        return kept[:, : self.kinds], foreground[places[:, -1]]

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        with torch.autocast(clips.frames.device.type, enabled=False):
            speeds, _ = self._speeds(clips)
            unusual = (speeds - self.means) / (self.deviations + _FLOW_ERROR)
            # Slowness alone is nothing unusual: whoever stands is slow.
            unusual[:, 1:] = unusual[:, 1:].abs()
            maps = unusual.amax(dim=1)
        return Scores(maps.amax(dim=(1, 2))[:, None], maps[:, None])


def _each_once(frames_BTHW: Tensor, flow_B2THW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Frames (N, H, W) and flow (N, 2, H, W), and which of them (B, T) each clip holds.

    Where clips follow each other frame by frame, as in scoring, a frame that many of them hold
    comes once.
    """
    batch, count = frames_BTHW.shape[:2]
    places = torch.arange(count, device=frames_BTHW.device)
    steps = torch.arange(batch, device=frames_BTHW.device)[:, None]
    if torch.equal(frames_BTHW[1:, :-1], frames_BTHW[:-1, 1:]) and torch.equal(
        flow_B2THW[1:, :, :-1], flow_B2THW[:-1, :, 1:]
    ):
        frames = torch.cat([frames_BTHW[0], frames_BTHW[1:, -1]])
        flow = torch.cat([flow_B2THW[0].transpose(0, 1), flow_B2THW[1:, :, -1]])
        return frames, flow, places + steps
    flow = flow_B2THW.transpose(1, 2).flatten(0, 1)
    return frames_BTHW.flatten(0, 1), flow, places + count * steps


def _soften(pictures_BCHW: Tensor) -> Tensor:
    """Twice the mean of neighbours with weights 1 2 1 both ways: a deviation of 1 pixel."""
    # Sums of slices: a convolution of a single channel takes many times as long on a CPU.
    x = functional.pad(pictures_BCHW, (2, 2, 2, 2), mode="replicate")
    for _ in range(2):
        x = x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]
        x = x[..., :-2, :] + 2 * x[..., 1:-1, :] + x[..., 2:, :]
    return x / 256


def _height_of_moving(foreground_NCHW: Tensor) -> float:
    """Median height in pixels of connected foreground; raises ``TrainingError`` for none."""
    import cv2

    heights: list[int] = []
    for picture in foreground_NCHW[:, 0].cpu().numpy():
        _, _, figures, _ = cv2.connectedComponentsWithStats((picture > 0.5).astype("uint8"))
        # The first is the background. Specks are noise.
        heights += [
            height for _, _, width, height, area in figures[1:].tolist()
            if height >= 8 and area >= 0.2 * width * height
        ]  # fmt: skip
    if not heights:
        raise TrainingError(
            "motion-field found nothing that moves in the training videos; set method.person to "
            "the height of a person in pixels of clip.size"
        )
    heights.sort()
    return float(heights[len(heights) // 2])


def _blur(pictures_CHW: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (..., C, H, W), edges repeated."""
    reach = max(1, round(3 * sigma))
    places = torch.arange(-reach, reach + 1, device=pictures_CHW.device, dtype=pictures_CHW.dtype)
    kernel = torch.exp(-0.5 * (places / sigma).square())
    kernel = kernel / kernel.sum()
    planes = pictures_CHW.reshape(-1, 1, *pictures_CHW.shape[-2:])
    padded = functional.pad(planes, (reach, reach, reach, reach), mode="replicate")
    blurred = functional.conv2d(padded, kernel.view(1, 1, -1, 1))
    return functional.conv2d(blurred, kernel.view(1, 1, 1, -1)).view(pictures_CHW.shape)


def _around(cells_BCHW: Tensor, height: int, width: int) -> Tensor:
    """Means of windows around each cell; those that reach over an edge mirror what is inside."""
    top, left = (height - 1) // 2, (width - 1) // 2
    pads = (left, width - 1 - left, top, height - 1 - top)
    return functional.avg_pool2d(
        functional.pad(cells_BCHW, pads, mode="replicate"), (height, width), 1
    )


def _moved(cells_BCHW: Tensor, motion_B2HW: Tensor) -> Tensor:
    """Cells carried along their motion, which is in cells a frame."""
    height, width = cells_BCHW.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=cells_BCHW.device),
        torch.arange(width, device=cells_BCHW.device),
        indexing="ij",
    )
    from_x = 2 * (x - motion_B2HW[:, 0]) / max(width - 1, 1) - 1
    from_y = 2 * (y - motion_B2HW[:, 1]) / max(height - 1, 1) - 1
    return functional.grid_sample(
        cells_BCHW,
        torch.stack([from_x, from_y], dim=-1),
        padding_mode="border",
        align_corners=True,
    )
