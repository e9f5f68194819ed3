"""Mean average precision of detected events at temporal overlaps, by kind of anomaly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from vadkit.arrays import runs
from vadkit.evaluation.frame_counts import check_frames
from vadkit.evaluation.metrics import Metric, Setting, TrueEvent
from vadkit.evaluation.score_statistics import mean_of_highest

# Two detections of one event by two thresholds overlap more than this; the better one stays.
_SAME = 0.6


class Detection(NamedTuple):
    """A detected event: frames [start, stop) of a video and its score."""

    video: str
    start: int
    stop: int
    score: float


class TemporalMap:
    """Average precision of detected events at temporal overlaps (mAP@IoU), by kind of anomaly.

    The rule of the field for UCF-Crime and XD-Violence, as in VadCLIP's code (AAAI 2024). In each
    video, a threshold lies ``below`` (a share) of the range of its scores under the highest; each
    run of at least ``shortest`` frames above it is a detection. Of the detections by several
    thresholds, one that overlaps a better one with an IoU above 0.6 is dropped. The score of a
    detection is its highest frame score plus ``bonus`` times the mean of the highest sixteenth of
    the video's scores, because each video has its own threshold. In order of their scores,
    detections take the event of the same video with which their IoU is highest among those not
    taken; it counts if it is at least the overlap. Average precision is the mean over events of the
    precision when they are found, without interpolation.

    ``event-map@0.5`` is the mean over kinds with at least one event, ``event-map`` its mean over
    the ``overlaps``, and ``event-ap[Arson]`` the mean over overlaps for a kind. These need scores
    by kind. From one score for all kinds come ``event-ap@0.5`` and ``event-ap``, for events of any
    kind together. Returns nothing for data sets without kinds of anomaly.

    VadCLIP's figures also average over a kind "Normal", which has whole normal videos as events;
    give it as a kind, with its scores, to compare with them.
    """

    def __init__(
        self,
        *,
        overlaps: list[Annotated[float, Field(gt=0, le=1)]] | None = None,
        below: list[Annotated[float, Field(gt=0, lt=1)]] | None = None,
        shortest: Annotated[int, Field(ge=1)] = 2,
        bonus: float = 0.7,
    ) -> None:
        self.overlaps = [0.1, 0.2, 0.3, 0.4, 0.5] if overlaps is None else overlaps
        self.below = [0.6] if below is None else below
        self.shortest = shortest
        self.bonus = bonus

    def __call__(
        self,
        scores: dict[str, np.ndarray],
        labels: dict[str, np.ndarray],
        setting: Setting | None = None,
    ) -> list[Metric]:
        """See ``FrameAuc`` for the arguments and the errors."""
        setting = setting or Setting()
        check_frames(scores, labels)
        truth = true_events(labels, setting)
        if not truth:
            return []
        by_kind = {
            kind: of_videos
            for kind, of_videos in setting.kind_scores.items()
            if any(event.kind == kind for _, event in truth)
        }
        protocol = setting.protocol
        if not by_kind:
            areas = self._areas(scores, truth)
            named = zip(self.overlaps, areas, strict=True)
            metrics = [Metric(f"event-ap@{at:g}", area, protocol) for at, area in named]
            return [*metrics, Metric("event-ap", float(np.mean(areas)), protocol)]
        kinds = sorted({event.kind for _, event in truth})
        # A kind that has events and no scores is never found.
        table = np.array(
            [
                self._areas(by_kind.get(kind, {}), [one for one in truth if one[1].kind == kind])
                for kind in kinds
            ]
        )
        metrics = [
            Metric(f"event-map@{at:g}", float(area), protocol)
            for at, area in zip(self.overlaps, table.mean(axis=0), strict=True)
        ]
        metrics.append(Metric("event-map", float(table.mean()), protocol))
        return metrics + [
            Metric("event-ap", float(area), protocol, category=kind)
            for kind, area in zip(kinds, table.mean(axis=1), strict=True)
        ]

    def _areas(
        self, scores: Mapping[str, np.ndarray], truth: Sequence[tuple[str, TrueEvent]]
    ) -> list[float]:
        found = [one for video, values in scores.items() for one in self.detect(video, values)]
        spans = [(video, event.start, event.stop) for video, event in truth]
        return [event_precision(found, spans, at) for at in self.overlaps]

    def detect(self, video: str, values: np.ndarray) -> list[Detection]:
        """Return the detections in the scores (N,) of a video; NaN is below every threshold."""
        known = values[~np.isnan(values)]
        if not len(known):
            return []
        low, high = float(known.min()), float(known.max())
        extra = self.bonus * mean_of_highest(known, len(known) // 16)
        found = []
        for share in self.below:
            above = np.array(runs(values > high - (high - low) * share)).reshape(-1, 2)
            long = above[above[:, 1] - above[:, 0] >= self.shortest]
            if not len(long):
                continue
            # The maximum of each run, and of what is between runs; a run may reach the end.
            highest = np.maximum.reduceat(np.r_[values, -np.inf], long.ravel())[::2] + extra
            columns = (*long.T.tolist(), highest.tolist())
            found += [Detection(video, *one) for one in zip(*columns, strict=True)]
        return _distinct(found) if len(self.below) > 1 else found


def true_events(labels: dict[str, np.ndarray], setting: Setting) -> list[tuple[str, TrueEvent]]:
    """Return the events of all videos: given ones, else runs of abnormal frames with a category."""
    found = []
    for video, truth in labels.items():
        if (given := setting.events.get(video)) is not None:
            found += [(video, event) for event in given]
        elif (kind := setting.categories.get(video)) is not None:
            found += [(video, TrueEvent(start, stop, kind)) for start, stop in runs(truth)]
    return found


def event_precision(
    found: Sequence[Detection], truth: Sequence[tuple[str, int, int]], overlap: float
) -> float:
    """Return the average precision of detections against events (video, start, stop).

    With ties, the earlier detection in ``found`` comes first.
    """
    if not truth:
        return 0.0
    free: dict[str, list[tuple[int, int]]] = {}
    for video, start, stop in truth:
        free.setdefault(video, []).append((start, stop))
    ranked = sorted(found, key=lambda detection: -detection.score)
    right = np.zeros(len(ranked), bool)
    for place, one in enumerate(ranked):
        # Most detections are in videos without an event of the kind.
        if spans := free.get(one.video):
            shares = [_share(one.start, one.stop, *span) for span in spans]
            best = max(range(len(spans)), key=shares.__getitem__)
            if shares[best] >= overlap:
                right[place] = True
                del spans[best]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float(precision[right].sum() / len(truth))


def _distinct(found: list[Detection]) -> list[Detection]:
    kept: list[Detection] = []
    for one in sorted(found, key=lambda detection: -detection.score):
        if all(_share(one.start, one.stop, two.start, two.stop) <= _SAME for two in kept):
            kept.append(one)
    return kept


def _share(start: int, stop: int, other_start: int, other_stop: int) -> float:
    """Return the temporal IoU of [start, stop) and another interval."""
    inside = min(stop, other_stop) - max(start, other_start)
    if inside <= 0:
        return 0.0
    return inside / (max(stop, other_stop) - min(start, other_start))
