"""Reconstruction of clips, scored by the distance of their codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores, Update


class GANomaly(Method):
    """Distance between a clip's code and that of its reconstruction (Akcay, ACCV 2018).

    "GANomaly: Semi-Supervised Anomaly Detection via Adversarial Training", adapted to video. 8 grey
    frames are stacked as channels, encoded, decoded and encoded again. The generator minimises 50
    times the absolute error of the clip, the squared distance of the two codes, and that of the
    discriminator's features of clip and reconstruction; the discriminator learns to separate these.
    The score of a clip's middle frame is the mean squared distance of the two codes (eq. 5); its
    map is the squared error of each of its pixels in -1..1, at the clip's size. The first 4 and
    last 3 frames of a video have no score. The paper is about single images and reports nothing on
    these datasets.

    Differences from the paper: clips instead of images; the discriminator's cross-entropy takes
    logits; its step comes after the generator's, on the same reconstruction, as in the authors'
    code, but it is never reset when its loss falls to zero.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 8, "size": [128, 128], "channels": "gray"},
        "networks": {
            "generator": {"type": "ganomaly"},
            "discriminator": {"type": "ganomaly-discriminator"},
        },
        "losses": {
            "context": {"type": "l1", "weight": 50.0},
            "code": {"type": "mse", "weight": 1.0},
            "features": {"type": "mse", "weight": 1.0},
            "discriminator": {"type": "vanilla-discriminator", "weight": 1.0},
        },
        "optimizers": {
            "generator": {"type": "adam", "lr": 2e-4, "betas": [0.5, 0.999]},
            "discriminator": {"type": "adam", "lr": 2e-4, "betas": [0.5, 0.999]},
        },
        "train": {"epochs": 15, "batch_size": 64},
        "scorers": [{"type": "minmax-per-video"}],
    }

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if size[0] % 16 or size[1] % 16:
            raise ValueError(
                "ganomaly needs a height and width that are multiples of 16; "
                f"got {size[0]}x{size[1]}"
            )
        return ClipSpec(frames, size, channels, (frames // 2,), step, (-1.0, 1.0))

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        args = (clip.frames * clip.planes, clip.size)
        return {"generator": args, "discriminator": args}

    def updates(self, clips: Clips) -> Iterator[Update]:
        stack = _stack(clips)
        # Computed here, before the trainer freezes one of the two networks: both steps use it.
        output, code, code_of_output = self.networks["generator"](stack)
        discriminator: Any = self.networks["discriminator"]

        def generator_terms() -> dict[str, Tensor]:
            features = discriminator.features(output), discriminator.features(stack)
            return {
                "context": self.losses["context"](output, stack),
                "code": self.losses["code"](code_of_output, code),
                "features": self.losses["features"](*features),
            }

        def discriminator_terms() -> dict[str, Tensor]:
            loss = self.losses["discriminator"](discriminator, stack, output.detach())
            return {"discriminator": loss}

        yield Update("generator", generator_terms)
        yield Update("discriminator", discriminator_terms)

    def embed(self, clips: Clips) -> Tensor:
        """Return codes (B, latent) of the clips."""
        code: Tensor = self.networks["generator"](_stack(clips)).code
        return code.float()

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        output, code, code_of_output = self.networks["generator"](_stack(clips))
        scores = (code.float() - code_of_output.float()).square().mean(dim=1)
        (middle,) = self.clip.scored
        frames = output.float().unflatten(1, (self.clip.frames, self.clip.planes))[:, middle]
        maps_BHW = (frames - clips.frames[:, :, middle].float()).square().mean(dim=1)
        return Scores(scores[:, None], maps_BHW[:, None], frames[:, None])


def _stack(clips: Clips) -> Tensor:
    return clips.frames.transpose(1, 2).flatten(1, 2)
