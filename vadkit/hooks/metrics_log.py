"""Metrics as JSON lines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.files import append_line, write_text
from vadkit.hooks.hook import FitContext, Hook, Slot

_FILE = "metrics.jsonl"


class MetricsLog(Hook):
    """Writes ``metrics.jsonl``: a line for every epoch, evaluation and ``every`` steps."""

    slot: ClassVar[Slot] = "report"

    def __init__(self, *, every: Annotated[int, Field(ge=1)] = 50) -> None:
        self.every = every

    def on_fit_start(self, ctx: FitContext) -> None:
        path = ctx.run / _FILE
        if path.is_file():
            # A killed process may have logged steps after its last checkpoint; they are done again.
            write_text(path, "".join(f"{line}\n" for line in _lines_until(path, ctx.step)))

    def on_step_end(self, ctx: FitContext) -> None:
        if ctx.step % self.every == 0:
            self._write(ctx, "step", ctx.means())

    def on_epoch_end(self, ctx: FitContext) -> None:
        self._write(ctx, "epoch", ctx.logs)

    def on_evaluated(self, ctx: FitContext) -> None:
        figures = {f"{metric.name}[{metric.protocol}]": metric.value for metric in ctx.metrics}
        # The parts of each key, so that readers need not split it.
        parts = {
            key: {
                name: part
                for name in ("measure", "category", "rate", "strength")
                if (part := getattr(metric, name)) is not None
            }
            for key, metric in zip(figures, ctx.metrics, strict=True)
        }
        self._write(ctx, "evaluated", figures, on=ctx.evaluated_on, parts=parts)

    def _write(self, ctx: FitContext, event: str, figures: dict[str, float], **more: Any) -> None:
        # JSON has no NaN; an undefined metric is null.
        values: dict[str, Any] = {k: v if v == v else None for k, v in figures.items()}
        line = {"event": event, "epoch": ctx.epoch, "step": ctx.step, "time": time.time()}
        line |= more | values
        append_line(ctx.run / _FILE, json.dumps(line))


def _lines_until(path: Path, step: int) -> Iterator[str]:
    """Return the complete lines of steps up to ``step``."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            known: Any = json.loads(line)["step"]
        except (ValueError, KeyError, TypeError):
            continue
        if known <= step:
            yield line
