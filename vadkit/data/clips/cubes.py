"""Object cubes, the crops of an object's box in the frames of a clip: cut once and kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vadkit.data.clips.batch import make_clips
from vadkit.data.clips.extras import Extras, gather_extras
from vadkit.data.clips.ranges import training_clips
from vadkit.data.decoding.threads import decoding_threads
from vadkit.data.flow.stored import StoredFrames
from vadkit.data.store.derived import Progress, counter, key_of, one_at_a_time, write_derived
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import DataError

# Clips that are cut at a time.
_CLIPS = 16


def cubes_of(clips: Clips, side: int) -> tuple[Tensor, Tensor | None]:
    """Return the cubes (N, C, T, side, side) and flow (N, 2, F, side, side) of a batch's objects.

    Clips without boxes are cubes already. Others are cut with bilinear interpolation, frames in
    0..1 are rounded to 256 levels and flow to float16, as cubes are kept.
    """
    if clips.boxes is None:
        return clips.frames, clips.flow
    frames = cropped(clips.frames, clips.boxes, side).mul(255).round_().mul_(1 / 255)
    if clips.flow is None:
        return frames, None
    return frames, cropped(clips.flow, clips.boxes, side).half().float()


def cropped(clips_BCTHW: Tensor, boxes: Sequence[Tensor], side: int) -> Tensor:
    """Return the crops (N, C, T, side, side) of all boxes, with bilinear interpolation."""
    from torchvision.ops import roi_align

    channels, frames = clips_BCTHW.shape[1:3]
    crops = roi_align(clips_BCTHW.float().flatten(1, 2), list(boxes), side, aligned=True)
    found: Tensor = crops.unflatten(1, (channels, frames))
    return found


@dataclass(frozen=True)
class StoredCubes:
    """The cubes of one video, in a file of one record for each.

    ``spec`` is that of the clips they were cut from. A record has the ``start`` of the clip, its
    ``frames`` (T, side, side, C) uint8 and, if the spec has flow, ``flow`` (F, side, side, 2).
    """

    id: str
    path: Path
    spec: ClipSpec

    @property
    def record(self) -> np.dtype[np.void]:
        """The type of a record."""
        side, spec = self.spec.cube, self.spec
        fields = [
            ("start", "<i8"),
            ("frames", "u1", (spec.frames, side, side, spec.planes)),
            ("flow", "<f2", (len(spec.flow), side, side, 2)),
        ]
        return np.dtype(fields if spec.flow else fields[:2])

    def __len__(self) -> int:
        """The number of cubes."""
        return self.path.stat().st_size // self.record.itemsize

    @property
    def starts(self) -> np.ndarray:
        """The first frame (n,) of the clip of each cube, ascending."""
        return self.read(np.arange(len(self)), ("start",))["start"]

    def read(self, numbers: np.ndarray, fields: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """Return the ``fields``, by default all, of these cubes, as copies in memory."""
        names = fields or self.record.names or ()
        if not len(numbers):
            return {name: np.empty(0, self.record)[name] for name in names}
        try:
            # Mapped only for this call, because pages of a mapping count as the process's memory.
            records = np.memmap(self.path, self.record, "r")
            return {name: records[name][numbers] for name in names}
        except (OSError, ValueError, IndexError):
            raise DataError(
                f"the object cubes of video '{self.id}' in {self.path} are truncated; delete the "
                "file to cut them again"
            ) from None


def build_cubes(
    videos: Sequence[StoredFrames],
    extras: Sequence[Extras],
    spec: ClipSpec,
    *,
    workers: int = 2,
    progress: Progress | None = None,
) -> list[StoredCubes]:
    """Return the cubes of every training clip of every video; cut them if they are missing.

    Videos are stored, ``extras`` are their boxes and their flow, and ``spec.cube`` is the side of a
    cube. ``progress`` is called with the numbers of finished videos and of clips.
    """
    tell = counter(progress)
    named = [
        (video, one, StoredCubes(video.id, video.folder / f"cubes-{_key(video, one, spec)}", spec))
        for video, one in zip(videos, extras, strict=True)
    ]
    with decoding_threads(workers) as (each, _, check_stop):

        def build(item: tuple[StoredFrames, Extras, StoredCubes]) -> None:
            video, own, made = item
            with one_at_a_time(made.path):
                if not made.path.is_file():
                    with write_derived(made.path) as file:
                        for clips, records in _cut(video, own, made):
                            check_stop()
                            file.write(records.tobytes())
                            tell(0, clips)
            tell(1, 0)

        # Two videos may be the same part of the same file.
        each(build, {made.path: item for item in named for made in item[2:]}.values())
    return [made for _, _, made in named]


def _cut(
    video: StoredFrames, extras: Extras, made: StoredCubes
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number of clips and the records of their cubes, a few clips at a time."""
    spec, cpu = made.spec, torch.device("cpu")
    assert spec.cube is not None
    rows = training_clips([len(video)], spec, [video.cuts])
    for place in range(0, len(rows), _CLIPS):
        chosen = rows[place : place + _CLIPS]
        frames = [video.read(start, start + spec.span)[:: spec.step] for _, start in chosen]
        found = gather_extras([extras], chosen, spec)
        clips = make_clips(torch.from_numpy(np.stack(frames)), found, spec, cpu, torch.float32)
        cubes, flow = cubes_of(clips, spec.cube)
        assert clips.boxes is not None
        records = np.empty(len(cubes), made.record)
        records["start"] = np.repeat(chosen[:, 1], [len(boxes) for boxes in clips.boxes])
        records["frames"] = cubes.mul(255).round_().byte().permute(0, 2, 3, 4, 1).numpy()
        if flow is not None:
            records["flow"] = flow.half().permute(0, 2, 3, 4, 1).numpy()
        yield len(chosen), records


def _key(video: StoredFrames, extras: Extras, spec: ClipSpec) -> str:
    """Return a name for the cubes from all that they depend on, other than the frames' folder."""
    assert extras.boxes is not None
    boxes = hashlib.blake2b(digest_size=12)
    for values in (extras.boxes.frame, extras.boxes.xyxy):
        boxes.update(np.ascontiguousarray(values).tobytes())
    made_from = {
        "side": spec.cube,
        "clip": [spec.frames, spec.step, spec.boxes, spec.flow],
        "flow": str(getattr(extras.flow, "path", "")),
        "video": [video.first, len(video), list(video.cuts), str(getattr(video, "digest", ""))],
    }
    return key_of("cubes", made_from, boxes.hexdigest())
