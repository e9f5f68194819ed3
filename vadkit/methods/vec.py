"""Completion of each erased crop of an object, and of its flow, from the other crops."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import Tensor, nn

from vadkit.data.clips.cubes import cubes_of
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import WeightedLoss
from vadkit.methods.object_completion import SIDE, ObjectCompletion


class VEC(ObjectCompletion):
    """Cloze test on objects, with one network for each erased frame (Yu, ACM MM 2020).

    "Cloze Test Helps: Effective Video Anomaly Detection via Learning to Complete Video Events". The
    box of each object in the last of 5 frames is cropped from all of them at 32x32. Each crop is
    erased in turn: one U-Net completes it from the other four, and another one completes its
    optical flow from the same four, so there are five networks of each kind. An object's score is
    the mean squared error over the five, of frames and of flow, each standardised over training
    objects and weighted by ``frame_weight`` and ``flow_weight``. The frame has the score of its
    highest object. The paper reports AUC 97.3 on Ped2, 90.2 on Avenue and 74.8 on ShanghaiTech.

    ``networks: {flow: null}`` leaves motion out. ``object-prediction`` is the cheaper method with
    one erased frame.

    Differences from the paper: objects come from the recipe's ``objects``, instead of a detector
    and moving regions; flow comes from dense inverse search instead of FlowNet2; errors of the five
    networks are averaged before they are standardised; nothing is smoothed unless the recipe says
    so.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **ObjectCompletion.defaults,
        "networks": {"frame": {"type": "cloze"}, "flow": {"type": "cloze"}},
        "train": {"epochs": 10, "batch_size": 128},
    }

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        frame_weight: Annotated[float, Field(ge=0)] = 1.0,
        flow_weight: Annotated[float, Field(ge=0)] = 1.0,
    ) -> None:
        super().__init__(networks, losses, clip, {"frame": frame_weight, "flow": flow_weight})

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

    def cubes(self, clips: Clips) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the crops (N, C, T, 32, 32) of all objects, and each network's target."""
        frames, flow = cubes_of(clips, SIDE)
        return frames, {"frame": frames, **({} if flow is None else {"flow": flow})}
