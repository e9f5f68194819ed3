"""Evaluation by video labels on training videos that were held out of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from vadkit.device import pick_device, pick_precision
from vadkit.errors import RecipeError
from vadkit.recipe import Recipe
from vadkit.workflows.feature_sets import of_segments
from vadkit.workflows.pieces import Piece

if TYPE_CHECKING:
    import torch

    from vadkit.data.segments.video import SegmentVideo
    from vadkit.data.videos import FrameReader
    from vadkit.evaluation.metrics import Metric
    from vadkit.methods.method import Method

# The names of metrics over whole videos, which are those of the test split without this.
_NAMES = {"video-auc": "held-out-auc", "video-ap": "held-out-ap"}


def held_out_evaluation(
    recipe: Recipe, stored: Sequence[FrameReader], unseen: Sequence[Piece]
) -> Callable[[Method], list[Metric]]:
    """Return a function that evaluates a method on the videos of ``unseen``, by video labels.

    Raises ``RecipeError`` unless normal and abnormal videos are held out.
    """
    numbers = {piece.video for piece in unseen}
    videos = of_segments([one for number, one in enumerate(stored) if number in numbers])
    if {bool(video.abnormal) for video in videos} != {True, False}:
        raise RecipeError(
            "hooks.evaluate: 'on: held-out' needs normal and abnormal training videos that are "
            "held out; set bags.holdout, for example 0.2, and use a method from video labels"
        )
    device = pick_device(recipe.train.device)
    dtype = pick_precision(recipe.train.precision, device)
    return partial(_evaluate, videos, device, dtype)


def _evaluate(
    videos: Sequence[SegmentVideo], device: torch.device, dtype: torch.dtype, method: Method
) -> list[Metric]:
    from vadkit.engine.score_segments import score_segments
    from vadkit.evaluation.video_auc import VideoAuc

    scores, labels = {}, {}
    for video in videos:
        scores[video.id] = score_segments(method, video, device=device, dtype=dtype)
        labels[video.id] = np.full(len(scores[video.id]), bool(video.abnormal))
    return [
        replace(metric, measure=_NAMES[metric.measure])
        for metric in VideoAuc()(scores, labels)
        if metric.measure in _NAMES
    ]
