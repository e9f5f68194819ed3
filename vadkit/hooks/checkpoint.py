"""Checkpoints while training."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.hook import FitContext, Hook, Slot


class Checkpoint(Hook):
    """Writes checkpoints: last, best by training loss, and the newest epochs if asked.

    ``every`` epochs ``last.pt`` is written. ``best.pt`` is the epoch with the lowest training
    loss, which needs no test label. ``best_on_test`` names a test metric, such as ``micro-auc``,
    whose highest value is kept as ``best_on_test.pt`` beside the others; it needs the evaluate
    hook, and every figure from that checkpoint was chosen on the test set. ``keep`` epochs are
    also kept as ``epoch-0012.pt``.
    """

    slot: ClassVar[Slot] = "checkpoint"

    def __init__(
        self,
        *,
        every: Annotated[int, Field(ge=1)] = 1,
        best: bool = True,
        best_on_test: str | None = None,
        keep: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        self.every = every
        self.best = best
        self.best_on_test = best_on_test
        self.keep = keep
        self.lowest_loss = math.inf
        self.highest_on_test = -math.inf

    def on_epoch_end(self, ctx: FitContext) -> None:
        loss = ctx.logs.get("loss", math.inf)
        if self.best and loss < self.lowest_loss:
            self.lowest_loss = loss
            ctx.save("best")
        if ctx.epoch % self.every == 0 or ctx.ending:
            ctx.save("last")
        if self.keep:
            ctx.save(f"epoch-{ctx.epoch:04d}")
            kept = sorted((ctx.run / "checkpoints").glob("epoch-*.pt"))
            for old in kept[: -self.keep]:
                old.unlink()

    def on_evaluated(self, ctx: FitContext) -> None:
        if self.best_on_test is None:
            return
        values = [metric.value for metric in ctx.metrics if metric.name == self.best_on_test]
        if not values:
            names = ", ".join(dict.fromkeys(metric.name for metric in ctx.metrics))
            raise RecipeError(
                f"hooks.checkpoint.best_on_test: no metric '{self.best_on_test}'; there are {names}"
            )
        if values[0] > self.highest_on_test:
            self.highest_on_test = values[0]
            ctx.save("best_on_test")

    def on_fit_end(self, ctx: FitContext) -> None:
        # The collect pass may have fitted what scoring needs, so `last` is written once more.
        ctx.save("last")

    def state_dict(self) -> dict[str, Any]:
        return {"lowest_loss": self.lowest_loss, "highest_on_test": self.highest_on_test}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.lowest_loss = state["lowest_loss"]
        self.highest_on_test = state["highest_on_test"]
