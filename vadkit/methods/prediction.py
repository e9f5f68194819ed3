"""The common part of methods that predict the next frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Update

# The PSNR of a perfect prediction is infinite; 100 dB is far above what a network reaches.
_LEAST_MSE = 1e-10


def past_and_next(frames_BCTHW: Tensor) -> tuple[Tensor, Tensor]:
    """Return the past frames stacked as channels, oldest first, and the frame to predict."""
    return frames_BCTHW[:, :, :-1].transpose(1, 2).flatten(1, 2), frames_BCTHW[:, :, -1]


def prediction_spec(
    method: str, frames: int, size: tuple[int, int], channels: Any, step: int
) -> ClipSpec:
    """Return clips whose last frame is predicted and scored.

    Raises ``ValueError`` if a U-Net of four levels and a patch discriminator cannot use them.
    """
    if frames < 2:
        raise ValueError(f"{method} needs at least 2 frames, the last to predict; got {frames}")
    if size[0] % 8 or size[1] % 8 or min(size) < 24:
        raise ValueError(
            f"{method} needs a height and width of at least 24 in multiples of 8; "
            f"got {size[0]}x{size[1]}"
        )
    return ClipSpec(frames, size, channels, (frames - 1,), step, (-1.0, 1.0))


def adversarial_updates(
    method: Method, role: str, clips: Clips, output: Tensor
) -> Iterator[Update]:
    """Yield the discriminator's update, if any, then that of ``role``, which made ``output``.

    The terms are the method's losses with the names below, if it has them; ``flow`` counts if its
    weight is not 0, because two estimates of flow take time.
    """
    target = clips.frames[:, :, -1]
    adversarial = "discriminator" in method.networks

    def discriminator_terms() -> dict[str, Tensor]:
        loss, discriminator = method.losses["discriminator"], method.networks["discriminator"]
        return {"discriminator": loss(discriminator, target, output.detach())}

    def terms() -> dict[str, Tensor]:
        found: dict[str, Tensor] = {
            name: method.losses[name](output, target)
            for name in ("intensity", "gradient")
            if name in method.losses
        }
        flow = method.losses.get("flow")
        if flow is not None and flow.weight > 0:
            found["flow"] = flow(clips.frames[:, :, -2], output, target)
        if adversarial:
            logits = method.networks["discriminator"](output)
            found["adversarial"] = method.losses["adversarial"](logits)
        return found

    if adversarial:
        yield Update("discriminator", discriminator_terms)
    yield Update(role, terms)


def negative_psnr(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return negative PSNR (B,) in dB and squared errors (B, H, W), both over pixels in 0..1.

    The frames (B, C, H, W) are in -1..1, so half of their difference counts.
    """
    error = (output.float() - target.float()) / 2
    maps_BHW = error.square().mean(dim=1)
    return 10 * maps_BHW.mean(dim=(1, 2)).clamp_min(_LEAST_MSE).log10(), maps_BHW
