"""Frame rate and picture shape of training video, and other video brought to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vadkit.recipe import Recipe
from vadkit.text import counted
from vadkit.workflows.progress import say

if TYPE_CHECKING:
    from vadkit.data.videos import FrameReader, Video


def say_stretched(recipe: Recipe, videos: Sequence[FrameReader]) -> None:
    """Say on stderr which videos have pictures of another shape than in training."""
    from vadkit.data.aspect import other_aspect

    others = [video for video in videos if other_aspect(recipe.clip.aspect, video.source_size)]
    if others:
        say(
            f"{counted(len(others), 'video')} of {len(videos)} have pictures of another shape than "
            f"in training (first: {others[0].id}); they are stretched to it"
        )


def at_rate(videos: Sequence[FrameReader], fps: float | None) -> list[FrameReader]:
    """Return videos at the rate of clips; a line on stderr counts those that have another one."""
    from vadkit.data.pace import other_rate
    from vadkit.data.store.paced import paced

    others = [video.fps for video in videos if video.fps and other_rate(fps, video.fps)]
    if others:
        known = sorted({round(one, 2) for one in others})
        rates = ", ".join(f"{one:g}" for one in known[:3]) + (", ..." if len(known) > 3 else "")
        say(
            f"{counted(len(others), 'video')} of {len(videos)} have another frame rate than the "
            f"{fps:g} per second of training ({rates}): motion is scaled, frames in between are "
            "left out"
        )
    return [paced(video, fps) for video in videos]


def as_measured(recipe: Recipe, videos: Sequence[FrameReader]) -> tuple[Recipe, list[FrameReader]]:
    """Return the recipe with rate and shape of its training videos, and the videos at that rate."""
    from vadkit.data.aspect import common_aspect
    from vadkit.registry import build

    aspect = recipe.clip.aspect or common_aspect([video.source_size for video in videos])
    fps, kept = recipe.clip.fps, list(videos)
    if fps is None:
        dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
        fps = usual_clip_rate(videos, getattr(dataset, "fps", None))
        kept = at_rate(videos, fps)
    if fps is None:
        say(
            "folders of images have no frame rate, so video at another rate will not be "
            "recognised; give the rate with --set clip.fps=RATE"
        )
    clip = recipe.clip.model_copy(update={"fps": fps, "aspect": aspect})
    return recipe.model_copy(update={"clip": clip}), kept


def usual_clip_rate(videos: Sequence[FrameReader], fps: float | None = None) -> float | None:
    """Return the median rate of videos in frames per second, None if it is unknown.

    ``fps`` is the rate that the dataset states, for folders of images.
    """
    from statistics import median_low

    known = [video.fps for video in videos if video.fps is not None]
    return round(median_low(known), 3) if known else fps


def frame_rates(videos: Sequence[Video], fps: float | None = None) -> dict[str, float]:
    """Return frames per second by video, from the dataset or from the times in the video files.

    Of a file whose rate varies, it is the mean, so that its frames make its hours; holes in time do
    not count. Folders of images have no frame rate and are left out.
    """
    from vadkit.data.decoding.child import Worker
    from vadkit.data.decoding.counting import mean_rate

    if fps is not None:
        return {video.id: fps for video in videos}
    files = {video.path for video in videos if video.path.is_file()}
    with Worker() as worker:
        known = {path: mean_rate(path, worker=worker) for path in sorted(files)}
    return {video.id: known[video.path] for video in videos if video.path in known}
