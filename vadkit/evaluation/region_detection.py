"""RBDC and TBDC: abnormal regions and tracks found, against false regions a frame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from vadkit.errors import DataError
from vadkit.evaluation.bootstrap import Statistic, interval
from vadkit.evaluation.frame_counts import check_videos
from vadkit.evaluation.metrics import Metric, Setting
from vadkit.evaluation.regions import (
    Region,
    Tracks,
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
    size_of,
    smoothing_words,
    spaced_levels,
)


class RegionDetection:
    """RBDC and TBDC: which abnormal regions and tracks are found at few false regions a frame.

    After Ramachandra and Jones, "Street Scene" (WACV 2020), where both constants are 0.1:

    - ``rbdc``: the share of abnormal regions, over all frames, that a detected region matches with
      an intersection over union of at least ``beta``;
    - ``tbdc``: the share of abnormal tracks of which at least a share ``alpha`` of regions is
      found;

    each as the area under its curve over 0 to 1 false regions a frame. A false region matches no
    abnormal one. ``regions``, ``tracks`` and ``frames`` are counts over frames that have a map;
    ``thresholds`` is how many were swept.

    Detected regions are connected components (8 neighbours) of the pixels at or above a threshold,
    of at least ``min_area`` pixels of the mask. Thresholds are spaced by the share of map values
    above them, evenly on a logarithmic scale; ``thresholds: null`` sweeps every value, for small
    sets. A lower threshold can join regions and so find fewer: at each false-positive rate the best
    threshold that keeps to it counts. Between points the curve is straight; from the last one below
    1 it goes on level.

    Abnormal regions are the boxes of a data set's tracks where it has them, else the connected
    components of masks, linked to tracks where they overlap from frame to frame. Maps are stretched
    to the masks bilinearly and smoothed by a Gaussian of ``sigma`` pixels of the mask, by default
    not at all; frames without a map (NaN) are dropped.
    """

    needs: ClassVar[str] = "masks or tracks"

    def __init__(
        self,
        *,
        alpha: Annotated[float, Field(gt=0, le=1)] = 0.1,
        beta: Annotated[float, Field(gt=0, le=1)] = 0.1,
        min_area: Annotated[int, Field(ge=1)] = 1,
        sigma: Annotated[float, Field(ge=0)] = 0.0,
        thresholds: Annotated[int, Field(ge=2)] | None = 100,
    ) -> None:
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

        Videos with ``tracks`` are measured by these, and need no masks. Videos are taken one after
        another, twice, so the mappings may load them when asked. Raises ``DataError`` when videos
        or lengths differ, a map is infinite or partly NaN, or there is nothing to find.
        """
        protocol = (
            f"{(setting or Setting()).protocol}, {smoothing_words(self.sigma)}, alpha "
            f"{self.alpha:g}, beta {self.beta:g}, least area {self.min_area}"
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

    def sweep(
        self, maps: Maps, masks: Masks, tracks: Mapping[str, Tracks] | None = None
    ) -> dict[str, Sweep]:
        """What is found at each threshold, by video; see ``__call__``."""
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
                f"the {frames_with} frames with a score map hold no abnormal region; RBDC and TBDC "
                "need some"
            )
        return sweeps

    def _sweep_video(
        self, rows: Iterator[MapFrame], regions: list[list[Region]], levels: np.ndarray
    ) -> Sweep:
        numbers = {region.track for frame in regions for region in frame}
        # Regions found of each track by threshold, and how many it has in frames with a map.
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
    """Counts of one video by falling ``thresholds`` (T,).

    ``false`` detected regions, abnormal ``regions`` and ``tracks`` that were found, all (T,);
    ``of`` is how many regions and tracks there are, in ``frames`` frames that have a map.
    """

    thresholds: np.ndarray
    false: np.ndarray
    regions: np.ndarray
    tracks: np.ndarray
    of: tuple[int, int]
    frames: int


def detection_areas(sweeps: Mapping[str, Sweep]) -> dict[str, Statistic]:
    """``rbdc`` and ``tbdc`` of the videos together, when each counts several times."""
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
    """Area under the share ``found`` (T,) over 0 to 1 false regions a frame, ``false_rate`` (T,).

    At each false-positive rate the best point at or below it counts; points are joined by straight
    lines from (0, 0), and from the last one within 1 the curve goes on level.
    """
    order = np.lexsort((found, false_rate))
    order = order[false_rate[order] <= 1]
    best = np.maximum.accumulate(np.r_[0.0, found[order]])
    rates, found = np.r_[0.0, false_rate[order], 1.0], np.r_[best, best[-1]]
    # Not scikit-learn's auc, whose checks would take most of a bootstrap's time.
    return float(np.diff(rates) @ (found[1:] + found[:-1]) / 2)
