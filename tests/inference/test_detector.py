"""A stream of frames gets the scores that the whole video gets."""

import numpy as np
import pytest
import torch

from vadkit.data.videos import ClipSpec
from vadkit.inference.detector import Detector
from vadkit.methods.method import Method, Scores
from vadkit.methods.scoring import score_video


class Means(Method):
    """Scores frames by their means and the clip's, so that overlapping clips differ."""

    def __init__(self, spec):
        super().__init__({}, {}, spec)

    def score(self, clips):
        means_BT = clips.frames.mean(dim=(1, 3, 4))
        scored = means_BT[:, list(self.clip.scored)]
        return Scores(scored + means_BT.mean(dim=1, keepdim=True))


class InMemory:
    def __init__(self, frames):
        self.frames = frames

    def __len__(self):
        return len(self.frames)

    def read(self, start, stop):
        return self.frames[start:stop]


SPECS = {
    "every frame": ClipSpec(6, (8, 8), "rgb", tuple(range(6))),
    "the last": ClipSpec(5, (8, 8), "rgb", (4,)),
    "the middle": ClipSpec(8, (8, 8), "rgb", (4,)),
    "with frames ahead": ClipSpec(12, (8, 8), "rgb", tuple(range(6)), ahead=6),
    "with a step": ClipSpec(4, (8, 8), "rgb", (1, 3), step=3),
}


@pytest.mark.parametrize("count", [6, 40, 41])
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_stream_scores_like_the_whole_video(spec, count):
    frames = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    method, cpu = Means(spec), torch.device("cpu")
    whole = score_video(method, InMemory(frames), device=cpu, dtype=torch.float32, batch_size=4)
    streamed = list(Detector(method, cpu, torch.float32, batch_size=4).stream(frames))
    assert [one.index for one in streamed] == list(range(count))
    np.testing.assert_array_equal([one.score for one in streamed], whole)
    if count >= spec.scoring.span:
        assert np.isfinite(whole).any()
