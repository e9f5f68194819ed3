"""Videos scored two at a time have the scores of videos scored one after the other."""

import threading

import numpy as np
import pytest
import torch

from vadkit.data.clips.extras import Extras
from vadkit.data.videos import ClipSpec
from vadkit.engine.score_videos import score_videos
from vadkit.methods.method import Method, Scores

CPU = torch.device("cpu")


class Brightness(Method):
    """A frame's score is its brightness; its part is half of it."""

    def __init__(self):
        super().__init__({}, {}, ClipSpec(2, (8, 8), "gray", (1,)))
        self.threads = set()

    def score(self, clips):
        self.threads.add(threading.get_ident())
        frames = clips.frames[:, :, 1].mean(dim=(1, 2, 3))[:, None]
        return Scores(frames, parts={"half": frames / 2})


class Video:
    cuts = ()

    def __init__(self, frames, breaks_at=None):
        self.frames, self.breaks_at, self.read_to = frames, breaks_at, 0

    def __len__(self):
        return len(self.frames)

    def read(self, start, stop):
        if self.breaks_at is not None and stop > self.breaks_at:
            raise OSError("disk gone")
        self.read_to = stop
        return self.frames[start:stop]


def made(lengths, **breaks):
    rng = np.random.default_rng(0)
    return [
        Video(rng.integers(0, 255, (length, 8, 8, 1), dtype=np.uint8), breaks.get(f"v{number}"))
        for number, length in enumerate(lengths)
    ]


def run(method, videos, **settings):
    extras = [Extras()] * len(videos)
    return score_videos(
        method, videos, extras, device=CPU, dtype=torch.float32, batch_size=3, **settings
    )


@pytest.mark.parametrize("lengths", [[], [5], [1, 30, 2, 7, 16, 4]])
def test_scores_parts_order_and_progress(lengths):
    counts = []
    plain = list(run(Brightness(), made(lengths)))
    found = list(run(Brightness(), made(lengths), at_once=2, scored=counts.append))
    assert len(found) == len(lengths)
    for (wanted, parts), (scores, halves) in zip(plain, found, strict=True):
        assert np.array_equal(wanted, scores, equal_nan=True)
        assert parts.keys() == halves.keys()
        for name, part in parts.items():
            assert np.array_equal(part, halves[name], equal_nan=True)
    assert sum(counts) == sum(max(length - 1, 0) for length in lengths)


def test_a_method_that_learns_gets_one_after_the_other():
    method = Brightness()
    method.adapts = True
    assert len(list(run(method, made([9, 9, 9]), at_once=2))) == 3
    assert method.threads == {threading.get_ident()}


def test_an_error_ends_all_and_reaches_the_caller():
    videos = made([4, 2000, 2000], v0=3)
    with pytest.raises(OSError, match="disk gone"):
        list(run(Brightness(), videos, at_once=2))
    assert videos[2].read_to < 2000


def test_a_caller_that_stops_does_not_wait_for_long_videos():
    videos = made([4, 4, 50_000, 50_000])
    results = run(Brightness(), videos, at_once=2)
    next(results)
    results.close()
    assert max(video.read_to for video in videos) < 50_000
