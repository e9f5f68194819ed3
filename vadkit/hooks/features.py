"""Features of training clips, for hooks that inspect them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vadkit.errors import RecipeError
from vadkit.hooks.hook import FitContext

if TYPE_CHECKING:
    from torch import Tensor

    from vadkit.data.tensors import Clips
    from vadkit.methods.method import Method


def sample_features(
    ctx: FitContext, count: int, hook: str
) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Return features (N, F) float32 of up to ``count`` training clips, and video and first frame
    of each row's clip.

    If rows describe objects, a clip may have many rows or none. Raises ``RecipeError`` in the name
    of ``hook`` if the method has no features.
    """
    features, places = [], []
    with ctx.scoring():
        for clips, clip_places in ctx.sample(count):
            for rows, place in zip(
                _rows_by_clip(ctx.method, clips, hook), clip_places, strict=True
            ):
                features.append(rows.float().cpu().numpy())
                places += [place] * len(rows)
    return np.concatenate(features), places


def _rows_by_clip(method: Method, clips: Clips, hook: str) -> list[Tensor]:
    """Return the features (n, F) of each clip."""
    found = method.embed(clips)
    if found is None:
        raise RecipeError(
            f"hooks.{hook}: the method has no features (Method.embed); remove the hook, or train "
            "a method that has features"
        )
    if clips.boxes is None and len(found) == len(clips):
        return list(found.split(1))
    # Rows of objects do not say which clip they belong to.
    each = [method.embed(clips.pick([number])) for number in range(len(clips))]
    return [rows for rows in each if rows is not None]
