"""Evaluation during training."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from vadkit.hooks.hook import FitContext, Hook, On, Slot


class Evaluate(Hook):
    """Evaluates on the test split every few epochs; this is only a report and chooses nothing.

    With ``on: pseudo-anomaly``, no test split and no labels are needed. Some training videos are
    held out, and the method is tested on synthetic anomalies made from them. The hooks
    ``early-stop`` and ``checkpoint`` can use the result. If the recipe has the evaluator
    ``pseudo-anomaly``, it sets the number of videos and the kinds of anomalies.

    ``on: held-out`` is for methods from video labels: ``held-out-auc`` and ``held-out-ap`` of the
    training videos that ``bags.holdout`` keeps out of training, by their video labels.
    """

    slot: ClassVar[Slot] = "evaluate"

    def __init__(self, *, every: Annotated[int, Field(ge=1)] = 1, on: On = "test") -> None:
        self.every = every
        self.on: On = on

    def on_epoch_end(self, ctx: FitContext) -> None:
        if ctx.epoch % self.every == 0 and not ctx.ending:
            ctx.evaluate(self.on)

    def on_fit_end(self, ctx: FitContext) -> None:
        # Also at the end, regardless of `every`: after the collect pass, if there is one.
        ctx.evaluate(self.on)
