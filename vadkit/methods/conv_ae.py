"""Reconstruction of short clips by a convolutional auto-encoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores, Update


class ConvAutoEncoder(Method):
    """Reconstruction of stacked frames by a convolutional auto-encoder (Hasan, CVPR 2016).

    "Learning Temporal Regularity in Video Sequences". 10 grey frames are stacked as channels and
    reconstructed. The error of a pixel is the norm of its difference, which is the absolute value
    for a grey pixel. A frame's score is the mean over pixels, while the paper uses their sum; its
    map has the errors of the pixels at the clip's size. The middle frame of a clip is scored, so
    the first ``frames // 2`` frames and the last frames of a video have no score. The paper reports
    AUC 90.0 on Ped2 and 70.2 on Avenue after per-video min-max.

    Differences from the paper: Adam instead of AdaGrad, a sigmoid at the output, no skipped-frame
    augmentation. Scoring the middle frame is our choice: frames at the ends of a clip have larger
    errors, so scores would depend on the position of a frame in its clip.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 10, "size": [227, 227], "channels": "gray"},
        "networks": {"autoencoder": {"type": "conv-ae"}},
        "losses": {"reconstruction": {"type": "mse"}},
        "optimizers": {"autoencoder": {"type": "adam", "lr": 1e-4}},
        "train": {"epochs": 100, "batch_size": 32},
        "scorers": [{"type": "minmax-per-video"}],
        "protocols": [{"type": "conv-ae"}],
    }

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if min(size) < 32:
            raise ValueError(f"conv-ae needs frames of at least 32x32; got {size[0]}x{size[1]}")
        return ClipSpec(frames, size, channels, (frames // 2,), step, (0.0, 1.0))

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"autoencoder": (clip.frames, clip.planes, clip.size)}

    def _reconstruct(self, frames_BCTHW: Tensor) -> Tensor:
        stack_BCHW = frames_BCTHW.transpose(1, 2).flatten(1, 2)
        output: Tensor = self.networks["autoencoder"](stack_BCHW)
        frames: Tensor = output.unflatten(1, (self.clip.frames, self.clip.planes)).transpose(1, 2)
        return frames

    def updates(self, clips: Clips) -> Iterator[Update]:
        def terms() -> dict[str, Tensor]:
            output = self._reconstruct(clips.frames)
            return {name: loss(output, clips.frames) for name, loss in self.losses.items()}

        yield Update("autoencoder", terms)

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        middle = self.clip.scored[0]
        output = self._reconstruct(clips.frames)[:, :, middle].float()
        maps_BHW = (output - clips.frames[:, :, middle].float()).norm(dim=1)
        return Scores(maps_BHW.mean(dim=(1, 2))[:, None], maps_BHW[:, None], output[:, None])
