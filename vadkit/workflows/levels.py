"""The scale of images of more than 8 bits, measured once on the training images."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.recipe import Recipe
from vadkit.workflows.progress import say

if TYPE_CHECKING:
    from vadkit.data.decoding.levels import Levels
    from vadkit.data.videos import Video

# Images that are measured, spread over all folders, and those in one request to the decoder.
_MEASURED, _AT_ONCE = 500, 20
_DEEP_SUFFIXES = {".png", ".tif", ".tiff"}


def with_levels(recipe: Recipe, videos: Sequence[Video]) -> Recipe:
    """Return the recipe with ``data.levels``, measured on training videos unless it states them.

    Recipes of videos and of 8-bit images are unchanged.
    """
    if recipe.data.levels is not None:
        return recipe
    levels = measured_levels(videos, recipe.data.stall_s)
    if levels is None:
        return recipe
    data = recipe.data.model_copy(update={"levels": levels})
    return recipe.model_copy(update={"data": data})


def measured_levels(videos: Sequence[Video], stall_s: float) -> Levels | None:
    """Return the lowest and highest value of the training images; None for 8 bits.

    The first time, a line says which values these are.
    """
    folders = sorted({video.path for video in videos if video.path.is_dir()})
    return _measured(tuple(folders), stall_s) if folders else None


@functools.cache
def _measured(folders: tuple[Path, ...], stall_s: float) -> Levels | None:
    from vadkit.data.decoding.child import Failed, Worker
    from vadkit.data.decoding.folders import image_files

    found: list[Levels] = []
    with Worker() as worker:

        def measure(images: Sequence[Path]) -> bool:
            """Whether an image has more than 8 bits."""
            try:
                paths = [str(image.absolute()) for image in images]
                (record,) = worker.ask({"measure": paths}, stall_s)
            except Failed:
                # Reading the folder reports damaged images.
                return False
            if (levels := json.loads(record[1])) is not None:
                found.append((levels[0], levels[1]))
            return levels is not None

        for folder in folders:
            images = [one for one in image_files(folder) if one.suffix.lower() in _DEEP_SUFFIXES]
            if not images or not measure(images[:1]):
                continue
            some = images[:: max(1, len(images) * len(folders) // _MEASURED)]
            for start in range(0, len(some), _AT_ONCE):
                measure(some[start : start + _AT_ONCE])
    if not found:
        return None
    lows, highs = zip(*found, strict=True)
    low, high = min(lows), max(highs)
    # Images of one value have no range.
    high = high if high > low else low + 1.0
    say(
        f"images of more than 8 bits: values from {low:g} to {high:g} become black to white, in "
        "training and with the run; data.levels in the recipe changes this"
    )
    return low, high
