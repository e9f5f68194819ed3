"""Completion of each erased crop of an object, and of its flow, from the other crops."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.clips.cubes import cubes_of
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Update, WeightedLoss
from vadkit.methods.object_errors import ObjectErrors, squared_error

# Height and width of a crop, as in the paper.
SIDE = 32


class VEC(ObjectErrors):
    """Cloze test on objects, with one network for each erased frame (Yu, ACM MM 2020).

    "Cloze Test Helps: Effective Video Anomaly Detection via Learning to Complete Video Events". The
    box of each object in the last of 5 frames is cropped from all of them at 32x32. Each crop is
    erased in turn: one U-Net completes it from the other four, and another one completes its
    optical flow from the same four, so there are five networks of each kind. An object's score is
    the mean squared error over the five, of frames and of flow, each standardised over training
    objects and weighted by ``frame_weight`` and ``flow_weight``. The frame has the score of its
    highest object. The paper reports AUC 97.3 on Ped2, 90.2 on Avenue and 74.8 on ShanghaiTech.

    ``networks: {flow: null}`` leaves motion out.

    Differences from the paper: objects come from the recipe's ``objects``, instead of a detector
    and moving regions; flow comes from dense inverse search instead of FlowNet2; errors of the five
    networks are averaged before they are standardised; nothing is smoothed unless the recipe says
    so.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 5, "size": [240, 360], "channels": "rgb"},
        "flow": {"type": "dis"},
        "objects": {"type": "blobs"},
        "networks": {"frame": {"type": "cloze"}, "flow": {"type": "cloze"}},
        "losses": {
            "frame": {"type": "mse", "weight": 1.0},
            "flow": {"type": "mse", "weight": 1.0},
        },
        "optimizers": {
            "frame": {"type": "adam", "lr": 1e-3},
            "flow": {"type": "adam", "lr": 1e-3},
        },
        "train": {"epochs": 10, "batch_size": 128},
    }
    optional: ClassVar[frozenset[str]] = frozenset({"networks.flow", "losses.flow"})

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        frame_weight: Annotated[float, Field(ge=0)] = 1.0,
        flow_weight: Annotated[float, Field(ge=0)] = 1.0,
    ) -> None:
        weights = {"frame": frame_weight, "flow": flow_weight}
        super().__init__(networks, losses, clip, {role: weights[role] for role in networks})

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if frames < 3:
            raise ValueError(f"vec needs 3 frames or more; got {frames}")
        last, flow = frames - 1, tuple(range(frames))
        return ClipSpec(frames, size, channels, (last,), step, flow=flow, boxes=last, cube=SIDE)

    @classmethod
    def clip_for(
        cls, clip: ClipSpec, params: Mapping[str, Any], networks: Collection[str]
    ) -> ClipSpec:
        return clip if "flow" in networks else replace(clip, flow=())

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        planes, frames = clip.planes, clip.frames
        return {"frame": (planes, frames, planes), "flow": (planes, frames, 2)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        frames, wanted = _crops(clips)
        if not len(frames):
            return
        for role in self.networks:
            # Bound now, because the trainer may call the terms later.
            def terms(role: str = role) -> dict[str, Tensor]:
                return {role: self.losses[role](self.networks[role](frames), wanted[role])}

            yield Update(role, terms)

    @torch.no_grad()
    def errors(self, clips: Clips) -> Tensor:
        frames, wanted = _crops(clips)
        if not len(frames):
            return frames.new_zeros(0, len(self.parts))
        each = [squared_error(net(frames), wanted[role]) for role, net in self.networks.items()]
        return torch.stack(each, dim=1)


def _crops(clips: Clips) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the crops (N, C, T, 32, 32) of all objects, and each network's target."""
    frames, flow = cubes_of(clips, SIDE)
    return frames, {"frame": frames, **({} if flow is None else {"flow": flow})}
