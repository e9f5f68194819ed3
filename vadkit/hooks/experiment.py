"""The common part of hooks that log a run to an experiment tracker, such as W&B or MLflow."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from vadkit.addresses import mask_addresses
from vadkit.errors import VadkitError
from vadkit.files import write_json
from vadkit.hooks.hook import FitContext, Hook, Slot
from vadkit.hooks.step_losses import StepLosses
from vadkit.reading import MOST_JSON, read_bytes, read_json
from vadkit.recipe.source import parse

_log = logging.getLogger("vadkit.hooks")
# A tracker that failed is tried again after this time; until then, values wait.
_AGAIN_S = 60.0
_MOST_WAITING = 10_000
_RUNS = "trackers.json"

Outcome = Literal["finished", "failed", "interrupted"]


class Row(NamedTuple):
    """Values by name at a step; ``time`` is seconds since 1970."""

    values: dict[str, float]
    step: int
    epoch: int
    time: float


class ExperimentHook(Hook):
    """Base class of hooks that log losses by step, and metrics of epochs and evaluations.

    A tracker that fails does not stop training: a warning says so once, its values wait, and it is
    tried again a minute later and at the end. A subclass loads its package, begins or continues a
    run of the tracker, logs rows, and ends the run.
    """

    slot: ClassVar[Slot] = "report"
    # The name of the tracker for readers, and of its run in `trackers.json`.
    tracker: ClassVar[str]

    def __init__(self, every: int) -> None:
        self.losses = StepLosses(every)
        self.outcome: Outcome = "finished"
        self._waiting: deque[Row] = deque(maxlen=_MOST_WAITING)
        self._ctx: FitContext | None = None
        self._begun = self._warned = False
        self._again_at = 0.0

    def load(self) -> None:
        """Import the package; ``RecipeError`` if it is not installed."""
        raise NotImplementedError

    def begin(self, ctx: FitContext, known: str | None) -> str:
        """Begin a run of the tracker, or continue the one ``known``, and return its id."""
        raise NotImplementedError

    def log(self, rows: Sequence[Row]) -> None:
        """Log rows in the order of their time."""
        raise NotImplementedError

    def end(self, outcome: Outcome) -> None:
        """End the run of the tracker."""
        raise NotImplementedError

    def on_fit_start(self, ctx: FitContext) -> None:
        self.losses.start(ctx)
        self._try(self.load)
        self._ctx = ctx
        self._try(self._flush)

    def on_step_end(self, ctx: FitContext) -> None:
        losses = self.losses.at_step(ctx)
        if losses:
            self._add(ctx, {f"step/{name}": value for name, value in losses.items()})

    def on_epoch_end(self, ctx: FitContext) -> None:
        logs = ctx.logs.items()
        self._add(ctx, {n if "/" in n else f"train/{n}": value for n, value in logs})

    def on_evaluated(self, ctx: FitContext) -> None:
        self._add(
            ctx, {f"{ctx.evaluated_on}/{m.protocol.name}/{m.name}": m.value for m in ctx.metrics}
        )

    def on_error(self, ctx: FitContext, error: BaseException) -> None:
        self.outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"

    def close(self) -> None:
        if self._ctx is not None:
            self._again_at = 0.0
            self._try(self._flush)
        if self._begun:
            self._try(lambda: self.end(self.outcome))

    def _add(self, ctx: FitContext, values: dict[str, float]) -> None:
        self._waiting.append(Row(values, ctx.step, ctx.epoch, time.time()))
        if time.monotonic() >= self._again_at:
            self._try(self._flush)

    def _flush(self) -> None:
        assert self._ctx is not None
        if not self._begun:
            self.load()
            known = _known_runs(self._ctx)
            found = self.begin(self._ctx, known.get(self.tracker))
            self._begun = True
            write_json(self._ctx.run / _RUNS, {**known, self.tracker: found})
        if self._waiting:
            self.log(list(self._waiting))
            self._waiting.clear()

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except VadkitError:
            raise
        # W&B ends the program where it would ask for a key.
        except (Exception, SystemExit) as error:
            self._again_at = time.monotonic() + _AGAIN_S
            if not self._warned:
                self._warned = True
                reason = mask_addresses(str(error).strip().partition("\n")[0])
                _log.warning(
                    "%s does not log: %s: %s; training goes on",
                    self.tracker,
                    type(error).__name__,
                    reason,
                )


def _known_runs(ctx: FitContext) -> dict[str, str]:
    """Return the runs of trackers that this run began earlier, by tracker."""
    with contextlib.suppress(FileNotFoundError, VadkitError):
        found: dict[str, str] = read_json(ctx.run / _RUNS, dict[str, str], "remove it")
        return found
    return {}


def recipe_data(ctx: FitContext) -> dict[str, Any]:
    """Return the complete recipe of a run as plain data, without passwords in addresses."""
    text = read_bytes(ctx.run / "recipe.yaml", MOST_JSON).decode("utf-8")
    found: dict[str, Any] = _masked(parse(text, "recipe.yaml")[0])
    return found


def _masked(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _masked(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_masked(value) for value in data]
    return mask_addresses(data) if isinstance(data, str) else data
