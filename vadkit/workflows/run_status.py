"""The training progress of a run, for every command that prints its metrics."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vadkit.workflows.run import is_being_trained, read_manifest

# "died": the process ended without cleanup, as by kill -9. "unknown": there is no manifest.
State = Literal["done", "interrupted", "failed", "running", "created", "died", "unknown"]

_TAIL = 1 << 16


@dataclass(frozen=True)
class RunStatus:
    """State of a run, and the epochs and steps of its training; None if unknown."""

    state: State
    epochs: float | None = None
    step: int | None = None

    @property
    def complete(self) -> bool | None:
        """Whether training is finished; None if unknown."""
        return None if self.state == "unknown" else self.state == "done"

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data; the keys do not collide with those of a command's result."""
        return {
            "status": self.state,
            "complete": self.complete,
            "reached": {"epochs": self.epochs, "step": self.step},
        }

    def warning(self, run: Path | str) -> str | None:
        """Return a line that describes an unfinished run; None if the run is done."""
        if self.complete is not False:
            return None
        what = {
            "interrupted": "its training was interrupted",
            "failed": "its training failed",
            "running": "it is being trained",
            "created": "its training has not started",
            "died": "the process that trained it died",
        }.get(self.state, self.state)
        reached = ""
        if self.epochs is not None:
            reached = f" after {self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        if self.step is not None:
            reached += f" (step {self.step:,})"
        return f"run {run} is not done: {what}{reached}; these results are of an unfinished model"


def run_status(run: Path | str) -> RunStatus:
    """Read the progress of a run from its manifest and log; "unknown" for an exported file.

    Raises ``TrainingError`` for a damaged manifest.
    """
    run = Path(run)
    if not run.is_dir() or not (manifest := read_manifest(run)):
        return RunStatus("unknown")
    known: dict[Any, State] = {
        "done": "done",
        "interrupted": "interrupted",
        "failed": "failed",
        "created": "created",
        "running": "died",
    }
    state = known.get(str(manifest.get("status")), "unknown")
    if state in ("created", "died") and is_being_trained(run):
        state = "running"
    logged = _logged(run)
    step, epochs = (manifest.get(name, logged.get(name)) for name in ("step", "epochs"))
    return RunStatus(state, _number(epochs), _whole(step))


def unfinished(runs: Iterable[Path | str]) -> list[str]:
    """Return a line for each unfinished run."""
    return [text for run in runs if (text := run_status(run).warning(run)) is not None]


def _logged(run: Path) -> dict[str, Any]:
    """Read the last complete line of ``metrics.jsonl``; empty if there is none."""
    try:
        with (run / "metrics.jsonl").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            lines = file.read().rpartition(b"\n")[0].splitlines()
        last = json.loads(lines[-1])
        # Lines of epochs count finished epochs; other lines count the current epoch from 0.
        return {"epochs": last["epoch"], "step": last["step"]}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _number(value: Any) -> float | None:
    return value if isinstance(value, float) else _whole(value)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
