"""Leave stretches of normal video that a person marked out of its scores."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from vadkit.recipe import Recipe
from vadkit.workflows.answers import Answers
from vadkit.workflows.calibrate.normal_video import NormalVideo

if TYPE_CHECKING:
    from vadkit.scoring.calibration import Calibration

_PART = re.compile(r"(.*)\[(\d+):(\d+)\]", re.DOTALL)
# Answers of a review after which a stretch counts no longer as normal video.
LEFT_OUT = ("not-normal", "ignore")


def marked_frames(answers: Answers, *marks: str) -> dict[str, list[tuple[int, int]]]:
    """Return the frames [start, stop) of stretches with these marks, by video."""
    found: dict[str, list[tuple[int, int]]] = {}
    for one in answers.valid("stretch", *marks):
        video, frames = one.record.get("video"), one.record.get("frames")
        if isinstance(video, str) and isinstance(frames, list) and len(frames) == 2:
            start, stop = frames
            if isinstance(start, int) and isinstance(stop, int) and 0 <= start < stop:
                found.setdefault(video, []).append((start, stop))
    return found


def without_marked(normal: NormalVideo, answers: Answers) -> NormalVideo:
    """Return the scores without stretches that are not normal or ignored; those become NaN."""
    marked = marked_frames(answers, *LEFT_OUT)
    if not marked:
        return normal
    scores = {}
    for name, values in normal.scores.items():
        video, first = video_of(name, set(normal.rates) & set(marked))
        scores[name] = np.array(values, float)
        for start, stop in marked.get(video, ()):
            scores[name][max(0, start - first) : max(0, stop - first)] = np.nan
    return replace(normal, scores=scores)


def video_of(name: str, whole: set[str]) -> tuple[str, int]:
    """Return the video of a piece such as ``gate[100:200]``, and its first frame.

    ``whole`` are names of videos that may look like this.
    """
    match = _PART.fullmatch(name)
    if match is None or name in whole:
        return name, 0
    return match[1], int(match[2])


def live_normal_scores(
    recipe: Recipe, normal: NormalVideo, calibration: Calibration
) -> dict[str, np.ndarray]:
    """Return the smoothed scores of normal video, as for the threshold."""
    from vadkit.data.pace import paces_of
    from vadkit.scoring.scorer import apply

    paces = paces_of(normal.rates, recipe.clip.fps)
    return apply(calibration.chain(), dict(normal.scores), paces)
