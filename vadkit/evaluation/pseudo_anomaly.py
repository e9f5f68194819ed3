"""Test a method on synthetic anomalies and the normal video that they were made from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from vadkit.errors import DataError
from vadkit.evaluation.alarms import normal_hours, rises
from vadkit.evaluation.metrics import Metric, ProtocolSummary, Setting
from vadkit.registry import Nested

_WORDS = (
    "made from {videos} training videos that the method was not trained on, against these videos "
    "unedited; no labels used"
)


@dataclass(frozen=True)
class ScoredClip:
    """A synthetic clip; ``scores`` (n,) of its abnormal frames, or of all edited ones in a control.

    ``hits`` (n,) says in which frames the map's peak is inside the mask; None for a method without
    maps.
    """

    kind: str
    strength: float
    control: bool
    scores: np.ndarray
    hits: np.ndarray | None = None


class PseudoAnomaly:
    """AUC on synthetic anomalies in normal video that was held out of training; needs no labels.

    If a recipe names this evaluator, ``share`` of the training videos, drawn with ``seed``, are
    held out of training. From these, ``clips`` clips are made for each of ``kinds`` (of the family
    ``pseudo``) and each of its strengths, with up to ``frames`` abnormal frames each.

    - ``pseudo-auc[kind@strength]``: area under the ROC curve of the abnormal frames of these clips
      against all frames of the unedited held-out videos; ``pseudo-auc[kind]``: mean over strengths;
      ``pseudo-auc``: mean over kinds.
    - ``pseudo-seams[kind]``: the same area for clips that were edited in the same way but stay
      normal. It is about 0.5 if the method detects the anomaly and not the editing.
    - ``pseudo-false-alarms/h``: alarms per hour of the unedited videos, at the threshold that finds
      the share ``found`` of all abnormal frames. Missing if a frame rate is unknown.
    - ``pseudo-peak-in-mask``: share of abnormal frames whose map has its peak inside the mask, for
      methods with maps.

    Frames without a score are left out.
    """

    needs: ClassVar[str] = "pseudo-anomalies"

    def __init__(
        self,
        *,
        share: Annotated[float, Field(gt=0, lt=1)] = 0.25,
        seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0,
        clips: Annotated[int, Field(ge=1)] = 8,
        frames: Annotated[int, Field(ge=1)] = 12,
        found: Annotated[float, Field(gt=0, le=1)] = 0.9,
        kinds: Annotated[list[dict[str, Any]], Nested("pseudo", "list")] = [  # noqa: B006
            {"type": "playback"},
            {"type": "pace"},
            {"type": "freeze"},
            {"type": "glide"},
            {"type": "stray"},
            {"type": "vanish"},
            {"type": "texture"},
        ],
    ) -> None:
        self.share, self.seed = share, seed
        self.clips, self.frames, self.found = clips, frames, found
        self.kinds = kinds

    def __call__(
        self,
        untouched: dict[str, np.ndarray],
        made: Sequence[ScoredClip],
        setting: Setting | None = None,
    ) -> list[Metric]:
        """Compare synthetic clips with scores (N,) of unedited held-out videos.

        Raises ``DataError`` if no clip could be made, or if nothing is scored.
        """
        setting = setting or Setting()
        normal = np.concatenate([scores[~np.isnan(scores)] for scores in untouched.values()])
        abnormal = _kept([clip for clip in made if not clip.control])
        if not len(normal) or not len(abnormal):
            raise DataError(
                f"no pseudo-anomaly has a score: {len(made)} clips were made from "
                f"{len(untouched)} held-out videos; they need a moving object that is completely "
                "visible for some time in front of a static background"
            )
        protocol = ProtocolSummary("pseudo-anomalies", _WORDS.format(videos=len(untouched)))
        areas = _areas(normal, [clip for clip in made if not clip.control], "pseudo-auc", protocol)
        of_kinds = [area.value for area in areas if area.strength is None]
        seams = _areas(normal, [clip for clip in made if clip.control], "pseudo-seams", protocol)
        metrics = [
            Metric("pseudo-auc", float(np.mean(of_kinds)), protocol),
            *areas,
            *(seam for seam in seams if seam.strength is None),
        ]
        normals = {video: np.zeros(len(scores), bool) for video, scores in untouched.items()}
        hours = normal_hours(untouched, normals, setting.rates)
        if hours is not None and hours.sum():
            # The highest threshold that still finds this share; rounding must not require one more.
            enough = math.ceil(self.found * len(abnormal) - 1e-9)
            threshold = np.sort(abnormal)[-enough]
            alarms = sum(rises(untouched[one], normals[one], threshold) for one in untouched)
            rate = alarms / float(hours.sum())
            metrics.append(Metric("pseudo-false-alarms/h", rate, protocol))
        hits = [clip.hits for clip in made if clip.hits is not None and not clip.control]
        if hits:
            share = float(np.concatenate(hits).mean())
            metrics.append(Metric("pseudo-peak-in-mask", share, protocol))
        return metrics


def _areas(
    normal: np.ndarray, made: Sequence[ScoredClip], measure: str, protocol: ProtocolSummary
) -> list[Metric]:
    """Return the mean area of each kind, followed by its areas by strength."""
    areas = []
    for kind in dict.fromkeys(clip.kind for clip in made):
        own = [clip for clip in made if clip.kind == kind]
        of_kind = {
            strength: _area(normal, _kept([clip for clip in own if clip.strength == strength]))
            for strength in dict.fromkeys(clip.strength for clip in own)
        }
        known = {strength: area for strength, area in of_kind.items() if not math.isnan(area)}
        if known:
            mean = float(np.mean(list(known.values())))
            areas.append(Metric(measure, mean, protocol, category=kind))
            areas += [
                Metric(measure, area, protocol, category=kind, strength=strength)
                for strength, area in known.items()
            ]
    return areas


def _area(normal: np.ndarray, abnormal: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    if not len(abnormal):
        return math.nan
    truth = np.r_[np.zeros(len(normal), bool), np.ones(len(abnormal), bool)]
    return float(roc_auc_score(truth, np.r_[normal, abnormal]))


def _kept(clips: Sequence[ScoredClip]) -> np.ndarray:
    scores = np.concatenate([clip.scores for clip in clips] or [np.empty(0)])
    return np.asarray(scores[~np.isnan(scores)])
