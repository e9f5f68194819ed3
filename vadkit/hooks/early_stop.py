"""Stop before the last epoch."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.hook import FitContext, Hook, On, Slot, metric_named

# By the beginning of a metric's name, what it is evaluated on, and what that has.
_EVALUATED: dict[str, On] = {"pseudo-": "pseudo-anomaly", "held-out-": "held-out"}
_OF: dict[On, str] = {"pseudo-anomaly": "pseudo-anomalies", "held-out": "held-out videos"}


class EarlyStop(Hook):
    """Stops if a training metric has not fallen by ``min_delta`` for ``patience`` epochs.

    ``monitor`` is ``loss``, the name of a loss term, or a metric of the hook ``{type: evaluate, on:
    pseudo-anomaly}`` such as ``pseudo-auc``, or of ``on: held-out`` such as ``held-out-auc``, which
    must rise within ``patience`` evaluations. Test
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
    def evaluated_on(self) -> On | None:
        """The evaluation that the metric comes from; None for a metric of training."""
        return next(
            (on for start, on in _EVALUATED.items() if self.monitor.startswith(start)), None
        )

    def on_fit_start(self, ctx: FitContext) -> None:
        on = self.evaluated_on
        if on is not None and on not in ctx.evaluates:
            raise RecipeError(
                f"hooks.early-stop.monitor: '{self.monitor}' is a metric on {_OF[on]}, but "
                f"none are evaluated during training; add the hook {{type: evaluate, on: {on}}}"
            )

    def on_epoch_end(self, ctx: FitContext) -> None:
        if self.evaluated_on is not None:
            return
        if self.monitor not in ctx.logs:
            raise RecipeError(
                f"hooks.early-stop.monitor: no metric '{self.monitor}'; "
                f"choose one of {', '.join(ctx.logs)}"
            )
        self._look(ctx, ctx.logs[self.monitor], "fallen", "epochs")

    def on_evaluated(self, ctx: FitContext) -> None:
        # At the end there is nothing left to stop.
        if ctx.evaluated_on == self.evaluated_on and not ctx.ending:
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
