"""Flow and boxes reach the clips that want them, at the right frames and on the right scale."""

import numpy as np
import pytest
import torch

from vadkit.data.clips.augments import blur
from vadkit.data.clips.batch import make_clips
from vadkit.data.clips.extras import (
    ClipExtras,
    Extras,
    GivenRows,
    boxes_in_clip,
    gather_extras,
    given_in_clip,
)
from vadkit.data.clips.loader import ClipLoader
from vadkit.data.clips.sources import StoredClips
from vadkit.data.clips.tensor_augments import TensorFlip, TensorNoise, TensorRotate
from vadkit.data.objects import Boxes
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import RecipeError

CPU = torch.device("cpu")
SPEC = ClipSpec(3, (4, 6), "gray", (1,), flow=(1, 2), boxes=1)


class Frames:
    """A video in memory whose frames, or flow, hold their number."""

    def __init__(self, count, planes):
        numbers = np.arange(count)[:, None, None, None]
        self.values = np.broadcast_to(numbers, (count, 4, 6, planes))
        self.shape = self.values.shape

    def __len__(self):
        return len(self.values)

    def read(self, start, stop, out=None):
        if out is None:
            return self.values[start:stop].astype(np.float16)
        out[:] = self.values[start:stop]
        return out


def some_boxes(*frames):
    """A box in each of the frames, whose x1 is the frame's number over 10."""
    xyxy = np.array([[frame / 10, 1, 3, 2] for frame in frames], np.float32).reshape(-1, 4)
    n = len(frames)
    return Boxes(np.array(frames, np.int64), xyxy, np.ones(n, np.float32), np.full(n, -1))


def video(*frames_with_boxes):
    return Extras(Frames(8, 2), some_boxes(*frames_with_boxes))


def test_clips_get_the_flow_and_boxes_of_their_frames():
    videos = [video(4, 4), video(1)]
    found = gather_extras(videos, np.array([[0, 3], [1, 2]]), SPEC)
    assert found.flow.shape == (2, 2, 4, 6, 2)
    assert found.flow[:, :, 0, 0, 0].tolist() == [[4, 5], [3, 4]]
    assert [len(one) for one in found.boxes] == [2, 0]
    assert found.boxes[1].shape == (0, 4)


def test_flow_of_clips_in_a_row_is_read_once_and_is_the_same():
    videos = [video(4)]
    rows = np.array([[0, start] for start in (1, 2, 3, 4)])
    found = gather_extras(videos, rows, SPEC).flow
    apart = torch.stack([gather_extras(videos, rows[n : n + 1], SPEC).flow[0] for n in range(4)])
    assert torch.equal(found, apart)
    assert found.untyped_storage().nbytes() == 5 * 4 * 6 * 2 * 2, "five frames in float16"
    frames = torch.zeros(4, 3, 4, 6, 1, dtype=torch.uint8)
    made = [
        make_clips(frames, ClipExtras(flow), SPEC, CPU, torch.float32).flow
        for flow in (found, apart)
    ]
    assert made[0].dtype == torch.float32
    assert torch.equal(*made)
    assert made[0].untyped_storage().nbytes() == 5 * 4 * 6 * 2 * 4


def test_boxes_are_found_with_a_step_between_frames():
    spec = ClipSpec(3, (4, 6), "gray", (1,), step=2, boxes=1)
    found = gather_extras([video(5)], np.array([[0, 3], [0, 2]]), spec)
    assert found.flow is None
    assert [len(one) for one in found.boxes] == [1, 0]


def test_clips_that_need_no_extras_get_none():
    assert gather_extras([Extras()], np.array([[0, 0]]), ClipSpec(3, (4, 6), "gray", (1,))) == (
        None,
        None,
        None,
    )


def test_boxes_are_scaled_to_the_clip():
    scaled = boxes_in_clip(some_boxes(20), source=(40, 80), clip=(20, 20))
    assert scaled.xyxy.tolist() == [[0.5, 0.5, 0.75, 1.0]]


def loader(augments=()):
    source = StoredClips([Frames(8, 1)], SPEC)
    return ClipLoader(
        source, [8], SPEC, batch_size=2, seed=0, device=CPU, extras=[video(2, 3)], augments=augments
    )


def test_the_loader_gives_each_clip_its_own_extras():
    seen = 0
    for clips in loader().batches(0):
        assert clips.flow.shape == (2, 2, 2, 4, 6) and clips.flow.dtype == torch.float32
        for number in range(2):
            first = round(clips.frames[number, 0, 0, 0, 0].item() * 255)
            assert clips.flow[number, 0, :, 0, 0].tolist() == [first + 1, first + 2]
            assert len(clips.boxes[number]) == (first + 1 in (2, 3))
            seen += 1
    assert seen == 6


@pytest.mark.parametrize("augment", [TensorRotate(), blur()], ids=["tensor", "imgaug"])
def test_augments_that_flow_cannot_follow_are_refused(augment):
    with pytest.raises(RecipeError, match=r"cannot transform .*; use tensor-flip"):
        loader([augment])


def test_a_mirrored_clip_has_mirrored_motion_and_boxes():
    frames = torch.rand(2, 1, 3, 4, 6)
    flow = torch.rand(2, 2, 2, 4, 6)
    boxes = (torch.tensor([[0.0, 1.0, 2.0, 4.0]]), torch.zeros(0, 4))
    clips = Clips(frames, flow, boxes)
    flipped = TensorFlip(horizontal=1.0).follow(clips, torch.Generator())
    assert torch.equal(flipped.frames, frames.flip(-1))
    assert torch.equal(flipped.flow[:, 0], -flow[:, 0].flip(-1))
    assert torch.equal(flipped.flow[:, 1], flow[:, 1].flip(-1))
    assert flipped.boxes[0].tolist() == [[4.0, 1.0, 6.0, 4.0]]
    assert flipped.boxes[1].shape == (0, 4)
    flipped = TensorFlip(horizontal=0.0, vertical=1.0).follow(clips, torch.Generator())
    assert torch.equal(flipped.flow[:, 0], flow[:, 0].flip(-2))
    assert torch.equal(flipped.flow[:, 1], -flow[:, 1].flip(-2))
    assert flipped.boxes[0].tolist() == [[0.0, 0.0, 2.0, 3.0]]
    # What was given stays as it is.
    assert boxes[0].tolist() == [[0.0, 1.0, 2.0, 4.0]]


def test_a_mirrored_clip_has_all_its_extras_mirrored():
    clips = Clips(torch.rand(16, 1, 3, 4, 6), torch.rand(16, 2, 2, 4, 6))
    flipped = TensorFlip().follow(clips, torch.Generator().manual_seed(0))
    moved = (flipped.frames != clips.frames).flatten(1).any(1)
    assert 0 < moved.sum() < 16
    assert torch.equal(moved, (flipped.flow != clips.flow).flatten(1).any(1))


def test_an_augment_that_keeps_places_leaves_flow_alone():
    plain, noisy = next(loader().batches(0)), next(loader([TensorNoise(sigma=0.5)]).batches(0))
    assert torch.equal(plain.flow, noisy.flow)
    assert not torch.equal(plain.frames, noisy.frames)


def test_given_rows_are_those_of_the_last_scored_frame():
    spec = ClipSpec(3, (4, 6), "gray", (1,), step=2, given=("features.0",))
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [0, 0, 1, 1]], np.float32)
    rows = np.array([[5], [6], [7]], np.float32)
    given = GivenRows(np.array([2, 2, 4]), rows, boxes)
    found = gather_extras([Extras(given={"features.0": given})], np.array([[0, 0], [0, 1]]), spec)
    assert found.given["features.0"][0].tolist() == [[0, 0, 2, 2, 5], [1, 1, 3, 3, 6]]
    assert found.given["features.0"][1].shape == (0, 5)


def test_rows_of_whole_frames_have_no_box():
    given = GivenRows(np.arange(2), np.array([[5.0], [6.0]], np.float32))
    assert np.isnan(given.at(1)[0, :4]).all() and given.at(1)[0, 4] == 6
    assert given_in_clip(given, (10, 10), (5, 5)) is given


def test_boxes_of_given_rows_are_scaled_to_the_clip():
    given = GivenRows(np.zeros(1), np.ones((1, 1)), np.array([[10.0, 20, 30, 40]]))
    assert given_in_clip(given, (40, 60), (20, 15)).xyxy.tolist() == [[2.5, 10, 7.5, 20]]


def test_picked_clips_keep_their_given_rows():
    rows = tuple(torch.full((n, 5), float(n)) for n in range(3))
    clips = Clips(torch.zeros(3, 1, 1, 4, 4), given={"pose": rows}).pick([2, 0])
    assert [len(one) for one in clips.given["pose"]] == [2, 0]
