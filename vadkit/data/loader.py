"""Training batches in an order that depends on nothing but the seed and the epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from vadkit.data.augments import draw_clip
from vadkit.data.clips import training_clips
from vadkit.data.store import StoredVideo
from vadkit.data.videos import ClipSpec


class ClipLoader:
    """Batches of clips from stored videos.

    With ``seed`` None clips come in video order, without augments, which is what the collect
    pass wants. ``augments`` are imgaug augmenters, drawn once a clip from the seed, the epoch and
    the clip's number, so that a resumed epoch sees the same pixels. The last clips of an epoch
    that do not fill a batch are left out unless ``drop_last`` is False or they are all there is.
    """

    def __init__(
        self,
        videos: Sequence[StoredVideo],
        spec: ClipSpec,
        *,
        batch_size: int,
        seed: int | None,
        augments: Sequence[Any] = (),
        drop_last: bool = True,
    ) -> None:
        self.videos = list(videos)
        self.seed = seed
        self.augments = list(augments)
        self.clips = training_clips([len(video) for video in videos], spec)
        self.offsets = np.arange(spec.frames) * spec.step
        self.batch_size = batch_size
        whole, rest = divmod(len(self.clips), batch_size)
        self.length = whole + bool(rest and (not drop_last or not whole))

    def __len__(self) -> int:
        """Batches an epoch."""
        return self.length

    def batches(self, epoch: int, start: int = 0) -> Iterator[np.ndarray]:
        """Batches ``start`` and on of an epoch, (B, T, H, W, C) uint8; one is read ahead."""
        order: np.ndarray = np.arange(len(self.clips))
        if self.seed is not None:
            order = np.random.default_rng([self.seed, epoch]).permutation(order)
        with ThreadPoolExecutor(1, thread_name_prefix="clips") as ahead:
            pending = None
            for number in range(start, self.length):
                numbers = order[number * self.batch_size : (number + 1) * self.batch_size]
                upcoming = ahead.submit(self._gather, numbers, epoch)
                if pending is not None:
                    yield pending.result()
                pending = upcoming
            if pending is not None:
                yield pending.result()

    def _gather(self, numbers: np.ndarray, epoch: int) -> np.ndarray:
        rows = self.clips[numbers]
        first = self.videos[rows[0, 0]].frames
        batch = np.empty((len(rows), len(self.offsets), *first.shape[1:]), np.uint8)
        for place, (video, start) in enumerate(rows):
            batch[place] = self.videos[video].frames[start + self.offsets]
        if not self.augments:
            return batch
        seeds = [
            int(np.random.SeedSequence([self.seed or 0, epoch, int(n)]).generate_state(1)[0])
            for n in numbers
        ]
        return np.stack(
            [draw_clip(self.augments, clip, seed) for clip, seed in zip(batch, seeds, strict=True)]
        )
