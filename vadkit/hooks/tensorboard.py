"""Metrics for TensorBoard."""

from __future__ import annotations

from typing import Any, ClassVar

from vadkit.errors import RecipeError
from vadkit.hooks.hook import FitContext, Hook, Slot


class TensorBoard(Hook):
    """Writes the metrics of epochs and evaluations to ``tensorboard/`` (extra 'tensorboard')."""

    slot: ClassVar[Slot] = "report"

    def __init__(self) -> None:
        self.writer: Any = None

    def on_fit_start(self, ctx: FitContext) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise RecipeError(
                "hooks.tensorboard needs TensorBoard: pip install 'vadkit[tensorboard]'"
            ) from None
        self.writer = SummaryWriter(ctx.run / "tensorboard", purge_step=ctx.step + 1)

    def on_epoch_end(self, ctx: FitContext) -> None:
        for name, value in ctx.logs.items():
            self.writer.add_scalar(name if "/" in name else f"train/{name}", value, ctx.step)

    def on_evaluated(self, ctx: FitContext) -> None:
        for metric in ctx.metrics:
            tag = f"test/{metric.name}[{metric.protocol}]"
            self.writer.add_scalar(tag, metric.value, ctx.step)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
