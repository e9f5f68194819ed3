"""Several runs side by side under one protocol, and whether they may be compared at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from vadkit.errors import DataError, RecipeError
from vadkit.recipe import Recipe, Spec
from vadkit.workflows.build import build_list
from vadkit.workflows.protocols import Scored, build_protocols, evaluate_scored, final_scores
from vadkit.workflows.run import load_run
from vadkit.workflows.run_status import run_status
from vadkit.workflows.test_scores import score_run

if TYPE_CHECKING:
    from vadkit.evaluation.bootstrap import Difference
    from vadkit.evaluation.frame_auc import Kept
    from vadkit.evaluation.metrics import Metric

PLOTS = (".png", ".svg", ".pdf")
# What a comparison shows, and sums up over seeds.
SPREAD = ("micro-auc", "macro-auc", "padded-macro-auc", "ap", "ap-trapezoid", "eer")


@dataclass(frozen=True)
class Compared:
    """One run in a comparison.

    ``difference`` is its headline metric minus the first run's over the frames that both score,
    None for the first and where ``why_not`` says that they cannot be compared; ``remark`` says
    where they score other frames.
    """

    run: str
    name: str
    seed: int
    group: str
    metrics: list[Metric]
    difference: Difference | None = None
    why_not: str | None = None
    remark: str | None = None


class Spread(NamedTuple):
    """Mean and sample deviation over runs."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone: mean and sample deviation of each of their metrics."""

    name: str
    seeds: list[int]
    metrics: dict[str, Spread]


@dataclass(frozen=True)
class Comparison:
    """What ``vadkit compare`` prints and draws; differences are of the metric ``headline``."""

    protocol: str
    headline: str
    runs: list[Compared]
    groups: list[Group]
    plot: str | None

    def as_data(self) -> dict[str, Any]:
        """JSON-like data."""
        data = asdict(self)
        for one, run in zip(data["runs"], self.runs, strict=True):
            one["metrics"] = {metric.name: metric.value for metric in run.metrics}
            one |= run_status(run.run).as_data()
            one["difference"] = run.difference._asdict() if run.difference else None
            del one["group"]
        for one, group in zip(data["groups"], self.groups, strict=True):
            one["metrics"] = {name: spread._asdict() for name, spread in group.metrics.items()}
        return data


def compare(
    runs: Sequence[Path],
    *,
    protocol: str = "raw",
    checkpoint: str = "last",
    plot: Path | None = None,
    overrides: Sequence[str] = (),
) -> Comparison:
    """Evaluate runs under one protocol, each against the first; draw them into ``plot``.

    Differences come with a paired bootstrap over videos: the same videos are drawn for both runs.
    Runs with other videos, lengths or labels than the first are listed with the reason and not
    compared. ``overrides`` change the recipes of all runs, such as where the data set is. Raises
    ``RecipeError`` for fewer than two runs, one that is given twice, and a plot of no known form.
    """
    from vadkit.evaluation.bootstrap import difference
    from vadkit.evaluation.frame_auc import scored_frames

    paths = [Path(run) for run in runs]
    if len(paths) < 2:
        raise RecipeError("compare needs at least two runs")
    if len({path.resolve() for path in paths}) < len(paths):
        raise RecipeError("a run is given twice; compare different ones")
    if plot is not None and (plot.suffix.lower() not in PLOTS or plot.is_dir()):
        raise RecipeError(f"--plot {plot}: give a file that ends in {', '.join(PLOTS)}")
    (listed,) = build_protocols([Spec(type=protocol)])
    headline, words = listed.headline, ""
    # What is missing shows before any run is scored.
    recipes = [load_run(path, tuple(overrides)) for path in paths]
    first: Scored | None = None
    compared: list[Compared] = []
    curves: list[Kept] = []
    for path, recipe in zip(paths, recipes, strict=True):
        scored, _ = score_run(path, recipe, checkpoint, tuple(overrides))
        scored = replace(scored, scorers=())
        evaluators = build_list("evaluators", [Spec(type="frame-auc")])
        (result,) = evaluate_scored(scored, [listed], evaluators)
        final = replace(scored, scores=final_scores(listed, scored))
        one = Compared(str(path), recipe.name, recipe.train.seed, _but_seed(recipe), result.metrics)
        if first is None:
            first = final
        elif reason := why_not_comparable(first, final):
            one = replace(one, why_not=reason)
        else:
            common, remark = _common_frames(first, final)
            try:
                ours, theirs = (scored_frames(scores, first.labels) for scores in common)
                one = replace(one, difference=difference(ours, theirs, headline), remark=remark)
            except DataError as error:
                one = replace(one, why_not=f"of the frames that both score, {error}")
        words = words or result.protocol.words
        compared.append(one)
        curves.append(scored_frames(final.scores, final.labels))
    if plot is not None:
        from vadkit.reports.comparison_plot import comparison_plot

        names = [f"{one.name} (seed {one.seed})" for one in compared]
        areas = [_metric(one, headline) for one in compared]
        apart = [place for place, one in enumerate(compared) if one.why_not]
        comparison_plot(plot, names, curves, areas, words, apart)
    return Comparison(words, headline, compared, _groups(compared), str(plot) if plot else None)


def why_not_comparable(first: Scored, second: Scored) -> str | None:
    """The first reason why two sets of scores do not answer the same question, None if they do."""
    missing = sorted(set(first.labels) ^ set(second.labels))
    if missing:
        return f"other test videos ({len(missing)} differ, first '{missing[0]}')"
    for video, truth in first.labels.items():
        other = second.labels[video]
        if len(truth) != len(other):
            return f"video '{video}' has {len(other)} frames against {len(truth)}"
        if not np.array_equal(truth, other):
            return (
                f"other labels: {second.label_source} against {first.label_source} (video "
                f"'{video}', {np.count_nonzero(truth != other)} frames differ)"
            )
    return None


def _common_frames(first: Scored, second: Scored) -> tuple[list[dict[str, np.ndarray]], str | None]:
    """Both sets of scores with NaN where either has none, in one order of videos."""
    both: list[dict[str, np.ndarray]] = [{}, {}]
    left_out = 0
    for video, values in first.scores.items():
        other = second.scores[video]
        unscored = np.isnan(values) | np.isnan(other)
        left_out += int(np.count_nonzero(np.isnan(values) != np.isnan(other)))
        for place, own in enumerate((values, other)):
            both[place][video] = np.where(unscored, np.nan, own)
    remark = f"{left_out} frames that only one of them scores are left out" if left_out else None
    return both, remark


def _but_seed(recipe: Recipe) -> str:
    """The recipe without the seed, and without what raw scores do not depend on."""
    data = recipe.as_data()
    del data["train"]["seed"]
    for section in ("name", "data", "scorers", "evaluators", "protocols"):
        del data[section]
    return json.dumps(data, sort_keys=True)


def _groups(compared: Sequence[Compared]) -> list[Group]:
    """Runs of one recipe, of those that can be compared with the first run at all."""
    by_recipe: dict[str, list[Compared]] = {}
    for one in compared:
        if one.why_not is None:
            by_recipe.setdefault(one.group, []).append(one)
    return [
        Group(members[0].name, [one.seed for one in members], _spreads(members))
        for members in by_recipe.values()
        if len({one.seed for one in members}) > 1
    ]


def _spreads(members: Sequence[Compared]) -> dict[str, Spread]:
    values = [{metric.name: metric.value for metric in one.metrics} for one in members]
    every = {name: [one[name] for one in values] for name in SPREAD}
    return {
        name: Spread(float(np.mean(one)), float(np.std(one, ddof=1))) for name, one in every.items()
    }


def _metric(one: Compared, name: str) -> Metric:
    return next(metric for metric in one.metrics if metric.name == name)
