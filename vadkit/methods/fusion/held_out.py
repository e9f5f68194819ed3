"""Choose the training clips that are held out together, so that they can be scored as unseen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from vadkit.data.tensors import Clips
from vadkit.errors import TrainingError

# The most segments per fold, in order of time: enough that a fold covers every time of day.
_PIECES = 4
# The fewest clips of a segment, unless there is only one per fold: a short segment looks like its
# neighbours in time, which other folds have seen, and its scores say too little about other video.
_LONG = 300


class ClipPosition(NamedTuple):
    """The fold of a clip, whether it is clear of other folds, its video and number there."""

    fold: int
    clear: bool
    video: int
    number: int


class Folds:
    """Distributes the clips of a collect pass over ``count`` folds.

    Training is cut into 1 to 4 segments per fold, of 300 clips or more if there are so many. In
    order of time, they go to the folds in turn. A segment consists of whole consecutive videos. If
    there are fewer videos than segments, each video is cut into equal segments instead. Clips
    within ``span`` of a cut may share frames with their neighbours, so they must not be scored. The
    clips of a video must come in order.
    """

    def __init__(self, count: int, span: int) -> None:
        self.count, self.span = count, span
        self.clips: Sequence[int] = ()
        # The videos that have clips, in order.
        self.order: dict[int, int] = {}
        self.stretches = 1
        self._seen: Counter[int] = Counter()

    def expect(self, clips: Sequence[int]) -> None:
        """Set the clips per video; raise ``TrainingError`` if too few to hold any out."""
        self.clips = clips
        some = [video for video, count in enumerate(clips) if count]
        self.order = {video: place for place, video in enumerate(some)}
        self.stretches = -(-self._pieces // max(len(some), 1))
        if sum(clips) < 2 * _PIECES * self.count:
            raise TrainingError(
                f"there are {sum(clips)} training clips, too few to hold any out; give longer or "
                "more videos"
            )
        self.restart()

    @property
    def _pieces(self) -> int:
        long = sum(self.clips) // (_LONG * self.count)
        return self.count * min(max(long, 1), _PIECES)

    def restart(self) -> None:
        """Start a pass."""
        self._seen.clear()

    def deal(self, clips: Clips) -> list[ClipPosition]:
        """Return the places of the clips of the next batch."""
        videos = [0] * len(clips) if clips.videos is None else clips.videos.tolist()
        return [self._place(video) for video in videos]

    def _place(self, video: int) -> ClipPosition:
        number = self._seen[video]
        self._seen[video] += 1
        if self.stretches == 1:
            piece = self.order[video] * self._pieces // len(self.order)
            return ClipPosition(piece % self.count, True, video, number)
        length = self.clips[video] / self.stretches
        stretch = min(int(number / length), self.stretches - 1)
        # Of short segments, at least the middle half is used.
        margin = min(self.span, length / 4)
        into = number - stretch * length
        clear = (stretch == 0 or into >= margin) and (
            stretch == self.stretches - 1 or length - into > margin
        )
        piece = self.order[video] * self.stretches + stretch
        return ClipPosition(piece % self.count, clear, video, number)
