"""Pseudo-anomalous clips of stored videos, made once and kept in the frame store like videos."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.arrays import load_archive
from vadkit.data.pseudo.scene import Pseudo, Scene, SyntheticClip, median_of
from vadkit.data.store.cache import PSEUDO
from vadkit.data.store.derived import key_of, one_at_a_time, write_derived
from vadkit.data.store.stored_video import StoredVideo, open_stored
from vadkit.data.store.write import FRAMES_FILE, META_FILE

# Part of every key: increase it when the content of the clips changes.
_FORMAT = "1"
_TRUTH_FILE = "truth.npz"
# The number of frames of a long video that clips and the background are taken from at a time.
_WINDOW, _AROUND = 300, 3000


@dataclass(frozen=True)
class Kind:
    """A kind of anomaly from a recipe, with its complete parameters."""

    name: str
    params: Mapping[str, Any]
    make: Pseudo

    @property
    def versions(self) -> list[float]:
        """Return its strengths, and its control if it has one."""
        control = [] if self.make.control is None else [self.make.control]
        return [*control, *self.make.strengths]


@dataclass(frozen=True)
class PseudoClip:
    """A stored clip with its kind and source; ``control`` if nothing in it is abnormal."""

    kind: str
    strength: float
    control: bool
    frames: StoredVideo

    def truth(self) -> tuple[np.ndarray, np.ndarray]:
        """Return labels (N,) bool and masks (N, H, W) bool."""
        saved = load_archive(self.frames.folder / _TRUTH_FILE)
        width = self.frames.shape[2]
        masks = np.unpackbits(saved["masks"], axis=-1, count=width).astype(bool)
        return saved["labels"], masks


def make_clips(
    videos: Sequence[StoredVideo],
    kinds: Sequence[Kind],
    cache: Path,
    *,
    count: int,
    lead: int,
    length: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[PseudoClip]:
    """Make ``count`` clips of every kind and strength, spread over the videos; fewer if some fail.

    A clip has ``lead`` unedited frames, and up to ``length`` more. The result depends only on the
    arguments. ``progress`` is called with the numbers of clips and of frames.
    """
    made, done, frames = [], 0, 0
    for copy in range(count):
        video = videos[copy % len(videos)]
        scene = _Lazy(video, np.random.default_rng([seed, copy]))
        for kind in kinds:
            draws = [seed, copy, zlib.crc32(kind.name.encode())]
            for strength in kind.versions:
                named = [_FORMAT, video.key, strength, *draws, lead, length]
                key = key_of(kind.name, kind.params, *map(str, named))
                clip_id = f"{video.id}/{kind.name}@{strength:g}#{copy // len(videos) + 1}"
                stored = _stored(
                    cache,
                    f"pseudo-{key}",
                    clip_id,
                    # The same random values for all strengths, so that strengths are comparable.
                    partial(_make, kind, strength, scene, lead, length, draws),
                )
                done += 1
                if stored is not None:
                    control = strength == kind.make.control
                    made.append(PseudoClip(kind.name, strength, control, stored))
                    frames += len(stored)
                if progress is not None:
                    progress(done, frames)
    return made


def _make(
    kind: Kind,
    strength: float,
    scene: Callable[[], Scene],
    lead: int,
    length: int,
    draws: list[int],
) -> SyntheticClip | None:
    return kind.make(scene(), strength, lead, length, np.random.default_rng(draws))


class _Lazy:
    """The scene that a clip is cut from, read only if a clip is missing."""

    def __init__(self, video: StoredVideo, rng: np.random.Generator) -> None:
        self.video, self.rng = video, rng
        self.scene: Scene | None = None

    def __call__(self) -> Scene:
        if self.scene is None:
            count = len(self.video)
            start = int(self.rng.integers(max(1, count - _WINDOW + 1)))
            first, stop = max(0, start - _AROUND // 2), min(count, start + _AROUND // 2)
            spread = np.linspace(first, stop - 1, min(60, stop - first)).round().astype(int)
            seen = np.concatenate([self.video.read(n, n + 1) for n in spread.tolist()])
            frames = self.video.read(start, min(start + _WINDOW, count))
            self.scene = Scene(frames, median_of(seen))
        return self.scene


def _stored(
    cache: Path, name: str, clip_id: str, make: Callable[[], SyntheticClip | None]
) -> StoredVideo | None:
    """Return the clip from the store; make it if it is missing; None if it cannot be made."""
    folder = cache / name
    with one_at_a_time(cache / "locks" / name):
        if not (folder / META_FILE).is_file():
            made = make()
            if made is None:
                return None
            _write(folder, clip_id, made)
    stored = open_stored(clip_id, folder)
    assert stored is not None
    return stored


def _write(folder: Path, clip_id: str, made: SyntheticClip) -> None:
    folder.mkdir(exist_ok=True)
    pixels = np.ascontiguousarray(made.frames).tobytes()
    with write_derived(folder / FRAMES_FILE) as file:
        file.write(pixels)
    with write_derived(folder / _TRUTH_FILE) as file:
        np.savez(file, labels=made.labels, masks=np.packbits(made.masks, axis=-1))
    meta = {
        "shape": made.frames.shape,
        "channels": "rgb" if made.frames.shape[-1] == 3 else "gray",
        "source": f"{PSEUDO} {clip_id}",
        "readers": [],
        "crc32": zlib.crc32(pixels),
        "created": time.time(),
    }
    # Last: this puts the clip in the store.
    with write_derived(folder / META_FILE) as file:
        file.write(json.dumps(meta).encode())
