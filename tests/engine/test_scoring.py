"""Maps of single frames are those that scoring the whole video meets."""

import numpy as np
import pytest
import torch

from vadkit.data.videos import ClipSpec
from vadkit.engine import scoring
from vadkit.engine.scoring import frame_maps, score_video, score_video_parts
from vadkit.methods.method import Method, Scores


class FirstFrames(Method):
    """A frame's map is its difference from the first frame of its clip."""

    def __init__(self, spec):
        super().__init__({}, {}, spec)

    def score(self, clips):
        gray_BTHW = clips.frames.mean(dim=1)
        maps = (gray_BTHW - gray_BTHW[:, :1])[:, list(self.clip.scored)]
        return Scores(maps.mean(dim=(2, 3)), maps)


class InMemory:
    cuts = ()

    def __init__(self, frames):
        self.frames = frames

    def __len__(self):
        return len(self.frames)

    def read(self, start, stop):
        return self.frames[start:stop]


def maps_of(spec, count, wanted):
    # Frame n is 10 n everywhere, so that a map tells how far it lies behind its clip's start.
    ramp = np.arange(count, dtype=np.uint8)[:, None, None, None] * 10
    video = InMemory(np.broadcast_to(ramp, (count, 8, 8, 3)).copy())
    cpu = torch.device("cpu")
    return frame_maps(FirstFrames(spec), video, wanted, device=cpu, dtype=torch.float32)


@pytest.mark.parametrize(
    ("spec", "behind"),
    [(ClipSpec(5, (8, 8), "rgb", (4,)), 4), (ClipSpec(4, (8, 8), "rgb", (3,), step=3), 9)],
    ids=["the last", "with a step"],
)
def test_a_map_comes_from_the_clip_that_scores_its_frame(spec, behind):
    found = maps_of(spec, 20, [0, behind, 19, 20])
    # Frame 0 has no clip, and there is no frame 20.
    assert sorted(found) == [behind, 19]
    unit = maps_of(ClipSpec(2, (8, 8), "rgb", (1,)), 3, [1])[1].mean()
    for one in found.values():
        assert one.shape == (8, 8) and one.dtype == np.float32
        assert one.mean() == pytest.approx(behind * unit, rel=1e-4)


def test_a_video_shorter_than_a_clip_has_no_maps():
    assert maps_of(ClipSpec(5, (8, 8), "rgb", (4,)), 4, [0, 3]) == {}


class Half(FirstFrames):
    """Has a part that is half of its score."""

    def score(self, clips):
        scores = super().score(clips)
        return scores._replace(parts={"half": scores.frames / 2})


def test_parts_are_scored_frame_by_frame():
    spec = ClipSpec(3, (8, 8), "rgb", (1, 2))
    ramp = np.arange(9, dtype=np.uint8)[:, None, None, None] ** 2
    video = InMemory(np.broadcast_to(ramp, (9, 8, 8, 3)).copy())
    how = {"device": torch.device("cpu"), "dtype": torch.float32, "batch_size": 2}
    scores, parts = score_video_parts(Half(spec), video, **how)
    np.testing.assert_allclose(parts["half"], scores / 2)
    assert np.isnan(scores[0]) and not np.isnan(scores[1:]).any()
    np.testing.assert_array_equal(score_video(Half(spec), video, **how), scores)
    assert score_video_parts(FirstFrames(spec), video, **how)[1] == {}


@pytest.mark.parametrize("count", [4, 5, 9, 23])
def test_filled_batches_give_the_scores_of_plain_ones(count, monkeypatch):
    """As on a GPU, where the last clip is repeated to fill its batch."""
    rng = np.random.default_rng(count)
    video = InMemory(rng.integers(0, 255, (count, 8, 8, 3), dtype=np.uint8))
    method = FirstFrames(ClipSpec(3, (8, 8), "rgb", (2,), step=2))
    cpu = torch.device("cpu")
    settings = {"device": cpu, "dtype": torch.float32, "batch_size": 4}
    plain = score_video(method, video, **settings)
    sizes, clips_of = [], scoring._clips

    def filled(*inputs, whole):
        for batch, clips in clips_of(*inputs, whole=True):
            sizes.append(len(clips))
            yield batch, clips

    monkeypatch.setattr(scoring, "_clips", filled)
    assert np.array_equal(plain, score_video(method, video, **settings), equal_nan=True)
    assert set(sizes) <= {4}


def test_an_error_in_reading_ahead_reaches_the_caller():
    class Breaks(InMemory):
        def read(self, start, stop):
            if start >= 8:
                raise OSError("disk gone")
            return super().read(start, stop)

    video = Breaks(np.zeros((30, 8, 8, 3), np.uint8))
    method = FirstFrames(ClipSpec(3, (8, 8), "rgb", (2,)))
    with pytest.raises(OSError, match="disk gone"):
        score_video(method, video, device=torch.device("cpu"), dtype=torch.float32, batch_size=4)
