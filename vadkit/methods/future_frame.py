"""Prediction of the next frame, judged by a discriminator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import RecipeError
from vadkit.methods.method import Method, Scores, Update, WeightedLoss
from vadkit.methods.prediction import (
    adversarial_updates,
    negative_psnr,
    past_and_next,
    prediction_spec,
)


class FutureFrame(Method):
    """Prediction of the next frame by a U-Net with adversarial training (Liu, CVPR 2018).

    "Future Frame Prediction for Anomaly Detection - A New Baseline" (AnoPred). The fifth frame is
    predicted from 4 RGB frames. The generator minimises intensity 1, gradient 1 and adversarial
    0.05. The discriminator learns to separate predicted from true frames, and takes its step first,
    as in the authors' code. A frame's score is its negative PSNR in dB over pixels in 0..1 (eq. 9);
    its map is the squared error of each pixel at the clip's size. The first ``frames - 1`` frames
    of a video have no score. The paper reports AUC 95.4 on Ped2, 85.1 on Avenue and 72.8 on
    ShanghaiTech after per-video min-max.

    Differences from the paper: its optical flow loss of weight 2 is off by default, because it
    lowered AUC in our trainings. ``losses: {flow: {weight: 2}}`` turns it on, with Lucas-Kanade
    (``flow-l1``) instead of FlowNet2. PSNR uses the known peak 1.0, as in the authors' code, while
    eq. 9 uses the largest predicted value. Differences from the authors' code: both steps use one
    batch, while the code draws a batch for each; no sigmoid before the least-squares losses.
    ``networks: {discriminator: null}`` trains without the adversarial part. Raises ``RecipeError``
    if no loss is left.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 5, "size": [256, 256], "channels": "rgb"},
        "networks": {"generator": {"type": "unet"}, "discriminator": {"type": "patch-gan"}},
        "losses": {
            "intensity": {"type": "intensity", "weight": 1.0},
            "gradient": {"type": "gradient", "weight": 1.0},
            "flow": {"type": "flow-l1", "weight": 0.0},
            "adversarial": {"type": "lsgan", "weight": 0.05},
            "discriminator": {"type": "lsgan-discriminator", "weight": 1.0},
        },
        "optimizers": {
            "generator": {"type": "adam", "lr": 2e-4},
            "discriminator": {"type": "adam", "lr": 2e-5},
        },
        "train": {"epochs": 60, "batch_size": 4},
        "scorers": [{"type": "minmax-per-video"}],
        "protocols": [{"type": "ano-pred"}],
    }
    optional: ClassVar[frozenset[str]] = frozenset(
        {"networks.discriminator", "losses.gradient", "losses.intensity", "losses.flow"}
    )

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
    ) -> None:
        super().__init__(networks, losses, clip)
        if not {"intensity", "gradient"} & losses.keys() and "discriminator" not in networks:
            raise RecipeError(
                "losses: future-frame has nothing left to train its generator on; keep "
                "losses.intensity, losses.gradient or networks.discriminator"
            )

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        return prediction_spec("future-frame", frames, size, channels, step)

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        past = (clip.frames - 1) * clip.planes
        return {"generator": (past, clip.planes), "discriminator": (clip.planes,)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        past, _ = past_and_next(clips.frames)
        # One forward pass of the generator serves both steps. It stays valid because the
        # discriminator's step does not change the generator's weights. It is computed here and not
        # within the terms, where the trainer has frozen one of the two networks.
        output: Tensor = self.networks["generator"](past)
        yield from adversarial_updates(self, "generator", clips, output)

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        past, target = past_and_next(clips.frames)
        output = self.networks["generator"](past)
        scores, maps_BHW = negative_psnr(output, target)
        return Scores(scores[:, None], maps_BHW[:, None], output[:, None])
