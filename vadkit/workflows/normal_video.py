"""Score normal video with a method that has not seen it, if this is possible."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from vadkit.errors import DataError
from vadkit.recipe import Recipe

if TYPE_CHECKING:
    from vadkit.data.clip_sources import FrameReader
    from vadkit.data.extras import Extras
    from vadkit.engine.trainer import Trainer
    from vadkit.methods.method import Method

# If a video is split by time, this share of it lies between the parts and is in neither part.
_GAP = 0.05
# A method that has seen its videos scores at least this many frames of them, and at most as many as
# it was trained on, so that short trainings stay short.
_FEWEST_SEEN = 1000
_SEEN = (
    "the method was trained on these videos, so new video will raise more alarms than expected; "
    "keep some videos out of training with calibration.holdout: 0.2, or calibrate on other normal "
    "video with `vadkit calibrate RUN --videos FOLDER`"
)


class Piece(NamedTuple):
    """Frames [start, stop) of a training video, which is given by its number."""

    video: int
    start: int
    stop: int


@dataclass(frozen=True)
class NormalVideo:
    """Raw scores (N,) of normal videos or pieces of them, by name, with frames per second.

    ``source`` describes how the scores were made; ``videos`` is the number of videos.
    """

    scores: dict[str, np.ndarray]
    rates: dict[str, float]
    source: str
    videos: int
    warnings: list[str] = field(default_factory=list)


def outside(rows: np.ndarray, pieces: Sequence[Piece], span: int) -> np.ndarray:
    """Return which clips do not overlap the pieces, as bool (n,).

    ``rows`` (n, 2) holds the video and the first frame of each clip. If a piece is only a part of a
    video, other clips of that video must also keep a distance from it.
    """
    kept = np.ones(len(rows), bool)
    for video, start, stop in pieces:
        gap = round(_GAP * (stop - start))
        first = rows[:, 1]
        kept &= (rows[:, 0] != video) | (first + span <= start - gap) | (first >= stop + gap)
    return kept


def kept_out(recipe: Recipe, stored: Sequence[FrameReader]) -> list[Piece]:
    """Return what ``calibration.holdout`` holds out: whole videos, or the end of a single one.

    The videos are evenly spaced, and always the same.
    """
    share = recipe.calibration.holdout if recipe.calibration else None
    if share is None:
        return []
    if len(stored) == 1:
        frames = len(stored[0])
        return [Piece(0, frames - max(1, round(share * frames)), frames)]
    count = min(max(1, round(share * len(stored))), len(stored) - 1)
    numbers = ((np.arange(count) + 0.5) * len(stored) / count).astype(int).tolist()
    return [Piece(number, 0, len(stored[number])) for number in numbers]


def folds(lengths: Sequence[int], count: int) -> list[list[Piece]]:
    """Return the pieces of each fold: every ``count``-th video, or a segment of a single one."""
    if len(lengths) == 1:
        edges = np.linspace(0, lengths[0], count + 1).astype(int).tolist()
        return [[Piece(0, start, stop)] for start, stop in itertools.pairwise(edges)]
    count = min(count, len(lengths))
    return [
        [Piece(video, 0, lengths[video]) for video in range(fold, len(lengths), count)]
        for fold in range(count)
    ]


def seen_pieces(lengths: Sequence[int], most: int) -> list[Piece]:
    """Return evenly spaced videos with at most ``most`` frames in total, cut if necessary."""
    total = sum(lengths)
    if total <= most:
        return [Piece(video, 0, length) for video, length in enumerate(lengths)]
    count = max(1, len(lengths) * most // total)
    numbers = ((np.arange(count) + 0.5) * len(lengths) / count).astype(int).tolist()
    return [Piece(video, 0, min(lengths[video], most // count)) for video in numbers]


def score_training_video(
    recipe: Recipe,
    trainer: Trainer,
    stored: Sequence[FrameReader],
    extras: Sequence[Extras],
    rates: dict[str, float],
) -> NormalVideo:
    """Score video that was held out of training, else score by folds, else score seen video.

    If the method makes its own folds, those are used. Otherwise, only a method without gradients is
    fitted again for each fold, because this is expensive for others. Raises ``DataError`` if folds
    leave nothing to fit.
    """
    scored: dict[str, np.ndarray] = {}
    lengths = [len(video) for video in stored]
    warnings = []

    def score(method: Method, pieces: Sequence[Piece]) -> None:
        from vadkit.methods.scoring import score_video

        for video, start, stop in pieces:
            scores = score_video(
                method,
                stored[video],
                device=trainer.device,
                dtype=trainer.dtype,
                batch_size=recipe.train.batch_size,
                extras=extras[video],
                part=(start, stop),
            )
            whole = (start, stop) == (0, lengths[video])
            name = stored[video].id if whole else f"{stored[video].id}[{start}:{stop}]"
            scored[name] = scores[start:stop]

    unseen = kept_out(recipe, stored)
    settings = recipe.calibration
    told = trainer.method.held_out()
    if unseen:
        score(trainer.method, unseen)
        source = "training videos that were held out of training"
    elif told:
        clip = trainer.method.clip
        for video, (numbers, scores) in told.items():
            scored[stored[video].id] = np.full(lengths[video], np.nan)
            frames = numbers.numpy() + clip.scored[0] * clip.step
            scored[stored[video].id][frames] = scores.double().numpy()
        source = "training videos, each scored by the method with that video held out"
    elif not recipe.optimizers and settings is not None:
        listed = folds(lengths, settings.folds)
        for pieces in listed:
            score(_fitted_without(recipe, trainer, pieces), pieces)
        parts = "video, each part" if len(lengths) == 1 else "videos, each"
        source = f"training {parts} scored by a fit on the others ({len(listed)} folds)"
    else:
        score(trainer.method, seen_pieces(lengths, max(_FEWEST_SEEN, _frames_trained(trainer))))
        source = "training videos that the method has seen"
        warnings.append(_SEEN)
    ids = {name: name.rpartition("[")[0] if name not in rates else name for name in scored}
    return NormalVideo(
        scored,
        {name: rates[id] for name, id in ids.items()},
        source,
        len(set(ids.values())),
        warnings,
    )


def _fitted_without(recipe: Recipe, trainer: Trainer, pieces: Sequence[Piece]) -> Method:
    """Fit a copy of the trainer's method on all clips that do not overlap the pieces."""
    from vadkit.engine.collect import collect_passes
    from vadkit.workflows.build import build_method

    loader = trainer.collect_loader
    kept = outside(loader.clips, pieces, trainer.method.clip.span)  # type: ignore[attr-defined]
    if not kept.any():
        raise DataError(
            "there is too little training video to fit on one part and score another; calibrate on "
            "other normal video with `vadkit calibrate RUN --videos FOLDER`"
        )
    method = build_method(recipe, trainer.device).eval()
    rest = loader.keeping(kept)  # type: ignore[attr-defined]
    collect_passes(method, rest, trainer.device, trainer.dtype)
    return method


def _frames_trained(trainer: Trainer) -> int:
    return trainer.step * trainer.batch_size
