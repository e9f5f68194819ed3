"""How far people's next poses are from the nearest of several that a diffusion model draws."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.objects.skeleton import JOINTS
from vadkit.data.tensors import Bags, Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Update, WeightedLoss
from vadkit.methods.poses.method import PoseMethod, defaults_of, normalised, places_of

# The offset of the cosine schedule, and the most noise that a step adds (Nichol and Dhariwal).
_OFFSET, _MOST_NOISE = 0.008, 0.999
# Drawn poses stay within this many deviations of heights.
_FARTHEST = 5.0
# Drawn futures of all windows that are scored at a time.
_DRAWN = 4096


class MoCoDAD(PoseMethod):
    """MoCoDAD, diffusion of the next poses given the last (Flaborea et al., ICCV 2023).

    "Multimodal Motion Conditioned Diffusion Model for Skeleton-based Video Anomaly Detection". Of a
    window of 6 frames of one person, 3 are given, and the noise in the other 3 is learned at each
    of ``steps`` steps with a cosine schedule (smooth L1). To score a window, ``samples`` futures
    are drawn; the score of its last frame is the smooth L1 distance of the nearest one. All windows
    share one noise, drawn with ``seed``, so scores repeat and do not depend on other windows. Adam
    with rate 1e-3, batches of 1024, 100 epochs. The paper reports AUC 77.6 on the human-related
    part of ShanghaiTech (HR).

    Differences from the paper: windows have mean 0 and the deviation 1 of heights in the given
    frames; given poses are encoded without a loss of their own; group norm in place of batch norm;
    drawn poses are limited to 5 deviations; up to ``gap`` missing frames of a track are filled
    linearly.
    """

    defaults: ClassVar[dict[str, Any]] = defaults_of(
        networks={"denoiser": {"type": "pose-diffusion"}},
        optimizers={"denoiser": {"type": "adam", "lr": 1e-3}},
        train={"epochs": 100, "batch_size": 1024},
    )
    kept: Tensor
    noise: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        steps: Annotated[int, Field(ge=2, le=1000)] = 10,
        samples: Annotated[int, Field(ge=1, le=_DRAWN)] = 50,
        stride: Annotated[int, Field(ge=1)] = 1,
        gap: Annotated[int, Field(ge=0)] = 2,
        seed: int = 0,
    ) -> None:
        network: Any = networks["denoiser"]
        length = network.given + network.predicted
        super().__init__(
            networks,
            losses,
            clip,
            length=length,
            place=length - 1,
            stride=stride,
            gap=gap,
        )
        self.given, self.samples = network.given, samples
        self.register_buffer("kept", _kept(steps))
        shape = (steps, samples, 2, network.predicted, JOINTS)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        self.register_buffer("noise", noise, persistent=False)

    @property
    def batch(self) -> int:  # type: ignore[override]
        """Windows scored at a time."""
        return max(1, _DRAWN // self.samples)

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"denoiser": (JOINTS,)}

    def updates(self, clips: Clips | Bags) -> Iterator[Update]:
        """Yield the step towards finding the noise in a batch of windows, each at a drawn step."""
        assert isinstance(clips, Bags)
        poses = normalised(places_of(clips.features), self.given)
        network: Any = self.networks["denoiser"]

        def terms() -> dict[str, Tensor]:
            future = poses[:, :, self.given :]
            step = torch.randint(len(self.kept), (len(poses),), device=poses.device)
            noise = torch.randn_like(future)
            kept = self.kept[step][:, None, None, None]
            noisy = kept.sqrt() * future + (1 - kept).sqrt() * noise
            found = network(noisy, step, network.encode(poses[:, :, : self.given]))
            return {"noise": nn.functional.smooth_l1_loss(found.float(), noise)}

        yield Update("denoiser", terms)

    def window_scores(self, windows_B2TV: Tensor) -> Tensor:
        parts = windows_B2TV.split(self.batch)
        return torch.cat([self._distances(normalised(part, self.given)) for part in parts])

    def draw(self, given_BCTV: Tensor) -> Tensor:
        """Return futures (B, samples, 2, T, V) of given poses, all from the same noise."""
        network: Any = self.networks["denoiser"]
        count = len(given_BCTV)
        code = network.encode(given_BCTV).repeat_interleave(self.samples, dim=0)
        x = self.noise[-1].repeat(count, 1, 1, 1)
        for number in range(len(self.kept) - 1, -1, -1):
            step = torch.full((len(x),), number, device=x.device)
            found = network(x, step, code)
            kept = self.kept[number]
            clean = (x - (1 - kept).sqrt() * found) / kept.sqrt()
            clean = clean.clamp(-_FARTHEST, _FARTHEST)
            if number == 0:
                x = clean
                break
            x = self._before(x, clean, number)
            x = x + self._deviation(number) * self.noise[number - 1].repeat(count, 1, 1, 1)
        return x.reshape(count, self.samples, *x.shape[1:])

    def _distances(self, poses_B2TV: Tensor) -> Tensor:
        """Return the distance (B,) of the true future from the nearest drawn one."""
        given, future = poses_B2TV[:, :, : self.given], poses_B2TV[:, :, self.given :]
        drawn = self.draw(given)
        away = nn.functional.smooth_l1_loss(
            drawn, future[:, None].expand_as(drawn), reduction="none"
        )
        return away.flatten(2).mean(dim=2).amin(dim=1)

    def _before(self, x: Tensor, clean: Tensor, number: int) -> Tensor:
        """Return the mean of what was one step less noisy, given what it becomes without noise."""
        kept, before = self.kept[number], self.kept[number - 1]
        share = kept / before
        of_clean = before.sqrt() * (1 - share) / (1 - kept)
        of_noisy = share.sqrt() * (1 - before) / (1 - kept)
        return of_clean * clean + of_noisy * x

    def _deviation(self, number: int) -> Tensor:
        kept, before = self.kept[number], self.kept[number - 1]
        return ((1 - kept / before) * (1 - before) / (1 - kept)).sqrt()


def _kept(steps: int) -> Tensor:
    """Return the share (steps,) of the variance that is still that of poses, after each step."""
    at = [
        math.cos((n / steps + _OFFSET) / (1 + _OFFSET) * math.pi / 2) ** 2 for n in range(steps + 1)
    ]
    added = [min(1 - after / before, _MOST_NOISE) for before, after in itertools.pairwise(at)]
    return torch.tensor([1 - one for one in added]).cumprod(dim=0)
