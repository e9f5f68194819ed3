"""Fit a method without gradients again, without stretches of its training video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.errors import RecipeError
from vadkit.recipe import Recipe
from vadkit.workflows.answers import Answers
from vadkit.workflows.build import build_clip, load_videos
from vadkit.workflows.calibrate.reviewed import LEFT_OUT, marked_frames
from vadkit.workflows.calibrate.threshold import score_training
from vadkit.workflows.frames import load_extras, store_videos
from vadkit.workflows.pieces import Piece, kept_out
from vadkit.workflows.progress import collect_progress

if TYPE_CHECKING:
    from vadkit.methods.method import Method
    from vadkit.workflows.calibrate.normal_video import NormalVideo


def refitted(run: Path, recipe: Recipe, answers: Answers) -> tuple[Method, NormalVideo]:
    """Return the method, fitted without stretches that a person left out, and held-out scores.

    Raises ``RecipeError`` for a method that is trained with gradients.
    """
    from vadkit.engine.collect import collect_passes
    from vadkit.workflows.trainer import make_trainer

    if recipe.optimizers:
        raise RecipeError(
            f"--refit: {recipe.method.type} is trained with gradients, so leaving video out needs "
            "a new training; move the unusual video away, and use vadkit train"
        )
    videos = load_videos(recipe, "train")
    stored, _ = store_videos(recipe, videos)
    extras = load_extras(recipe, build_clip(recipe), videos, stored)
    numbers = {video.id: number for number, video in enumerate(stored)}
    pieces = [
        Piece(numbers[video], start, stop)
        for video, ranges in marked_frames(answers, *LEFT_OUT).items()
        if video in numbers
        for start, stop in ranges
    ]
    unseen = [*kept_out(recipe, stored), *pieces]
    trainer = make_trainer(recipe, run, stored, extras, unseen=unseen)
    method = trainer.method.eval()
    with collect_progress("fitting") as collected:
        collect_passes(
            method, trainer.collect_loader, trainer.device, trainer.dtype, collected=collected
        )
    return method, score_training(recipe, trainer, videos, stored, extras)
