"""RBDC and TBDC: abnormal regions and tracks found, against false regions per frame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from vadkit.errors import DataError
from vadkit.evaluation.bootstrap import Statistic, interval
from vadkit.evaluation.detections import check_frames, find_levels, level_areas
from vadkit.evaluation.frame_counts import check_videos
from vadkit.evaluation.metrics import Metric, Setting
from vadkit.evaluation.regions import (
    Region,
    Tracks,
    Truth,
    find_regions,
    regions_of_masks,
    regions_of_tracks,
)
from vadkit.evaluation.score_maps import (
    MapFrame,
    Maps,
    Masks,
    distinct_levels,
    frames_with_map,
    maps_protocol,
    size_of,
    smoothing_words,
    spaced_levels,
)


class RegionDetection:
    """RBDC and TBDC: abnormal regions and tracks that are found at few false regions per frame.

    From Ramachandra and Jones, "Street Scene" (WACV 2020), where both constants are 0.1:

    - ``rbdc``: the share of abnormal regions, over all frames, that match a detected region with an
      intersection over union of at least ``beta``;
    - ``tbdc``: the share of abnormal tracks of which at least a share ``alpha`` of the regions is
      found;

    each as the area under its curve from 0 to 1 false regions per frame. A false region matches no
    abnormal region. ``regions``, ``tracks`` and ``frames`` are counts over frames that have a map;
    ``thresholds`` is the number of thresholds used.

    Detected regions are connected components (8 neighbours) of the pixels at or above a threshold,
    with at least ``min_area`` mask pixels. Thresholds are spaced evenly on a logarithmic scale of
    the share of map values above them; ``thresholds: null`` uses every value, for small datasets. A
    lower threshold can merge regions and so find fewer. At each false-positive rate, the best
    threshold within that rate counts. The curve is linear between points, and constant after the
    last point below 1.

    Abnormal regions are the boxes of a dataset's tracks if it has them, else the connected
    components of masks, which are linked to tracks if they overlap in consecutive frames. Maps are
    resized bilinearly to the masks and smoothed by a Gaussian with ``sigma`` in mask pixels
    (default: not smoothed). Frames without a map (NaN) are dropped.

    ``source: detections`` compares scored boxes of objects instead, as published figures of object
    methods do; see ``of_detections``.
    """

    needs: ClassVar[str] = "masks or tracks"

    def __init__(
        self,
        *,
        source: Literal["maps", "detections"] = "maps",
        alpha: Annotated[float, Field(gt=0, le=1)] = 0.1,
        beta: Annotated[float, Field(gt=0, le=1)] = 0.1,
        min_area: Annotated[int, Field(ge=1)] = 1,
        sigma: Annotated[float, Field(ge=0)] = 0.0,
        thresholds: Annotated[int, Field(ge=2)] | None = 100,
    ) -> None:
        self.source = source
        self.alpha, self.beta = alpha, beta
        self.min_area, self.sigma = min_area, sigma
        self.thresholds = thresholds

    def __call__(
        self,
        maps: Maps,
        masks: Masks,
        setting: Setting | None = None,
        *,
        tracks: Mapping[str, Tracks] | None = None,
    ) -> list[Metric]:
        """Compare ``{video: (N, h, w) float}`` maps with ``{video: (N, H, W) bool}`` masks.

        Videos with ``tracks`` are evaluated with these and need no masks. Videos are processed one
        after another, twice, so the mappings may load them on access. Raises ``DataError`` if
        videos or lengths differ, a map is infinite or partly NaN, or there is nothing to find.
        """
        protocol = maps_protocol(
            setting,
            smoothing_words(self.sigma),
            f"alpha {self.alpha:g}, beta {self.beta:g}, least area {self.min_area}",
        )
        sweeps = self.sweep(maps, masks, tracks)
        metrics = []
        for name, area in detection_areas(sweeps).items():
            value = area(np.ones(len(sweeps)))
            metrics.append(Metric(name, value, protocol, *interval(area, len(sweeps))))
        each = list(sweeps.values())
        counts = {
            "regions": sum(one.of[0] for one in each),
            "tracks": sum(one.of[1] for one in each),
            "frames": sum(one.frames for one in each),
            "thresholds": len(each[0].thresholds),
        }
        return metrics + [Metric(name, float(count), protocol) for name, count in counts.items()]

    def of_detections(
        self,
        detections: Mapping[str, np.ndarray],
        truth: Mapping[str, Truth],
        frames: Mapping[str, int],
        setting: Setting | None = None,
    ) -> list[Metric]:
        """Compare detections (n, 6) by video with the abnormal regions of videos of so many frames.

        Rows are frame, x1, y1, x2, y2, score, with both corners inside the box. Detections are
        taken by falling score, as in the public script of Georgescu et al. (TPAMI 2021): one finds
        every abnormal region of its frame with an intersection over union of at least ``beta``, and
        is false if there is none. The curve is linear between scores, and constant after its last
        point within 1 false detection per frame. All frames count. A video without detections has
        none. Raises ``DataError`` for detections of unknown videos or frames, and if there is
        nothing to find.
        """
        if unknown := sorted(detections.keys() - truth.keys()):
            raise DataError(
                f"detections of video '{unknown[0]}', which has no labels; known: "
                f"{', '.join(sorted(truth)[:12])}"
            )
        protocol = maps_protocol(
            setting, f"from detections, alpha {self.alpha:g}, beta {self.beta:g}"
        )
        levels = {}
        for video, own in truth.items():
            rows = detections.get(video, np.empty((0, 6)))
            check_frames(rows, own, frames[video], video)
            levels[video] = find_levels(rows, own, frames[video], alpha=self.alpha, beta=self.beta)
        counts = {
            "regions": sum(len(one.regions) for one in levels.values()),
            "tracks": sum(len(one.tracks) for one in levels.values()),
            "frames": sum(one.frames for one in levels.values()),
            "detections": sum(map(len, detections.values())),
        }
        if not counts["regions"]:
            raise DataError("the videos have no abnormal region; RBDC and TBDC need some")
        metrics = []
        for name, area in level_areas(levels).items():
            value = area(np.ones(len(levels)))
            metrics.append(Metric(name, value, protocol, *interval(area, len(levels))))
        return metrics + [Metric(name, float(count), protocol) for name, count in counts.items()]

    def sweep(
        self, maps: Maps, masks: Masks, tracks: Mapping[str, Tracks] | None = None
    ) -> dict[str, Sweep]:
        """Return what is found at each threshold, by video; see ``__call__``."""
        tracks = tracks or {}
        check_videos(maps, {**dict.fromkeys(masks), **dict.fromkeys(tracks)})

        def rows() -> Iterator[MapFrame]:
            for video in maps:
                own = maps[video]
                if video in tracks:
                    frames, size = len(own), tracks[video].size
                else:
                    mask = masks[video]
                    frames, size = len(mask), size_of(mask)
                yield from frames_with_map(video, own, frames, size, self.sigma)

        levels = (
            distinct_levels(rows())
            if self.thresholds is None
            else spaced_levels(rows(), self.thresholds)
        )
        if not len(levels):
            raise DataError("no frame has a score map to evaluate")
        sweeps = {}
        for video in maps:
            own = maps[video]
            if video in tracks:
                size, regions = tracks[video].size, regions_of_tracks(tracks[video], len(own))
            else:
                mask = np.asarray(masks[video], dtype=bool)
                size, regions = size_of(mask), regions_of_masks(mask)
            frames = frames_with_map(video, own, len(regions), size, self.sigma)
            sweeps[video] = self._sweep_video(frames, regions, levels)
        if not any(one.of[0] for one in sweeps.values()):
            frames_with = sum(one.frames for one in sweeps.values())
            raise DataError(
                f"the {frames_with} frames with a score map contain no abnormal region; RBDC and "
                "TBDC need some"
            )
        return sweeps

    def _sweep_video(
        self, rows: Iterator[MapFrame], regions: list[list[Region]], levels: np.ndarray
    ) -> Sweep:
        numbers = {region.track for frame in regions for region in frame}
        # Found regions of each track by threshold, and the number of its regions in frames with a
        # map.
        hits = np.zeros((max(numbers, default=-1) + 1, len(levels)), np.int64)
        held = np.zeros(len(hits), np.int64)
        found, false = np.zeros((2, len(levels)), np.int64)
        frames = 0
        for number, values in rows:
            frames += 1
            own = regions[number]
            of_track = np.array([region.track for region in own], np.int64)
            np.add.at(held, of_track, 1)
            # At higher levels nothing is detected.
            for level in np.flatnonzero(levels <= values.max()):
                one = find_regions(
                    values >= levels[level], own, beta=self.beta, min_area=self.min_area
                )
                false[level] += one.false
                found[level] += np.count_nonzero(one.regions)
                np.add.at(hits[:, level], of_track[one.regions], 1)
        seen = held > 0
        enough = hits[seen] >= self.alpha * held[seen, None] - 1e-9
        of = (int(held.sum()), int(seen.sum()))
        return Sweep(levels, false, found, enough.sum(axis=0), of, frames)


@dataclass(frozen=True)
class Sweep:
    """Counts of one video for decreasing ``thresholds`` (T,).

    The counts of ``false`` detected regions, and of found abnormal ``regions`` and ``tracks``, are
    (T,). ``of`` is the number of regions and of tracks, in ``frames`` frames that have a map.
    """

    thresholds: np.ndarray
    false: np.ndarray
    regions: np.ndarray
    tracks: np.ndarray
    of: tuple[int, int]
    frames: int


def detection_areas(sweeps: Mapping[str, Sweep]) -> dict[str, Statistic]:
    """Return ``rbdc`` and ``tbdc`` over all videos as statistics, for repeated videos."""
    each = list(sweeps.values())
    false = np.stack([one.false for one in each])
    frames = np.array([one.frames for one in each])

    def area_of(found: np.ndarray, of: np.ndarray) -> Statistic:
        def statistic(counts: np.ndarray) -> float:
            if not counts @ of:
                return math.nan
            return detection_area(
                counts @ false / (counts @ frames), counts @ found / (counts @ of)
            )

        return statistic

    regions, tracks = np.array([one.of for one in each]).T
    return {
        "rbdc": area_of(np.stack([one.regions for one in each]), regions),
        "tbdc": area_of(np.stack([one.tracks for one in each]), tracks),
    }


def detection_area(false_rate: np.ndarray, found: np.ndarray) -> float:
    """Return the area under ``found`` (T,) from 0 to 1 false regions per frame, ``false_rate``.

    At each false-positive rate, the best point at or below it counts. Points are connected by
    straight lines from (0, 0); after the last point within 1 the curve is constant.
    """
    order = np.lexsort((found, false_rate))
    order = order[false_rate[order] <= 1]
    best = np.maximum.accumulate(np.r_[0.0, found[order]])
    rates, found = np.r_[0.0, false_rate[order], 1.0], np.r_[best, best[-1]]
    # Not scikit-learn's auc, because its checks would dominate the time of a bootstrap.
    return float(np.diff(rates) @ (found[1:] + found[:-1]) / 2)
