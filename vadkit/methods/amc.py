"""Appearance against motion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores, Update, WeightedLoss

# dx, dy and their magnitude.
_MOTION = 3
# The logarithm of a patch without any error is minus infinity; networks never come close to this.
_LEAST_ERROR = 1e-10


class AMC(Method):
    """Appearance and the motion that goes with it, from one frame (Nguyen and Meunier, ICCV 2019).

    "Anomaly Detection in Video Sequence with Appearance-Motion Correspondence". A network
    reconstructs a frame and predicts its motion, which is the optical flow to the next frame and
    its magnitude. The generator minimises intensity 1, gradient 1, flow L1 2 and adversarial 0.25.
    The discriminator gets the true frame with the true or the predicted motion, and takes its step
    first. Motion is in clip pixels, unscaled, in the network, the losses and the score.

    A clip has two frames, and the first one is scored. A live score is therefore one frame late,
    and the last frame of a video has none. The score uses the patch with the largest motion error,
    among all patches of 16x16 pixels with a stride of 4. It is log(S_F / m_F) + 0.2 log(S_I / m_I),
    with the mean squared errors S_F of the patch's motion and S_I of its frame, and their means m
    over the training clips. The map is the squared motion error of each pixel, averaged over dx, dy
    and magnitude, at the clip's size. ``patch``, ``stride`` and ``image_weight`` are 16, 4 and 0.2
    in the paper, which reports AUC 96.2 on Ped2 and 86.9 on Avenue.

    Differences from the paper: dense inverse search replaces FlowNet2 for the true flow; the
    magnitude is predicted as a separate channel, as in the authors' code; the discriminator has no
    batch normalisation and returns one logit per patch; both steps share one forward pass of the
    generator, including dropout; scores are scaled by the minimum and maximum of a video, while the
    paper divides by the maximum. Adam's betas, 40 epochs, batches of 16 and dropout 0.3 are those
    of the authors' code. ``networks: {discriminator: null}`` trains without the adversarial part.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 2, "size": [128, 192], "channels": "rgb"},
        "flow": {"type": "dis"},
        "networks": {
            "generator": {"type": "amc"},
            "discriminator": {"type": "patch-gan", "width": 64},
        },
        "losses": {
            "intensity": {"type": "intensity", "weight": 1.0},
            "gradient": {"type": "gradient", "weight": 1.0},
            "flow": {"type": "l1", "weight": 2.0},
            "adversarial": {"type": "vanilla", "weight": 0.25},
            "discriminator": {"type": "vanilla-discriminator", "weight": 1.0},
        },
        "optimizers": {
            "generator": {"type": "adam", "lr": 2e-4, "betas": [0.5, 0.9]},
            "discriminator": {"type": "adam", "lr": 2e-5, "betas": [0.5, 0.9]},
        },
        "train": {"epochs": 40, "batch_size": 16},
        "scorers": [{"type": "minmax-per-video"}],
        "protocols": [{"type": "amc"}],
    }
    optional: ClassVar[frozenset[str]] = frozenset({"networks.discriminator", "losses.gradient"})
    usual: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        patch: Annotated[int, Field(ge=1, le=32)] = 16,
        stride: Annotated[int, Field(ge=1)] = 4,
        image_weight: Annotated[float, Field(ge=0)] = 0.2,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.patch, self.stride, self.image_weight = patch, stride, image_weight
        # Mean errors of motion and frame in training; neutral until the collect pass.
        self.register_buffer("usual", torch.ones(2))
        self._collected: list[Tensor] = []

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if (frames, step) != (2, 1):
            raise ValueError(
                "amc needs 2 frames with step 1, the frame and the next one; "
                f"got {frames} with step {step}"
            )
        if size[0] % 16 or size[1] % 16 or min(size) < 32:
            raise ValueError(
                "amc needs a height and width of at least 32 in multiples of 16; "
                f"got {size[0]}x{size[1]}"
            )
        return ClipSpec(2, size, channels, (0,), 1, (-1.0, 1.0), flow=(1,))

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"generator": (clip.planes, _MOTION), "discriminator": (clip.planes + _MOTION,)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        frame, motion = _frame_and_motion(clips)
        # One forward pass of the generator serves both steps. It stays valid because the
        # discriminator's step does not change the generator's weights. It is computed here and not
        # within the terms, where the trainer has frozen one of the two networks.
        output, predicted = self.networks["generator"](frame)

        def discriminator_terms() -> dict[str, Tensor]:
            discriminator = self.networks["discriminator"]
            real, fake = _pair(frame, motion), _pair(frame, predicted.detach())
            loss = self.losses["discriminator"](discriminator, real, fake)
            return {"discriminator": loss}

        def generator_terms() -> dict[str, Tensor]:
            terms: dict[str, Tensor] = {
                name: self.losses[name](output, frame)
                for name in ("intensity", "gradient")
                if name in self.losses
            }
            terms["flow"] = self.losses["flow"](predicted, motion)
            if "discriminator" in self.networks:
                logits = self.networks["discriminator"](_pair(frame, predicted))
                terms["adversarial"] = self.losses["adversarial"](logits)
            return terms

        if "discriminator" in self.networks:
            yield Update("discriminator", discriminator_terms)
        yield Update("generator", generator_terms)

    def embed(self, clips: Clips) -> Tensor:
        """Return the encoder's last level, averaged over all places: (B, 8 * width) of ``amc``."""
        generator: Any = self.networks["generator"]
        features: Tensor = generator.encode(clips.frames[:, :, 0])[-1].float().mean(dim=(2, 3))
        return features

    def _errors(self, clips: Clips) -> tuple[Tensor, Tensor, Tensor]:
        """Return errors (B, 2) of motion and frame in the worst patch, motion errors, output."""
        frame, motion = _frame_and_motion(clips)
        output, predicted = self.networks["generator"](frame)
        maps = [
            (found.float() - true.float()).square().mean(dim=1)
            for found, true in ((predicted, motion), (output, frame))
        ]
        return worst_patch(*maps, patch=self.patch, stride=self.stride), maps[0], output

    def collect(self, clips: Clips) -> None:
        self._collected.append(self._errors(clips)[0])

    def finalize(self) -> None:
        self.usual.copy_(torch.cat(self._collected).mean(dim=0).clamp_min(_LEAST_ERROR))
        self._collected = []

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        errors, maps_BHW, output = self._errors(clips)
        motion, image = (errors.clamp_min(_LEAST_ERROR) / self.usual).log().unbind(1)
        scores = motion + self.image_weight * image
        return Scores(scores[:, None], maps_BHW[:, None], output[:, None])


def worst_patch(motion_BHW: Tensor, image_BHW: Tensor, *, patch: int, stride: int) -> Tensor:
    """Return mean errors (B, 2) of motion and image in the patch with the largest motion error.

    Patches are squares of ``patch`` pixels with a stride of ``stride``, inside the frame.
    """
    means = functional.avg_pool2d(torch.stack([motion_BHW, image_BHW], dim=1), patch, stride)
    means = means.flatten(2)
    worst = means[:, :1].argmax(dim=2, keepdim=True)
    return means.gather(2, worst.expand(-1, 2, 1))[:, :, 0]


def _frame_and_motion(clips: Clips) -> tuple[Tensor, Tensor]:
    """Return the first frame (B, C, H, W), and dx, dy and magnitude (B, 3, H, W) to the second."""
    assert clips.flow is not None
    flow = clips.flow[:, :, 0]
    return clips.frames[:, :, 0], torch.cat([flow, flow.norm(dim=1, keepdim=True)], dim=1)


def _pair(frame_BCHW: Tensor, motion_B3HW: Tensor) -> Tensor:
    """Return the input of the discriminator."""
    return torch.cat([frame_BCHW, motion_B3HW.to(frame_BCHW.dtype)], dim=1)
