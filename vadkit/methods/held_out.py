"""Which training clips are held out together, so that a method can be asked about unseen video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vadkit.data.tensors import Clips
from vadkit.errors import TrainingError

# Pieces that each fold wants; with fewer videos than that, videos are cut by time.
_PIECES = 4


class Folds:
    """Deals the clips of a collect pass out to ``count`` folds.

    Videos go to the folds in turn. Where there are fewer than 4 a fold, each is cut into equal
    stretches of time, which go to the folds in turn; clips within ``span`` of a cut may share
    frames with their neighbours, so nothing is to be scored there. Clips of a video come in order.
    """

    def __init__(self, count: int, span: int) -> None:
        self.count, self.span = count, span
        self.clips: Sequence[int] = ()
        self.stretches = 1
        self._seen: Counter[int] = Counter()

    def expect(self, clips: Sequence[int]) -> None:
        """Clips of each video. Raises ``TrainingError`` where a fold would have none to score."""
        self.clips = clips
        videos = sum(count > 0 for count in clips)
        self.stretches = max(1, -(-_PIECES * self.count // max(videos, 1)))
        if videos >= _PIECES * self.count:
            self.stretches = 1
        if sum(clips) < 2 * _PIECES * self.count:
            raise TrainingError(
                f"there are {sum(clips)} training clips, too few to hold any out; give longer or "
                "more videos"
            )
        self.restart()

    def restart(self) -> None:
        """A pass begins."""
        self._seen.clear()

    def deal(self, clips: Clips) -> list[tuple[int, bool]]:
        """For each clip of the next batch its fold, and whether it lies clear of other folds."""
        videos = [0] * len(clips) if clips.videos is None else clips.videos.tolist()
        return [self._place(video) for video in videos]

    def _place(self, video: int) -> tuple[int, bool]:
        number = self._seen[video]
        self._seen[video] += 1
        length = self.clips[video] / self.stretches
        stretch = min(int(number / length), self.stretches - 1)
        # Of short stretches at least the middle half is left.
        margin = min(self.span, length / 4)
        into = number - stretch * length
        clear = (stretch == 0 or into >= margin) and (
            stretch == self.stretches - 1 or length - into > margin
        )
        return (video * self.stretches + stretch) % self.count, clear
