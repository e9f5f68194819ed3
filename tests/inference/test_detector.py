"""A stream of frames gets the scores that the whole video gets."""

import itertools

import numpy as np
import pytest
import torch

from vadkit.data.extras import Extras, boxes_in_clip
from vadkit.data.objects import FrameBoxes, boxes_of_frames
from vadkit.data.resize import to_size
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
    # Saved scores are float32.
    np.testing.assert_array_equal([one.raw for one in streamed], whole.astype(np.float32))
    if count >= spec.scoring.span:
        assert np.isfinite(whole).any()


class Beside(Means):
    """Scores a frame by its flow and the places of its boxes too."""

    def score(self, clips):
        scores = super().score(clips).frames
        boxes = torch.stack([one.sum() for one in clips.boxes])
        return Scores(scores + clips.flow.mean(dim=(1, 2, 3, 4))[:, None] + boxes[:, None])


class Flow:
    def __call__(self, previous, current):
        return np.stack([current - 0.5 * previous] * 2, axis=-1)[:, :, 0].astype(np.float32)


class Finder:
    """A box in frames whose first pixel is bright; looks three frames ahead."""

    reads_frames = True

    def stream(self, frames):
        frames = iter(frames)
        ahead = list(itertools.islice(frames, 3))
        for frame in itertools.chain(ahead, frames):
            bright = int(frame[0, 0, 0] > 128)
            yield FrameBoxes(
                np.full((bright, 4), [1, 2, 8, 16.0]), np.ones(bright), np.ones(bright)
            )


class StoredFlow:
    def __init__(self, frames):
        pairs = itertools.pairwise([frames[0], *frames])
        self.values = np.array([Flow()(a, b) for a, b in pairs], np.float16)
        self.values[0] = 0

    def read(self, start, stop):
        return self.values[start:stop]


def test_a_stream_works_out_flow_and_boxes_as_the_store_has_them():
    frames = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    small = np.stack([to_size(frame, (8, 8), "rgb") for frame in frames])
    spec = ClipSpec(4, (8, 8), "rgb", (1,), flow=(0, 2), boxes=1)
    method, cpu = Beside(spec), torch.device("cpu")
    boxes = boxes_in_clip(boxes_of_frames(list(Finder().stream(frames))), (16, 16), (8, 8))
    extras = Extras(StoredFlow(small), boxes)
    whole = score_video(
        method, InMemory(small), device=cpu, dtype=torch.float32, batch_size=4, extras=extras
    )
    detector = Detector(method, cpu, torch.float32, batch_size=4, flow=Flow(), objects=Finder())
    streamed = [one.raw for one in detector.stream(frames)]
    np.testing.assert_array_equal(streamed, whole.astype(np.float32))
    assert 0 < len(boxes) < 20
