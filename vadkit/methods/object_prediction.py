"""Prediction of an object's crop and motion from its crops in other frames."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from vadkit.data.clips.cubes import cropped
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import WeightedLoss
from vadkit.methods.object_completion import SIDE, ObjectCompletion


class ObjectPrediction(ObjectCompletion):
    """Cloze test on objects: predict an erased crop of each object ("VEC", Yu, ACM MM 2020).

    "Cloze Test Helps: Effective Video Anomaly Detection via Learning to Complete Video Events". The
    box of each object is cropped from 5 frames at 32x32, and one of the five crops is erased. A
    U-Net completes it from the other four; a second U-Net completes the optical flow of the erased
    frame from the same four. An object's score is the sum of both squared errors, each standardised
    by its mean and standard deviation over training objects and weighted by ``frame_weight`` and
    ``flow_weight``. A frame has the score of its highest object. The paper
    reports micro AUC 97.3 on Ped2 and 90.2 on Avenue.

    ``erase: last`` erases the newest frame, which is scored; ``middle`` erases the third, so scores
    come two frames late. ``networks: {flow: null}`` leaves motion out.

    Differences from the paper: one frame is erased, while the paper trains a network for each of
    the five and adds their errors; objects come from the recipe's ``objects``, instead of a
    detector and moving regions; flow comes from dense inverse search instead of FlowNet2; the U-Net
    is that of ``future-frame`` with half the width and without batch normalisation; a batch
    consists of clips, with all objects of their frames, instead of 128 objects; all weights are 1.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **ObjectCompletion.defaults,
        "networks": {
            "frame": {"type": "unet", "width": 32, "bounded": False},
            "flow": {"type": "unet", "width": 32, "bounded": False},
        },
        "train": {"epochs": 10, "batch_size": 8},
    }

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        erase: Literal["last", "middle"] = "last",
        frame_weight: Annotated[float, Field(ge=0)] = 1.0,
        flow_weight: Annotated[float, Field(ge=0)] = 1.0,
    ) -> None:
        super().__init__(networks, losses, clip, {"frame": frame_weight, "flow": flow_weight})
        (self.erased,) = clip.scored

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if frames < 3:
            raise ValueError(f"object-prediction needs 3 frames or more; got {frames}")
        last = frames - 1
        return ClipSpec(frames, size, channels, (last,), step, flow=(last,), boxes=last)

    @classmethod
    def clip_for(
        cls, clip: ClipSpec, params: Mapping[str, Any], networks: Collection[str]
    ) -> ClipSpec:
        erased = clip.frames - 1 if params.get("erase", "last") == "last" else clip.frames // 2
        flow = (erased,) if "flow" in networks else ()
        return replace(clip, scored=(erased,), flow=flow, boxes=erased)

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        known = (clip.frames - 1) * clip.planes
        return {"frame": (known, clip.planes), "flow": (known, 2)}

    def cubes(self, clips: Clips) -> tuple[Tensor, dict[str, Tensor]]:
        """Return known crops (N, C * (T - 1), 32, 32) of all objects, and each network's target."""
        assert clips.boxes is not None
        # (N, T, C, 32, 32)
        cubes = cropped(clips.frames, clips.boxes, SIDE).transpose(1, 2)
        known = [number for number in range(cubes.shape[1]) if number != self.erased]
        wanted = {"frame": cubes[:, self.erased]}
        if "flow" in self.networks:
            assert clips.flow is not None
            wanted["flow"] = cropped(clips.flow[:, :, :1], clips.boxes, SIDE)[:, :, 0]
        return cubes[:, known].flatten(1, 2), wanted
