"""Checkpoints during training."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.hook import FitContext, Hook, On, Slot, metric_named

_SHORT: dict[On, str] = {"test": "test", "pseudo-anomaly": "pseudo", "held-out": "held_out"}


class Checkpoint(Hook):
    """Saves checkpoints: the last, the best by training loss, and optionally others.

    ``last.pt`` is written every ``every`` epochs. ``best.pt`` is the epoch with the lowest training
    loss, which needs no test labels. ``best_on_test`` names a test metric, such as ``micro-auc``;
    the checkpoint with its highest value is saved as ``best_on_test.pt``. This needs the hook
    ``evaluate``, and all results of this checkpoint are then chosen on the test set.
    ``best_on_pseudo`` names a metric of the hook ``{type: evaluate, on: pseudo-anomaly}``, such as
    ``pseudo-auc``; the checkpoint with its highest value is saved as ``best_on_pseudo.pt``, without
    test labels. ``best_on_held_out`` does the same with a metric of ``on: held-out``, such as
    ``held-out-auc``, for methods from video labels. The newest ``keep`` epochs are also saved, as
    ``epoch-0012.pt``.
    """

    slot: ClassVar[Slot] = "checkpoint"

    def __init__(
        self,
        *,
        every: Annotated[int, Field(ge=1)] = 1,
        best: bool = True,
        best_on_test: str | None = None,
        best_on_pseudo: str | None = None,
        best_on_held_out: str | None = None,
        keep: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        self.every = every
        self.best = best
        self.wanted: dict[On, str | None] = {
            "test": best_on_test,
            "pseudo-anomaly": best_on_pseudo,
            "held-out": best_on_held_out,
        }
        self.keep = keep
        self.lowest_loss = math.inf
        self.highest: dict[On, float] = dict.fromkeys(self.wanted, -math.inf)

    def on_fit_start(self, ctx: FitContext) -> None:
        if self.wanted["pseudo-anomaly"] is not None and "pseudo-anomaly" not in ctx.evaluates:
            raise RecipeError(
                "hooks.checkpoint.best_on_pseudo: no pseudo-anomalies are evaluated during "
                "training; add the hook {type: evaluate, on: pseudo-anomaly}"
            )
        if self.wanted["held-out"] is not None and "held-out" not in ctx.evaluates:
            raise RecipeError(
                "hooks.checkpoint.best_on_held_out: no held-out videos are evaluated during "
                "training; add the hook {type: evaluate, on: held-out}"
            )

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
        wanted, name = self.wanted[ctx.evaluated_on], f"best_on_{_SHORT[ctx.evaluated_on]}"
        if wanted is None:
            return
        value = metric_named(ctx, wanted, f"hooks.checkpoint.{name}")
        if value > self.highest[ctx.evaluated_on]:
            self.highest[ctx.evaluated_on] = value
            ctx.save(name)

    def on_fit_end(self, ctx: FitContext) -> None:
        # The collect pass may have fitted what scoring needs, so `last` is written again.
        ctx.save("last")

    def state_dict(self) -> dict[str, Any]:
        return {
            "lowest_loss": self.lowest_loss,
            **{f"highest_on_{_SHORT[on]}": value for on, value in self.highest.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.lowest_loss = state["lowest_loss"]
        for on in self.highest:
            self.highest[on] = state.get(f"highest_on_{_SHORT[on]}", -math.inf)
