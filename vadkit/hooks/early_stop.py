"""Stopping before the last epoch."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.hook import FitContext, Hook, Slot


class EarlyStop(Hook):
    """Stops when a training figure has not fallen by ``min_delta`` for ``patience`` epochs.

    ``monitor`` is ``loss`` or the name of one loss term. No test metric can be named, because a
    stop chosen on the test set would flatter every figure after it.
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

    def on_epoch_end(self, ctx: FitContext) -> None:
        if self.monitor not in ctx.logs:
            raise RecipeError(
                f"hooks.early-stop.monitor: no figure '{self.monitor}'; "
                f"there are {', '.join(ctx.logs)}"
            )
        value = ctx.logs[self.monitor]
        if value < self.lowest - self.min_delta:
            self.lowest, self.waited = value, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            ctx.stop(f"{self.monitor} has not fallen for {self.waited} epochs")

    def state_dict(self) -> dict[str, Any]:
        return {"lowest": self.lowest, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.lowest, self.waited = state["lowest"], state["waited"]
