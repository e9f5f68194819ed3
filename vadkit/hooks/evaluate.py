"""Evaluation while training."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from vadkit.hooks.hook import FitContext, Hook, Slot


class Evaluate(Hook):
    """Scores the test split every few epochs and reports; it chooses nothing by itself."""

    slot: ClassVar[Slot] = "evaluate"

    def __init__(self, *, every: Annotated[int, Field(ge=1)] = 1) -> None:
        self.every = every

    def on_epoch_end(self, ctx: FitContext) -> None:
        if ctx.epoch % self.every == 0 and not ctx.ending:
            ctx.evaluate()

    def on_fit_end(self, ctx: FitContext) -> None:
        # Once more at the end, whatever `every` says: after the collect pass, if there is one.
        ctx.evaluate()
