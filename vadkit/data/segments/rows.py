"""The rows of normal videos, one video after another, for methods that learn without gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from vadkit.data.segments.bags import stacked, whole_bag
from vadkit.data.segments.video import SegmentVideo
from vadkit.data.tensors import Bags
from vadkit.errors import DataError


class RowLoader:
    """Each normal video as one bag, without rows that are left out.

    ``clips`` are the segments (n, 2) of all videos: the number of the video, and the first frame of
    the segment. Raises ``DataError`` if all videos are abnormal.
    """

    def __init__(
        self, videos: Sequence[SegmentVideo], device: torch.device, kept: np.ndarray | None = None
    ) -> None:
        self.videos, self.device = list(videos), device
        normal = [(n, video) for n, video in enumerate(videos) if not video.abnormal]
        if not normal:
            raise DataError(
                f"all {len(videos)} training videos are abnormal; normal ones are needed"
            )
        # Spread segments begin where the first of their frames is.
        firsts = [
            (n, np.searchsorted(video.segments_of(0, len(video)), np.arange(video.shape[0])))
            for n, video in normal
        ]
        self._all = np.concatenate(
            [np.column_stack([np.full(len(own), n), own]) for n, own in firsts]
        ).astype(np.int64)
        self.kept = np.ones(len(self._all), bool) if kept is None else kept

    @property
    def clips(self) -> np.ndarray:
        """The video and the first frame of each kept segment, (n, 2) int64."""
        found: np.ndarray = self._all[self.kept]
        return found

    def keeping(self, kept: np.ndarray) -> RowLoader:
        """Return a loader of the segments where ``kept`` (n,) is true."""
        both = self.kept.copy()
        both[both] = kept
        return RowLoader(self.videos, self.device, both)

    def __len__(self) -> int:
        """The number of videos with a segment."""
        return len(np.unique(self.clips[:, 0]))

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Yield one video after another, with all its crops as bags of one batch."""
        for number in np.unique(self.clips[:, 0]).tolist()[start:]:
            video = self.videos[number]
            mine = self.kept[self._all[:, 0] == number]
            features, mask = stacked([video.crop(c)[mine] for c in range(video.shape[1])], None)
            labels = torch.zeros(len(features), device=self.device)
            yield Bags(features.to(self.device), mask.to(self.device), labels)

    def sample(self, count: int) -> Iterator[tuple[Any, list[tuple[str, int]]]]:
        """Yield videos one by one with their names, evenly spread."""
        numbers = np.unique(self.clips[:, 0])
        for place in np.linspace(0, len(numbers) - 1, min(count, len(numbers))).astype(int):
            video = self.videos[int(numbers[place])]
            yield whole_bag(video, 0, self.device), [(video.id, 0)]
