"""Sources of clips: the disk store, memory, or decoding again in every epoch."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from vadkit.data.videos import ClipSpec, FrameReader


class ClipSource(Protocol):
    """Fills batches of clips; rows are (video number, first frame), as in ``training_clips``."""

    device: torch.device

    def order(self, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return the numbers of the rows in the order of one epoch."""

    def gather(self, rows: np.ndarray, out: Tensor) -> Tensor:
        """Return clips (B, T, H, W, C) uint8, in ``out`` if they are in host memory."""


class StoredClips:
    """Clips read from videos by number: one read per clip."""

    device = torch.device("cpu")

    def __init__(self, videos: Sequence[FrameReader], spec: ClipSpec) -> None:
        self.videos = list(videos)
        self.spec = spec

    def order(self, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Any order is equally fast."""
        return random.permutation(len(rows))

    def gather(self, rows: np.ndarray, out: Tensor) -> Tensor:
        """Return clips (B, T, H, W, C) uint8, written into ``out``."""
        pixels = out.numpy()
        for place, (video, start) in enumerate(rows.tolist()):
            stop = start + self.spec.span
            if self.spec.step == 1:
                self.videos[video].read(start, stop, pixels[place])
            else:
                pixels[place] = self.videos[video].read(start, stop)[:: self.spec.step]
        return out


class ResidentClips:
    """Clips from one tensor with all frames, in host or device memory: one gather per batch."""

    def __init__(self, videos: Sequence[FrameReader], spec: ClipSpec, device: torch.device) -> None:
        lengths = [len(video) for video in videos]
        self.firsts = np.concatenate([[0], np.cumsum(lengths)])
        self.offsets = np.arange(spec.frames) * spec.step
        self.device = device
        self.frames = torch.empty(
            (int(self.firsts[-1]), *videos[0].shape[1:]), dtype=torch.uint8, device=device
        )
        for video, first in zip(videos, self.firsts, strict=False):
            # In parts, so that filling a device needs little host memory.
            for start in range(0, len(video), _PIECE_FRAMES):
                piece = video.read(start, min(start + _PIECE_FRAMES, len(video)))
                self.frames[first + start : first + start + len(piece)] = torch.from_numpy(piece)

    def order(self, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Any order is equally fast."""
        return random.permutation(len(rows))

    def gather(self, rows: np.ndarray, out: Tensor) -> Tensor:
        """Return clips (B, T, H, W, C) uint8 on the frames' device; ``out`` is for host memory."""
        index = (self.firsts[rows[:, 0]] + rows[:, 1])[:, None] + self.offsets
        if self.device.type == "cpu":
            # Here NumPy copies whole frames at once, up to 30 times as fast as torch. Every index
            # is valid; "clip" only avoids the buffer that a check would need.
            np.take(self.frames.numpy(), index, axis=0, out=out.numpy(), mode="clip")
            return out
        numbers = torch.from_numpy(index.ravel()).to(self.device, non_blocking=True)
        return self.frames.index_select(0, numbers).view(*index.shape, *self.frames.shape[1:])


class DecodedClips:
    """Clips decoded again in every epoch, for data that does not fit on disk.

    An epoch goes through the videos in a random order, each from its start. Clips are shuffled
    within blocks of neighbouring clips of up to ``block_bytes``.
    """

    device = torch.device("cpu")

    def __init__(
        self, videos: Sequence[FrameReader], spec: ClipSpec, block_bytes: int = 256 << 20
    ) -> None:
        self.videos = list(videos)
        self.spec = spec
        frame_bytes = int(np.prod(self.videos[0].shape[1:]))
        self.block = max(spec.span, block_bytes // frame_bytes)
        # Blocks in memory: (video, block number) -> (first frame, frames).
        self._held: OrderedDict[tuple[int, int], np.ndarray] = OrderedDict()

    def order(self, rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Videos in random order; within a run of blocks that fit in memory, shuffled clips."""
        place = random.permutation(len(self.videos))[rows[:, 0]]
        number = rows[:, 1] // self.block
        sorted_rows = np.lexsort((rows[:, 1], number, place))
        changes = np.diff(place[sorted_rows]) != 0
        changes |= np.diff(number[sorted_rows]) != 0
        edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(rows)]
        cuts, held = [], 0
        for start, stop in itertools.pairwise(edges):
            frames = stop - start + self.spec.span - 1
            if held and held + frames > self.block:
                cuts.append(start)
                held = 0
            held += frames
        return np.concatenate([random.permutation(run) for run in np.split(sorted_rows, cuts)])

    def gather(self, rows: np.ndarray, out: Tensor) -> Tensor:
        """Return clips (B, T, H, W, C) uint8, written into ``out``."""
        pixels = out.numpy()
        for place, (video, start) in enumerate(rows.tolist()):
            number = start // self.block
            frames = self._frames(video, number)
            first = start - number * self.block
            pixels[place] = frames[first : first + self.spec.span : self.spec.step]
        return out

    def _frames(self, video: int, number: int) -> np.ndarray:
        key = (video, number)
        if key not in self._held:
            first = number * self.block
            stop = min(first + self.block + self.spec.span - 1, len(self.videos[video]))
            self._held[key] = self.videos[video].read(first, stop)
            # One run of blocks is in use, and the next starts before its last clips are finished.
            most = 2 * (self.block + self.spec.span)
            while len(self._held) > 1 and sum(map(len, self._held.values())) > most:
                self._held.popitem(last=False)
        return self._held[key]


# Frames read at a time when a whole store is loaded into memory.
_PIECE_FRAMES = 256
