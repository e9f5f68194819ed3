"""From a recipe to the features of its videos, and what is measured on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vadkit.recipe import Recipe
from vadkit.registry import build, find
from vadkit.workflows.build import load_videos
from vadkit.workflows.extraction import extracted_videos

if TYPE_CHECKING:
    from vadkit.data.segments.bags import BagLoader
    from vadkit.data.segments.video import SegmentVideo
    from vadkit.data.videos import FrameReader, Video
    from vadkit.methods.weak.method import WeakMethod


def segment_videos(recipe: Recipe, videos: Sequence[Video]) -> list[SegmentVideo]:
    """Return the features of videos, which the recipe's section ``features`` names."""
    assert recipe.features is not None
    if not from_file(recipe):
        return extracted_videos(recipe, videos)
    extractor: Any = build("extractors", recipe.features.type, recipe.features.params)
    if getattr(extractor, "compares", False):
        normal = [video for video in load_videos(recipe, "train") if not video.abnormal]
        opened = extractor.open(normal, _known_lengths(normal))
    else:
        opened = extractor.open()
    found: list[SegmentVideo] = opened.videos(videos, _known_lengths(videos))
    return found


def from_file(recipe: Recipe) -> bool:
    """Whether the features of a recipe are in files, and not computed from frames."""
    assert recipe.features is not None
    return bool(getattr(find("extractors", recipe.features.type).load(), "from_file", False))


def _known_lengths(videos: Sequence[Video]) -> dict[str, int]:
    """Return numbers of frames that the dataset or the files of test videos state."""
    from vadkit.data.decoding.counting import stated_counts

    known = {video.id: video.frames for video in videos if video.frames is not None}
    # Only frames of test videos are compared with labels.
    paths = {
        video.id: video.path
        for video in videos
        if video.id not in known and video.split == "test" and video.path.exists()
    }
    counted = stated_counts(paths) if paths else {}
    return known | {name: count for name, count in counted.items() if count is not None}


def with_bags(
    recipe: Recipe, stored: Sequence[FrameReader], named: Sequence[Video] | None = None
) -> Recipe:
    """Return the recipe with the size of features, the frames a segment and the kinds of anomalies.

    They are measured on training videos, kinds on ``named`` if it is given. Recipes without bags
    are unchanged.
    """
    from vadkit.data.segments.feature_set import common_dim

    if recipe.bags is None:
        return recipe
    videos = of_segments(stored)
    kinds = [one.category for one in (videos if named is None else named) if one.abnormal]
    classes = sorted({kind or "" for kind in kinds}) if all(kinds) else []
    changes = {"dim": common_dim(videos), "classes": recipe.bags.classes or classes}
    bags = recipe.bags.model_copy(update=changes)
    clip, every = recipe.clip, videos[0].every
    if every is not None and every != clip.frames * clip.step:
        clip = clip.model_copy(update={"frames": every, "step": 1})
    return recipe.model_copy(update={"bags": bags, "clip": clip})


def bag_loader(
    recipe: Recipe, stored: Sequence[FrameReader], unseen: set[int], method: WeakMethod
) -> BagLoader:
    """Return the loader of training bags without the videos ``unseen``; fit the method's scale."""
    import torch

    from vadkit.data.segments.bags import BagLoader, moments

    assert recipe.bags is not None
    kept = [video for number, video in enumerate(of_segments(stored)) if number not in unseen]
    if method.clip.scale == "standard":
        middle, spread = moments(kept)
        method.middle.copy_(torch.from_numpy(middle))
        method.spread.copy_(torch.from_numpy(spread))
    return BagLoader(
        kept,
        segments=recipe.bags.segments,
        fit=recipe.bags.fit,
        batch_size=recipe.train.batch_size,
        seed=recipe.train.seed,
        device=method.middle.device,
        classes=method.clip.classes,
    )


def of_segments(stored: Sequence[FrameReader]) -> list[SegmentVideo]:
    """Return the videos of a recipe with features, whose frames are not stored."""
    from vadkit.data.segments.video import SegmentVideo

    found: list[Any] = [video for video in stored if isinstance(video, SegmentVideo)]
    return found
