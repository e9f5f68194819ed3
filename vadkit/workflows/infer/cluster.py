"""Score videos on the machines of a Ray cluster."""

from __future__ import annotations

import contextlib
import functools
import socket
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from vadkit import trust
from vadkit.errors import TrainingError
from vadkit.files import remove_leftovers
from vadkit.methods.exported import is_exported
from vadkit.text import printable
from vadkit.workflows.infer.result import Inferred, model_digest
from vadkit.workflows.infer.video import Item, Work, start_scoring
from vadkit.workflows.ray_tasks import map_on_ray
from vadkit.workflows.run import load_run, plugin_digests
from vadkit.workflows.shared_folder import Shared, Unseen, not_shared, shared_folder
from vadkit.workflows.workers import Progress, Score


def score_on_cluster(
    address: str,
    work: Work,
    items: Sequence[Item],
    progress: Progress,
    device: str,
    workers: int | None,
) -> Generator[tuple[int, Any]]:
    """Like ``score_in_processes``, with tasks of a Ray cluster.

    Raises ``TrainingError`` if a machine does not see the same run, videos or folder for results.
    """
    paths = [work.run, *(video.path for video, _ in items)]
    with shared_folder(work.out, paths, _trusted(work.run)) as shared:
        start = functools.partial(_start_there, shared, work)
        found = map_on_ray(address, start, items, progress, device=device, workers=workers)
        with contextlib.closing(found):
            for number, result in found:
                video = items[number][0]
                if isinstance(result, Unseen):
                    if video.path.exists():
                        raise not_shared(result.machine, video.path)
                    path = str(video.path)
                    result = Inferred.failed(path, f"{path}: it was removed after it was found")
                yield number, result


def _trusted(run: Path) -> tuple[str, ...]:
    """Return the digests of the code of a run or an exported file that this user trusts."""
    if not is_exported(run):
        return plugin_digests(load_run(run))
    digest = trust.digest(run.read_bytes())
    return (digest,) if trust.is_trusted(digest) else ()


def _start_there(shared: Shared, work: Work) -> Score:
    """Check what this machine sees; return the function that scores a video."""
    shared.enter()
    if not work.run.exists():
        raise not_shared(socket.gethostname(), work.run)
    if model_digest(work.run, work.checkpoint) != work.key.model.partition("+")[0]:
        raise TrainingError(
            f"machine {printable(socket.gethostname())} of the Ray cluster has another model at "
            f"{printable(str(work.run))}; the run must be in a folder that all machines share"
        )
    score = start_scoring(work, threads=1)

    def score_there(item: Item, progress: Progress) -> Inferred | Unseen:
        video, folder = item
        if not video.path.exists():
            return Unseen()
        # Of a process that was lost while it scored this video.
        remove_leftovers(folder)
        result: Inferred = score(item, progress)
        return result

    return score_there
