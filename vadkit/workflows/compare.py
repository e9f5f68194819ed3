"""Compare runs under one protocol, and find out whether they are comparable."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from vadkit.arguments import as_name, as_path, as_paths, as_texts
from vadkit.errors import DataError, RecipeError
from vadkit.evaluation.spread import Spread, spread
from vadkit.plugins import read_plugin
from vadkit.recipe import Recipe, Spec
from vadkit.text import printable
from vadkit.workflows.build import build_list
from vadkit.workflows.evaluate.protocols import (
    LabelledScores,
    build_protocols,
    evaluate_scored,
    final_scores,
)
from vadkit.workflows.evaluate.run_scores import score_run
from vadkit.workflows.outside.scores import are_scores, labelled_scores
from vadkit.workflows.run import load_run
from vadkit.workflows.run_status import run_status

if TYPE_CHECKING:
    from vadkit.evaluation.bootstrap import Difference
    from vadkit.evaluation.frame_auc import Kept
    from vadkit.evaluation.metrics import Metric
    from vadkit.evaluation.protocol import Protocol

PLOTS = (".png", ".svg", ".pdf")
# The metrics that a comparison shows, and averages over seeds.
SPREAD = ("micro-auc", "macro-auc", "padded-macro-auc", "ap", "ap-trapezoid", "eer")


@dataclass(frozen=True, repr=False)
class ComparedRun:
    """One run in a comparison, or scores of other code, which have no ``seed``.

    ``difference`` is its main metric minus that of the first run, over the frames that both score.
    It is None for the first run, and if ``why_not`` says why the runs are not comparable.
    ``remark`` says if they score different frames.
    """

    run: str
    name: str
    seed: int | None
    group: str
    metrics: list[Metric]
    difference: Difference | None = None
    why_not: str | None = None
    remark: str | None = None

    @property
    def title(self) -> str:
        """The name, with the seed of a run."""
        return self.name if self.seed is None else f"{self.name} (seed {self.seed})"

    def __repr__(self) -> str:
        return f"ComparedRun({printable(self.title)!r}, {self.run!r})"


@dataclass(frozen=True)
class Group:
    """Runs that differ only in their seed: mean and sample deviation of each metric."""

    name: str
    seeds: list[int]
    metrics: dict[str, Spread]


@dataclass(frozen=True, repr=False)
class Comparison:
    """The result of ``vadkit compare``; differences are of the metric ``headline``."""

    protocol: str
    headline: str
    runs: list[ComparedRun]
    groups: list[Group]
    plot: str | None

    def __repr__(self) -> str:
        """Return a line per run: the main metric, and the difference from the first run."""
        lines = [f"Comparison of {len(self.runs)} runs, {self.headline}, protocol {self.protocol}"]
        for one in self.runs:
            value = f"{_metric(one, self.headline).value:.4g}"
            if one.difference is not None:
                value += f" ({one.difference.value:+.4g} [{one.difference.low:+.3f}, "
                value += f"{one.difference.high:+.3f}])"
            elif one.why_not:
                value += f" (not comparable: {one.why_not})"
            lines.append(f"  {printable(one.title)}: {printable(value)}")
        return "\n".join(lines)

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
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
    runs: Sequence[str | Path],
    *,
    protocol: str = "raw",
    checkpoint: str = "last",
    plot: str | Path | None = None,
    overrides: Sequence[str] = (),
    labels: str | Path | None = None,
    videos: str | Path | None = None,
    offset: int = 0,
    segment: int | None = None,
) -> Comparison:
    """Evaluate runs under one protocol, compare each with the first, and draw them to ``plot``.

    In place of a run, a file or folder of frame scores from other code may stand; the first may be
    one only with ``labels``. ``labels``, ``videos``, ``offset`` and ``segment`` are for all such
    scores, as in ``evaluate_scores``; without ``labels``, they are measured with those of the
    first run.

    Differences use a paired bootstrap over videos: both runs use the same sample of videos. If a
    run has other videos, lengths or labels than the first, it is listed with the reason and not
    compared. ``overrides`` change the recipes of all runs, for example the location of the dataset.
    Raises ``RecipeError`` for fewer than two runs, for a run given twice, and for an unknown plot
    format.
    """
    from vadkit.evaluation.frame_auc import scored_frames

    paths = as_paths(runs, "runs")
    overrides = as_texts(overrides, "overrides")
    plot = None if plot is None else as_path(plot, "plot")
    as_name(protocol, "protocol")
    as_name(checkpoint, "checkpoint")
    _check_given(paths, plot)
    (listed,) = build_protocols([Spec(type=protocol)])
    headline, words = listed.headline, ""
    recipes = _recipes(paths, overrides, labels, (labels, videos, segment, offset or None))
    read = partial(
        labelled_scores,
        videos=None if videos is None else as_path(videos, "videos"),
        offset=offset,
        segment=segment,
        overrides=overrides,
    )
    truth = None if labels is None else as_path(labels, "labels")
    first: LabelledScores | None = None
    compared: list[ComparedRun] = []
    curves: list[Kept] = []
    for path, recipe in zip(paths, recipes, strict=True):
        if recipe is None:
            # The first side has labels of its own if none are given.
            scored = read(path, cast("Path | LabelledScores", truth or first))
        else:
            scored, _ = score_run(path, recipe, checkpoint, overrides, parts=bool(listed.parts))
        one, final, measured = _measured(path, recipe, replace(scored, scorers=()), listed)
        first, words = first or final, words or measured
        compared.append(one if first is final else _against(one, first, final, headline))
        curves.append(scored_frames(final.scores, final.labels))
    if plot is not None:
        _draw(plot, compared, curves, headline, words)
    return Comparison(words, headline, compared, _groups(compared), str(plot) if plot else None)


def _check_given(paths: Sequence[Path], plot: Path | None) -> None:
    if len(paths) < 2:
        raise RecipeError("compare needs at least two runs")
    if len({path.resolve() for path in paths}) < len(paths):
        raise RecipeError("a run is given twice; compare different ones")
    if plot is not None and (plot.suffix.lower() not in PLOTS or plot.is_dir()):
        raise RecipeError(f"plot {plot}: give a file name that ends in {', '.join(PLOTS)}")


def _recipes(
    paths: Sequence[Path],
    overrides: Sequence[str],
    labels: str | Path | None,
    of_scores: tuple[object, ...],
) -> list[Recipe | None]:
    """Return the recipe of each run, None for scores of other code, before any run is scored.

    ``of_scores`` are the options that only apply to such scores.
    """
    recipes = [None if are_scores(path) else load_run(path, tuple(overrides)) for path in paths]
    if None not in recipes and any(one is not None for one in of_scores):
        raise RecipeError("--labels, --videos, --offset and --segment need scores of other code")
    if recipes[0] is None and labels is None:
        raise RecipeError("scores of other code need labels: give a run first, or --labels")
    return recipes


def _draw(
    plot: Path, compared: Sequence[ComparedRun], curves: list[Kept], headline: str, words: str
) -> None:
    from vadkit.reports.comparison_plot import comparison_plot

    names = [one.title for one in compared]
    areas = [_metric(one, headline) for one in compared]
    apart = [place for place, one in enumerate(compared) if one.why_not]
    comparison_plot(plot, names, curves, areas, words, apart)


def _measured(
    path: Path, recipe: Recipe | None, scored: LabelledScores, protocol: Protocol
) -> tuple[ComparedRun, LabelledScores, str]:
    """Return a side with its metrics, its final scores, and the protocol in words."""
    evaluators = build_list("evaluators", [Spec(type="frame-auc")])
    (result,) = evaluate_scored(scored, [protocol], evaluators)
    if recipe is None:
        one = ComparedRun(str(path), path.name, None, str(path), result.metrics)
    else:
        seed, group = recipe.train.seed, _but_seed(recipe)
        one = ComparedRun(str(path), recipe.name, seed, group, result.metrics)
    final = replace(scored, scores=final_scores(protocol, scored))
    return one, final, result.protocol.words


def _against(
    one: ComparedRun, first: LabelledScores, final: LabelledScores, headline: str
) -> ComparedRun:
    """Return ``one`` with its difference from the first run, or the reason why it has none."""
    from vadkit.evaluation.bootstrap import difference
    from vadkit.evaluation.frame_auc import scored_frames

    if reason := why_not_comparable(first, final):
        return replace(one, why_not=reason)
    common, remark = _common_frames(first, final)
    try:
        ours, theirs = (scored_frames(scores, first.labels) for scores in common)
        return replace(one, difference=difference(ours, theirs, headline), remark=remark)
    except DataError as error:
        return replace(one, why_not=f"of the frames that both score, {error}")


def why_not_comparable(first: LabelledScores, second: LabelledScores) -> str | None:
    """Return the first reason why two sets of scores are not comparable, None if they are."""
    missing = sorted(set(first.labels) ^ set(second.labels))
    if missing:
        return f"other test videos ({len(missing)} differ, first '{missing[0]}')"
    for video, truth in first.labels.items():
        other = second.labels[video]
        if len(truth) != len(other):
            return f"video '{video}' has {len(other)} frames instead of {len(truth)}"
        if not np.array_equal(truth, other):
            return (
                f"other labels: {second.label_source} instead of {first.label_source} (video "
                f"'{video}', {np.count_nonzero(truth != other)} frames differ)"
            )
    return None


def _common_frames(
    first: LabelledScores, second: LabelledScores
) -> tuple[list[dict[str, np.ndarray]], str | None]:
    """Set both scores to NaN where one of them is NaN, with the videos in the same order."""
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
    """The recipe as text, without the seed and without settings that do not affect raw scores."""
    data = recipe.as_data()
    del data["train"]["seed"]
    # Each run has a copy of its own.
    data["plugins"] = [read_plugin(Path(plugin)).digest for plugin in recipe.plugins]
    for section in ("name", "data", "scorers", "evaluators", "protocols"):
        del data[section]
    return json.dumps(data, sort_keys=True)


def _groups(compared: Sequence[ComparedRun]) -> list[Group]:
    """Group the runs of one recipe, among the runs that are comparable with the first."""
    by_recipe: dict[str, list[ComparedRun]] = {}
    for one in compared:
        if one.why_not is None:
            by_recipe.setdefault(one.group, []).append(one)
    return [
        Group(members[0].name, seeds, _spreads(members))
        for members in by_recipe.values()
        if len(set(seeds := [one.seed for one in members if one.seed is not None])) > 1
    ]


def _spreads(members: Sequence[ComparedRun]) -> dict[str, Spread]:
    values = [{metric.name: metric.value for metric in one.metrics} for one in members]
    return {name: spread([one[name] for one in values]) for name in SPREAD}


def _metric(one: ComparedRun, name: str) -> Metric:
    return next(metric for metric in one.metrics if metric.name == name)
