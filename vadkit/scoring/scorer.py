"""The contract of a scorer, and a chain of scorers applied and named."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from vadkit.errors import DataError, RecipeError

Step = Callable[[float], float]


class Scorer(Protocol):
    """Turns frame scores into better ones, video by video.

    A call takes and returns ``{video: (N,) float64}``; higher is more abnormal, NaN marks a frame
    without a score and stays NaN. It changes no array that it was given.

    ``causal`` says whether frame i of the result depends on frames 0..i alone, which live use
    needs; such a scorer also has ``stream()``, a function for one video that is called with its
    scores one by one and gives the same numbers as the array. ``keeps_unit`` says whether the
    result is in the unit of its input, so that a level measured on raw scores still means
    something. ``label`` names the scorer with its parameters.
    """

    causal: ClassVar[bool]
    keeps_unit: ClassVar[bool]

    @property
    def label(self) -> str: ...

    def __call__(self, scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]: ...


@runtime_checkable
class StreamScorer(Scorer, Protocol):
    """A causal scorer, which can follow a stream."""

    def stream(self) -> Step:
        """A function for the scores of one video, one by one; it holds what it remembers."""


def stream_chain(scorers: Sequence[Scorer]) -> Step:
    """``apply`` for one video's scores as they come, with the same numbers.

    Raises ``RecipeError`` for a scorer that looks ahead, naming a causal one where it knows one.
    """
    steps: list[Step] = []
    for scorer in scorers:
        if not scorer.causal:
            raise RecipeError(looks_ahead(scorer))
        if not isinstance(scorer, StreamScorer):
            raise RecipeError(
                f"scorers: {scorer.label} is causal but has no stream(), which live video needs; "
                "see vadkit.scoring.scorer"
            )
        steps.append(scorer.stream())

    def chain(score: float) -> float:
        if math.isinf(score):
            raise DataError("a score is infinite; give NaN to frames without a score")
        for step in steps:
            score = step(score)
        return score

    return chain


def looks_ahead(scorer: Scorer) -> str:
    """What is wrong with a scorer that is not causal for live video, and what to take instead."""
    instead = getattr(scorer, "substitute", "{type: ema, halflife: 4}")
    return (
        f"scorers: {scorer.label} looks ahead, and live video has no future; take "
        f"scorers: [{instead}] instead, which smooths with the past alone"
    )


def apply(scorers: Sequence[Scorer], scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run scores through every scorer in order; without scorers, a float64 copy.

    Raises ``DataError`` when scores are not one value a frame or hold an infinite value: one of
    those would spread to its neighbours or flatten the rest of its video.
    """
    final = {video: _checked(video, values) for video, values in scores.items()}
    for scorer in scorers:
        final = scorer(final)
    return final


def chain_label(scorers: Sequence[Scorer]) -> str:
    """The chain's name for protocols: "raw", or "gaussian(sigma=3) > minmax-per-video"."""
    return " > ".join(scorer.label for scorer in scorers) or "raw"


def chain_keeps_unit(scorers: Sequence[Scorer]) -> bool:
    """Whether final scores can be drawn on the axis of the raw ones and share their level."""
    return all(scorer.keeps_unit for scorer in scorers)


def _checked(video: str, values: np.ndarray) -> np.ndarray:
    values = np.array(values, dtype=np.float64)
    if values.ndim != 1:
        raise DataError(
            f"scores of video '{video}' have shape {values.shape}; expected one value a frame, (N,)"
        )
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        raise DataError(
            f"scores of video '{video}' are infinite on {infinite.size} frame(s), first on frame "
            f"{infinite[0]}; give NaN to frames without a score"
        )
    return values
