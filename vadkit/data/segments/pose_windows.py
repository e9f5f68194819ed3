"""Batches of windows of people's poses, in an order that a seed fixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from vadkit.data.segments.bags import whole_bag
from vadkit.data.segments.poses import tracks_of, windows_of
from vadkit.data.segments.video import SegmentVideo
from vadkit.data.tensors import Bags
from vadkit.errors import DataError


class WindowLoader:
    """Windows of ``length`` poses of one person, every ``stride`` frames, of normal videos.

    A batch is a ``Bags`` whose rows are the poses of a window: x, y and confidence of each joint.
    The order depends only on the seed and the epoch. ``clips`` are the video and the first frame of
    each window, (n, 2). Raises ``DataError`` if there is no window.
    """

    def __init__(
        self,
        videos: Sequence[SegmentVideo],
        *,
        length: int,
        stride: int,
        gap: int,
        batch_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self.videos, self.length, self.device = list(videos), length, device
        self.batch_size, self.seed = batch_size, seed
        if all(video.abnormal for video in videos):
            raise DataError(
                f"all {len(videos)} training videos are abnormal; normal ones are needed"
            )
        points, first, clips, total = [], [], [], 0
        for number, video in enumerate(videos):
            if video.abnormal:
                continue
            tracks = tracks_of(video.crop(0), gap)
            own, frames = windows_of(tracks, length, stride)
            points.append(tracks.points)
            first.append(own + total)
            clips.append(np.column_stack([np.full(len(own), number), frames]))
            total += len(tracks.points)
        if not sum(map(len, first)):
            raise DataError(
                f"no person is tracked for {length} frames in any of {len(points)} normal videos; "
                "longer tracks are needed, or method.gap must be higher"
            )
        self._points = np.concatenate(points).reshape(total, -1)
        self._first = np.concatenate(first)
        self._clips: np.ndarray = np.concatenate(clips).astype(np.int64)

    @property
    def clips(self) -> np.ndarray:
        """The video and the first frame of each window, (n, 2) int64."""
        return self._clips

    def keeping(self, kept: np.ndarray) -> WindowLoader:
        """Return a loader of the windows where ``kept`` (n,) is true."""
        part = object.__new__(WindowLoader)
        part.__dict__.update(self.__dict__)
        part._first, part._clips = self._first[kept], self._clips[kept]
        return part

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        return -(-len(self._first) // self.batch_size)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch from ``start`` on."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self._first))
        for number in range(start, len(self)):
            chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
            at = self._first[chosen][:, None] + np.arange(self.length)
            features = torch.from_numpy(self._points[at]).to(self.device)
            mask = torch.ones(features.shape[:2], dtype=torch.bool, device=self.device)
            yield Bags(features, mask, torch.zeros(len(features), device=self.device))

    def sample(self, count: int) -> Iterator[tuple[Any, list[tuple[str, int]]]]:
        """Yield whole videos one by one with their names, evenly spread."""
        numbers = np.unique(self._clips[:, 0])
        for place in np.linspace(0, len(numbers) - 1, min(count, len(numbers))).astype(int):
            video = self.videos[int(numbers[place])]
            yield whole_bag(video, 0, self.device), [(video.id, 0)]
