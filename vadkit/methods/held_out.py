"""Which training clips are held out together, so that a method can be asked about unseen video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from vadkit.data.tensors import Clips
from vadkit.errors import TrainingError

# Pieces of training, in order of time, that each fold is to hold. Enough that a fold has every time
# of day, and few enough that what it holds is not what lies right beside what others have seen.
_PIECES = 4


class Place(NamedTuple):
    """Where a clip was dealt: piece and fold, if it lies clear of others, its video and number."""

    piece: int
    fold: int
    clear: bool
    video: int
    number: int


class Folds:
    """Deals the clips of a collect pass out to ``count`` folds.

    Training is cut into 4 pieces a fold, in order of time, which go to the folds in turn. Pieces
    are of whole videos that follow each other. Where there are fewer videos than pieces, each is
    cut into equal stretches of time instead; clips within ``span`` of a cut may share frames with
    their neighbours, so nothing is to be scored there. Clips of a video come in order.
    """

    def __init__(self, count: int, span: int) -> None:
        self.count, self.span = count, span
        self.clips: Sequence[int] = ()
        # Videos that have clips, in turn.
        self.order: dict[int, int] = {}
        self.stretches = 1
        self._seen: Counter[int] = Counter()

    def expect(self, clips: Sequence[int]) -> None:
        """Clips of each video. Raises ``TrainingError`` where there are too few to hold any out."""
        self.clips = clips
        some = [video for video, count in enumerate(clips) if count]
        self.order = {video: place for place, video in enumerate(some)}
        self.stretches = -(-self._pieces // max(len(some), 1))
        if sum(clips) < 2 * self._pieces:
            raise TrainingError(
                f"there are {sum(clips)} training clips, too few to hold any out; give longer or "
                "more videos"
            )
        self.restart()

    @property
    def _pieces(self) -> int:
        return _PIECES * self.count

    def restart(self) -> None:
        """A pass begins."""
        self._seen.clear()

    def deal(self, clips: Clips) -> list[Place]:
        """The places of the clips of the next batch."""
        videos = [0] * len(clips) if clips.videos is None else clips.videos.tolist()
        return [self._place(video) for video in videos]

    def _place(self, video: int) -> Place:
        number = self._seen[video]
        self._seen[video] += 1
        if self.stretches == 1:
            piece = self.order[video] * self._pieces // len(self.order)
            return Place(piece, piece % self.count, True, video, number)
        length = self.clips[video] / self.stretches
        stretch = min(int(number / length), self.stretches - 1)
        # Of short stretches at least the middle half is left.
        margin = min(self.span, length / 4)
        into = number - stretch * length
        clear = (stretch == 0 or into >= margin) and (
            stretch == self.stretches - 1 or length - into > margin
        )
        piece = self.order[video] * self.stretches + stretch
        return Place(piece, piece % self.count, clear, video, number)
