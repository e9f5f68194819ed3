"""Batches of bags: equal numbers of normal and abnormal videos, in an order that a seed fixes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from vadkit.data.segments.video import SegmentVideo
from vadkit.data.tensors import Bags
from vadkit.errors import DataError
from vadkit.text import printable

Fit = Literal["average", "pad"]


class BagLoader:
    """Batches of bags in pairs: ``batch_size`` videos, half of them normal and half abnormal.

    An epoch shows each video of the larger group at least once; videos of the smaller one repeat.
    Order and crops depend only on the seed, the epoch and the batch, so a resumed epoch is the
    same. Of videos with several crops, one is drawn each time. ``segments`` and ``fit`` are those
    of ``fitted``. ``classes`` are the kinds of anomalies, () if they are unknown. Raises
    ``DataError`` unless there are normal and abnormal videos, and for a kind that is not known.
    """

    def __init__(
        self,
        videos: Sequence[SegmentVideo],
        *,
        segments: int | None,
        fit: Fit,
        batch_size: int,
        seed: int,
        device: torch.device,
        classes: Sequence[str] = (),
    ) -> None:
        self.videos = list(videos)
        self.segments, self.fit = segments, fit
        self.half = batch_size // 2
        self.seed, self.device = seed, device
        self.numbers = {name: number for number, name in enumerate(classes, start=1)}
        abnormal = np.array([bool(video.abnormal) for video in videos])
        self.normal, self.abnormal = np.flatnonzero(~abnormal), np.flatnonzero(abnormal)
        if not len(self.normal) or not len(self.abnormal):
            raise DataError(
                f"{len(self.normal)} training videos are normal and {len(self.abnormal)} abnormal; "
                "learning from video labels needs both. Use the weak split of the data set: "
                "dataset.train: all, or dataset.split, or dataset.normal for folders of classes"
            )
        odd = [v for v in videos if classes and v.abnormal and v.category not in self.numbers]
        if odd:
            kind = f"the kind '{printable(odd[0].category)}'" if odd[0].category else "no kind"
            raise DataError(
                f"video '{odd[0].id}' has {kind}, but bags.classes has {', '.join(classes)}; add "
                "the kind, or leave out bags.classes"
            )

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        return -(-max(len(self.normal), len(self.abnormal)) // self.half)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of an epoch from ``start`` on."""
        random = np.random.default_rng([self.seed, epoch])
        count = len(self) * self.half
        normal, abnormal = (_drawn(group, count, random) for group in (self.normal, self.abnormal))
        for number in range(start, len(self)):
            part = slice(number * self.half, (number + 1) * self.half)
            chosen = np.concatenate([normal[part], abnormal[part]]).tolist()
            crops = np.random.default_rng([self.seed, epoch, number]).random(len(chosen))
            yield self._bags([self.videos[one] for one in chosen], crops)

    def sample(self, count: int) -> Iterator[tuple[Any, list[tuple[str, int]]]]:
        """Yield normal videos one by one with their names, evenly spread over the list."""
        count = min(count, len(self.normal))
        for place in np.linspace(0, len(self.normal) - 1, count).astype(int).tolist():
            video = self.videos[self.normal[place]]
            yield whole_bag(video, 0, self.device), [(video.id, 0)]

    def _bags(self, videos: Sequence[SegmentVideo], crops: np.ndarray) -> Bags:
        rows = [
            fitted(video.crop(int(place * video.shape[1])), self.segments, self.fit)
            for video, place in zip(videos, crops, strict=True)
        ]
        padded = self.segments if self.fit == "pad" else None
        features, mask = stacked(rows, padded)
        classes = None
        if self.numbers:
            named = [
                self.numbers[video.category or ""] if video.abnormal else 0 for video in videos
            ]
            classes = torch.tensor(named, device=self.device)
        labels = torch.tensor([float(bool(video.abnormal)) for video in videos])
        to = self.device
        return Bags(features.to(to), mask.to(to), labels.to(to), classes)


def whole_bag(video: SegmentVideo, crop: int, device: torch.device) -> Bags:
    """Return one crop of a video as a bag (1, T, D) of all its segments."""
    features, mask = stacked([video.crop(crop)], None)
    label = torch.tensor([float(bool(video.abnormal))], device=device)
    return Bags(features.to(device), mask.to(device), label)


def moments(videos: Sequence[SegmentVideo]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation (D,) float32 of features over the segments of crop 0.

    The deviation of a feature that never varies is 1.
    """
    dim = videos[0].shape[2]
    count, sums, squares = 0, np.zeros(dim), np.zeros(dim)
    for video in videos:
        rows = video.crop(0).astype(np.float64)
        count, sums, squares = count + len(rows), sums + rows.sum(0), squares + (rows**2).sum(0)
    middle = sums / count
    spread = np.sqrt(np.maximum(squares / count - middle**2, 0))
    # A feature that never varies stays 0, whatever rounding says.
    spread[spread < 1e-6 * np.maximum(1, np.abs(middle))] = 1
    return middle.astype(np.float32), spread.astype(np.float32)


def fitted(rows_TD: np.ndarray, segments: int | None, fit: Fit) -> np.ndarray:
    """Return a video's rows as those of at most ``segments`` segments; all of them for None.

    ``average`` returns exactly ``segments`` rows: the means of equal shares of the video, where a
    share of less than one row is that row. ``pad`` leaves out rows evenly if there are too many.
    """
    count = len(rows_TD)
    if segments is None or (fit == "pad" and count <= segments):
        return rows_TD
    if fit == "pad":
        even: np.ndarray = rows_TD[np.linspace(0, count - 1, segments).astype(int)]
        return even
    edges = np.linspace(0, count, segments + 1).astype(int)
    starts = np.minimum(edges[:-1], count - 1)
    lengths = np.maximum(edges[1:] - starts, 1)
    # Sums in double precision, because differences of long sums are needed.
    sums = np.concatenate([np.zeros((1, rows_TD.shape[1])), rows_TD.cumsum(axis=0, dtype=float)])
    means = (sums[starts + lengths] - sums[starts]) / lengths[:, None]
    return np.asarray(means, np.float32)


def stacked(rows: Sequence[np.ndarray], length: int | None) -> tuple[Tensor, Tensor]:
    """Return features (B, T, D) and mask (B, T) of videos (t, D), padded to ``length``.

    None pads to the longest video.
    """
    longest = length or max(map(len, rows))
    features = torch.zeros(len(rows), longest, rows[0].shape[1])
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, one in enumerate(rows):
        features[place, : len(one)] = torch.from_numpy(np.array(one))
        mask[place, : len(one)] = True
    return features, mask


def _drawn(group: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Return ``count`` members of a group: whole permutations of it, one after another."""
    rounds = range(-(-count // len(group)))
    return np.asarray(np.concatenate([random.permutation(group) for _ in rounds])[:count])
