"""Losses and metrics for MLflow."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from filelock import FileLock
from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.hooks.experiment import ExperimentHook, Outcome, Row, recipe_data
from vadkit.hooks.hook import FitContext
from vadkit.recipe.source import to_yaml

_STATUS: dict[Outcome, str] = {
    "finished": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
}
# Limits of the tracking server: values in a request, parameters in a request, and letters of one.
_MOST_VALUES, _MOST_PARAMETERS, _LONGEST = 1000, 100, 500


class MLflow(ExperimentHook):
    """Logs losses by step, metrics of epochs and evaluations, and the recipe to MLflow.

    ``MLFLOW_TRACKING_URI`` in the environment names the server or store. Without it, they go to
    ``mlflow.db`` in the folder of all runs, and nothing leaves the machine. The losses are logged
    at the first step and every ``every`` steps. A resumed run continues its run of MLflow. Needs
    MLflow: ``pip install 'vadkit[mlflow]'``.
    """

    tracker: ClassVar[str] = "mlflow"

    def __init__(
        self, *, experiment: str = "vadkit", every: Annotated[int, Field(ge=1)] = 50
    ) -> None:
        super().__init__(every)
        self.experiment = experiment
        self._mlflow: Any = None
        self._client: Any = None
        self._id = ""

    def load(self) -> None:
        # MLflow tells its makers how it is used unless it is told not to.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # Training waits while a request is repeated.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
        try:
            import mlflow
        except ImportError:
            raise RecipeError(
                "hooks.mlflow needs MLflow; install it with: pip install 'vadkit[mlflow]'"
            ) from None
        self._mlflow = mlflow

    def begin(self, ctx: FitContext, known: str | None) -> str:
        if place := os.environ.get("MLFLOW_TRACKING_URI"):
            experiment = self._experiment(place, None)
        else:
            runs = ctx.run.absolute().parents[1]
            # The first of several trainings makes the tables.
            with FileLock(runs / ".mlflow.lock"):
                place, artifacts = f"sqlite:///{runs / 'mlflow.db'}", (runs / "mlflow").as_uri()
                experiment = self._experiment(place, artifacts)
        self._id = known if known and self._exists(known) else ""
        if not self._id:
            name, tags = f"{ctx.name}/{ctx.run.name}", {"run_folder": str(ctx.run.absolute())}
            self._id = self._client.create_run(experiment, run_name=name, tags=tags).info.run_id
        self._client.update_run(self._id, status="RUNNING")
        self._log_recipe(ctx)
        return self._id

    def log(self, rows: Sequence[Row]) -> None:
        metrics = [
            self._mlflow.entities.Metric(_name(name), value, int(row.time * 1000), row.step)
            for row in rows
            for name, value in row.values.items()
        ]
        for first in range(0, len(metrics), _MOST_VALUES):
            self._client.log_batch(self._id, metrics=metrics[first : first + _MOST_VALUES])

    def end(self, outcome: Outcome) -> None:
        self._client.set_terminated(self._id, _STATUS[outcome])

    def _experiment(self, place: str, artifacts: str | None) -> str:
        """Connect to a store, and return the id of the experiment in it."""
        self._client = self._mlflow.MlflowClient(tracking_uri=place)
        known = self._client.get_experiment_by_name(self.experiment)
        if known is not None:
            return str(known.experiment_id)
        return str(self._client.create_experiment(self.experiment, artifact_location=artifacts))

    def _exists(self, run: str) -> bool:
        """Whether the store has the run; another one may be in use than before."""
        try:
            self._client.get_run(run)
        except self._mlflow.MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise
        return True

    def _log_recipe(self, ctx: FitContext) -> None:
        recipe = recipe_data(ctx)
        known = self._client.get_run(self._id).data.params
        # MLflow refuses another value of a parameter that it has.
        new = [
            self._mlflow.entities.Param(name, value)
            for name, value in _flat(recipe)
            if name not in known
        ]
        for first in range(0, len(new), _MOST_PARAMETERS):
            self._client.log_batch(self._id, params=new[first : first + _MOST_PARAMETERS])
        self._client.log_text(self._id, to_yaml(recipe), "recipe.yaml")
        self._client.log_artifact(self._id, str(Path(ctx.run, "manifest.json")))


def _flat(data: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield each value of nested settings as text, with its place: ``train.epochs``."""
    for key, value in data.items():
        place = _name(f"{before}{key}")
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{place}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            yield place, text[:_LONGEST]


def _name(name: str) -> str:
    """Return a name with only the characters that MLflow takes."""
    return re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)
