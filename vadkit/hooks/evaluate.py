"""Evaluation while training."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from vadkit.hooks.hook import FitContext, Hook, On, Slot


class Evaluate(Hook):
    """Scores the test split every few epochs and reports; it chooses nothing by itself.

    With ``on: pseudo-anomaly`` it needs no test split and no label: some training videos are held
    out, and anomalies made of them are what the method is tested with. Hooks ``early-stop`` and
    ``checkpoint`` may choose by that. How many videos, and which anomalies, the evaluator
    ``pseudo-anomaly`` says, where the recipe names it.
    """

    slot: ClassVar[Slot] = "evaluate"

    def __init__(self, *, every: Annotated[int, Field(ge=1)] = 1, on: On = "test") -> None:
        self.every = every
        self.on: On = on

    def on_epoch_end(self, ctx: FitContext) -> None:
        if ctx.epoch % self.every == 0 and not ctx.ending:
            ctx.evaluate(self.on)

    def on_fit_end(self, ctx: FitContext) -> None:
        # Once more at the end, whatever `every` says: after the collect pass, if there is one.
        ctx.evaluate(self.on)
