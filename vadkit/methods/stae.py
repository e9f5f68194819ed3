"""Reconstruction of a clip, with prediction of the next clip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores, Update


class STAutoEncoder(Method):
    """Reconstruction and prediction by a 3D auto-encoder (Zhao, ACM MM 2017).

    "Spatio-Temporal AutoEncoder for Video Anomaly Detection". From 16 grey frames, one decoder
    reconstructs them and another predicts the next 16, with less weight for later ones; both errors
    are minimised. Only the reconstruction is used for scores: the score of a clip's middle frame is
    the mean squared error of the 16 frames; its map is that error of each pixel over the frames, at
    the clip's size. A training clip has 32 frames; scoring needs only the first 16. The first 8 and
    last 7 frames of a video have no score. The paper reports AUC 91.2 on Ped2 and 80.9 on Avenue
    after per-video min-max.

    Differences from the paper: batch normalisation and LeakyReLU in all layers; the mean over a
    clip's pixels instead of their sum.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 32, "size": [128, 128], "channels": "gray"},
        "networks": {"autoencoder": {"type": "stae"}},
        "losses": {
            "reconstruction": {"type": "mse", "weight": 1.0},
            "prediction": {"type": "weighted-prediction", "weight": 1.0},
        },
        "optimizers": {"autoencoder": {"type": "adam", "lr": 1e-3}},
        "train": {"epochs": 50, "batch_size": 16},
        "scorers": [{"type": "minmax-per-video"}],
        "protocols": [{"type": "conv-ae"}],
    }
    optional: ClassVar[frozenset[str]] = frozenset({"losses.prediction"})

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if frames % 16 or frames < 16:
            raise ValueError(
                f"stae needs a multiple of 16 frames, one half to predict from the other; got "
                f"{frames}"
            )
        if size[0] % 8 or size[1] % 8:
            raise ValueError(
                f"stae needs a height and width that are multiples of 8; got {size[0]}x{size[1]}"
            )
        half = frames // 2
        return ClipSpec(frames, size, channels, (half // 2,), step, (0.0, 1.0), ahead=half)

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"autoencoder": (clip.planes, clip.size)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        present, future = clips.frames.chunk(2, dim=2)

        def terms() -> dict[str, Tensor]:
            reconstruction, prediction = self.networks["autoencoder"](present)
            terms = {"reconstruction": self.losses["reconstruction"](reconstruction, present)}
            if "prediction" in self.losses:
                terms["prediction"] = self.losses["prediction"](prediction, future)
            return terms

        yield Update("autoencoder", terms)

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        output, _ = self.networks["autoencoder"](clips.frames)
        maps_BHW = (output.float() - clips.frames.float()).square().mean(dim=(1, 2))
        middle = output[:, None, :, self.clip.scored[0]]
        return Scores(maps_BHW.mean(dim=(1, 2))[:, None], maps_BHW[:, None], middle)
