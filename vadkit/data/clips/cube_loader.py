"""Training batches of object cubes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vadkit.data.clips.cubes import StoredCubes
from vadkit.data.clips.extras import ClipExtras
from vadkit.data.clips.loader import ClipLoader
from vadkit.data.videos import ClipSpec


class CubeLoader(ClipLoader):
    """Like ``ClipLoader``, with batches of single objects instead of clips with all of theirs.

    ``batch_size`` counts objects. Clips have the size of a cube, and no boxes. ``clips`` are rows
    of the video, the first frame and the number of the cube.
    """

    def __init__(self, cubes: Sequence[StoredCubes], spec: ClipSpec, **settings: Any) -> None:
        assert spec.cube is not None
        cut = replace(spec, size=(spec.cube, spec.cube), boxes=None)
        self._cubes = cubes
        super().__init__(_Cubes(cubes), [0] * len(cubes), cut, **settings)
        self.clips = np.concatenate(
            [
                np.stack([np.full(len(one), video), one.starts, np.arange(len(one))], axis=1)
                for video, one in enumerate(cubes)
            ]
        ).astype(np.int64)

    def _extras_of(self, rows: np.ndarray, spec: ClipSpec | None = None) -> ClipExtras:
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
