"""Losses and metrics for Weights & Biases."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.files import write_text
from vadkit.hooks.experiment import ExperimentHook, Outcome, Row, recipe_data
from vadkit.hooks.hook import FitContext
from vadkit.recipe.source import to_yaml


class WeightsAndBiases(ExperimentHook):
    """Logs losses by step, metrics of epochs and evaluations, and the recipe to W&B.

    With ``mode: offline``, everything is written to ``RUN/wandb``, and `wandb sync` sends it later;
    ``online`` needs `wandb login`. ``WANDB_MODE`` in the environment goes before ``mode``. The
    losses are logged at the first step and every ``every`` steps. A resumed run continues its run
    of W&B. Needs W&B: ``pip install 'vadkit[wandb]'``.
    """

    tracker: ClassVar[str] = "wandb"

    def __init__(
        self,
        *,
        project: str = "vadkit",
        mode: Literal["offline", "online"] = "offline",
        every: Annotated[int, Field(ge=1)] = 50,
    ) -> None:
        super().__init__(every)
        self.project, self.mode = project, mode
        self._wandb: Any = None
        self._run: Any = None

    def load(self) -> None:
        # W&B reports its own errors to its makers unless it is told not to.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        try:
            import wandb
        except ImportError:
            raise RecipeError(
                "hooks.wandb needs W&B; install it with: pip install 'vadkit[wandb]'"
            ) from None
        self._wandb = wandb

    def begin(self, ctx: FitContext, known: str | None) -> str:
        mode = os.environ.get("WANDB_MODE") or self.mode
        # Only what is asked for is sent: not the console, the code, the machine or its user.
        settings = self._wandb.Settings(
            console="off",
            disable_git=True,
            save_code=False,
            silent=mode != "online",
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        recipe = recipe_data(ctx)
        self._run = self._wandb.init(
            project=self.project,
            dir=str(ctx.run),
            id=known or uuid.uuid4().hex[:12],
            name=f"{ctx.name}/{ctx.run.name}",
            group=ctx.name,
            config={**recipe, "run_folder": str(ctx.run.absolute())},
            mode=mode,
            # Offline, it has no effect, and W&B warns of that.
            resume="allow" if mode == "online" else None,
            settings=settings,
        )
        # A resumed run repeats steps after its checkpoint, which W&B's own counter does not allow.
        self._run.define_metric("*", step_metric="step")
        files = Path(self._run.dir)
        write_text(files / "recipe.yaml", to_yaml(recipe))
        write_text(files / "manifest.json", (ctx.run / "manifest.json").read_text("utf-8"))
        return str(self._run.id)

    def log(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._run.log({**row.values, "step": row.step, "epoch": row.epoch})

    def end(self, outcome: Outcome) -> None:
        self._run.finish(exit_code=0 if outcome == "finished" else 1)
