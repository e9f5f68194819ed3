"""Training progress: a bar in a terminal, else plain lines."""

from __future__ import annotations

import time
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.hooks.hook import Collected, FitContext, Hook, Slot
from vadkit.reports.work_bar import WorkBar


class Progress(Hook):
    """Shows epoch, loss and remaining time; lines every ``every_s`` s without a terminal.

    For a method that fits without gradients, it shows the pass, clips and remaining time.
    """

    slot: ClassVar[Slot] = "report"

    def __init__(self, *, every_s: Annotated[float, Field(gt=0)] = 20.0) -> None:
        self.every_s = every_s
        self.bar: Any = None
        self.task: Any = None
        self.passes: WorkBar | None = None
        self.shown = 0.0
        self.started = 0.0
        self.first_step = 0

    def on_fit_start(self, ctx: FitContext) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self.console = Console(stderr=True)
        self.started, self.first_step = time.monotonic(), ctx.step
        if self.console.is_terminal and ctx.epochs:
            self.bar = Progress(
                TextColumn("[bold]{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("loss {task.fields[loss]}"),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=self.console,
            )
            self.bar.start()
            self.task = self.bar.add_task(
                "training", total=ctx.expected_steps, completed=ctx.step, loss="-", rate=""
            )

    def on_step_end(self, ctx: FitContext) -> None:
        now = time.monotonic()
        if now - self.shown < (0.5 if self.bar else self.every_s):
            return
        self.shown = now
        rate = (ctx.step - self.first_step) * ctx.batch_size / max(now - self.started, 1e-9)
        loss = ctx.means().get("loss", float("nan"))
        if self.bar:
            self.bar.update(
                self.task,
                completed=ctx.step,
                total=ctx.expected_steps,
                description=f"epoch {ctx.epoch + 1}/{ctx.epochs}",
                loss=f"{loss:.4g}",
                rate=f"{rate:.1f} clips/s",
            )
        elif ctx.step_in_epoch < ctx.steps_per_epoch:
            where = f"step {ctx.step_in_epoch}/{ctx.steps_per_epoch}"
            self._line(
                f"epoch {ctx.epoch + 1}/{ctx.epochs} {where} loss {loss:.4g}, {rate:.1f} clips/s"
            )

    def on_epoch_end(self, ctx: FitContext) -> None:
        parts = [f"{name} {value:.4g}" for name, value in ctx.logs.items() if "/" not in name]
        self._line(f"epoch {ctx.epoch}/{ctx.epochs}: {', '.join(parts)}")

    def on_evaluate_start(self, ctx: FitContext) -> None:
        # Evaluation shows its own progress.
        if self.bar:
            self.bar.stop()

    def on_evaluated(self, ctx: FitContext) -> None:
        if self.bar:
            self.bar.start()
        for metric in ctx.metrics:
            if metric.name.endswith("auc"):
                self._line(f"  {metric.name} {metric.value:.4f}  ({metric.protocol})")

    def on_train_end(self, ctx: FitContext) -> None:
        self._stop_bar()

    def on_collected(self, ctx: FitContext) -> None:
        now = ctx.collected
        if now is None:
            return
        if self.passes is None:
            self.passes = WorkBar("fitting", now.of, "clips", self.every_s).start()
        show_pass(self.passes, now)

    def on_fit_end(self, ctx: FitContext) -> None:
        if self.passes is not None:
            self.passes.stop()
            self.passes = None

    def close(self) -> None:
        self._stop_bar()
        if self.passes is not None:
            self.passes.stop(complete=False)
            self.passes = None

    def _stop_bar(self) -> None:
        if self.bar:
            self.bar.stop()
            self.bar = None

    def _line(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def show_pass(bar: WorkBar, now: Collected) -> None:
    """Show the clips of all collect passes, and the number of the pass."""
    done = (now.number - 1) * now.of + now.clips
    bar.update(done, now.passes * now.of, f"pass {now.number}/{now.passes}")
