"""The appearance of a place, compared with its appearance in training, for lasting changes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.methods.cells import blur, outside
from vadkit.methods.encoded import encode_each
from vadkit.methods.method import Evidence, Method, Scores, WeightedLoss

# Added to grey levels 0..1 before the logarithm: below it there is more noise than light.
_DARK = 8 / 255
# The sigma of the blur that separates light from look, as a share of the image height.
_WIDE = 1 / 6
# The number of look cells per light cell, in both directions, because light is smooth.
_COARSE = 4
# The frames of the bank that are most similar as a whole; the nearest at each cell are among them.
_ALIKE = 16
# The factor for changes within a clip, because parts change by less than the whole.
_CHANGE = 1.5
# The smallest standard deviations of look and light, in logarithms of grey levels.
_LEAST_LOOK, _LEAST_LIGHT = 0.02, 0.1
# In standard deviations: from here on light is reported; a cloud is below.
_CLOUD = 3.0
# With at least this many videos, a frame of the bank is compared only with other videos;
_VIDEOS = 4
# with fewer, with clips that are at least this share of the video's clips away.
_APART = 0.05
# The number of frames to measure the usual range, and the weight of the whole image next to them.
_MEASURED, _PRIOR = 200, 8
_FEWEST = 8
# How often the light of an ignored place is computed from the light around it.
_FILLS = 10


class _Drawn(NamedTuple):
    """A sampled clip: its random number, its video and its number there, its looks and light."""

    lot: float
    video: int
    number: int
    looks: Tensor
    light: Tensor


class SceneBank(Method):
    """The appearance of a fixed camera's image, compared with all its appearances in training.

    Detects lasting changes: a person who lies where nobody lies, an object that was left or taken
    away, a dark room. No network is needed. Frames are scaled to a height of ``rows`` cells, and a
    wide blur splits the logarithm of their grey levels: the blur is the *light*, the rest is the
    *look*, which a lamp or a cloud does not change. A bank keeps ``bank`` frames, sampled uniformly
    from all training video, so memory is bounded and every time of day has its share.

    The look of a cell is explained by the same place in the ``neighbours`` nearest frames of the
    bank (kNN, on windows of 3x3 cells) or by ``components`` principal components (PCA from
    scikit-learn, which mixes the observed lights and shadows); the smaller residual counts. Only
    lasting residuals count: it is the smallest residual in the first, middle and last frame of the
    clip, minus what changed before the last frame. Light is the distance to the light of the
    nearest frames, counted above 3 standard deviations.

    Training measures the usual residuals on frames of the bank, each compared with frames of other
    videos (with fewer than 4 videos, of other times), and how high the maximum over the cells of a
    frame usually is. The map is in standard deviations of that, and a frame's score is the maximum
    of its map. The first ``frames - 1`` frames of a video have no score.

    The principal components of a scene are from Oliver et al., "A Bayesian Computer Vision System
    for Modeling Human Interactions", PAMI 2000; there is no paper for the rest. Raises
    ``TrainingError`` for fewer than 8 training clips.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 10, "size": [240, 360], "channels": "gray"},
        "train": {"epochs": 1, "batch_size": 16},
    }
    encoded_frames: ClassVar[int] = 1
    bank: Tensor
    lights: Tensor
    mean: Tensor
    components: Tensor
    coefficients: Tensor
    means: Tensor
    deviations: Tensor
    levels: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        rows: Annotated[int, Field(ge=4)] = 32,
        bank: Annotated[int, Field(ge=8)] = 400,
        neighbours: Annotated[int, Field(ge=1)] = 3,
        components: Annotated[int, Field(ge=1)] = 16,
    ) -> None:
        super().__init__(networks, losses, clip)
        height, width = clip.size
        rows = min(rows, height)
        self.cells = rows, max(1, round(rows * width / height))
        self.coarse = -(-rows // _COARSE), -(-self.cells[1] // _COARSE)
        self.kept, self.neighbours, self.parts = bank, neighbours, components
        # As many as the bank has, which a short training does not fill.
        self.register_buffer("bank", torch.zeros(0, *self.cells))
        self.register_buffer("lights", torch.zeros(0, *self.coarse))
        self.register_buffer("mean", torch.zeros(self.cells))
        self.register_buffer("components", torch.zeros(0, *self.cells))
        self.register_buffer("coefficients", torch.zeros(0, 0))
        self.register_buffer("means", torch.zeros(self.cells))
        self.register_buffer("deviations", torch.ones(self.cells))
        # The mean and standard deviation of the frame maxima, and of the distances of their light.
        self.register_buffer("levels", torch.tensor([0.0, 1.0, 0.0, 1.0]))
        self._draw = torch.Generator().manual_seed(0)
        self._drawn: list[_Drawn] = []
        # No clip with a larger random number is kept.
        self._highest = 1.0
        # The number of clips seen of each video.
        self._lengths: dict[int, int] = {}

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if channels != "gray":
            raise ValueError("scene-bank works on gray frames; set clip.channels: gray")
        return ClipSpec(frames, size, channels, (frames - 1,), step)

    @classmethod
    def can_ignore(cls, params: Mapping[str, Any]) -> bool:
        return True

    def collect(self, clips: Clips) -> None:
        """Sample clips for the bank: each training clip has the same probability."""
        videos = [0] * len(clips) if clips.videos is None else clips.videos.tolist()
        lots = torch.rand(len(clips), generator=self._draw, dtype=torch.float64).tolist()
        for frames, video, lot in zip(clips.frames[:, 0].float(), videos, lots, strict=True):
            number = self._lengths.get(video, 0)
            self._lengths[video] = number + 1
            if lot > self._highest:
                continue
            looks, lights = self._look(frames)
            self._drawn.append(_Drawn(lot, video, number, looks, lights[-1]))
            if len(self._drawn) >= 2 * self.kept:
                self._keep()

    def _keep(self) -> None:
        """Keep the clips with the smallest random numbers, in their original order."""
        lots = sorted(one.lot for one in self._drawn)
        if len(lots) > self.kept:
            self._highest = lots[self.kept - 1]
        self._drawn = [one for one in self._drawn if one.lot <= self._highest]

    def finalize(self) -> None:
        from sklearn.decomposition import PCA

        if len(self._drawn) < _FEWEST:
            raise TrainingError(
                f"scene-bank needs {_FEWEST} training clips or more; got {len(self._drawn)}. Give "
                "it longer videos"
            )
        self._keep()
        looks = torch.stack([one.looks for one in self._drawn])
        self.bank, self.lights = looks[:, -1], torch.stack([one.light for one in self._drawn])
        count, flat = len(looks), self.bank.flatten(1)
        most = min(self.parts, count - 1, flat.shape[1])
        found = PCA(most, svd_solver="randomized", random_state=0).fit(flat.double().cpu().numpy())
        self.mean.copy_(torch.from_numpy(found.mean_).view(self.cells))
        self.components = torch.from_numpy(found.components_).view(-1, *self.cells).to(flat)
        self.coefficients = torch.stack([self._project(look) for look in self.bank])
        self._measure()
        self._drawn, self._highest, self._lengths = [], 1.0, {}

    def _measure(self) -> None:
        """Measure the usual residuals, by comparing frames of the bank with other frames of it."""
        count = len(self._drawn)
        rests, lights = [], []
        for number in torch.linspace(0, count - 1, min(_MEASURED, count)).long().tolist():
            others, looks = self._others(number), self._drawn[number].looks
            left = torch.stack([self._unexplained(looks[t], others) for t in _ends(len(looks))])
            rests.append(_staying(left, looks))
            lights.append(self._light_distance(self.lights[number], others))
        rest, light = torch.stack(rests), torch.stack(lights)
        # Where little was seen, the whole image is used.
        own = len(rest) / (len(rest) + _PRIOR)
        mean = own * rest.mean(dim=0) + (1 - own) * rest.mean()
        squares = own * rest.square().mean(dim=0) + (1 - own) * rest.square().mean()
        mean, squares = blur(torch.stack([mean, squares]), 1.0)
        self.means.copy_(mean)
        self.deviations.copy_((squares - mean.square()).clamp(min=0).sqrt() + _LEAST_LOOK)
        deviates = outside((rest - self.means) / self.deviations, self.ignored)
        highest = deviates.amax(dim=(1, 2))
        self.levels.copy_(
            torch.stack(
                [
                    highest.mean(),
                    highest.std().clamp(min=1e-3),
                    light.mean(),
                    light.std() + _LEAST_LIGHT,
                ]
            )
        )

    def _others(self, number: int) -> Tensor:
        """Return which frames of the bank are not close in time to this one."""
        videos = torch.tensor([one.video for one in self._drawn])
        numbers = torch.tensor([one.number for one in self._drawn])
        other = videos != videos[number]
        if len(videos.unique()) < _VIDEOS:
            apart = _APART * self._lengths[self._drawn[number].video] + self.clip.span
            other |= (numbers - numbers[number]).abs() > apart
        if not other.any():
            other = torch.arange(len(videos)) != number
        return other.to(self.bank.device)

    def _look(self, frames_NHW: Tensor) -> tuple[Tensor, Tensor]:
        """Return looks (N, h, w) and coarse lights (N, h', w'), in logarithms of grey levels."""
        return self._split(self._levels(frames_NHW))

    def _levels(self, frames_NHW: Tensor) -> Tensor:
        return (functional.adaptive_avg_pool2d(frames_NHW, self.cells) + _DARK).log()

    def _split(self, levels_NHW: Tensor) -> tuple[Tensor, Tensor]:
        lights = blur(levels_NHW, _WIDE * self.cells[0])
        return levels_NHW - lights, functional.adaptive_avg_pool2d(lights, self.coarse)

    def _usual_in_ignored(self, levels_NHW: Tensor) -> Tensor:
        """Return levels that have the usual look of the bank where they are ignored.

        The wide blur would otherwise carry what is in an ignored place to other places.
        """
        if self.ignored is None:
            return levels_NHW
        share = functional.interpolate(
            self.ignored[None, None].to(levels_NHW), self.cells, mode="area"
        )
        ignored, look = share[0, 0] > 0, self.bank.median(dim=0).values
        if ignored.all():
            return look.expand_as(levels_NHW)
        start = levels_NHW[:, ~ignored].mean(dim=1)[:, None, None]
        filled = torch.where(ignored, start + look, levels_NHW)
        for _ in range(_FILLS):
            # The light inside follows from the light around.
            light = blur(filled, _WIDE * self.cells[0])
            filled = torch.where(ignored, look + light, levels_NHW)
        return filled

    def _project(self, look_HW: Tensor) -> Tensor:
        return self.components.flatten(1) @ (look_HW - self.mean).flatten()

    def _unexplained(self, look_HW: Tensor, others_N: Tensor | None = None) -> Tensor:
        """Return the smaller residual of the nearest frames and of the components, (h, w)."""
        parts = self._project(look_HW)
        far = (self.coefficients - parts).square().sum(dim=1)
        if others_N is not None:
            far = far.masked_fill(~others_N, torch.inf)
        count = min(_ALIKE, len(far) if others_N is None else int(others_N.sum()))
        alike = self.bank[far.topk(count, largest=False).indices]
        nearest = _window((alike - look_HW).square())
        nearest = nearest.topk(min(self.neighbours, count), dim=0, largest=False).values.mean(dim=0)
        mixed = self.mean + (self.components.flatten(1).T @ parts).view(self.cells)
        return torch.minimum(nearest, _window((look_HW - mixed).square()[None])[0]).sqrt()

    def _light_distance(self, light_HW: Tensor, others_N: Tensor | None = None) -> Tensor:
        far = (self.lights - light_HW).abs().mean(dim=(1, 2))
        if others_N is not None:
            far = far[others_N]
        return far.topk(min(self.neighbours, len(far)), largest=False).values.mean()

    def _beyond(self, light_HW: Tensor) -> Tensor:
        """Return how far the mean light is above or, negative, below all of the bank; else 0."""
        known, now = self.lights.mean(dim=(1, 2)), light_HW.mean()
        return (now - known.max()).clamp(min=0) + (now - known.min()).clamp(max=0)

    @torch.no_grad()
    def encode(self, clips: Clips) -> Tensor:
        """Return features (B, 4, h, w) of frames.

        These are the look, its residual, the distance of the light, and how much brighter (or
        darker, below 0) it is than any of the bank.
        """
        rows = []
        with torch.autocast(clips.frames.device.type, enabled=False):
            # One by one, because a sum over a batch has another order of additions than over one
            # frame.
            for frame in clips.frames[:, 0].float():
                levels = self._usual_in_ignored(self._levels(frame))
                (look,), (light,) = self._split(levels)
                distance = self._light_distance(light).expand_as(look)
                beyond = self._beyond(light).expand_as(look)
                rows.append(torch.stack([look, self._unexplained(look), distance, beyond]))
        return torch.stack(rows)

    @torch.no_grad()
    def score_encoded(self, features: Tensor) -> Scores:
        """Return scores and maps of clips from their features (B, T, 4, h, w)."""
        maps = torch.maximum(*self._maps(features))
        return Scores(maps.amax(dim=(1, 2))[:, None], maps[:, None])

    def _maps(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps (B, h, w) of looks and of light."""
        ends = _ends(features.shape[1])
        rest = torch.stack([_staying(clip[ends, 1], clip[:, 0]) for clip in features])
        top, spread, usual, sway = self.levels
        looks = ((rest - self.means) / self.deviations - top) / spread
        lights = (features[:, ends, 2].amin(dim=1) - usual) / sway - _CLOUD
        return outside(looks, self.ignored), outside(lights, self.ignored)

    @torch.no_grad()
    def explain_encoded(self, features: Tensor) -> dict[str, Evidence]:
        """Return evidence of looks (``place``) and of light, from the features of clips."""
        looks, lights = (one[:, None] for one in self._maps(features))
        change = {"change": features[:, -1:, 3]}
        return {"place": Evidence(looks, looks, {}), "light": Evidence(lights, lights, change)}

    @torch.no_grad()
    def explain(self, clips: Clips) -> dict[str, Evidence]:
        return self.explain_encoded(encode_each(self, clips))

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        return self.score_encoded(encode_each(self, clips))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name in ("bank", "lights", "components", "coefficients"):
            found = state_dict.get(prefix + name)
            if found is not None:
                setattr(self, name, getattr(self, name).new_empty(found.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _ends(frames: int) -> list[int]:
    """Return the first, middle and last of so many frames."""
    return [0, frames // 2, frames - 1]


def _staying(left_3HW: Tensor, looks_THW: Tensor) -> Tensor:
    """Return the lasting residual, minus what changed before the last look."""
    changed = _window((looks_THW[:-1] - looks_THW[-1]).square()) if len(looks_THW) > 1 else None
    stays = left_3HW.amin(dim=0)
    if changed is not None:
        stays = stays - _CHANGE * changed.amax(dim=0).sqrt()
    return stays.clamp(min=0)


def _window(cells_NHW: Tensor) -> Tensor:
    """Return means of 3x3 cells around each cell; at edges, only cells inside count."""
    # Sums of slices: PyTorch's pooling takes several times as long on a CPU.
    padded = functional.pad(cells_NHW, (1, 1, 1, 1))
    rows: Tensor = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    sums: Tensor = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    return sums / _inside(sums.shape[-2], sums.shape[-1], sums.device)


@functools.lru_cache(maxsize=8)
def _inside(height: int, width: int, device: torch.device) -> Tensor:
    """Return how many cells of the 3x3 around each cell are inside the image, (h, w)."""
    down, right = (torch.full((side,), 3.0, device=device) for side in (height, width))
    for sides in (down, right):
        sides[0] -= 1
        sides[-1] -= 1
    return down[:, None] * right
