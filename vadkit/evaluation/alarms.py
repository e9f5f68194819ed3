"""Alarm metrics: false alarms per hour, events found, and their delay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from vadkit.arrays import runs
from vadkit.evaluation.frame_auc import pooled, scored_frames
from vadkit.evaluation.frame_counts import check_frames
from vadkit.evaluation.metrics import Metric, Setting

Frames = dict[str, np.ndarray]


class FalseAlarms:
    """The share of abnormal frames found at a limited rate of false alarms per hour.

    ``tpr@N/h`` is the true-positive rate over frames at the lowest threshold for which it, and
    every higher threshold, gives at most N false alarms per hour of normal video. A false alarm is
    a rise of the score to the threshold or above on a normal frame. It lasts until the score falls
    below, so one long alarm counts once, and an alarm that continues after an event is not a false
    alarm.

    ``normal-hours`` is the amount of normal video: on a test set with one minute of it, one false
    alarm means sixty per hour. Returns nothing if the frame rate of a video is unknown.
    """

    def __init__(self, *, per_hour: list[Annotated[float, Field(ge=0)]] | None = None) -> None:
        self.per_hour = [1.0, 10.0, 60.0] if per_hour is None else per_hour

    def __call__(
        self, scores: Frames, labels: Frames, setting: Setting | None = None
    ) -> list[Metric]:
        """See ``FrameAuc`` for the arguments and the errors."""
        setting = setting or Setting()
        truth, values = pooled(scored_frames(scores, labels))
        by_video = normal_hours(scores, labels, setting.rates)
        if by_video is None or not by_video.sum():
            return []
        hours = float(by_video.sum())
        thresholds, alarms = false_alarm_counts(scores, labels)
        found = np.sort(values[truth])
        metrics = [Metric("normal-hours", hours, setting.protocol)]
        for rate in self.per_hour:
            within = np.maximum.accumulate(alarms) <= rate * hours
            # Thresholds decrease; the first one may already be too low.
            count = int(np.count_nonzero(within))
            recall = 0.0
            if count:
                below = np.searchsorted(found, thresholds[count - 1])
                recall = 1 - below / len(found)
            metrics.append(Metric("tpr", float(recall), setting.protocol, rate=rate))
        return metrics


class AlarmMetrics:
    """Metrics at the calibrated threshold: over frames, over events, and false alarms.

    The threshold comes from normal training video, without test labels. Over frames: ``precision``,
    ``recall`` and ``f1``. Over events, which are maximal runs of abnormal frames with at least one
    score: ``events``, ``events-found`` (the share that contains an alarm) and ``delay-s``, the
    median time from the start of an event to its first alarm, over the events found
    (``delay-frames`` if frame rates are unknown). ``false-alarms/h`` counts as in ``FalseAlarms``,
    but merges rises that are closer than in calibration. ``calibrated-for/h`` is the rate that the
    threshold was calibrated for. ``alarm-time`` is the share of normal time inside alarms, from
    their start to their end by the alarm rules, and ``calibrated-for-time`` the share that the
    threshold was calibrated for. Returns nothing without a threshold in the unit of the scores.
    """

    def __call__(
        self, scores: Frames, labels: Frames, setting: Setting | None = None
    ) -> list[Metric]:
        """See ``FrameAuc`` for the arguments and the errors."""
        setting = setting or Setting()
        scored_frames(scores, labels)
        if setting.threshold is None:
            return []
        events = find_events(scores, labels, setting.threshold)
        ratios = alarm_ratios(scores, labels, setting)
        of_set = {
            name: _divide(parts.sum(), wholes.sum()) for name, (parts, wholes) in ratios.items()
        }
        figures = {
            "threshold": setting.threshold,
            **({} if setting.per_hour is None else {"calibrated-for/h": setting.per_hour}),
            **{name: of_set[name] for name in ("precision", "recall", "f1")},
            "events": len(events),
            "events-found": of_set["events-found"],
        }
        if all(video in setting.rates for video in scores):
            figures["delay-s"] = _median(
                [e.delay / setting.rates[e.video] for e in events if e.delay is not None]
            )
        else:
            figures["delay-frames"] = _median([e.delay for e in events if e.delay is not None])
        if "false-alarms/h" in of_set:
            figures["false-alarms/h"] = of_set["false-alarms/h"]
        if "alarm-time" in of_set:
            figures["alarm-time"] = of_set["alarm-time"]
        if setting.alarm_time is not None:
            figures["calibrated-for-time"] = setting.alarm_time
        return [Metric(name, float(value), setting.protocol) for name, value in figures.items()]


def alarm_ratios(
    scores: Frames, labels: Frames, setting: Setting
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return ratios of sums over videos for ``AlarmMetrics``: parts (V,) and wholes (V,).

    Empty without a threshold; ``false-alarms/h`` and ``alarm-time`` only if frame rates are known.
    """
    if setting.threshold is None:
        return {}
    truth = [np.asarray(labels[video], bool) & ~np.isnan(scores[video]) for video in scores]
    raised = [values >= setting.threshold for values in scores.values()]
    hit = np.array([(own & up).sum() for own, up in zip(truth, raised, strict=True)])
    abnormal = np.array([own.sum() for own in truth])
    alarmed = np.array([up.sum() for up in raised])
    events, found = dict.fromkeys(scores, 0), dict.fromkeys(scores, 0)
    for event in find_events(scores, labels, setting.threshold):
        events[event.video] += 1
        found[event.video] += event.delay is not None
    ratios = {
        "precision": (hit, alarmed),
        "recall": (hit, abnormal),
        "f1": (2 * hit, alarmed + abnormal),
        "events-found": (np.array(list(found.values())), np.array(list(events.values()))),
    }
    hours = normal_hours(scores, labels, setting.rates)
    if hours is not None and hours.sum():
        risen = [
            rises(values, labels[video], setting.threshold, setting.gaps.get(video, 1))
            for video, values in scores.items()
        ]
        ratios["false-alarms/h"] = (np.array(risen), hours)
        if setting.inside:
            ratios["alarm-time"] = (_hours_inside(scores, labels, setting), hours)
    return ratios


class LabelledEvent(NamedTuple):
    """A run of abnormal frames [start, stop) and the frames until its first alarm, None if none."""

    video: str
    start: int
    stop: int
    delay: int | None


def find_events(scores: Frames, labels: Frames, threshold: float) -> list[LabelledEvent]:
    """Return every run of abnormal frames with at least one score, and its delay."""
    check_frames(scores, labels)
    events = []
    for video, values in scores.items():
        for start, stop in runs(labels[video]):
            inside = values[start:stop]
            if np.isnan(inside).all():
                continue
            alarms = np.flatnonzero(inside >= threshold)
            events.append(
                LabelledEvent(video, start, stop, int(alarms[0]) if len(alarms) else None)
            )
    return events


def false_alarm_counts(scores: Frames, labels: Frames) -> tuple[np.ndarray, np.ndarray]:
    """Return every distinct score as a threshold, decreasing, and its number of false alarms; (T,).

    A normal frame with score s after a score p is a rise for the thresholds in (p, s].
    """
    check_frames(scores, labels)
    rises: list[np.ndarray] = []
    ends: list[np.ndarray] = []
    for video, values in scores.items():
        own = np.where(np.isnan(values), -np.inf, values)
        before = np.r_[-np.inf, own[:-1]]
        rising = ~np.asarray(labels[video], dtype=bool) & (own > before)
        rises.append(own[rising])
        ends.append(before[rising])
    thresholds = np.unique(np.concatenate([v[~np.isnan(v)] for v in scores.values()]))[::-1]
    at_or_above = [np.sort(np.concatenate(one)) for one in (rises, ends)]
    reached, passed = (len(one) - np.searchsorted(one, thresholds) for one in at_or_above)
    return thresholds, reached - passed


def rises(values: np.ndarray, truth: np.ndarray, threshold: float, gap: int = 1) -> int:
    """Count how often scores (N,) rise to the threshold on a normal frame.

    Frames at most ``gap`` frames apart belong to one alarm.
    """
    alarmed = np.flatnonzero(values >= threshold)  # False for NaN
    first = alarmed[np.diff(alarmed, prepend=-gap - 1) > gap]
    return int(np.count_nonzero(~np.asarray(truth, bool)[first]))


def normal_hours(scores: Frames, labels: Frames, rates: Mapping[str, float]) -> np.ndarray | None:
    """Return hours of scored normal frames by video, (V,); None if a frame rate is unknown."""
    if any(video not in rates for video in scores):
        return None
    frames = [
        np.count_nonzero(~np.isnan(values) & ~np.asarray(labels[video], bool)) / rates[video]
        for video, values in scores.items()
    ]
    return np.array(frames) / 3600


def _hours_inside(scores: Frames, labels: Frames, setting: Setting) -> np.ndarray:
    """Return hours of scored normal frames inside alarms by video, (V,)."""
    alarmed = [
        np.count_nonzero(
            setting.inside[video] & ~np.isnan(values) & ~np.asarray(labels[video], bool)
        )
        / setting.rates[video]
        for video, values in scores.items()
    ]
    return np.array(alarmed) / 3600


def _divide(part: float, whole: float) -> float:
    """Divide; without any alarm, precision is 0, as in scikit-learn."""
    return float(part / whole) if whole else 0.0


def _median(values: list[float] | list[int]) -> float:
    return float(np.median(values)) if values else math.nan
