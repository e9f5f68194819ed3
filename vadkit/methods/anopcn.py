"""Prediction by predictive coding, refined by an estimate of its error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores, Update
from vadkit.methods.prediction import adversarial_updates, negative_psnr, prediction_spec


class AnoPCN(Method):
    """Recurrent prediction of the next frame, and of what it lacks (Ye, MM 2019).

    "AnoPCN: Video Anomaly Detection via Deep Predictive Coding Network". A recurrent network runs
    over 4 RGB frames; in each step it gets the frame and the error of its prediction. It predicts
    the fifth frame. A second network reconstructs the error of that prediction, and the result is
    added to it. The predictor minimises intensity 1, gradient 1 and adversarial 0.05, like the
    generator of future-frame; the refiner minimises the squared error of the refined frame. A
    frame's score is the negative PSNR in dB of the refined frame over pixels in 0..1; its map is
    the squared error of each pixel at the clip's size. The first ``frames - 1`` frames of a video
    have no score. The paper reports AUC 96.8 on Ped2, 86.2 on Avenue and 73.6 on ShanghaiTech after
    per-video min-max.

    Differences from the paper: both networks take a step on every batch, the predictor first, while
    the paper trains them in phases; only the last prediction has a loss; optical flow is off by
    default, as in future-frame; the layers around the LSTMs, the refiner (future-frame's U-Net) and
    the weights of the losses are our choice, after future-frame. ``networks: {discriminator:
    null}`` trains without the adversarial part; ``networks: {refiner: {skips: false}}`` removes the
    skip connections of the U-Net, through which the refiner can pass on any error unchanged.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 5, "size": [256, 256], "channels": "rgb"},
        "networks": {
            "predictor": {"type": "predictive-coding"},
            "refiner": {"type": "unet"},
            "discriminator": {"type": "patch-gan"},
        },
        "losses": {
            "intensity": {"type": "intensity", "weight": 1.0},
            "gradient": {"type": "gradient", "weight": 1.0},
            "flow": {"type": "flow-l1", "weight": 0.0},
            "adversarial": {"type": "lsgan", "weight": 0.05},
            "discriminator": {"type": "lsgan-discriminator", "weight": 1.0},
            "refinement": {"type": "mse", "weight": 1.0},
        },
        "optimizers": {
            "predictor": {"type": "adam", "lr": 2e-4},
            "refiner": {"type": "adam", "lr": 2e-4},
            "discriminator": {"type": "adam", "lr": 2e-5},
        },
        "train": {"epochs": 60, "batch_size": 4},
        "scorers": [{"type": "minmax-per-video"}],
        "protocols": [{"type": "ano-pred"}],
    }
    optional: ClassVar[frozenset[str]] = frozenset(
        {"networks.discriminator", "losses.gradient", "losses.flow"}
    )

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        return prediction_spec("anopcn", frames, size, channels, step)

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        planes = clip.planes
        return {"predictor": (planes,), "refiner": (planes, planes), "discriminator": (planes,)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        # Computed here: the predictor's step needs its gradients, the other steps use it as a
        # constant.
        predicted: Tensor = self.networks["predictor"](clips.frames[:, :, :-1])
        yield from adversarial_updates(self, "predictor", clips, predicted)

        def refinement() -> dict[str, Tensor]:
            target = clips.frames[:, :, -1]
            refined = self._refine(predicted.detach(), target)
            return {"refinement": self.losses["refinement"](refined, target)}

        yield Update("refiner", refinement)

    def _refine(self, predicted: Tensor, target: Tensor) -> Tensor:
        error: Tensor = self.networks["refiner"](target - predicted)
        return predicted + error

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        target = clips.frames[:, :, -1]
        refined = self._refine(self.networks["predictor"](clips.frames[:, :, :-1]), target)
        scores, maps_BHW = negative_psnr(refined, target)
        return Scores(scores[:, None], maps_BHW[:, None], refined[:, None])
