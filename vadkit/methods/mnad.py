"""Prediction of the next frame through a small memory of normal features."""

from __future__ import annotations

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


class MNAD(Method):
    """Memory-guided prediction of the next frame (Park, CVPR 2020).

    "Learning Memory-guided Normality for Anomaly Detection": from 4 RGB frames the fifth is
    predicted by a U-Net whose waist reads 10 items of a memory. Squared error, 0.1 compactness and
    0.1 separateness are minimised (eq. 8); the items follow the queries of each batch. A frame's
    score mixes two parts, each less its mean over training clips and in units of its standard
    deviation there: the negative PSNR, with weight ``alpha``, and the mean distance of its queries
    from their nearest items. Its map is the squared error of each pixel at the clip's size. The
    first ``frames - 1`` frames of a video have no score. The paper reports AUC 97.0 on Ped2, 88.5
    on Avenue and 70.5 on ShanghaiTech.

    Differences from the paper: it scales both parts by their extremes in each test video before it
    mixes them, which needs the whole video; the memory is not updated at test time; distances are
    means of lengths over all queries.
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
    }
    optional: ClassVar[frozenset[str]] = frozenset({"losses.compactness", "losses.separateness"})
    moments: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        alpha: Annotated[float, Field(ge=0, le=1)] = 0.6,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.alpha = alpha
        # Means and standard deviations of the two parts; neutral until the collect pass.
        self.register_buffer("moments", torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
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

    def _parts(self, clips: Clips) -> tuple[Tensor, Tensor, Tensor]:
        """Negative PSNR in dB and mean distance (B, 2), squared errors (B, H, W), the output."""
        past, target = past_and_next(clips.frames)
        output, queries = self.networks["generator"](past)
        items: Any = self.networks["generator"].items
        error, maps_BHW = negative_psnr(output, target)
        distance = nearest_distances(queries, items)[..., 0].mean(dim=1)
        return torch.stack([error, distance], dim=1), maps_BHW, output

    def collect(self, clips: Clips) -> None:
        self._collected.append(self._parts(clips)[0])

    def finalize(self) -> None:
        parts = torch.cat(self._collected)
        self._collected = []
        deviations = parts.std(dim=0, correction=0).clamp_min(1e-6)
        self.moments.copy_(torch.stack([parts.mean(dim=0), deviations]))

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        parts, maps_BHW, output = self._parts(clips)
        error, distance = ((parts - self.moments[0]) / self.moments[1]).unbind(1)
        scores = self.alpha * error + (1 - self.alpha) * distance
        return Scores(scores[:, None], maps_BHW[:, None], output[:, None])
