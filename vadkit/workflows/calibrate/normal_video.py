"""Score normal video with a method that has not seen it, if this is possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from vadkit.errors import DataError
from vadkit.recipe import Recipe
from vadkit.workflows.pieces import Piece, folds, is_abnormal, kept_out, outside, seen_pieces
from vadkit.workflows.progress import clip_progress, collect_progress

if TYPE_CHECKING:
    from vadkit.data.clips.extras import Extras
    from vadkit.data.videos import FrameReader
    from vadkit.engine.trainer import Trainer
    from vadkit.methods.method import Method

# A method that has seen its videos scores at least this many frames of them, and at most as many as
# it was trained on, so that short trainings stay short.
_FEWEST_SEEN = 1000
_SEEN = (
    "the method was trained on these videos, so new video will raise more alarms than expected; "
    "keep some videos out of training with calibration.holdout: 0.2, or calibrate on other normal "
    "video with `vadkit calibrate RUN --videos FOLDER`"
)


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
    score = partial(_score_pieces, recipe, trainer, stored, extras, scored)
    unseen = [piece for piece in kept_out(recipe, stored) if not is_abnormal(stored[piece.video])]
    settings = recipe.calibration
    held_out = trainer.method.held_out()
    if unseen:
        score(trainer.method, unseen)
        source = "training videos that were held out of training"
    elif held_out:
        clip = trainer.method.clip
        for video, (numbers, scores) in held_out.items():
            scored[stored[video].id] = np.full(lengths[video], np.nan)
            frames = numbers.numpy() + clip.scored[0] * clip.step
            scored[stored[video].id][frames] = scores.double().numpy()
        source = "training videos, each scored by the method with that video held out"
    elif not recipe.optimizers and settings is not None:
        listed = folds(lengths, settings.folds)
        for number, pieces in enumerate(listed, start=1):
            fold = f"calibration, fold {number}/{len(listed)}"
            score(_fitted_without(recipe, trainer, pieces, fold), pieces, f"{fold}, scoring")
        parts = "video, each part" if len(lengths) == 1 else "videos, each"
        source = f"training {parts} scored by a fit on the others ({len(listed)} folds)"
    else:
        normal = [number for number, video in enumerate(stored) if not is_abnormal(video)]
        most = max(_FEWEST_SEEN, _frames_trained(trainer))
        pieces = seen_pieces([lengths[number] for number in normal], most)
        score(trainer.method, [piece._replace(video=normal[piece.video]) for piece in pieces])
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


def _score_pieces(
    recipe: Recipe,
    trainer: Trainer,
    stored: Sequence[FrameReader],
    extras: Sequence[Extras],
    scored: dict[str, np.ndarray],
    method: Method,
    pieces: Sequence[Piece],
    what: str = "calibration, scoring",
) -> None:
    """Score pieces with a method and add their scores to ``scored``."""
    from vadkit.device import scoring_batch
    from vadkit.engine.scoring import score_video

    batch_size = scoring_batch(recipe.train.batch_size, trainer.device)
    with clip_progress(what, sum(stop - start for _, start, stop in pieces)) as progress:
        for video, start, stop in pieces:
            scores = score_video(
                method,
                stored[video],
                device=trainer.device,
                dtype=trainer.dtype,
                batch_size=batch_size,
                extras=extras[video],
                part=(start, stop),
                scored=progress,
            )
            whole = (start, stop) == (0, len(stored[video]))
            name = stored[video].id if whole else f"{stored[video].id}[{start}:{stop}]"
            scored[name] = scores[start:stop]


def _fitted_without(recipe: Recipe, trainer: Trainer, pieces: Sequence[Piece], what: str) -> Method:
    """Fit a copy of the trainer's method on all clips that do not overlap the pieces."""
    from vadkit.engine.collect import Selectable, collect_passes
    from vadkit.workflows.build import build_method

    loader = trainer.collect_loader
    assert isinstance(loader, Selectable)
    kept = outside(loader.clips, pieces, trainer.method.clip.span)
    if not kept.any():
        raise DataError(
            "there is too little training video to fit on one part and score another; calibrate on "
            "other normal video with `vadkit calibrate RUN --videos FOLDER`"
        )
    method = build_method(recipe, trainer.device).eval()
    rest = loader.keeping(kept)
    with collect_progress(f"{what}, fitting") as collected:
        collect_passes(method, rest, trainer.device, trainer.dtype, collected=collected)
    return method


def _frames_trained(trainer: Trainer) -> int:
    return trainer.step * trainer.batch_size
