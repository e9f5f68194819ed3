"""Prediction of the next frame with a small memory of normal features."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.losses.memory import nearest_distances
from vadkit.methods.method import Method, Scores, Update, WeightedLoss
from vadkit.methods.prediction import negative_psnr, past_and_next

_PARTS = ("error", "distance")


class MNAD(Method):
    """Memory-guided prediction of the next frame (Park, CVPR 2020).

    "Learning Memory-guided Normality for Anomaly Detection". The fifth frame is predicted from 4
    RGB frames by a U-Net whose bottleneck reads 10 items of a memory. Squared error, 0.1
    compactness and 0.1 separateness are minimised (eq. 8); the items follow the queries of each
    batch. A frame's score is its negative PSNR, scaled to 0..1 over the training clips. Its map is
    the squared error of each pixel at the clip's size. The first ``frames - 1`` frames of a video
    have no score. The paper reports AUC 97.0 on Ped2, 88.5 on Avenue and 70.5 on ShanghaiTech.

    The paper mixes 0.6 PSNR with 0.4 distance of queries from their nearest items, each scaled over
    the test video (eq. 15). This needs the whole video before the first score, so only the protocol
    ``mnad`` does it, with the two parts of the score: ``error``, and ``distance``, the mean squared
    difference of queries and items, as in the authors' code. Live scores use PSNR alone by default:
    a mix on a scale known before the video helped barely trained networks, but harmed good ones.
    With ``alpha`` below 1, the score is ``alpha`` times the error plus 1 - ``alpha`` times the mean
    distance (eq. 11), both scaled to 0..1 over the training clips.

    With ``update_at_test``, the memory also follows the test clips (section 3.2), only in
    evaluation and clip by clip: clips whose error, weighted towards large errors (eq. 12), is below
    ``threshold`` count as normal. The paper does this with 0.01. Here it is off, because a live
    system would get used to frequent anomalies.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 5, "size": [256, 256], "channels": "rgb"},
        "networks": {"generator": {"type": "mnad"}},
        "losses": {
            "intensity": {"type": "intensity", "weight": 1.0},
            "compactness": {"type": "compactness", "weight": 0.1},
            "separateness": {"type": "separateness", "weight": 0.1},
        },
        "optimizers": {"generator": {"type": "adam", "lr": 2e-4}},
        "schedulers": {"generator": {"type": "cosine"}},
        "train": {"epochs": 60, "batch_size": 4},
        "scorers": [{"type": "minmax-per-video"}],
        "protocols": [{"type": "mnad"}],
    }
    optional: ClassVar[frozenset[str]] = frozenset({"losses.compactness", "losses.separateness"})
    extremes: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        alpha: Annotated[float, Field(ge=0, le=1)] = 1.0,
        update_at_test: bool = False,
        threshold: Annotated[float, Field(gt=0)] = 0.01,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.alpha = alpha
        self.update_at_test, self.threshold = update_at_test, threshold
        # The minimum and maximum of the two parts in training; neutral until the collect pass.
        self.register_buffer("extremes", torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        self._collected: list[Tensor] = []

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if frames < 2:
            raise ValueError(f"mnad needs at least 2 frames, the last to predict; got {frames}")
        if size[0] % 8 or size[1] % 8:
            raise ValueError(
                f"mnad needs a height and width that are multiples of 8; got {size[0]}x{size[1]}"
            )
        return ClipSpec(frames, size, channels, (frames - 1,), step, (-1.0, 1.0))

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"generator": ((clip.frames - 1) * clip.planes, clip.planes)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        past, target = past_and_next(clips.frames)
        network: Any = self.networks["generator"]

        def terms() -> dict[str, Tensor]:
            output, queries = network(past)
            terms = {"intensity": self.losses["intensity"](output, target)}
            for name in ("compactness", "separateness"):
                if name in self.losses:
                    terms[name] = self.losses[name](queries, network.items)
            network.remember(queries)
            return terms

        yield Update("generator", terms)

    @contextlib.contextmanager
    def adapting(self) -> Iterator[None]:
        network: Any = self.networks["generator"]
        items, learned = network.items, network.items.clone()
        self.adapts = self.update_at_test
        try:
            yield
        finally:
            self.adapts, network.items = False, items.copy_(learned)

    def _parts(self, clips: Clips) -> tuple[Tensor, Tensor, Tensor]:
        """Return negative PSNR (dB), mean distance and its mean square (B, 3), maps, the output."""
        past, target = past_and_next(clips.frames)
        network: Any = self.networks["generator"]
        output, queries = network(past)
        error, maps_BHW = negative_psnr(output, target)
        distances = nearest_distances(queries, network.items)[..., 0]
        if self.adapts and _focused_error(maps_BHW).item() < self.threshold:
            network.remember(queries)
        parts = [error, distances.mean(dim=1), distances.square().mean(dim=1)]
        return torch.stack(parts, dim=1), maps_BHW, output

    def collect(self, clips: Clips) -> None:
        self._collected.append(self._parts(clips)[0][:, :2])

    def finalize(self) -> None:
        parts = torch.cat(self._collected)
        self._collected = []
        low, high = parts.amin(dim=0), parts.amax(dim=0)
        self.extremes.copy_(torch.stack([low, torch.maximum(high, low + 1e-6)]))

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        if self.adapts and len(clips) > 1:
            # Each clip reads the memory as the previous one left it.
            each = [self.score(clips.pick([number])) for number in range(len(clips))]
            rows = zip(*(one[:3] for one in each), strict=True)
            frames, maps, output = (torch.cat(parts) for parts in rows)
            parts = {name: torch.cat([(one.parts or {})[name] for one in each]) for name in _PARTS}
            return Scores(frames, maps, output, parts)
        found, maps_BHW, output = self._parts(clips)
        low, high = self.extremes
        error, distance = ((found[:, :2] - low) / (high - low)).split(1, dim=1)
        scores = self.alpha * error + (1 - self.alpha) * distance
        # Squares on the scale of the distance: another factor would not change the protocol.
        low, high = self.extremes[:, 1].square()
        square = (found[:, 2:] - low) / (high - low)
        return Scores(
            scores,
            maps_BHW[:, None],
            output[:, None],
            dict(zip(_PARTS, (error, square), strict=True)),
        )


def _focused_error(maps_BHW: Tensor) -> Tensor:
    """Return the mean squared error, weighted by 1 - exp(-error) (eqs. 12 and 13)."""
    weights = -torch.expm1(-maps_BHW)
    return (weights * maps_BHW).sum() / weights.sum().clamp_min(1e-12)
