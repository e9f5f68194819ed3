"""Which videos a run was trained on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from vadkit.errors import DataError, VadkitError
from vadkit.recipe import Recipe
from vadkit.workflows.pieces import kept_out
from vadkit.workflows.run import read_manifest
from vadkit.workflows.trainer import training_videos


def seen_warning(recipe: Recipe, run: Path, paths: Iterable[Path]) -> str | None:
    """Return a warning if the run was trained on some of these videos, or on copies of them.

    Videos that were held out of training count as new. If the training videos are gone, nothing is
    known and there is no warning.
    """
    trained = _contents(_trained_on(recipe, run))
    if not trained:
        return None
    given = list(paths)
    seen = sum(one in trained for one in map(_content, given))
    if not seen:
        return None
    what = "these videos" if seen == len(given) else f"{seen} of these {len(given)} videos"
    return (
        f"the run was trained on {what}, so the threshold is too low and new video will raise more "
        "alarms than expected; use normal videos that were not used in training"
    )


def _trained_on(recipe: Recipe, run: Path) -> list[Path]:
    try:
        videos, _ = training_videos(recipe)
        skipped = {
            one.get("id") for one in read_manifest(run).get("dataset", {}).get("skipped", [])
        }
    except VadkitError:
        return []
    videos = [video for video in videos if video.id not in skipped]
    # Of a single video, only the end is held out.
    held = kept_out(recipe, [()] * len(videos)) if len(videos) > 1 else []
    out = {piece.video for piece in held}
    return [video.path for number, video in enumerate(videos) if number not in out]


def _contents(paths: Iterable[Path]) -> set[str]:
    return {content for content in map(_content, paths) if content is not None}


def _content(path: Path) -> str | None:
    """Return a hash of a video, None if it cannot be read."""
    from vadkit.data.store.digests import content_digest
    from vadkit.data.store.settings import cache_folder

    with contextlib.suppress(DataError):
        return content_digest(path, cache_folder() / "digests")
    return None
