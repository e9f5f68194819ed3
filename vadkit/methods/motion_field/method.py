"""The speed of motion at each place, compared with the usual speed there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.methods.cells import (
    around,
    blur,
    heights_by_row,
    moved,
    outside,
    soften,
)
from vadkit.methods.encoded import encode_each
from vadkit.methods.method import STRETCH_SHARE, Evidence, Method, Scores, WeightedLoss
from vadkit.methods.motion_field.directions import WAYS, rarity, ways
from vadkit.methods.motion_field.explained import explained
from vadkit.methods.motion_field.lost_frames import jumps
from vadkit.methods.motion_field.steady import relit, steadied

# The side of a cell in clip pixels; speeds are stored per cell.
_CELL = 4
# A pixel starts to be foreground at a difference of `_DARKEST` grey levels (of 255) from the
# background, and is fully foreground `_RISE` levels above that.
_DARKEST, _RISE = 8 / 255, 16 / 255
# Keeps the speed of windows without foreground near 0, as a share of a window.
_SOFT = 0.1
# In pixels per frame: the smallest standard deviation, which is that of optical flow itself.
_FLOW_ERROR = 0.05
# In pixels per frame: slower foreground stands still.
_STILL = 0.3
# As shares of a window: the smallest standard deviation of how much stands still.
_STILL_ERROR = 0.1
# Frames with less weight than this are left out of the averaged speed.
_LEAST_WEIGHT = 0.01
# A cell with at least this share of foreground contains a thing.
_OWN_FOREGROUND = 0.2


class MotionField(Method):
    """Speeds at each place in the image of a fixed camera; no network and no weights.

    The background is the median of each pixel over training frames. Pixels that differ from it are
    foreground, with a soft transition. The speed of a window is the mean length of the optical flow
    of its foreground. Windows are as large as a person and centred at every cell of 4x4 pixels.
    Speeds are averaged along the flow over the frames of the clip; each earlier frame has
    ``memory`` times the weight of the next one. Training stores the mean and standard deviation of
    each cell's speed, over frames with foreground there, smoothed over neighbouring cells and
    shrunk towards the values of the whole image with the weight of ``prior`` frames. The map has
    one value per cell: how many standard deviations a speed is above the mean. A frame's score is
    the maximum of its map. The first ``frames - 1`` frames of a video have no score.

    ``person`` is the height of a person in clip pixels. None measures it: the median height of
    upright figures that stand alone in ``samples`` training frames. Pixel differences are in grey
    levels and speeds in pixels per frame, so clip size and frame rate must be the same as in
    training. docs/motion-field.md has an ablation of these options:

    - ``perspective``: heights follow a line over the rows of the image, fitted to figures that
      stand alone; the median height is used if there are few such figures, or if the slope is not
      clearly different from 0.
    - ``direction``: also scores how rare the direction of motion is at this place, in standard
      deviations of a Gaussian with the same tail probability. If people walk in all directions,
      none is rare.
    - ``stillness``: also scores how much of the window is foreground that did not move during the
      whole clip, compared with the usual amount: objects that were left or taken away, and people
      who wait at an unusual place. ``clip.frames`` sets how long they must stand still.
    - ``shake``: shifts frames to match the background, and subtracts the camera's motion.
    - ``light``: corrects gain and offset of each frame to match the background. Each frame is
      corrected separately, so its score does not depend on frames long before it.
    - ``lost_frames``: if everything in a frame, slow and fast, moves at least 1.5 times as fast as
      in the previous frame, assumes that the camera lost a frame, and divides the speeds by that
      factor.

    There is no paper: the design was developed on UCSD Ped2, see docs/motion-field.md. Raises
    ``TrainingError`` if nothing moves in the training frames and ``person`` is not given.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 8, "size": [240, 360], "channels": "gray"},
        "flow": {"type": "dis", "preset": "fast", "upscale": 2},
        "train": {"epochs": 1, "batch_size": 8},
    }
    passes: ClassVar[int] = 2
    encoded_frames: ClassVar[int] = 2
    accepts: bool = True
    search: ClassVar[dict[str, Any]] = {
        "method.memory": {"low": 0.0, "high": 0.9},
        "method.prior": {"low": 1.0, "high": 100.0, "log": True},
        "method.smooth": {"low": 0.5, "high": 8.0, "log": True},
        "method.perspective": [False, True],
        "method.direction": [False, True],
        "method.stillness": [False, True],
        "flow.preset": ["ultrafast", "fast"],
    }
    background: Tensor
    windows: Tensor
    means: Tensor
    deviations: Tensor
    shares: Tensor
    sums: Tensor
    often: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        person: Annotated[float, Field(gt=0)] | None = None,
        memory: Annotated[float, Field(ge=0, lt=1)] = 0.7,
        prior: Annotated[float, Field(gt=0)] = 4.0,
        smooth: Annotated[float, Field(gt=0)] = 3.0,
        direction: bool = True,
        stillness: bool = False,
        perspective: bool = True,
        shake: bool = False,
        light: bool = False,
        lost_frames: bool = True,
        samples: Annotated[int, Field(ge=3)] = 300,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.person, self.memory, self.prior, self.smooth = person, memory, prior, smooth
        self.direction, self.stillness, self.perspective = direction, stillness, perspective
        self.shake, self.light, self.lost_frames = shake, light, lost_frames
        self.samples = samples
        height, width = clip.size
        cells = height // _CELL, width // _CELL
        self.register_buffer("background", torch.zeros(1, 1, height, width))
        # Heights and widths of the windows around the cells of each row, in cells.
        self.register_buffer("windows", torch.ones(2, height // _CELL, dtype=torch.long))
        # Statistics of speeds, and of how much stands still.
        self.register_buffer("means", torch.zeros(1 + stillness, *cells))
        self.register_buffer("deviations", torch.ones(1 + stillness, *cells))
        # Shares of the directions.
        self.register_buffer("shares", torch.full((WAYS * direction, *cells), 1 / WAYS))
        # The number of frames with foreground, and sums of speeds and their squares, at each cell;
        # and the counts of directions. `accept` adds to them.
        self.register_buffer("sums", torch.zeros(3, 1 + stillness, *cells).double())
        self.register_buffer("often", torch.zeros(WAYS * direction, *cells).double())
        self._frames: list[Tensor] = []
        self._lots: list[Tensor] = []
        self._draw = torch.Generator().manual_seed(0)
        # The same for the clips of the current pass, or of the stretch that is accepted.
        self._sums: Tensor | None = None
        self._ways: Tensor | None = None

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

    @classmethod
    def can_ignore(cls, params: Mapping[str, Any]) -> bool:
        return True

    def collect(self, clips: Clips) -> None:
        """First pass: sample frames. Second pass: measure speeds where there is foreground."""
        if not self._background_known:
            self._frames.append((clips.frames[:, 0, -1] * 255).round().byte().cpu())
            self._lots.append(torch.rand(len(clips), generator=self._draw))
            if sum(map(len, self._frames)) > 4 * self.samples:
                self._keep_samples()
            return
        self.collect_encoded(encode_each(self, clips))

    def collect_encoded(self, features: Tensor) -> None:
        """Second pass of ``collect``, with the clips' features (B, N, C, h, w)."""
        seen = (features[:, -1, :1] > _SOFT).double()
        motion = self._averaged(features)
        values = motion[:, [0, *range(3, motion.shape[1])]]
        # How much stands still is known in every frame, also at empty places.
        seen = torch.cat([seen, torch.ones_like(values[:, 1:])], dim=1)
        sums = torch.stack([seen.sum(0), (values * seen).sum(0), (values.square() * seen).sum(0)])
        self._sums = sums if self._sums is None else self._sums + sums
        if self.direction:
            goes = seen[:, :1] * (_length(motion[:, 1:3]) > _STILL)
            often = (ways(motion[:, 1:3]) * goes).sum(0)
            self._ways = often if self._ways is None else self._ways + often

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
            if self.shake:
                frames = steadied(frames, frames[0])
            self.background.copy_(frames.median(dim=0).values)
            # An all-zero background means that it is not known yet, so avoid it.
            self.background.clamp_(min=1e-6)
            self._measure(frames)
            return
        assert self._sums is not None
        self.sums.copy_(self._sums)
        if self._ways is not None:
            self.often.copy_(self._ways)
        self._fit()

    def accept(self, clips: Clips) -> None:
        if not self.sums.any():
            raise TrainingError(
                "motion-field was trained by an earlier version, which did not keep the counts "
                "that new video is added to; train again"
            )
        self.collect_encoded(encode_each(self, clips))

    def settle(self) -> None:
        if self._sums is None:
            return
        self.sums += self._weights(self.sums[0], self._sums[0]) * self._sums
        if self._ways is not None:
            self.often += self._weights(self.often.sum(dim=0), self._ways.sum(dim=0)) * self._ways
        self._fit()

    def _weights(self, before: Tensor, now: Tensor) -> Tensor:
        """Return the weights (..., h, w) of a stretch of video, at least 1.

        ``before`` and ``now`` are the counts of frames at each cell. They are smoothed, so that a
        cell at the edge of what was seen has the weight of its neighbours.
        """
        before, now = blur(before, self.smooth), blur(now, self.smooth)
        return (STRETCH_SHARE * before / now.clamp(min=1e-9)).clamp(min=1)

    def _fit(self) -> None:
        """Compute the statistics of each cell from the sums."""
        sums = self._smoothed(self.sums, self.sums[:1])
        means, squares = sums[1:] / sums[0].clamp(min=1e-9)
        self.means.copy_(means)
        self.deviations.copy_((squares - means.square()).clamp(min=0).sqrt())
        if self.direction:
            often = self._smoothed(self.often, self.often.sum(dim=0, keepdim=True))
            self.shares.copy_(often / often.sum(dim=0).clamp(min=1e-9))
        self._sums = self._ways = None

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # Checkpoints of earlier versions have no counts.
        for name in ("sums", "often"):
            state_dict.setdefault(prefix + name, torch.zeros_like(getattr(self, name)))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _smoothed(self, sums: Tensor, counts: Tensor) -> Tensor:
        """Smooth sums (..., h, w) over frames with neighbouring cells and with the whole image.

        The mean frame of the whole image, by ``counts`` of frames, is used where little was seen.
        """
        everywhere = sums.sum(dim=(-2, -1), keepdim=True)
        usual = everywhere / counts.sum(dim=(-2, -1), keepdim=True).clamp(min=1)
        return blur(sums, self.smooth) + self.prior * usual

    def _measure(self, frames_NHW: Tensor) -> None:
        """Measure the sizes of windows, from the heights of moving figures in some frames."""
        height = heights_by_row(self._foreground(frames_NHW[:, None]), perspective=self.perspective)
        if height is None and self.person is None:
            raise TrainingError(
                "motion-field found nothing that moves in the training videos; set "
                "method.person to the height of a person in pixels of clip.size"
            )
        if height is None:
            height = torch.ones(self.background.shape[-2])
        if self.person is not None:
            height = height * (self.person / height.median())
        cells = height.view(-1, _CELL).mean(dim=1) / _CELL
        windows = torch.stack([1.15 * cells, 0.7 * cells])
        self.windows.copy_(windows.round().clamp(min=1))

    def _foreground(self, frames_BCHW: Tensor) -> Tensor:
        """Return how certain each pixel is foreground, 0..1."""
        differs = soften(frames_BCHW - self.background).abs_()
        foreground = differs.sub_(_DARKEST).div_(_RISE).clamp_(0, 1)
        # Windows around an ignored place would otherwise still see what moves in it.
        return foreground if self.ignored is None else foreground.masked_fill_(self.ignored, 0.0)

    @torch.no_grad()
    def encode(self, clips: Clips) -> Tensor:
        """Return foreground and speeds (B, 8 or 10, h, w) of windows of 2 frames.

        These are: the share of foreground; the length of motion and its components to the right and
        down, in pixels per frame; with ``stillness``, the share that is foreground and does not
        move. The first half are values of the windows around the cells, and the second half of the
        cells themselves.
        """
        assert clips.flow is not None
        with torch.autocast(clips.frames.device.type, enabled=False):
            # Flow is defined at the pixels of the frame where it starts.
            frames, flow = clips.frames[:, 0, 0].float(), clips.flow[:, :, 0].float()
            if self.shake:
                flow = flow.clone()
                frames = steadied(frames, self.background[0, 0], flow)
            if self.light:
                frames = relit(frames, self.background[0, 0])
            foreground = self._foreground(frames[:, None])
            length = _length(flow)
            pixels = [foreground, foreground * length, foreground * flow]
            if self.stillness:
                pixels.append(foreground * (length < _STILL))
            cells = functional.avg_pool2d(torch.cat(pixels, dim=1), _CELL)
            both = torch.stack([around(cells, *self.windows), cells], dim=1)
            both[:, :, 1:4] /= both[:, :, :1] + _SOFT
            return both.flatten(1, 2)

    def _averaged(self, features_BNCHW: Tensor) -> Tensor:
        """Return motion (B, 3 or 4, h, w), averaged along its path to the last frame of clips.

        It has the length, and the components to the right and down; with ``stillness``, also the
        share of the window that is foreground and stood still during the whole clip.
        """
        reach = 1 + int(math.log(_LEAST_WEIGHT) / math.log(self.memory)) if self.memory else 1
        motion = features_BNCHW[:, :, 1:4]
        if self.lost_frames:
            far = jumps(motion[:, :, 0], features_BNCHW[:, :, 0] > _SOFT)
            motion = motion / far[..., None, None, None]
        kept, *later = motion[:, -reach:].unbind(1)
        for now in later:
            kept = (1 - self.memory) * now + self.memory * moved(kept, now[:, 1:] / _CELL)
        if self.stillness:
            kept = torch.cat([kept, features_BNCHW[:, :, 4:5].amin(dim=1)], dim=1)
        return kept

    def _maps(self, motion_BCHW: Tensor) -> dict[str, Tensor]:
        """Return the map (B, h, w) of each part from motion (B, 3 or 4, h, w)."""
        maps = {"speed": (motion_BCHW[:, 0] - self.means[0]) / (self.deviations[0] + _FLOW_ERROR)}
        if self.direction:
            # Very slow motion has no clear direction.
            sure = ((_length(motion_BCHW[:, 1:3]) - _STILL) / _STILL).clamp(0, 1)[:, 0]
            maps["direction"] = sure * rarity(motion_BCHW[:, 1:3], self.shares)
        if self.stillness:
            deviations = self.deviations[1] + _STILL_ERROR
            maps["stillness"] = (motion_BCHW[:, 3] - self.means[1]) / deviations
        return {name: outside(each, self.ignored) for name, each in maps.items()}

    @torch.no_grad()
    def score_encoded(self, features: Tensor) -> Scores:
        """Return scores and maps of clips from their features (B, N, C, h, w)."""
        with torch.autocast(features.device.type, enabled=False):
            maps = self._maps(self._averaged(features))
        parts = {name: each.amax(dim=(1, 2))[:, None] for name, each in maps.items()}
        highest = torch.stack(list(maps.values())).amax(dim=0)
        return Scores(highest.amax(dim=(1, 2))[:, None], highest[:, None], parts=parts)

    @torch.no_grad()
    def explain_encoded(self, features: Tensor) -> dict[str, Evidence]:
        """Return evidence by part, from the features of clips (B, N, C, h, w)."""
        with torch.autocast(features.device.type, enabled=False):
            motion = self._averaged(features)
            maps = self._maps(motion)
            cells = features[:, :, features.shape[2] // 2 :]
            now = cells[:, -1].clone()
            if self.stillness:
                now[:, 4] = cells[:, :, 4].amin(dim=1)
            # Flow lies where it starts, so what is in a cell has moved on by the scored frame.
            now = moved(now, now[:, 2:4] / _CELL)
            own = self._maps(now[:, 1:])
            seen = now[:, 0] >= _OWN_FOREGROUND
        values = explained(motion, self.means[0], self._seen_in_training(), self.shares)
        return {
            name: Evidence(
                one[:, None],
                torch.where(seen, own[name], -torch.inf)[:, None],
                {key: value[:, None] for key, value in values.get(name, {}).items()},
            )
            for name, one in maps.items()
        }

    def _seen_in_training(self) -> Tensor:
        """Return in how many training frames something moved around each cell (h, w)."""
        if not self.sums.any():
            # A checkpoint of an earlier version, which did not keep them.
            return torch.full_like(self.means[0], torch.inf)
        return blur(self.sums[0, :1].float(), self.smooth)[0]

    @torch.no_grad()
    def explain(self, clips: Clips) -> dict[str, Evidence]:
        return self.explain_encoded(encode_each(self, clips))

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        return self.score_encoded(encode_each(self, clips))


def _length(motion_B2HW: Tensor) -> Tensor:
    return motion_B2HW.square().sum(dim=1, keepdim=True).sqrt()
