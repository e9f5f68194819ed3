"""Stop before the last epoch."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.hook import FitContext, Hook, Slot, metric_named


class EarlyStop(Hook):
    """Stops if a training metric has not fallen by ``min_delta`` for ``patience`` epochs.

    ``monitor`` is ``loss``, the name of a loss term, or a metric of the hook ``{type: evaluate, on:
    pseudo-anomaly}`` such as ``pseudo-auc``, which must rise within ``patience`` evaluations. Test
    metrics are not allowed, because stopping on the test set would make all later results too
    optimistic.
    """

    slot: ClassVar[Slot] = "update"

    def __init__(
        self,
        *,
        monitor: str = "loss",
        patience: Annotated[int, Field(ge=1)] = 5,
        min_delta: Annotated[float, Field(ge=0)] = 0.0,
    ) -> None:
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.lowest = math.inf
        self.waited = 0

    @property
    def by_pseudo(self) -> bool:
        """Whether the metric comes from an evaluation, not from training."""
        return self.monitor.startswith("pseudo-")

    def on_fit_start(self, ctx: FitContext) -> None:
        if self.by_pseudo and "pseudo-anomaly" not in ctx.evaluates:
            raise RecipeError(
                f"hooks.early-stop.monitor: '{self.monitor}' is a metric on pseudo-anomalies, but "
                "none are evaluated during training; add the hook "
                "{type: evaluate, on: pseudo-anomaly}"
            )

    def on_epoch_end(self, ctx: FitContext) -> None:
        if self.by_pseudo:
            return
        if self.monitor not in ctx.logs:
            raise RecipeError(
                f"hooks.early-stop.monitor: no metric '{self.monitor}'; "
                f"choose one of {', '.join(ctx.logs)}"
            )
        self._look(ctx, ctx.logs[self.monitor], "fallen", "epochs")

    def on_evaluated(self, ctx: FitContext) -> None:
        # At the end there is nothing left to stop.
        if self.by_pseudo and ctx.evaluated_on == "pseudo-anomaly" and not ctx.ending:
            value = metric_named(ctx, self.monitor, "hooks.early-stop.monitor")
            self._look(ctx, -value, "risen", "evaluations")

    def _look(self, ctx: FitContext, value: float, moved: str, times: str) -> None:
        if value < self.lowest - self.min_delta:
            self.lowest, self.waited = value, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            ctx.stop(f"{self.monitor} has not {moved} for {self.waited} {times}")

    def state_dict(self) -> dict[str, Any]:
        return {"lowest": self.lowest, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.lowest, self.waited = state["lowest"], state["waited"]
