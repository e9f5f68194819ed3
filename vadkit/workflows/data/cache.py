"""Build the frame store of a recipe before training."""

from __future__ import annotations

from typing import Any

from vadkit.recipe import Recipe
from vadkit.workflows.build import load_videos
from vadkit.workflows.frames import skipped_entries, store_flow, store_objects, store_videos
from vadkit.workflows.levels import with_levels
from vadkit.workflows.ray_cluster import check_address


def build_cache(recipe: Recipe, ray: str | None = None) -> dict[str, Any]:
    """Store every video of both splits, and the recipe's flow and objects; return the counts.

    With ``ray``, the address of a Ray cluster, its machines decode the videos.
    """
    from vadkit.data.store.settings import cache_folder
    from vadkit.data.store.stored_video import StoredVideo
    from vadkit.registry import build

    if ray is not None:
        check_address(ray)
    # Store the frames on disk now, regardless of the mode that training will use.
    data = recipe.data.model_copy(update={"store": "disk"})
    recipe = recipe.model_copy(update={"data": data})
    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    training = load_videos(recipe, "train")
    recipe = with_levels(recipe, training)
    done: dict[str, Any] = {"videos": 0, "frames": 0, "flow": 0, "boxes": 0, "skipped": []}
    for videos in (training, dataset.videos("test")):
        stored, skipped = store_videos(recipe, videos, ray)
        flow = store_flow(recipe, [video for video in stored if isinstance(video, StoredVideo)])
        boxes = store_objects(recipe, videos, stored)
        done["videos"] += len(stored)
        done["frames"] += sum(len(video) for video in stored)
        done["flow"] += len(flow)
        done["boxes"] += sum(map(len, boxes.values()))
        done["skipped"] += skipped_entries(skipped)
    return {**done, "cache": str(cache_folder())}
