"""Training batches of object cubes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vadkit.data.clips.cubes import StoredCubes
from vadkit.data.clips.extras import ClipExtras
from vadkit.data.clips.loader import ClipLoader
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec


class CubeLoader(ClipLoader):
    """Like ``ClipLoader``, with batches of single objects instead of clips with all of theirs.

    ``batch_size`` counts objects. Clips have the size of a cube, and no boxes. ``clips`` are rows
    of the video, the first frame and the number of the cube. Samples are those of ``whole``, whole
    clips with all of their objects, because a method scores these.
    """

    def __init__(
        self, cubes: Sequence[StoredCubes], spec: ClipSpec, whole: ClipLoader, **settings: Any
    ) -> None:
        assert spec.cube is not None
        cut = replace(spec, size=(spec.cube, spec.cube), boxes=None)
        self._cubes, self._whole = cubes, whole
        super().__init__(_Cubes(cubes), [0] * len(cubes), cut, **settings)
        self.clips = np.concatenate(
            [
                np.stack([np.full(len(one), video), one.starts, np.arange(len(one))], axis=1)
                for video, one in enumerate(cubes)
            ]
        ).astype(np.int64)

    def keeping(self, kept: np.ndarray) -> CubeLoader:
        """Return a loader of those cubes for which ``kept`` (n,) is True, and of their clips."""
        other = super().keeping(kept)
        assert isinstance(other, CubeLoader)
        clips = set(map(tuple, other.clips[:, :2].tolist()))
        own = np.array([tuple(row) in clips for row in self._whole.clips.tolist()], bool)
        other._whole = self._whole.keeping(own)
        return other

    def sample(self, count: int) -> Iterator[tuple[Clips, list[tuple[str, int]]]]:
        """Yield whole clips that are evenly spread over the training set."""
        return self._whole.sample(count)

    def _extras_of(self, rows: np.ndarray) -> ClipExtras:
        if not self.spec.flow:
            return ClipExtras()
        return ClipExtras(torch.from_numpy(_read(self._cubes, rows, "flow")))


class _Cubes:
    """The frames of cubes as a source of clips."""

    device = torch.device("cpu")

    def __init__(self, cubes: Sequence[StoredCubes]) -> None:
        self._cubes = cubes

    def order(self, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Any order is equally fast."""
        return random.permutation(len(rows))

    def gather(self, rows: np.ndarray, out: Tensor) -> Tensor:
        """Return cubes (B, T, side, side, C) uint8, written into ``out``."""
        out.numpy()[:] = _read(self._cubes, rows, "frames")
        return out


def _read(cubes: Sequence[StoredCubes], rows: np.ndarray, field: str) -> np.ndarray:
    """Return a field of the cubes in ``rows``; a video's are read together."""
    found = None
    for video in np.unique(rows[:, 0]):
        mine = rows[:, 0] == video
        values = cubes[video].read(rows[mine, 2], (field,))[field]
        if found is None:
            found = np.empty((len(rows), *values.shape[1:]), values.dtype)
        found[mine] = values
    assert found is not None, "a batch has rows"
    return found
