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

    "Abnormal Event Detection in Videos using Spatiotemporal Autoencoder". The mean image of the
    training frames is subtracted from 10 grey frames. These are encoded one by one, passed through
    three convolutional LSTMs, and decoded. The error of a frame is the norm of its difference, here
    per pixel as a root mean square. The score of a clip's middle frame is the mean error of the
    whole clip; its map is the root mean square difference of each pixel over the clip's frames, at
    the clip's size. The first ``frames // 2`` frames and the last frames of a video have no score.
    The paper reports AUC 88.1 on Ped2 and 77.0 on Avenue after per-video min-max.

    Differences from the paper: clips have consecutive frames only, without the paper's strides of 2
    and 3; the error of a clip belongs to its middle frame, while the paper assigns it to the first
    frame; it is the mean over the frames instead of their sum.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 10, "size": [224, 224], "channels": "gray"},
        "networks": {"autoencoder": {"type": "conv-lstm-ae"}},
        "losses": {"reconstruction": {"type": "mse", "weight": 1.0}},
        "optimizers": {"autoencoder": {"type": "adam", "lr": 1e-4}},
        "train": {"epochs": 50, "batch_size": 4},
        "scorers": [{"type": "minmax-per-video"}],
        "protocols": [{"type": "conv-ae"}],
    }

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if min(size) < 32:
            raise ValueError(
                f"conv-lstm-ae needs frames of at least 32x32; got {size[0]}x{size[1]}"
            )
        return ClipSpec(frames, size, channels, (frames // 2,), step, (0.0, 1.0))

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"autoencoder": (clip.planes, clip.size)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        def terms() -> dict[str, Tensor]:
            output = self.networks["autoencoder"](clips.frames)
            return {name: loss(output, clips.frames) for name, loss in self.losses.items()}

        yield Update("autoencoder", terms)

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        output = self.networks["autoencoder"](clips.frames)
        squares_BTHW = (output.float() - clips.frames.float()).square().mean(dim=1)
        errors_BT = squares_BTHW.mean(dim=(2, 3)).sqrt()
        maps_BHW = squares_BTHW.mean(dim=1).sqrt()
        middle = output[:, None, :, self.clip.scored[0]]
        return Scores(errors_BT.mean(dim=1, keepdim=True), maps_BHW[:, None], middle)
