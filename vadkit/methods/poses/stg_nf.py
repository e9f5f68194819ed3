"""The likelihood of people's pose sequences under a normalising flow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.objects.skeleton import adjacency
from vadkit.data.tensors import Bags, Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Update, WeightedLoss
from vadkit.methods.poses.method import PoseMethod, defaults_of, normalised, places_of

# Joints within this many steps on the skeleton are neighbours, with equal weights.
_HOPS = 8


class STGNF(PoseMethod):
    """STG-NF, a flow on pose sequences (Hirschorn and Avidan, ICCV 2023).

    "Normalizing Flows for Human Pose Anomaly Detection". A window of 24 frames of one person, every
    ``stride`` frames in training, is brought to mean 0 and the deviation 1 of heights, and a flow
    of 8 steps with graph convolutions maps it to a normal distribution with mean 3. The score is
    the negative logarithm of its density, per coordinate, at the window's middle frame, so it is
    known 11 frames later. Adamax with rate 5e-4, which falls by 1% an epoch, batches of 256, 8
    epochs. The paper reports AUC 85.9 on ShanghaiTech, smoothed over later frames.

    Differences from the paper: graph convolutions have no batch norm, the last layer of each
    begins at 0, and scales of couplings are limited, so the flow is the same in training and in
    scoring; poses keep the aspect of the picture; up to ``gap`` missing frames of a track are
    filled linearly.
    """

    defaults: ClassVar[dict[str, Any]] = defaults_of(
        networks={"flow": {"type": "pose-flow"}},
        optimizers={"flow": {"type": "adamax", "lr": 5e-4, "weight_decay": 5e-5}},
        schedulers={"flow": {"type": "step", "every": 1, "gamma": 0.99}},
        train={"epochs": 8, "batch_size": 256},
    )

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        stride: Annotated[int, Field(ge=1)] = 6,
        gap: Annotated[int, Field(ge=0)] = 2,
    ) -> None:
        frames: Any = networks["flow"].frames
        super().__init__(
            networks, losses, clip, length=frames, place=frames // 2, stride=stride, gap=gap
        )

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"flow": (adjacency(_HOPS).tolist(),)}

    def updates(self, clips: Clips | Bags) -> Iterator[Update]:
        """Yield the step towards a higher likelihood of a batch of windows."""
        assert isinstance(clips, Bags)
        windows = places_of(clips.features)

        def terms() -> dict[str, Tensor]:
            with torch.autocast(windows.device.type, enabled=False):
                return {"likelihood": self.window_scores(windows).mean()}

        yield Update("flow", terms)

    def window_scores(self, windows_B2TV: Tensor) -> Tensor:
        flow: Any = self.networks["flow"]
        found: Tensor = -flow.log_likelihood(normalised(windows_B2TV)) / windows_B2TV[0].numel()
        return found
