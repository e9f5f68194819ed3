"""Losses and metrics for TensorBoard."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.hook import FitContext, Hook, Slot
from vadkit.hooks.step_losses import StepLosses

# TensorBoard shows a value within this time; its own default is two minutes.
_FLUSH_S = 10


class TensorBoard(Hook):
    """Writes losses, and the metrics of epochs and evaluations, to ``tensorboard/``.

    ``step/<term>`` is written at the first step and every ``every`` steps, ``train/<term>`` at the
    end of each epoch. Needs TensorBoard: ``pip install 'vadkit[tensorboard]'``.
    """

    slot: ClassVar[Slot] = "report"

    def __init__(self, *, every: Annotated[int, Field(ge=1)] = 50) -> None:
        self.losses = StepLosses(every)
        self.writer: Any = None

    def on_fit_start(self, ctx: FitContext) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise RecipeError(
                "hooks.tensorboard needs TensorBoard; install it with: "
                "pip install 'vadkit[tensorboard]'"
            ) from None
        self.losses.start(ctx)
        self.writer = SummaryWriter(
            ctx.run / "tensorboard", purge_step=ctx.step + 1, flush_secs=_FLUSH_S
        )

    def on_step_end(self, ctx: FitContext) -> None:
        for name, value in self.losses.at_step(ctx).items():
            self.writer.add_scalar(f"step/{name}", value, ctx.step)

    def on_epoch_end(self, ctx: FitContext) -> None:
        for name, value in ctx.logs.items():
            self.writer.add_scalar(name if "/" in name else f"train/{name}", value, ctx.step)

    def on_evaluated(self, ctx: FitContext) -> None:
        for metric in ctx.metrics:
            tag = f"{ctx.evaluated_on}/{metric.name}[{metric.protocol}]"
            self.writer.add_scalar(tag, metric.value, ctx.step)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
