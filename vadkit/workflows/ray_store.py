"""Fill the frame store on the machines of a Ray cluster."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.errors import DataError
from vadkit.workflows.ray_tasks import map_on_ray
from vadkit.workflows.shared_folder import Shared, Unseen, not_shared, shared_folder
from vadkit.workflows.workers import Progress, Score

if TYPE_CHECKING:
    from vadkit.data.store.build import Plan
    from vadkit.data.store.settings import Settings


def fill_store(
    address: str, plan: Plan, settings: Settings, progress: Callable[[int, int], None]
) -> Plan:
    """Store the missing videos of a plan; return the plan of those that could not be stored.

    The store must be in a folder that all machines share. ``progress`` is called with the numbers
    of finished files and of decoded frames.
    """
    from vadkit.data.store.build import check_room

    check_room(plan)
    items = [(video.path, key) for key, (video, _) in plan.missing.items()]
    if not items:
        return plan
    left, done, frames = dict(plan.missing), 0, 0

    def decoded(new: int) -> None:
        nonlocal frames
        frames += new
        progress(done, frames)

    plan.cache.mkdir(parents=True, exist_ok=True)
    paths = [*settings.plugins, *(path for path, _ in items)]
    with shared_folder(plan.cache, paths) as shared:
        start = functools.partial(_start_there, shared, plan.cache, settings)
        with contextlib.closing(map_on_ray(address, start, items, decoded)) as found:
            for number, failed in found:
                path, key = items[number]
                if isinstance(failed, Unseen) and path.exists():
                    raise not_shared(failed.machine, path)
                if failed is None:
                    del left[key]
                done += 1
                progress(done, frames)
    return replace(plan, missing=left)


def _start_there(shared: Shared, cache: Path, settings: Settings) -> Score:
    """Return the function that stores a video; its result is None, or says why it could not."""
    from vadkit.data.decoding.child import Worker
    from vadkit.data.store.write import write_video

    shared.enter()
    decoder = Worker()

    def store(item: tuple[Path, str], progress: Progress) -> str | Unseen | None:
        path, key = item
        if not path.exists():
            return Unseen()
        try:
            write_video(path, cache, key, settings, decoder, progress)
        except DataError as error:
            return str(error)
        return None

    return store
