"""Hooks that add metrics to the logs of an epoch."""

from __future__ import annotations

import time
from typing import ClassVar

from vadkit.hooks.hook import FitContext, Hook, Slot


class LrMonitor(Hook):
    """Logs the learning rate of each optimizer as ``lr/<role>``."""

    slot: ClassVar[Slot] = "measure"

    def on_epoch_end(self, ctx: FitContext) -> None:
        for role, rate in ctx.learning_rates().items():
            ctx.logs[f"lr/{role}"] = rate


class Timing(Hook):
    """Logs ``time/clips_per_s``, ``time/epoch_s`` and ``time/data_wait``, a share of the epoch."""

    slot: ClassVar[Slot] = "measure"

    def __init__(self) -> None:
        self.started = 0.0
        self.first_step = 0
        self.waited = 0.0

    def on_epoch_start(self, ctx: FitContext) -> None:
        self.started = time.perf_counter()
        self.first_step = ctx.step
        self.waited = ctx.data_wait_s

    def on_epoch_end(self, ctx: FitContext) -> None:
        seconds = max(time.perf_counter() - self.started, 1e-9)
        ctx.logs["time/epoch_s"] = seconds
        ctx.logs["time/clips_per_s"] = (ctx.step - self.first_step) * ctx.batch_size / seconds
        ctx.logs["time/data_wait"] = (ctx.data_wait_s - self.waited) / seconds
