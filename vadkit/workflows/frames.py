"""From the videos of a dataset to stored frames and batches of clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vadkit.recipe import Recipe
from vadkit.text import counted
from vadkit.workflows.build import build_clip
from vadkit.workflows.feature_sets import segment_videos
from vadkit.workflows.progress import decoding_progress, say
from vadkit.workflows.rates import at_rate, say_stretched
from vadkit.workflows.ray_store import fill_store
from vadkit.workflows.streamed import (
    component,
    kept_frames,
    say_skipped,
    store_settings,
    stream_videos,
)

if TYPE_CHECKING:
    import torch

    from vadkit.data.clips.cubes import StoredCubes
    from vadkit.data.clips.extras import Extras, GivenRows
    from vadkit.data.clips.sources import ClipSource
    from vadkit.data.flow.stored import StoredFlow
    from vadkit.data.objects import Boxes
    from vadkit.data.store.build import Plan, Skipped
    from vadkit.data.store.settings import Settings
    from vadkit.data.store.stored_video import StoredVideo
    from vadkit.data.videos import ClipSpec, FrameReader, Video


def storing(recipe: Recipe) -> Recipe:
    """Return the recipe with a store of frames, for work that reads them many times."""
    if recipe.data.store != "none":
        return recipe
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"store": "auto"})})


def store_videos(
    recipe: Recipe, videos: Sequence[Video], ray: str | None = None
) -> tuple[list[FrameReader], list[Skipped]]:
    """Store the frames of every video if needed; return them and the skipped videos.

    With ``ray``, the address of a Ray cluster, its machines decode; they must share the store.

    Prints the required disk space on stderr before it starts. Raises ``DataError`` for a video that
    cannot be read, unless the recipe says ``data.on_bad_video: skip``.
    """
    from vadkit.data.store.build import build_store, plan_store

    if recipe.features is not None:
        features: list[Any] = segment_videos(recipe, videos)
        return features, []
    settings, workers = store_settings(recipe), recipe.data.workers
    if recipe.data.store == "none":
        return stream_videos(recipe, videos, settings)
    spec = build_clip(recipe)
    flow = bool((spec if any(video.split == "train" for video in videos) else spec.scoring).flow)
    plan = plan_store(videos, settings, flow=flow, workers=workers)
    if plan.missing:
        say(need_text(plan, settings))
    with decoding_progress(len(plan.missing), plan.frames) as progress:
        if ray is not None:
            # What is left then is tried here, which gives the reason.
            plan = fill_store(ray, plan, settings, progress)
        stored, skipped = build_store(
            plan,
            settings,
            workers=workers,
            on_bad_video=recipe.data.on_bad_video,
            progress=progress,
        )
    say_skipped(skipped, len(videos))
    say_stretched(recipe, stored)
    return at_rate(stored, recipe.clip.fps), skipped


def need_text(plan: Plan, settings: Settings) -> str:
    """Describe in one line what the store needs."""
    from vadkit.data.store.build import size_text

    unknown = sum(count is None for _, count in plan.missing.values())
    size = f"{settings.size[0]}x{settings.size[1]} {settings.channels}"
    more = f" and {counted(unknown, 'video')} of unknown length" if unknown else ""
    flow = f" and {size_text(plan.flow_bytes)} for optical flow" if plan.flow_bytes else ""
    return (
        f"storing {counted(len(plan.missing), 'video')}, {plan.frames} frames{more}, at {size}: "
        f"{size_text(plan.need_bytes)}{flow} in {plan.cache} ({size_text(plan.free_bytes)} free)"
    )


def store_flow(recipe: Recipe, videos: Sequence[StoredVideo]) -> list[StoredFlow]:
    """Return the optical flow of every stored video; compute it now if it is missing."""
    from vadkit.data.flow.stored import build_flow

    if recipe.flow is None:
        return []
    flow, made_by = component("flow", recipe.flow, recipe)
    frames = sum(len(video) for video in videos)
    with decoding_progress(len(videos), frames, "optical flow") as progress:
        return build_flow(
            videos,
            recipe.flow.type,
            flow,
            made_by,
            workers=recipe.data.workers,
            progress=progress,
        )


def store_objects(
    recipe: Recipe, videos: Sequence[Video], stored: Sequence[FrameReader]
) -> dict[str, Boxes]:
    """Return the object boxes of one split by video; find them now if they are missing."""
    from vadkit.data.objects.stored import build_objects
    from vadkit.data.store.digests import content_digest
    from vadkit.data.store.paced import whole
    from vadkit.data.store.settings import cache_folder

    if recipe.objects is None:
        return {}
    finder, made_by = component("objects", recipe.objects, recipe)
    lengths = {video.id: len(whole(video)) for video in stored}
    kept = [video for video in videos if video.id in lengths]
    settings, cache = store_settings(recipe), cache_folder()
    with decoding_progress(len(kept), sum(lengths.values()), "finding objects") as progress:
        return build_objects(
            kept,
            [lengths[video.id] for video in kept],
            recipe.objects.type,
            finder,
            made_by,
            cache=cache,
            digest=lambda path: content_digest(path, cache / "digests"),
            readers=settings.readers,
            plugins=settings.plugins,
            stall_s=settings.stall_s,
            levels=settings.levels,
            workers=recipe.data.workers,
            progress=progress,
        )


def load_extras(
    recipe: Recipe, spec: ClipSpec, videos: Sequence[Video], stored: Sequence[FrameReader]
) -> list[Extras]:
    """Return the flow and boxes that the clips need, and compute them if they are missing.

    ``videos`` are those of the split; ``stored`` may lack some of them.
    """
    from vadkit.data.clips.extras import Extras, boxes_in_clip
    from vadkit.data.decoding.decode import probe
    from vadkit.data.flow.streamed import StreamedFlow
    from vadkit.data.store.paced import PacedVideo, whole
    from vadkit.data.store.stored_video import StoredVideo
    from vadkit.errors import RecipeError

    extras = [Extras() for _ in stored]
    if recipe.features is not None:
        # Features already contain what they were computed from.
        return extras
    if spec.flow:
        kept: list[Any] = [one for one in stored if isinstance(whole(one), StoredVideo)]
        if len(kept) == len(stored):
            extras = [Extras(flow) for flow in store_flow(recipe, kept)]
        elif recipe.optimizers:
            raise RecipeError(
                "data.store: none keeps no frames to compute optical flow from, and training in "
                "random order would compute it many times; use another store, or set flow: null "
                "if the method can work without it"
            )
        elif recipe.flow is not None:
            flow, _ = component("flow", recipe.flow, recipe)
            keep = kept_frames(recipe)
            extras = [Extras(StreamedFlow(video, flow, keep=keep)) for video in stored]
    if spec.boxes is not None:
        found, paths = store_objects(recipe, videos, stored), {one.id: one.path for one in videos}
        extras = [
            replace(one, boxes=boxes_in_clip(found[id], probe(paths[id]).size, spec.size))
            for one, id in zip(extras, [video.id for video in stored], strict=True)
        ]
        extras = [
            replace(one, boxes=one.boxes.pick(video.numbers))
            if isinstance(video, PacedVideo) and one.boxes is not None
            else one
            for one, video in zip(extras, stored, strict=True)
        ]
    if spec.given:
        extras = [
            replace(one, given=given)
            for one, given in zip(extras, _given(recipe, spec, videos, stored), strict=True)
        ]
    return extras


def store_cubes(
    recipe: Recipe, spec: ClipSpec, stored: Sequence[FrameReader], extras: Sequence[Extras]
) -> list[StoredCubes]:
    """Return the object cubes of every training clip, and cut them if they are missing."""
    from vadkit.data.clips.cubes import build_cubes
    from vadkit.data.store.paced import whole
    from vadkit.data.store.stored_video import StoredVideo
    from vadkit.errors import RecipeError

    kept: list[Any] = [one for one in stored if isinstance(whole(one), StoredVideo)]
    if len(kept) < len(stored):
        raise RecipeError(
            "data.store: none keeps no frames to cut object cubes from, and training would cut "
            "them in every epoch; use another store"
        )
    clips = sum(max(0, len(video) - spec.span + 1) for video in stored)
    with decoding_progress(len(stored), clips, "object cubes") as progress:
        workers = recipe.data.workers
        return build_cubes(kept, extras, spec, workers=workers, progress=progress)


def _given(
    recipe: Recipe, spec: ClipSpec, videos: Sequence[Video], stored: Sequence[FrameReader]
) -> list[dict[str, GivenRows]]:
    """Return the rows that components of the method read from files, by component."""
    from vadkit.data.clips.extras import given_in_clip
    from vadkit.data.decoding.decode import probe
    from vadkit.data.store.paced import PacedVideo, whole
    from vadkit.registry import build_spec

    by_id = {video.id: video for video in videos}
    found: list[dict[str, GivenRows]] = [{} for _ in stored]
    for place in spec.given:
        component: Any = recipe.method.params
        for key in place.split("."):
            component = component[int(key) if isinstance(component, list) else key]
        feature = build_spec("features", component)
        for given, frames in zip(found, stored, strict=True):
            video = by_id[frames.id]
            rows = feature.read(video, len(whole(frames)))
            if isinstance(frames, PacedVideo):
                rows = rows.pick(frames.numbers)
            given[place] = given_in_clip(rows, probe(video.path).size, spec.size)
    return found


def skipped_entries(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    """Return skipped videos for the manifest."""
    return [{"id": s.id, "path": str(s.path), "reason": s.reason} for s in skipped]


def clip_source(
    recipe: Recipe,
    videos: Sequence[FrameReader],
    spec: ClipSpec,
    device: torch.device,
    augments: Sequence[Any],
) -> ClipSource:
    """Return the source of training clips for ``data.store``; a fallback is printed on stderr."""
    from vadkit.data.clips.sources import DecodedClips, ResidentClips, StoredClips
    from vadkit.data.store.modes import choose_mode

    if recipe.data.store == "none":
        # Without gradients, clips are read in order, and consecutive ones share their frames.
        return DecodedClips(videos, spec) if recipe.optimizers else StoredClips(videos, spec)
    need = sum(len(video) for video in videos) * store_settings(recipe).frame_bytes
    in_processes = any(hasattr(one, "to_deterministic") for one in augments)
    mode, message = choose_mode(recipe.data.store, need, device, in_processes=in_processes)
    if message:
        say(message)
    if mode == "disk":
        return StoredClips(videos, spec)
    import torch

    return ResidentClips(videos, spec, device if mode == "device" else torch.device("cpu"))
