"""Videos that are decoded whenever they are read, and what their results depend on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.recipe import Recipe, Spec
from vadkit.workflows.progress import decoding_progress, say
from vadkit.workflows.rates import at_rate, say_stretched

if TYPE_CHECKING:
    from vadkit.data.store.build import Skipped
    from vadkit.data.store.settings import Settings
    from vadkit.data.videos import FrameReader, Video


def store_settings(recipe: Recipe) -> Settings:
    """Return the frame settings of a recipe."""
    from vadkit.data.store.settings import Settings

    return Settings(
        size=recipe.clip.size,
        channels=recipe.clip.channels,
        readers=tuple(recipe.data.readers),
        plugins=tuple(Path(plugin) for plugin in recipe.plugins),
        stall_s=recipe.data.stall_s,
        levels=recipe.data.levels,
    )


def stream_videos(
    recipe: Recipe, videos: Sequence[Video], settings: Settings
) -> tuple[list[FrameReader], list[Skipped]]:
    """Open videos that are decoded each time they are needed; count their frames now."""
    from vadkit.data.decoding.threads import decoding_threads
    from vadkit.data.store.build import Skipped
    from vadkit.data.store.derived import counter
    from vadkit.data.store.streamed import SharedWorker, StreamedVideo, find_times
    from vadkit.errors import DataError

    keep = kept_frames(recipe)
    # A method without gradients reads videos one after another.
    shared = None if recipe.optimizers else SharedWorker()

    def open_one(video: Video) -> StreamedVideo | Skipped:
        try:
            found = find_times(video, settings, worker(), lambda: tell(0, 1))
            tell(1, 0)
            return StreamedVideo(video, settings, found, keep=keep, shared=shared)
        except DataError as error:
            if recipe.data.on_bad_video == "stop":
                raise
            return Skipped(video.id, video.path, str(error))

    with (
        decoding_threads(recipe.data.workers) as (each, worker, _),
        decoding_progress(len(videos), 0, "reading times") as progress,
    ):
        tell = counter(progress)
        opened = each(open_one, videos)
    skipped = [one for one in opened if isinstance(one, Skipped)]
    if len(skipped) == len(opened):
        raise DataError(f"none of {len(skipped)} videos could be read; {skipped[0].reason}")
    say_skipped(skipped, len(videos))
    kept = [one for one in opened if not isinstance(one, Skipped)]
    say_stretched(recipe, kept)
    return at_rate(kept, recipe.clip.fps), skipped


def kept_frames(recipe: Recipe) -> int:
    """Return how many frames clips of two batches, read in order, have in common."""
    return (recipe.clip.frames - 1) * recipe.clip.step + 1 + 2 * recipe.train.batch_size + 8


def component(family: str, spec: Spec, recipe: Recipe) -> tuple[Any, dict[str, Any]]:
    """Return a component, and what its results depend on: parameters with defaults, plugins."""
    from vadkit.data.decoding.decode import READERS
    from vadkit.plugins import as_run
    from vadkit.registry import build, find, params_model

    found = find(family, spec.type)
    made_by = dict(params_model(found.load())(**spec.params))
    if found.origin != "vadkit" or not {*recipe.data.readers} <= {*READERS}:
        # The user's own code gives other results once it is changed.
        made_by["plugins:"] = [one.digest for one in as_run(recipe.plugins)]
    return build(family, spec.type, spec.params), made_by


def say_skipped(skipped: Sequence[Skipped], videos: int) -> None:
    if skipped:
        say(f"skipped {len(skipped)} of {videos} videos:")
        for one in skipped:
            say(f"  {one.id}: {one.reason}")
