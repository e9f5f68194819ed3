"""The base of methods that learn without gradients from rows of features of normal video."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from vadkit.data.tensors import Bags, Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores


class RowsMethod(Method):
    """A method that sees a row of features for each segment of a video, and only normal video.

    The section ``features`` of a recipe names the features. ``collect_rows`` gets the rows of one
    training video, and ``row_scores`` returns a score for each row; everything learned is in
    buffers.
    """

    from_bags: ClassVar[bool] = True
    # Whether training needs videos of both kinds, in pairs.
    pairs: ClassVar[bool] = False
    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 1, "size": [224, 224], "channels": "rgb"},
        "bags": {"segments": None},
        "train": {"epochs": 1, "batch_size": 2},
    }

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        return ClipSpec(frames, size, channels, tuple(range(frames)), step)

    def collect(self, clips: Clips | Bags) -> None:
        assert isinstance(clips, Bags)
        for rows, mask in zip(clips.features, clips.mask, strict=True):
            self.collect_rows(rows[mask])

    def score(self, clips: Clips | Bags) -> Scores:
        """Return scores (B, T) of rows, NaN for padding."""
        assert isinstance(clips, Bags)
        scores = clips.features.new_full(clips.mask.shape, float("nan"))
        for number, mask in enumerate(clips.mask):
            scores[number, mask] = self.row_scores(clips.features[number, mask]).to(scores)
        return Scores(scores)

    def collect_rows(self, rows_TD: Tensor) -> None:
        """Collect the rows (T, D) of a training video, in order of time."""
        raise NotImplementedError

    def row_scores(self, rows_TD: Tensor) -> Tensor:
        """Return how unusual each row of a video is, (T,); higher is more abnormal."""
        raise NotImplementedError
