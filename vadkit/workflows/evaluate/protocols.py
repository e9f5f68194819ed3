"""Evaluate raw scores and labels under several protocols."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.errors import DataError
from vadkit.recipe import Recipe, Spec
from vadkit.recipe.model import DEFAULTS
from vadkit.registry import build, find
from vadkit.workflows.build import build_list
from vadkit.workflows.evaluate.views import as_text, missing_key

if TYPE_CHECKING:
    from vadkit.evaluation.metrics import Metric, Setting, TrueEvent
    from vadkit.evaluation.protocol import Normalisation, Protocol
    from vadkit.scoring.alarm_time import TimeRules
    from vadkit.scoring.calibration import Calibration
    from vadkit.scoring.normal import NormalScores
    from vadkit.scoring.scorer import Scorer

# The name of a part that is the score of a kind of anomaly starts with this.
KIND = "kind:"


@dataclass(frozen=True)
class LabelledScores:
    """Raw scores (N,) and labels (N,) by video, with metadata.

    ``rates`` are frames per second and ``categories`` kinds of anomaly, by video, if known;
    ``clip_fps`` is the rate that the method was trained at, and ``rules`` are the alarm rules of
    the recipe.
    ``normal`` has the statistics of scores on training video, ``calibration`` the run's threshold.
    ``checkpoint`` and ``label_source`` name the sources of scores and labels. ``scorers`` are those
    of the recipe. ``parts`` are the scores (N,) of a method's parts, by part and video; a part
    called ``kind:Arson`` is the score of this kind of anomaly. ``events`` has the events of videos
    whose labels state kinds.
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
    clip_fps: float | None = None
    rules: TimeRules | None = None
    parts: Mapping[str, dict[str, np.ndarray]] = field(default_factory=dict)
    events: Mapping[str, Sequence[TrueEvent]] = field(default_factory=dict)

    @property
    def kind_scores(self) -> dict[str, dict[str, np.ndarray]]:
        """The parts that are scores of a kind of anomaly, by kind and video."""
        return {
            name.removeprefix(KIND): of_videos
            for name, of_videos in self.parts.items()
            if name.startswith(KIND)
        }


@dataclass(frozen=True, repr=False)
class Result(Mapping[str, float]):
    """The metrics of one protocol, a mapping from their names to their values.

    ``metrics`` has them with their intervals. ``published`` marks the protocol of the method's
    paper.
    """

    protocol: Protocol
    metrics: list[Metric]
    published: bool = False

    def __getitem__(self, name: str) -> float:
        """Return the value of a metric; ``KeyError`` with the nearest names otherwise."""
        for metric in self.metrics:
            if metric.name == name:
                return metric.value
        raise missing_key(name, self, "metric", f" in protocol '{self.protocol.name}'")

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the metrics."""
        return iter(dict.fromkeys(metric.name for metric in self.metrics))

    def __len__(self) -> int:
        """The number of metrics."""
        return len(list(iter(self)))

    def __repr__(self) -> str:
        """Return the main metrics in two lines."""
        return as_text(f"Protocol {self.protocol.name}", [self])

    def as_data(self) -> dict[str, Any]:
        """Return the protocol as JSON-like data, without the metrics."""
        protocol = self.protocol
        return {
            **asdict(protocol),
            "headline": protocol.headline,
            "words": protocol.words,
            "description": protocol.summary.description,
            "foresight": protocol.foresight,
            "published": self.published,
        }


def build_protocols(specs: Iterable[Spec]) -> list[Protocol]:
    """Build the protocols of a recipe's section, or of names from the command line."""
    return build_list("protocols", list(specs))


def default_protocols() -> list[Protocol]:
    """Return the default protocols of a table."""
    return build_protocols(Spec(**spec) for spec in DEFAULTS["protocols"])


def published_names(recipe: Recipe) -> frozenset[str]:
    """Return the names of the protocols that the method's paper uses."""
    defaults = getattr(find("methods", recipe.method.type).load(), "defaults", {})
    return frozenset(spec["type"] for spec in defaults.get("protocols", []))


def evaluate_scored(
    scored: LabelledScores,
    protocols: Sequence[Protocol],
    evaluators: Sequence[Any],
    *,
    published: frozenset[str] = frozenset(),
    intervals: bool = True,
) -> list[Result]:
    """Run every evaluator under every protocol, and with the recipe's scorers if they differ.

    ``intervals`` adds bootstrap intervals over videos to AUCs, the equal error rate and the metrics
    at the calibrated threshold.
    """
    results = []
    for listed in _with_own_chain(protocols, scored.scorers):
        protocol = replace(listed, checkpoint=scored.checkpoint, labels=scored.label_source)
        final = final_scores(protocol, scored)
        setting = _setting(protocol, scored, final)
        metrics: list[Metric] = []
        for evaluator in evaluators:
            metrics += evaluator(final, scored.labels, setting)
        if intervals:
            metrics = _with_intervals(metrics, final, scored.labels, setting)
        results.append(Result(protocol, metrics, protocol.name in published))
    return results


def final_scores(protocol: Protocol, scored: LabelledScores) -> dict[str, np.ndarray]:
    """Smooth, normalise, mix and fill raw scores as the protocol says.

    Raises ``DataError`` if the protocol needs parts or training scores and there are none.
    """
    from vadkit.data.pace import paces_of
    from vadkit.evaluation.protocol import fill_unscored
    from vadkit.scoring.scorer import apply

    chain: Sequence[Any] = scored.scorers
    if not protocol.steps:
        chain = [build("scorers", name, params) for name, params in protocol.scorers()]
    paces = paces_of(scored.rates, scored.clip_fps)
    if protocol.parts:
        parts = _parts_of(protocol, scored)
        scaled = [apply(chain, of_videos, paces) for of_videos in parts]
        weights = np.array([weight for _, weight in protocol.parts])
        mixed = {
            video: weights @ np.stack([one[video] for one in scaled]) for video in scored.scores
        }
        return fill_unscored(mixed, protocol.unscored)
    final = apply(chain, scored.scores, paces)
    if protocol.normalisation == "training" and not protocol.steps:
        normal = scored.normal
        if normal is None or not normal.frame_q99 > normal.frame_q50:
            raise DataError(
                f"protocol '{protocol.name}' normalises by training scores, but there are none; "
                "train with vadkit, which saves them, or choose another normalisation"
            )
        span = normal.frame_q99 - normal.frame_q50
        final = {video: (values - normal.frame_q50) / span for video, values in final.items()}
    return fill_unscored(final, protocol.unscored)


def _parts_of(protocol: Protocol, scored: LabelledScores) -> list[dict[str, np.ndarray]]:
    """Return the scores of the protocol's parts, in its order."""
    names = [name for name, _ in protocol.parts]
    lacking = [repr(name) for name in names if name not in scored.parts]
    if lacking:
        raise DataError(
            f"protocol '{protocol.name}' mixes parts of a method's score, and these scores have no "
            f"part {' or '.join(lacking)}; choose another protocol"
        )
    return [scored.parts[name] for name in names]


def _with_own_chain(protocols: Sequence[Protocol], scorers: Sequence[Any]) -> list[Protocol]:
    """Add a protocol for the recipe's scorers, unless one of the protocols does the same."""
    from vadkit.evaluation.protocol import Protocol
    from vadkit.scoring.scorer import chain_label

    own = chain_label(scorers)
    same = (_chain_label(one) == own for one in protocols if not one.parts)
    if any(same) or not scorers:
        return list(protocols)
    smoothers = [scorer for scorer in scorers if scorer.keeps_unit]
    offline = any(not scorer.causal for scorer in smoothers)
    scalers = [scorer for scorer in scorers if not scorer.keeps_unit]
    # A causal scorer with another unit scales by what is known before the video.
    scaling: Normalisation = "training" if scalers else "none"
    if any(not scorer.causal for scorer in scalers):
        scaling = "per-video"
    return [
        *protocols,
        Protocol(
            name="recipe",
            smoothing="offline" if offline else "causal" if smoothers else "none",
            normalisation=scaling,
            steps=own,
        ),
    ]


def _chain_label(protocol: Protocol) -> str:
    from vadkit.scoring.scorer import chain_label

    return chain_label([build("scorers", name, params) for name, params in protocol.scorers()])


def _setting(protocol: Protocol, scored: LabelledScores, final: dict[str, Any]) -> Setting:
    """Return the setting for evaluators; only the protocol with live scores has the threshold.

    Runs without a calibration use the level of training frames, in every protocol with its unit.
    """
    from vadkit.evaluation.metrics import Setting
    from vadkit.inference.alarm_time import inside_stream_alarms
    from vadkit.scoring.alarm_time import TimeRules
    from vadkit.scoring.peaks import gap_frames
    from vadkit.scoring.scorer import chain_label

    setting = Setting(
        protocol.summary,
        rates=scored.rates,
        categories=scored.categories,
        events=scored.events,
        kind_scores=scored.kind_scores,
    )
    known = scored.calibration
    if known is None:
        level = scored.normal.frame_q999 if scored.normal and protocol.keeps_unit else None
        return replace(setting, threshold=level)
    if protocol.parts:
        return setting
    chain = protocol.steps or _chain_label(protocol)
    # A chain of the recipe's scorers makes the scores that were calibrated, in any unit.
    if chain != chain_label(known.chain()) or not (protocol.steps or protocol.keeps_unit):
        return setting
    gaps = {video: gap_frames(known.merge_s, rate) for video, rate in scored.rates.items()}
    rules, rates = scored.rules or TimeRules(merge_s=known.merge_s), scored.rates
    inside = {
        one: inside_stream_alarms(final[one], rates[one], known.threshold, known.usual, rules)
        for one in final.keys() & rates.keys()
    }
    return replace(
        setting,
        threshold=known.threshold,
        per_hour=known.false_alarms_per_hour,
        gaps=gaps,
        alarm_time=known.alarm_time,
        inside=inside,
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
