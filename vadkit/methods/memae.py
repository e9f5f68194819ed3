"""Reconstruction of clips through a memory of normal features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores, Update, WeightedLoss


class MemAE(Method):
    """Reconstruction through a memory of normal features (Gong, ICCV 2019).

    "Memorizing Normality to Detect Anomaly". 16 grey frames are encoded, the features are replaced
    by mixtures of 2000 learned items, and decoded, so an anomaly is reconstructed as something
    normal. The loss is the mean squared error plus 0.0002 times the entropy of the memory weights
    (eq. 10). The score of a clip's middle frame is the mean error of the whole clip, as in the
    authors' code, where the error of a pixel is the norm of its difference (the absolute value of a
    grey pixel); its map is that error of each pixel over the clip's frames, at the clip's size. The
    first 8 and last 7 frames of a video have no score. The paper reports AUC 94.1 on Ped2, 83.3 on
    Avenue and 71.2 on ShanghaiTech after per-video min-max.

    Differences from the paper, all as in the authors' code: queries and items are compared by their
    dot product, not their cosine; pixels are in -1..1 and the output is not bounded; the error is
    the norm, not its square.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 16, "size": [256, 256], "channels": "gray"},
        "networks": {"autoencoder": {"type": "memae"}},
        "losses": {
            "reconstruction": {"type": "mse", "weight": 1.0},
            "addressing": {"type": "entropy", "weight": 2e-4},
        },
        "optimizers": {"autoencoder": {"type": "adam", "lr": 1e-4}},
        "train": {"epochs": 100, "batch_size": 10},
        "scorers": [{"type": "minmax-per-video"}],
        "protocols": [{"type": "memae"}],
    }
    optional: ClassVar[frozenset[str]] = frozenset({"losses.addressing"})

    exponent: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
    ) -> None:
        super().__init__(networks, losses, clip)
        # Checkpoints of earlier versions have none. Their thresholds are for squared errors.
        self.register_buffer("exponent", torch.ones(()))

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **named: Any
    ) -> None:
        state_dict.setdefault(f"{prefix}exponent", torch.tensor(2.0))
        super()._load_from_state_dict(state_dict, prefix, *args, **named)

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if frames % 8 or frames < 8:
            raise ValueError(f"memae needs a multiple of 8 frames; got {frames}")
        if size[0] % 16 or size[1] % 16:
            raise ValueError(
                f"memae needs a height and width that are multiples of 16; got {size[0]}x{size[1]}"
            )
        return ClipSpec(frames, size, channels, (frames // 2,), step, (-1.0, 1.0))

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"autoencoder": (clip.planes, clip.size)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        def terms() -> dict[str, Tensor]:
            output, weights = self.networks["autoencoder"](clips.frames)
            terms = {"reconstruction": self.losses["reconstruction"](output, clips.frames)}
            if "addressing" in self.losses:
                terms["addressing"] = self.losses["addressing"](weights)
            return terms

        yield Update("autoencoder", terms)

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        output, _ = self.networks["autoencoder"](clips.frames)
        errors_BTHW = (output.float() - clips.frames.float()).norm(dim=1)
        maps_BHW = errors_BTHW.pow(self.exponent).mean(dim=1)
        middle = output[:, None, :, self.clip.scored[0]]
        return Scores(maps_BHW.mean(dim=(1, 2))[:, None], maps_BHW[:, None], middle)
