"""Raw scores and labels under several protocols: one result each, every number with its words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.errors import DataError
from vadkit.recipe import Recipe, Spec
from vadkit.recipe.model import DEFAULTS
from vadkit.registry import build, find
from vadkit.workflows.build import build_list

if TYPE_CHECKING:
    from vadkit.evaluation.metrics import Metric, Setting
    from vadkit.evaluation.protocol import Protocol
    from vadkit.scoring.calibration import Calibration
    from vadkit.scoring.normal import NormalScores
    from vadkit.scoring.scorer import Scorer


@dataclass(frozen=True)
class Scored:
    """Raw scores (N,) and labels (N,) by video, and what is known beside them.

    ``rates`` are frames a second and ``categories`` kinds of anomaly, by video, where known;
    ``normal`` is what scores are on training video, ``calibration`` the run's threshold;
    ``checkpoint`` and ``label_source`` say where scores and labels are from. ``scorers`` is the
    recipe's own chain.
    """

    scores: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    label_source: str
    checkpoint: str = "last"
    normal: NormalScores | None = None
    calibration: Calibration | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    scorers: Sequence[Scorer] = ()


@dataclass(frozen=True)
class Result:
    """The metrics of one protocol; ``published`` says that the method's paper reports under it."""

    protocol: Protocol
    metrics: list[Metric]
    published: bool = False

    def as_data(self) -> dict[str, Any]:
        """The protocol as JSON-like data, without the metrics."""
        protocol = self.protocol
        return {
            **asdict(protocol),
            "headline": protocol.headline,
            "words": protocol.words,
            "foresight": protocol.foresight,
            "published": self.published,
        }


def build_protocols(specs: Iterable[Spec]) -> list[Protocol]:
    """The protocols of a recipe's section, or of names given on the command line."""
    return build_list("protocols", list(specs))


def default_protocols() -> list[Protocol]:
    """What a table holds where nobody says otherwise."""
    return build_protocols(Spec(**spec) for spec in DEFAULTS["protocols"])


def published_names(recipe: Recipe) -> frozenset[str]:
    """Names of the protocols that the method's paper reports under."""
    defaults = getattr(find("methods", recipe.method.type).load(), "defaults", {})
    return frozenset(spec["type"] for spec in defaults.get("protocols", []))


def evaluate_scored(
    scored: Scored,
    protocols: Sequence[Protocol],
    evaluators: Sequence[Any],
    *,
    published: frozenset[str] = frozenset(),
    intervals: bool = True,
) -> list[Result]:
    """Every evaluator under every protocol, and under the recipe's own scorers if they differ.

    ``intervals`` adds bootstrap intervals over videos to the areas, the equal error rate and what
    the calibrated threshold gives.
    """
    results = []
    for listed in _with_own_chain(protocols, scored.scorers):
        protocol = replace(listed, checkpoint=scored.checkpoint, labels=scored.label_source)
        final = final_scores(protocol, scored)
        setting = _setting(protocol, scored)
        metrics: list[Metric] = []
        for evaluator in evaluators:
            metrics += evaluator(final, scored.labels, setting)
        if intervals:
            metrics = _with_intervals(metrics, final, scored.labels, setting)
        results.append(Result(protocol, metrics, protocol.name in published))
    return results


def unscored_notes(scores: Mapping[str, np.ndarray]) -> list[str]:
    """What a reader should know of videos (N,) without any score: protocols leave them out."""
    bare = [video for video, values in scores.items() if np.isnan(values).all()]
    return [f"No frame has a score in: {', '.join(bare)}."] if bare else []


def final_scores(protocol: Protocol, scored: Scored) -> dict[str, np.ndarray]:
    """Raw scores smoothed, normalised and filled as the protocol says.

    Raises ``DataError`` when it needs training scores and there are none.
    """
    from vadkit.evaluation.protocol import fill_unscored
    from vadkit.scoring.scorer import apply

    chain: Sequence[Any] = scored.scorers
    if not protocol.steps:
        chain = [build("scorers", name, params) for name, params in protocol.scorers()]
    final = apply(chain, scored.scores)
    if protocol.normalisation == "training" and not protocol.steps:
        normal = scored.normal
        if normal is None or not normal.frame_q99 > normal.frame_q50:
            raise DataError(
                f"protocol '{protocol.name}' scales by training scores, but none are known; train "
                "with vadkit, which measures them, or choose another normalisation"
            )
        span = normal.frame_q99 - normal.frame_q50
        final = {video: (values - normal.frame_q50) / span for video, values in final.items()}
    return fill_unscored(final, protocol.unscored)


def _with_own_chain(protocols: Sequence[Protocol], scorers: Sequence[Any]) -> list[Protocol]:
    """The protocols, and one more for the recipe's scorers where none of them does the same."""
    from vadkit.evaluation.protocol import Protocol
    from vadkit.scoring.scorer import chain_label

    own = chain_label(scorers)
    if any(_chain_label(protocol) == own for protocol in protocols) or not scorers:
        return list(protocols)
    smoothers = [scorer for scorer in scorers if scorer.keeps_unit]
    offline = any(not scorer.causal for scorer in smoothers)
    stretched = any(not scorer.keeps_unit for scorer in scorers)
    return [
        *protocols,
        Protocol(
            name="recipe",
            smoothing="offline" if offline else "causal" if smoothers else "none",
            normalisation="per-video" if stretched else "none",
            steps=own,
        ),
    ]


def _chain_label(protocol: Protocol) -> str:
    from vadkit.scoring.scorer import chain_label

    return chain_label([build("scorers", name, params) for name, params in protocol.scorers()])


def _setting(protocol: Protocol, scored: Scored) -> Setting:
    """What evaluators are told; the threshold is of the protocol with the scores it is for.

    Runs without a calibration have the level of training frames, for every protocol in its unit.
    """
    from vadkit.evaluation.metrics import Setting
    from vadkit.scoring.peaks import gap_frames
    from vadkit.scoring.scorer import chain_label

    setting = Setting(protocol.words, rates=scored.rates, categories=scored.categories)
    known = scored.calibration
    if known is None:
        level = scored.normal.frame_q999 if scored.normal and protocol.keeps_unit else None
        return replace(setting, threshold=level)
    chain = protocol.steps or _chain_label(protocol)
    if chain != chain_label(known.chain()) or not protocol.keeps_unit:
        return setting
    gaps = {video: gap_frames(known.merge_s, rate) for video, rate in scored.rates.items()}
    return replace(
        setting, threshold=known.threshold, per_hour=known.false_alarms_per_hour, gaps=gaps
    )


def _with_intervals(
    metrics: list[Metric],
    scores: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    setting: Setting,
) -> list[Metric]:
    from vadkit.evaluation.alarms import alarm_ratios
    from vadkit.evaluation.bootstrap import interval, metric_intervals, ratio_of
    from vadkit.evaluation.frame_auc import scored_frames

    found = metric_intervals(scored_frames(scores, labels))
    for name, (parts, wholes) in alarm_ratios(scores, labels, setting).items():
        found[name] = interval(ratio_of(parts, wholes), len(scores))
    return [
        replace(metric, low=found[metric.name].low, high=found[metric.name].high)
        if metric.name in found
        else metric
        for metric in metrics
    ]
