"""Reconstruction of short clips by convolutional LSTMs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores, Update


class ConvLSTMAutoEncoder(Method):
    """Reconstruction of frames by convolutional LSTMs (Chong and Tay, ISNN 2017).

    "Abnormal Event Detection in Videos using Spatiotemporal Autoencoder": 10 grey frames are
    encoded one by one, followed by three convolutional LSTMs, and decoded. A frame's score is its
    mean squared error, its map the squared error of each pixel at the clip's size. The paper
    reports AUC 88.1 on Ped2 and 77.0 on Avenue after per-video min-max.

    Differences from the paper: a sigmoid at the output; the clips are those of consecutive frames
    only, without its strides of 2 and 3; each frame is scored in one clip (clips lie end to end),
    where the paper sums the error over a clip.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 10, "size": [224, 224], "channels": "gray"},
        "networks": {"autoencoder": {"type": "conv-lstm-ae"}},
        "losses": {"reconstruction": {"type": "mse", "weight": 1.0}},
        "optimizers": {"autoencoder": {"type": "adam", "lr": 1e-4}},
        "train": {"epochs": 50, "batch_size": 4},
        "scorers": [{"type": "minmax-per-video"}],
    }

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if min(size) < 32:
            raise ValueError(
                f"conv-lstm-ae needs frames of at least 32x32; got {size[0]}x{size[1]}"
            )
        return ClipSpec(frames, size, channels, tuple(range(frames)), step, (0.0, 1.0))

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"autoencoder": (clip.planes,)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        def terms() -> dict[str, Tensor]:
            output = self.networks["autoencoder"](clips.frames)
            return {name: loss(output, clips.frames) for name, loss in self.losses.items()}

        yield Update("autoencoder", terms)

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        output = self.networks["autoencoder"](clips.frames).float()
        maps_BTHW = (output - clips.frames.float()).square().mean(dim=1)
        return Scores(maps_BTHW.mean(dim=(2, 3)), maps_BTHW, output.transpose(1, 2))
