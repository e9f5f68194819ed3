"""A method: predict the change to the next frame from the changes before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

import vadkit


@vadkit.register("methods", "difference-prediction")
class DifferencePrediction(vadkit.Method):
    """Predicts the difference between the last two frames from the differences before it.

    A static background cancels out in a difference, so the network models only motion. The score of
    the last frame is the squared error of the worst cell of ``cell`` by ``cell`` pixels, because an
    anomaly often covers only a small part of a frame.
    """

    # The defaults of a recipe. Each role ("predictor", "error") may be changed in a recipe.
    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 5, "size": [120, 160], "channels": "gray"},
        "networks": {"predictor": {"type": "unet", "width": 8}},
        "losses": {"error": {"type": "mse"}},
        "optimizers": {"predictor": {"type": "adam", "lr": 1e-3}},
        "train": {"epochs": 10, "batch_size": 8},
    }

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, Any],
        clip: vadkit.ClipSpec,
        *,
        cell: Annotated[int, Field(ge=1, le=64)] = 8,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.cell = cell

    @classmethod
    def clip_spec(
        cls, frames: int, size: tuple[int, int], channels: Any, step: int
    ) -> vadkit.ClipSpec:
        if frames < 3:
            raise ValueError(f"difference-prediction needs at least 3 frames; got {frames}")
        # Of a clip, the last frame gets a score. Pixels are in 0..1.
        return vadkit.ClipSpec(frames, size, channels, (frames - 1,), step, (0.0, 1.0))

    @classmethod
    def network_args(cls, clip: vadkit.ClipSpec) -> dict[str, tuple[Any, ...]]:
        # The U-Net takes its numbers of input and output channels.
        return {"predictor": ((clip.frames - 2) * clip.planes, clip.planes)}

    def updates(self, clips: vadkit.Clips) -> Iterator[vadkit.Update]:
        def terms() -> dict[str, Tensor]:
            output, target = self._predict(clips)
            return {"error": self.losses["error"](output, target)}

        yield vadkit.Update("predictor", terms)

    @torch.no_grad()
    def score(self, clips: vadkit.Clips) -> vadkit.Scores:
        output, target = self._predict(clips)
        errors_B1HW = (output - target).float().square().mean(dim=1, keepdim=True)
        cells_B1hw = functional.avg_pool2d(errors_B1HW, self.cell, ceil_mode=True)
        return vadkit.Scores(frames=cells_B1hw.amax(dim=(2, 3)), maps=cells_B1hw)

    def _predict(self, clips: vadkit.Clips) -> tuple[Tensor, Tensor]:
        """Return the predicted and the real last difference, (B, C, H, W) each."""
        differences_BCTHW = clips.frames.diff(dim=2)
        before_BCHW = differences_BCTHW[:, :, :-1].transpose(1, 2).flatten(1, 2)
        return self.networks["predictor"](before_BCHW), differences_BCTHW[:, :, -1]
