"""A stream of frames gets the scores that the whole video gets."""

import itertools

import numpy as np
import pytest
import torch

from vadkit.data.clips.extras import Extras, boxes_in_clip
from vadkit.data.decoding.resize import to_size
from vadkit.data.objects import FrameBoxes, boxes_of_frames
from vadkit.data.videos import ClipSpec
from vadkit.engine.scoring import score_video
from vadkit.errors import RecipeError
from vadkit.inference.window import delay_of
from vadkit.methods.method import Method, Scores
from vadkit.recipe.resolve import resolve
from vadkit.workflows.build import build_method
from vadkit.workflows.detector import Detector


class Means(Method):
    """Scores frames by their means and the clip's, so that overlapping clips differ."""

    def __init__(self, spec):
        super().__init__({}, {}, spec)

    def score(self, clips):
        means_BT = clips.frames.mean(dim=(1, 3, 4))
        scored = means_BT[:, list(self.clip.scored)]
        return Scores(scored + means_BT.mean(dim=1, keepdim=True))


class InMemory:
    cuts = ()

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


def test_a_stream_computes_the_same_flow_and_boxes_as_the_store():
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


class Encoded(Beside):
    """``Beside`` by features of two frames each, and how many windows were encoded."""

    encoded_frames = 2

    def __init__(self, spec):
        super().__init__(spec)
        self.windows = 0

    def encode(self, clips):
        self.windows += len(clips)
        boxes = torch.stack([one.sum() for one in clips.boxes])
        return torch.stack(
            [clips.frames.mean(dim=(1, 2, 3, 4)), clips.flow.mean((1, 2, 3, 4)), boxes], 1
        )

    def score_encoded(self, features_BNF):
        weights = torch.arange(1.0, 1 + features_BNF.shape[1])
        return Scores((features_BNF.sum(dim=2) * weights).sum(dim=1, keepdim=True))

    def score(self, clips):
        raise AssertionError("streams go by features")


def test_features_are_computed_once_for_all_clips():
    frames = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    spec = ClipSpec(5, (8, 8), "rgb", (4,), flow=(1, 2, 3, 4), boxes=4)
    method, cpu = Encoded(spec), torch.device("cpu")
    detector = Detector(method, cpu, torch.float32, batch_size=4, flow=Flow(), objects=Finder())
    streamed = [one.raw for one in detector.stream(frames)]
    assert method.windows == 59
    flow = StoredFlow(frames).values.astype(np.float32)
    boxes = [one.xyxy.sum() for one in Finder().stream(frames)]
    features = [
        (frames[n - 1 : n + 1] / 255).mean() + flow[n].mean() + boxes[n] for n in range(1, 60)
    ]
    wanted = [np.dot(features[n : n + 4], [1, 2, 3, 4]) for n in range(56)]
    assert np.isnan(streamed[:4]).all()
    np.testing.assert_allclose(streamed[4:], wanted, rtol=1e-4)


@pytest.mark.parametrize("batch", [1, 3, 4])
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_stated_delay_is_the_longest(spec, batch):
    detector = Detector(Means(spec), torch.device("cpu"), torch.float32, batch_size=batch)
    delay = delay_of(spec.scoring, batch)
    assert detector.delay == delay_of(spec.scoring, 1)
    assert delay_of(spec.scoring, detector.batch_for(delay)) == delay
    given = []

    def frames():
        for number in range(100):
            given.append(number)
            yield np.zeros((8, 8, 3), np.uint8)

    stream = detector.stream(frames(), delay)
    delays = [given[-1] - one.index for one in stream if len(given) < 100]
    assert max(delays) == delay
    if batch == 1 and delay:
        with pytest.raises(RecipeError, match=f"the method needs {delay} frames"):
            list(detector.stream(frames(), delay - 1))


METHODS = "conv-ae future-frame ganomaly memae stae"


@pytest.mark.parametrize("name", METHODS.split())
def test_shipped_methods_score_streams_bit_identically(name):
    data = {
        "name": "bits",
        "dataset": {"type": "synthetic"},
        "method": {"type": name},
        "clip": {"size": [32, 32]},
        "flow": None,
    }
    torch.manual_seed(0)
    method, cpu = build_method(resolve(data), torch.device("cpu")).eval(), torch.device("cpu")
    clip = method.clip
    frames = np.random.default_rng(0).integers(0, 256, (22, 32, 32, 3), dtype=np.uint8)
    small = np.stack([to_size(frame, clip.size, clip.channels) for frame in frames])
    whole = score_video(method, InMemory(small), device=cpu, dtype=torch.float32, batch_size=5)
    for max_delay in (None, 9):
        detector = Detector(method, cpu, torch.float32, batch_size=5)
        streamed = [one.raw for one in detector.stream(frames, max_delay)]
        np.testing.assert_array_equal(streamed, whole.astype(np.float32))
    assert np.isfinite(whole).sum() >= 7
