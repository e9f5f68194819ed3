"""Train a recipe with several seeds, evaluate each run, and summarise the metrics."""

from __future__ import annotations

import gc
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from vadkit.arguments import as_path, as_paths, as_texts
from vadkit.errors import DataError, RecipeError, TrainingError, VadkitError, describe_exhausted
from vadkit.evaluation.spread import Spread, spread
from vadkit.files import describe_os_error
from vadkit.plugins import as_run
from vadkit.recipe import Recipe, find_recipe, load_recipe
from vadkit.workflows.build import load_videos
from vadkit.workflows.evaluate.evaluation import evaluate
from vadkit.workflows.evaluate.protocols import Result
from vadkit.workflows.evaluate.run_scores import check_labelled
from vadkit.workflows.run import read_manifest, update_manifest
from vadkit.workflows.train import resume, train


@dataclass(frozen=True)
class SeedRun:
    """The run of one seed: its folder, its metrics by protocol, and why it failed."""

    seed: int
    run: Path
    results: list[Result] = field(default_factory=list)
    failed: str | None = None

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data; undefined metrics are null."""
        return {
            "seed": self.seed,
            "run": str(self.run),
            "failed": self.failed,
            "metrics": {
                result.protocol.name: {name: _defined(result[name]) for name in result}
                for result in self.results
            },
        }


@dataclass(frozen=True)
class Seeds:
    """Runs that differ only in their seed; ``not_evaluated`` says why they have no metrics."""

    name: str
    runs: list[SeedRun]
    not_evaluated: str | None = None

    @property
    def failed(self) -> list[SeedRun]:
        """The runs that failed."""
        return [one for one in self.runs if one.failed is not None]

    def summary(self) -> dict[str, dict[str, Spread]]:
        """Return the spread of each metric over the runs that did not fail, by protocol."""
        values: dict[str, dict[str, list[float]]] = {}
        for one in self.runs:
            for result in one.results if one.failed is None else []:
                by_metric = values.setdefault(result.protocol.name, {})
                for name in result:
                    by_metric.setdefault(name, []).append(result[name])
        return {
            protocol: {name: spread(one) for name, one in by_metric.items()}
            for protocol, by_metric in values.items()
        }

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data; undefined values are null."""
        return {
            "name": self.name,
            "seeds": [one.as_data() for one in self.runs],
            "summary": {
                protocol: {
                    name: {"mean": _defined(one.mean), "deviation": _defined(one.deviation)}
                    for name, one in by_metric.items()
                }
                for protocol, by_metric in self.summary().items()
            },
            "not_evaluated": self.not_evaluated,
        }


def train_seeds(
    recipe: str | Path,
    seeds: Sequence[int],
    *,
    overrides: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    runs: str | Path = "runs",
    on_seed: Callable[[str], None] = lambda text: None,
) -> Seeds:
    """Train a recipe once per seed, as ``train.seed`` would, and evaluate each run.

    The same call continues: a seed whose run is done is not trained again, and an unfinished run is
    resumed. If training or evaluating a seed fails, the others still run. ``on_seed`` gets a line
    when a seed begins or fails. Without labels of the test split, no run is evaluated. The other
    arguments are those of ``train``.

    Raises ``RecipeError`` for a wrong recipe or seeds, and any error that happens before a run
    folder exists, because it would happen with every seed.
    """
    overrides, plugins = as_texts(overrides, "overrides"), as_paths(plugins, "plugins")
    source, runs = find_recipe(as_path(recipe, "recipe")), as_path(runs, "runs")
    if not seeds or len(set(seeds)) < len(seeds):
        raise RecipeError("seeds: give one or more different numbers")
    own = {seed: (*overrides, f"train.seed={seed}") for seed in seeds}
    given, *_ = [load_recipe(source, texts, plugins) for texts in own.values()]
    key, why_not = _key(given), _why_not_evaluated(given)
    found: list[SeedRun] = []
    for seed, texts in own.items():
        start = partial(train, source, overrides=texts, plugins=plugins, runs=runs)
        before = _earlier(runs / given.name, key, seed)
        found.append(_run_seed(seed, start, before, key, why_not is None, on_seed))
        # Otherwise frames of the last run could stay in the memory of a GPU during the next one.
        gc.collect()
    return Seeds(given.name, found, why_not)


def _run_seed(
    seed: int,
    start: Callable[..., Path],
    run: Path | None,
    key: str,
    labelled: bool,
    on_seed: Callable[[str], None],
) -> SeedRun:
    """Train and evaluate one seed, or continue its earlier ``run``."""
    created = [run] if run is not None else []

    def note(run: Path) -> None:
        update_manifest(run, seeds=key)
        created.append(run)

    try:
        if run is None:
            on_seed(f"seed {seed}: training")
            start(on_run=note)
        elif read_manifest(run).get("status") == "done":
            on_seed(f"seed {seed}: already trained in {run}")
        else:
            on_seed(f"seed {seed}: continuing {run}")
            resume(run)
        return SeedRun(seed, created[0], evaluate(created[0]).results if labelled else [])
    except Exception as error:
        reason = _reason(error)
        if not created or reason is None:
            raise
        on_seed(f"seed {seed} failed: {reason}")
        return SeedRun(seed, created[0], failed=reason)


def _key(recipe: Recipe) -> str:
    """Identify a recipe with its plugins, whatever its seed."""
    data = recipe.as_data()
    del data["train"]["seed"]
    data["plugins"] = [plugin.digest for plugin in as_run(recipe.plugins)]
    text = json.dumps(data, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _earlier(folder: Path, key: str, seed: int) -> Path | None:
    """Return the newest run of this recipe with this seed that was made for several seeds."""
    for run in sorted(folder.glob("*/manifest.json"), reverse=True):
        try:
            manifest = read_manifest(run.parent)
        except TrainingError:
            continue
        if manifest.get("seeds") == key and manifest.get("seed") == seed:
            return run.parent
    return None


def _why_not_evaluated(recipe: Recipe) -> str | None:
    """Return why the runs of a recipe cannot be evaluated, None if they can."""
    try:
        check_labelled(load_videos(recipe, "test"))
    except DataError as error:
        return str(error)
    return None


def _reason(error: Exception) -> str | None:
    """Describe an error that only concerns one seed; None for an error of the program."""
    if isinstance(error, VadkitError):
        return str(error)
    if isinstance(error, OSError):
        return describe_os_error(error)
    return describe_exhausted(error)


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
