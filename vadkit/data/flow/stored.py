"""Optical flow of stored videos, computed once and kept with their frames."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from vadkit.data.decoding.threads import decoding_threads
from vadkit.data.flow import Flow
from vadkit.data.store.derived import Progress, counter, key_of, one_at_a_time, write_derived
from vadkit.data.store.paced import PacedVideo
from vadkit.errors import DataError


class StoredFrames(Protocol):
    """The required properties of a stored video; parts of one file share its ``folder``."""

    @property
    def id(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def first(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int, int]: ...
    @property
    def cuts(self) -> Sequence[int]: ...
    def __len__(self) -> int: ...
    def read(self, start: int, stop: int) -> np.ndarray: ...


@dataclass(frozen=True)
class StoredFlow:
    """Optical flow of a stored video: ``shape`` is (N, H, W, 2), dx and dy in pixels per frame.

    A frame here is one step of the rate that the method was trained at. Index t is the motion
    from frame t - 1 to frame t, in pixels of the stored frames; index 0 is
    zero, and so is a cut.
    """

    id: str
    path: Path
    shape: tuple[int, int, int, int]

    def __len__(self) -> int:
        """The number of frames."""
        return self.shape[0]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the flow of the frames [start, stop) as (n, H, W, 2) float16, a copy in memory.

        Raises ``DataError`` if the file is missing or truncated.
        """
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"flow [{start}, {stop}) of {len(self)}")
        if start == stop:
            return np.empty((0, *self.shape[1:]), np.float16)
        try:
            # Mapped only for this call, because pages of a mapping count as the process's memory.
            return np.array(np.memmap(self.path, np.float16, "r", shape=self.shape)[start:stop])
        except (OSError, ValueError):
            raise DataError(
                f"the flow of video '{self.id}' in {self.path} is truncated; delete the file to "
                "compute it again"
            ) from None


def build_flow(
    videos: Sequence[StoredFrames],
    flow_name: str,
    flow: Flow,
    params: Mapping[str, Any],
    *,
    workers: int = 2,
    progress: Progress | None = None,
) -> list[StoredFlow]:
    """Return the flow of every video in float16, in its folder of the store; compute it if missing.

    ``flow_name`` and ``params`` (with defaults) identify the component ``flow``. ``progress`` is
    called with the numbers of finished videos and of computed frames. Raises ``DataError`` if there
    is not enough disk space.
    """
    named = [(video, _flow_of(video, flow_name, params)) for video in videos]
    # Two videos may be the same part of the same file.
    missing = {made.path: (video, made) for video, made in named if not _is_whole(made)}
    _check_room([made for _, made in missing.values()])
    tell = counter(progress)
    with decoding_threads(workers) as (each, _, check_stop):

        def build(item: tuple[StoredFrames, StoredFlow]) -> None:
            video, made = item
            with one_at_a_time(made.path):
                if not _is_whole(made):
                    with write_derived(made.path) as file:
                        for motion in _motions(video, flow):
                            check_stop()
                            file.write(half(motion).tobytes())
                            tell(0, 1)
                    # Last, so that flow exists only if both files are there.
                    with write_derived(made.path.with_suffix(".json")) as file:
                        file.write(json.dumps({"shape": made.shape, "flow": flow_name}).encode())
            tell(1, 0)

        each(build, missing.values())
    return [made for _, made in named]


def _flow_of(video: StoredFrames, name: str, params: Mapping[str, Any]) -> StoredFlow:
    more = [f"cuts {list(video.cuts)}"] if video.cuts else []
    if isinstance(video, PacedVideo):
        more.append(f"paced {video.digest}")
    key = key_of(name, params, str(video.first), str(len(video)), *more)
    return StoredFlow(video.id, video.folder / f"flow-{key}.f16", (*video.shape[:3], 2))


def _is_whole(made: StoredFlow) -> bool:
    try:
        size = made.path.stat().st_size
        return made.path.with_suffix(".json").is_file() and size == _flow_bytes(made)
    except OSError:
        return False


def _flow_bytes(made: StoredFlow) -> int:
    return int(np.prod(made.shape)) * np.dtype(np.float16).itemsize


def _motions(video: StoredFrames, flow: Flow) -> Iterator[np.ndarray]:
    """Yield (H, W, 2) for every frame of a video."""
    previous = None
    paces = video.paces.tolist() if isinstance(video, PacedVideo) else None
    for number in range(len(video)):
        (frame,) = video.read(number, number + 1)
        if previous is None or number in video.cuts:
            yield np.zeros((*frame.shape[:2], 2), np.float32)
        else:
            moved = flow(previous, frame)
            yield moved if paces is None else at_pace(moved, paces[number])
        previous = frame


def half(flow: np.ndarray) -> np.ndarray:
    """Return flow in float16, which NumPy alone takes ten times as long for."""
    return torch.from_numpy(flow).half().numpy()


def at_pace(flow: np.ndarray, pace: float) -> np.ndarray:
    """Return the flow of one step of the trained rate from that of ``pace`` steps."""
    return flow if pace == 1 else flow / np.float32(pace)


def _check_room(missing: Sequence[StoredFlow]) -> None:
    if not missing:
        return
    folder = missing[0].path.parent
    need, free = sum(map(_flow_bytes, missing)), shutil.disk_usage(folder).free
    if need > free:
        raise DataError(
            f"optical flow needs {need / 2**30:.2f} GiB in {folder.parent}, where "
            f"{free / 2**30:.2f} GiB are free; set VADKIT_CACHE to a larger disk, free space with "
            "`vadkit data cache prune`, or reduce clip.size"
        )
