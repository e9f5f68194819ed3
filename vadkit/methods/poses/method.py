"""The base of methods that learn from windows of the poses of one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from vadkit.data.objects.skeleton import JOINTS
from vadkit.data.segments.pose_windows import WindowLoader
from vadkit.data.segments.poses import PERSON, tracks_of, windows_of
from vadkit.data.segments.video import SegmentVideo
from vadkit.data.tensors import Bags, Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import TrainingError
from vadkit.methods.method import WeightedLoss
from vadkit.methods.segment_rows import RowsMethod

# Training windows that tell the lowest score; all of them would take as long as an epoch.
_LEAST_OF = 1024
# The least size of a person in pixels.
_SMALLEST = 1.0


class PoseMethod(RowsMethod):
    """A method with one network that scores windows of ``length`` poses of one person.

    It needs the features ``poses``. A window's score is that of frame ``place`` of the window for
    this person; a frame has the score of its most unusual person. A frame without a scored person
    has the lowest score of training windows, and no frame has a lower one. ``window_scores`` gets
    windows (B, 2, T, V): x and y of joints in pixels.
    """

    # Windows scored at a time.
    batch: ClassVar[int] = 1024
    least: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        length: int,
        place: int,
        stride: int,
        gap: int,
    ) -> None:
        super().__init__(networks, losses, clip)
        if clip.dim is not None and (clip.dim - 1) % PERSON:
            raise TrainingError("methods on poses need the features 'poses'")
        self.length, self.place, self.stride, self.gap = length, place, stride, gap
        self.register_buffer("least", torch.tensor(float("inf")))
        self._seen = 0

    def loader(
        self, videos: Sequence[SegmentVideo], *, batch_size: int, seed: int, device: torch.device
    ) -> WindowLoader:
        """Return the training windows of videos."""
        return WindowLoader(
            videos,
            length=self.length,
            stride=self.stride,
            gap=self.gap,
            batch_size=batch_size,
            seed=seed,
            device=device,
        )

    def window_scores(self, windows_B2TV: Tensor) -> Tensor:
        """Return how unusual windows are, (B,); higher is more abnormal."""
        raise NotImplementedError

    def items(self, clips: Clips | Bags) -> int:
        """The number of windows."""
        return len(clips)

    def expect(self, clips: Sequence[int]) -> None:
        self._seen = 0
        self.least.fill_(float("inf"))

    def collect(self, clips: Clips | Bags) -> None:
        """Find the lowest score of the first training windows, whose order is random."""
        assert isinstance(clips, Bags)
        if self._seen < _LEAST_OF:
            self._seen += len(clips)
            scores = self._scores(places_of(clips.features))
            self.least.copy_(torch.minimum(self.least, scores.min()))

    def row_scores(self, rows_TD: Tensor) -> Tensor:
        rows = rows_TD.float().cpu().numpy()
        scores = self.least.to(rows_TD.device).repeat(len(rows_TD))
        tracks = tracks_of(rows, self.gap)
        first, frames = windows_of(tracks, self.length, 1)
        if not len(first):
            return scores
        own = []
        for part in np.array_split(first, -(-len(first) // self.batch)):
            poses = tracks.points[part[:, None] + np.arange(self.length)]
            own.append(self._scores(places_of(torch.from_numpy(poses).to(rows_TD.device))))
        # A frame that is missing in the rows was filled, and gives its score to the next one.
        row = np.searchsorted(rows[:, 0], frames + self.place).clip(max=len(rows) - 1)
        at = torch.from_numpy(row).to(scores.device)
        return scores.scatter_reduce(0, at, torch.cat(own).to(scores), reduce="amax")

    def _scores(self, windows_B2TV: Tensor) -> Tensor:
        # Likelihoods and errors lose too much in bfloat16.
        with torch.autocast(windows_B2TV.device.type, enabled=False), torch.no_grad():
            return self.window_scores(windows_B2TV)


def places_of(poses: Tensor) -> Tensor:
    """Return x and y of joints (B, 2, T, V) from poses (B, T, V * 3) or (B, T, V, 3)."""
    joints = poses.float().reshape(*poses.shape[:2], JOINTS, 3)[..., :2]
    return joints.permute(0, 3, 1, 2)


def normalised(windows_B2TV: Tensor, first: int | None = None) -> Tensor:
    """Return windows with the mean of both axes at 0, in units of the deviation of heights.

    Both axes have one unit, so a person who lies is wide. Mean and deviation are those of the first
    ``first`` frames; by default those of all.
    """
    known = windows_B2TV[:, :, :first]
    middle = known.mean(dim=(2, 3), keepdim=True)
    size = known[:, 1:].std(dim=(2, 3), keepdim=True, correction=0).clamp(min=_SMALLEST)
    return (windows_B2TV - middle) / size


def defaults_of(**sections: Any) -> dict[str, Any]:
    """Return the defaults of a method on poses."""
    return {**RowsMethod.defaults, **sections}
