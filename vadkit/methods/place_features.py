"""Deep features of each place of a fixed camera's picture, compared with those seen in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.features.classifiers import TrunkName
from vadkit.features.frozen import FrozenTrunk
from vadkit.methods.cells import outside
from vadkit.methods.encoded import encode_each
from vadkit.methods.method import Evidence, Method, Scores, WeightedLoss

# The network takes pictures whose sides are multiples of this.
_STEP = 16
_FEWEST = 8
# The candidates for the bank of a place, and the leading coordinates that choose among them.
_CANDIDATES, _LEADING = 900, 16
# Enough features for principal components.
_ROWS = 30_000
# The sampled frames are divided into parts of this many, or more. Each has a bank of its own.
_PART = 300
# A frame that differs from all others this many times as much as the 90th percentile is rare.
_RARE = 1.5
# The frames of an accepted stretch that are kept, and the features of each place that are added.
_STRETCH, _ADDED = 256, 12


class _Drawn(NamedTuple):
    """A sampled frame: its random number and its features."""

    lot: float
    features_CHW: Tensor


class PlaceFeatures(Method):
    """Distance of each place's deep features to those seen there in training (kNN).

    Detects what looks unlike anything that was ever at this place: a fallen person, a vehicle on a
    path, an object that was left, a covered camera. Light is no problem as far as training has seen
    it: the bank keeps every light that it was given.

    A frame is scaled to a height of ``rows`` pixels and passes the first layers of ``model``, which
    give a feature for every 8 pixels. ``weights`` is the file of a state dict; by default, the
    weights of ``mobilenet_v2`` or ``efficientnet_lite0`` are read from a package of the extra
    ``backbones``. ``torchvision/NAME`` and ``timm/NAME`` are other classifiers, with ``weights`` of
    the user. They are stored with the run. ONNX Runtime computes the features on a CPU if it
    is installed; they differ from PyTorch's by less than 0.001.

    Training samples ``bank`` frames uniformly from all video, so memory does not grow. They are
    divided into parts of 300 that alternate in time; a single part makes scores depend on which
    frames were drawn. In each part, those that differ from all others far more than most do, at
    most the share ``trim``, are left out, because normal video is never clean: a rare event does
    not become normal. Features are reduced to ``dims`` principal components. The bank of a place
    has those of the place and of the 8 places around it, thinned in each part to those that are far
    from each other, ``kept`` in all (coreset, as in PatchCore, Roth et al., CVPR 2022). The map is
    the Euclidean distance of each place to the nearest one of its bank, less the median of all
    places: what changes the whole picture, such as light, is no event of a place. Squares are
    subtracted, and the root with its sign is taken. The score of a frame is the maximum of its map.
    Every frame has a score.

    Distances are not divided by the usual distance of the place: places where much happens have
    large distances, and dividing would hide anomalies just there (docs/appearance-and-fusion.md has
    the figures). Raises ``TrainingError`` for fewer than 8
    training clips, and ``DataError`` without weights.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 1, "size": [240, 428], "channels": "rgb"},
        "train": {"epochs": 1, "batch_size": 16},
    }
    encoded_frames: ClassVar[int] = 1
    accepts: bool = True
    bank: Tensor
    mean: Tensor
    components: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        model: TrunkName = "mobilenet_v2",
        weights: Path | None = None,
        rows: Annotated[int, Field(ge=32, multiple_of=16)] = 144,
        bank: Annotated[int, Field(ge=8)] = 1200,
        kept: Annotated[int, Field(ge=1)] = 200,
        dims: Annotated[int, Field(ge=1)] = 128,
        trim: Annotated[float, Field(ge=0, lt=0.5)] = 0.02,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.weights, self.size, self.kept, self.dims, self.trim = weights, bank, kept, dims, trim
        height, width = clip.size
        self.pixels = rows, max(_STEP, round(rows * width / height / _STEP) * _STEP)
        self.trunk = FrozenTrunk(model)
        # Places, features kept of each, and their coordinates; as many as training fills.
        self.register_buffer("bank", torch.zeros(0, 0, 0))
        self.register_buffer("mean", torch.zeros(0))
        self.register_buffer("components", torch.zeros(0, 0))
        self._draw = torch.Generator().manual_seed(0)
        self._drawn: list[_Drawn] = []
        # No frame with a larger random number is kept.
        self._highest = 1.0
        # Frames of the accepted stretch, the number of those seen, and the step between them.
        self._accepted: list[Tensor] = []
        self._number, self._every = 0, 1
        # Squared lengths of the bank, computed when they are needed.
        self._squares: Tensor | None = None

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        return ClipSpec(frames, size, channels, (frames - 1,), step)

    @classmethod
    def can_ignore(cls, params: Mapping[str, Any]) -> bool:
        return True

    def expect(self, clips: Sequence[int]) -> None:
        """Load the weights of the network. Raises ``DataError`` if there are none."""
        self.trunk.load_weights(self.weights)

    def _features(self, frames_BCHW: Tensor) -> Tensor:
        """Return features (B, C, h, w) of frames in 0..1."""
        pictures = functional.interpolate(
            frames_BCHW.float(), self.pixels, mode="bilinear", align_corners=False, antialias=True
        )
        pictures = pictures.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        found: Tensor = self.trunk(pictures)
        return found

    @torch.no_grad()
    def collect(self, clips: Clips) -> None:
        """Sample frames for the bank: each training clip has the same probability."""
        lots = torch.rand(len(clips), generator=self._draw, dtype=torch.float64)
        chosen = (lots <= self._highest).nonzero().flatten()
        if not len(chosen):
            return
        with torch.autocast(clips.frames.device.type, enabled=False):
            features = self._features(clips.frames[chosen, :, -1])
        drawn = zip(lots[chosen].tolist(), features.half().cpu(), strict=True)
        self._drawn += [_Drawn(lot, each) for lot, each in drawn]
        if len(self._drawn) > 1.25 * self.size:
            self._keep()

    def _keep(self) -> None:
        """Keep the frames with the smallest random numbers, in their original order."""
        lots = sorted(one.lot for one in self._drawn)
        if len(lots) > self.size:
            self._highest = lots[self.size - 1]
        self._drawn = [one for one in self._drawn if one.lot <= self._highest]

    @torch.no_grad()
    def finalize(self) -> None:
        if len(self._drawn) < _FEWEST:
            raise TrainingError(
                f"place-features needs {_FEWEST} training clips or more; got {len(self._drawn)}. "
                "Give it longer videos"
            )
        self._keep()
        count = max(1, len(self._drawn) // _PART)
        banks: list[Tensor] = []
        for part in (self._drawn[first::count] for first in range(count)):
            features = torch.stack([one.features_CHW for one in part]).float()
            if not banks:
                self._reduce(features)
            frames = self._reduced(features.to(self.mean.device))
            usual = frames[~_rare(frames, self.trim)]
            banks.append(coreset(_candidates(usual, self._draw), max(1, self.kept // count)))
        self.bank, self._squares = torch.cat(banks, dim=1), None
        self._drawn, self._highest = [], 1.0

    def _reduce(self, features_NCHW: Tensor) -> None:
        """Find the principal components of features."""
        rows = features_NCHW.permute(0, 2, 3, 1).flatten(0, 2)
        rows = rows[:: max(1, len(rows) // _ROWS)].double()
        mean = rows.mean(dim=0)
        rows = rows - mean
        # Eigenvectors in rising order; their signs do not change distances.
        vectors = torch.linalg.eigh(rows.T @ rows).eigenvectors.flip(1)[:, : self.dims]
        device = next(self.trunk.buffers()).device
        self.mean = mean.float().to(device)
        self.components = vectors.T.float().contiguous().to(device)

    def _reduced(self, features_NCHW: Tensor) -> Tensor:
        """Return coordinates (N, h, w, D) in principal components."""
        return (features_NCHW.permute(0, 2, 3, 1) - self.mean) @ self.components.T

    @torch.no_grad()
    def accept(self, clips: Clips) -> None:
        """Keep frames of the stretch, evenly spaced."""
        frames = clips.frames[-self._number % self._every :: self._every, :, -1]
        self._number += len(clips)
        if len(frames):
            with torch.autocast(frames.device.type, enabled=False):
                self._accepted += self._reduced(self._features(frames)).split(1)
        while len(self._accepted) > _STRETCH:
            self._accepted, self._every = self._accepted[::2], 2 * self._every

    @torch.no_grad()
    def settle(self) -> None:
        """Add to the bank of each place what of the stretch is farthest from it, step by step."""
        if not self._accepted:
            return
        frames = torch.cat(self._accepted)
        places = frames.flatten(1, 2).transpose(0, 1)
        far = self._distances(frames).flatten(1).T.square()
        added = []
        for _ in range(min(_ADDED, len(frames))):
            farthest = far.argmax(dim=1)[:, None, None].expand(-1, 1, places.shape[2])
            added.append(places.gather(1, farthest))
            far = torch.minimum(far, (places - added[-1]).square().sum(dim=2))
        self.bank, self._squares = torch.cat([self.bank, *added], dim=1), None
        self._accepted, self._number, self._every = [], 0, 1

    @torch.no_grad()
    def encode(self, clips: Clips) -> Tensor:
        """Return the distances (B, h, w) of the places of frames, less the median of each frame."""
        with torch.autocast(clips.frames.device.type, enabled=False):
            distances = self._distances(self._reduced(self._features(clips.frames[:, :, -1])))
        squares = distances.square()
        # What moves all features in one direction adds its square to every squared distance.
        squares = squares - squares.flatten(1).median(dim=1).values[:, None, None]
        return squares.sign() * squares.abs().sqrt()

    def _distances(self, frames_NHWD: Tensor) -> Tensor:
        places = frames_NHWD.flatten(1, 2).transpose(0, 1)
        if self._squares is None:
            self._squares = self.bank.square().sum(dim=2, keepdim=True)
        # A matrix product per place; in this order, it is three times as fast for one frame.
        squares = (self._squares - 2 * (self.bank @ places.transpose(1, 2))).amin(dim=1)
        squares = squares + places.square().sum(dim=2)
        distances: Tensor = squares.clamp(min=0).sqrt().T.unflatten(1, frames_NHWD.shape[1:3])
        return distances

    @torch.no_grad()
    def score_encoded(self, features: Tensor) -> Scores:
        """Return scores and maps of clips from the distances (B, T, h, w) of their frames."""
        maps = outside(features[:, -1], self.ignored)
        return Scores(maps.amax(dim=(1, 2))[:, None], maps[:, None])

    @torch.no_grad()
    def explain_encoded(self, features: Tensor) -> dict[str, Evidence]:
        """Return evidence of the kind ``place``, from the distances of clips."""
        maps = outside(features[:, -1], self.ignored)[:, None]
        return {"place": Evidence(maps, maps, {})}

    @torch.no_grad()
    def explain(self, clips: Clips) -> dict[str, Evidence]:
        return self.explain_encoded(encode_each(self, clips))

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        return self.score_encoded(encode_each(self, clips))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name in ("bank", "mean", "components"):
            found = state_dict.get(prefix + name)
            if found is not None:
                self._squares = None
                setattr(self, name, getattr(self, name).new_empty(found.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _rare(frames_NHWD: Tensor, share: float) -> Tensor:
    """Return which frames, at most this share, differ from all others far more than most do."""
    rare = torch.zeros(len(frames_NHWD), dtype=torch.bool, device=frames_NHWD.device)
    most = int(share * len(frames_NHWD))
    if most:
        lonely = _loneliness(frames_NHWD)
        rare[lonely.topk(most).indices] = True
        rare &= lonely > _RARE * lonely.quantile(0.9)
    return rare


def _loneliness(frames_NHWD: Tensor) -> Tensor:
    """Return how far each frame's most unusual place is from the same place in all others, (N,)."""
    places = frames_NHWD.flatten(1, 2).transpose(0, 1)
    farthest = places.new_zeros(len(frames_NHWD))
    for part in places.split(64):
        apart = torch.cdist(part, part)
        apart.diagonal(dim1=1, dim2=2).fill_(torch.inf)
        farthest = torch.maximum(farthest, apart.amin(dim=2).amax(dim=0))
    return farthest


def _candidates(frames_NHWD: Tensor, draw: torch.Generator) -> Tensor:
    """Return the features of each place and the 8 around it, (h*w, M, D), at most 900 of them."""
    count, height, width, dims = frames_NHWD.shape
    padded = functional.pad(frames_NHWD.permute(0, 3, 1, 2), (1, 1, 1, 1), mode="replicate")
    most = min(count * 9, _CANDIDATES)
    # The place itself comes from every frame; those around it are drawn.
    near = [(1, 1, n) for n in range(count)]
    others = [
        (d, r, n) for d in range(3) for r in range(3) if (d, r) != (1, 1) for n in range(count)
    ]
    order = torch.randperm(len(others), generator=draw)[: max(0, most - count)].tolist()
    rows = [
        padded[n, :, down : down + height, right : right + width].reshape(dims, -1)
        for down, right, n in near + [others[place] for place in order]
    ]
    return torch.stack(rows).permute(2, 0, 1).contiguous()


def coreset(rows_PMD: Tensor, kept: int) -> Tensor:
    """Return at most ``kept`` of the M rows of each of P sets, far from each other, (P, kept, D).

    Starts with the row nearest to the mean, and adds the row that is farthest from those chosen;
    distances are those of the leading coordinates.
    """
    if rows_PMD.shape[1] <= kept:
        return rows_PMD
    leading = rows_PMD[..., :_LEADING].contiguous()
    sets = torch.arange(len(rows_PMD), device=rows_PMD.device)
    apart = (leading - leading.mean(dim=1, keepdim=True)).square().sum(dim=2)
    chosen = [apart.argmin(dim=1)]
    nearest = torch.full_like(apart, torch.inf)
    lengths = leading.square().sum(dim=2)
    for _ in range(kept - 1):
        last = leading[sets, chosen[-1]]
        far = lengths - 2 * (leading @ last[:, :, None]).squeeze(2)
        far += last.square().sum(dim=1, keepdim=True)
        nearest = torch.minimum(nearest, far)
        chosen.append(nearest.argmax(dim=1))
    picked = torch.stack(chosen, dim=1)[..., None].expand(-1, -1, rows_PMD.shape[2])
    return rows_PMD.gather(1, picked)
