"""Score the test split of a run on the machines of a Ray cluster."""

from __future__ import annotations

import contextlib
import functools
import socket
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.errors import RecipeError, TrainingError
from vadkit.recipe import Recipe
from vadkit.text import printable
from vadkit.workflows.build import load_method
from vadkit.workflows.ray_tasks import map_on_ray
from vadkit.workflows.run import load_run, plugin_digests
from vadkit.workflows.shared_folder import Shared, Unseen, not_shared, shared_folder
from vadkit.workflows.workers import Died, Progress, Score

if TYPE_CHECKING:
    from vadkit.data.clips.extras import Extras
    from vadkit.data.videos import FrameReader

# Raw scores of the frames of a video, and their parts by name.
Scores = tuple[np.ndarray, dict[str, np.ndarray]]


def score_on_cluster(
    address: str,
    run: Path,
    recipe: Recipe,
    overrides: tuple[str, ...],
    checkpoint: Path,
    digest: Callable[[Path], str],
    items: Sequence[tuple[FrameReader, Extras]],
    scored: Progress,
) -> Generator[tuple[int, Scores]]:
    """Yield the number and the scores of each video when it is done, in any order.

    Run and frame store must be in folders that all machines share; ``digest`` tells whether they
    have the same checkpoint. Raises ``TrainingError`` if a video cannot be scored.
    """
    from vadkit.data.store.paced import whole
    from vadkit.data.store.settings import cache_folder
    from vadkit.data.store.stored_video import StoredVideo

    if not all(isinstance(whole(video), StoredVideo) for video, _ in items):
        raise RecipeError("--ray needs stored frames; leave out data.store: none")
    with shared_folder(cache_folder(), [run], plugin_digests(recipe)) as shared:
        start = functools.partial(
            _start_there, shared, run, overrides, checkpoint, digest, digest(checkpoint)
        )
        device = recipe.train.device
        with contextlib.closing(map_on_ray(address, start, items, scored, device=device)) as found:
            for number, result in found:
                video: Any = whole(items[number][0])
                if isinstance(result, Unseen):
                    raise not_shared(result.machine, video.folder)
                if isinstance(result, Died):
                    raise TrainingError(
                        f"test video '{printable(video.id)}': the process that scored it {result}"
                    )
                yield number, result


def _start_there(
    shared: Shared,
    run: Path,
    overrides: tuple[str, ...],
    checkpoint: Path,
    digest: Callable[[Path], str],
    known: str,
) -> Score:
    """Check what this machine sees; return the function that scores a stored video."""
    import cv2
    import torch

    from vadkit.data.store.paced import whole
    from vadkit.device import few_threads, pick_device, pick_precision, scoring_batch
    from vadkit.engine.scoring import score_video_parts

    shared.enter()
    if not checkpoint.exists():
        raise not_shared(socket.gethostname(), checkpoint)
    if digest(checkpoint) != known:
        raise TrainingError(
            f"machine {printable(socket.gethostname())} of the Ray cluster has another checkpoint "
            f"at {printable(str(checkpoint))}; the run must be in a folder that all machines share"
        )
    recipe = load_run(run, overrides)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    device = pick_device(recipe.train.device)
    dtype = pick_precision(recipe.train.precision, device)
    method, _ = load_method(recipe, checkpoint, device)
    batch_size = scoring_batch(recipe.train.batch_size, device)

    def score(item: tuple[Any, Extras], progress: Progress) -> Scores | Unseen:
        video, extras = item
        if not whole(video).folder.exists():  # type: ignore[attr-defined]
            return Unseen()
        with few_threads(method, device):
            return score_video_parts(
                method,
                video,
                device=device,
                dtype=dtype,
                batch_size=batch_size,
                extras=extras,
                scored=progress,
            )

    return score
