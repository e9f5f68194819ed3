"""The scorer interface, and chains of scorers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from vadkit.errors import DataError, RecipeError

Step = Callable[[float], float]


class PacedStep(Protocol):
    """A step that knows how much time has passed."""

    def __call__(self, score: float, pace: float = 1.0) -> float:
        """Take the next score, ``pace`` steps of the trained frame rate after the last one."""


class Scorer(Protocol):
    """Processes frame scores, video by video.

    A call takes and returns ``{video: (N,) float64}``; a higher score is more abnormal, and NaN
    marks a frame without a score and stays NaN. It does not change its input arrays.

    ``causal`` says whether frame i of the result depends only on frames 0..i, which live use needs.
    A causal scorer also has ``stream()``, which returns a function for one video that takes its
    scores one by one and gives the same numbers as the array. ``keeps_unit`` says whether the
    result is in the unit of its input, so that a level measured on raw scores stays valid.
    ``label`` names the scorer with its parameters.
    """

    causal: ClassVar[bool]
    keeps_unit: ClassVar[bool]

    @property
    def label(self) -> str: ...

    def __call__(self, scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]: ...


@runtime_checkable
class StreamScorer(Scorer, Protocol):
    """A causal scorer, which works on streams."""

    def stream(self) -> Step:
        """Return a function for the scores of one video, one by one; it has its own state."""


@runtime_checkable
class PacedScorer(StreamScorer, Protocol):
    """A scorer whose time constants hold at the trained frame rate, also on video at another one.

    A call takes ``paces`` as well, the steps of the trained rate between two frames by video (1 for
    those it lacks); steps of ``stream()`` take one pace with each score.
    """

    paced: ClassVar[bool]

    def __call__(
        self, scores: dict[str, np.ndarray], paces: Mapping[str, float] | None = None
    ) -> dict[str, np.ndarray]: ...

    def stream(self) -> PacedStep: ...


def stream_chain(scorers: Sequence[Scorer]) -> PacedStep:
    """Like ``apply``, for one video's scores one by one, with the same numbers.

    Raises ``RecipeError`` for a non-causal scorer; the message names a causal one, if known.
    """
    steps: list[tuple[bool, PacedStep | Step]] = []
    for scorer in scorers:
        if not scorer.causal:
            raise RecipeError(looks_ahead(scorer))
        if not isinstance(scorer, StreamScorer):
            raise RecipeError(
                f"scorers: {scorer.label} is causal but has no stream(), which live video needs; "
                "see vadkit.scoring.scorer"
            )
        steps.append((isinstance(scorer, PacedScorer), scorer.stream()))

    def chain(score: float, pace: float = 1.0) -> float:
        if math.isinf(score):
            raise DataError("a score is infinite; give NaN to frames without a score")
        for paced, step in steps:
            score = step(score, pace) if paced else step(score)  # type: ignore[call-arg]
        return score

    return chain


def looks_ahead(scorer: Scorer) -> str:
    """Return the message for a non-causal scorer on live video, with a replacement."""
    instead = getattr(scorer, "substitute", "{type: ema, halflife: 4}")
    return (
        f"scorers: {scorer.label} uses future frames, which live video does not have; use scorers: "
        f"[{instead}] instead, which smooths with past frames only"
    )


def apply(
    scorers: Sequence[Scorer],
    scores: dict[str, np.ndarray],
    paces: Mapping[str, float] | None = None,
) -> dict[str, np.ndarray]:
    """Run scores through every scorer in order; without scorers, return a float64 copy.

    ``paces`` are the steps of the trained frame rate between two frames, by video (default 1).
    Raises ``DataError`` if scores are not one value per frame or are infinite: an infinite value
    would spread to its neighbours or flatten the rest of its video.
    """
    final = {video: _checked(video, values) for video, values in scores.items()}
    for scorer in scorers:
        final = scorer(final, paces) if isinstance(scorer, PacedScorer) else scorer(final)
    return final


def chain_label(scorers: Sequence[Scorer]) -> str:
    """The name of a chain for protocols: "raw", or "gaussian(sigma=3) > minmax-per-video"."""
    return " > ".join(scorer.label for scorer in scorers) or "raw"


def chain_keeps_unit(scorers: Sequence[Scorer]) -> bool:
    """Whether final scores have the unit of raw scores and can share their level."""
    return all(scorer.keeps_unit for scorer in scorers)


def _checked(video: str, values: np.ndarray) -> np.ndarray:
    values = np.array(values, dtype=np.float64)
    if values.ndim != 1:
        raise DataError(
            f"scores of video '{video}' have shape {values.shape}; expected one value per frame, "
            "(N,)"
        )
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        raise DataError(
            f"scores of video '{video}' are infinite on {infinite.size} frame(s), first on frame "
            f"{infinite[0]}; give NaN to frames without a score"
        )
    return values
