"""Object cubes: the same pixels as cut from clips, kept, and given in batches of objects."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vadkit.data.clips import cubes
from vadkit.data.clips.batch import make_clips
from vadkit.data.clips.cube_loader import CubeLoader
from vadkit.data.clips.cubes import build_cubes, cubes_of
from vadkit.data.clips.extras import Extras, gather_extras
from vadkit.data.clips.loader import ClipLoader
from vadkit.data.clips.ranges import training_clips
from vadkit.data.clips.sources import StoredClips
from vadkit.data.flow.dis import Dis
from vadkit.data.flow.stored import build_flow
from vadkit.data.objects import Boxes
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import DataError

CPU = torch.device("cpu")
SPEC = ClipSpec(3, (16, 24), "gray", (2,), flow=(1, 2), boxes=2, cube=8)


class Video:
    """Ten frames of noise in a folder of their own, with a cut."""

    def __init__(self, folder, seed):
        self.id, self.folder, self.first, self.cuts = f"v{seed}", folder / f"v{seed}", 0, [6]
        self.folder.mkdir()
        self.frames = np.random.default_rng(seed).integers(0, 256, (10, 16, 24, 1), np.uint8)
        self.shape = self.frames.shape

    def __len__(self):
        return 10

    def read(self, start, stop, out=None):
        if out is not None:
            out[:] = self.frames[start:stop]
        return self.frames[start:stop]


def boxes_of(seed, count=25):
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 16, (count, 2, 2)).astype(np.float32)
    xyxy = np.concatenate([corners.min(axis=1), corners.max(axis=1) + 1], axis=1)
    frame = np.sort(random.integers(0, 10, count))
    return Boxes(frame, xyxy, np.ones(count, np.float32), np.full(count, -1))


def loader_of(videos, extras, spec=SPEC, **settings):
    settings = {"seed": 0, "device": CPU, **settings}
    lengths, cuts = [len(video) for video in videos], [video.cuts for video in videos]
    whole = ClipLoader(
        StoredClips(videos, spec), lengths, spec, extras=extras, cuts=cuts, **settings
    )
    return CubeLoader(build_cubes(videos, extras, spec), spec, whole, **settings)


@pytest.fixture
def stored(tmp_path):
    videos = [Video(tmp_path, 0), Video(tmp_path, 1)]
    flow = build_flow(videos, "dis", Dis(preset="ultrafast"), {})
    return videos, [Extras(one, boxes_of(n)) for n, one in enumerate(flow)]


def on_the_fly(videos, extras):
    """The cubes of every training clip, cut without the store."""
    rows = training_clips([len(video) for video in videos], SPEC, [video.cuts for video in videos])
    frames = np.stack([videos[video].frames[start : start + 3] for video, start in rows])
    found = gather_extras(extras, rows, SPEC)
    clips = make_clips(torch.from_numpy(frames), found, SPEC, CPU, torch.float32)
    return *cubes_of(clips, 8), rows[:, 1].repeat([len(boxes) for boxes in clips.boxes])


def test_kept_cubes_are_those_of_the_clips(stored):
    videos, extras = stored
    loader = loader_of(videos, extras, batch_size=64, seed=None, drop_last=False)
    (batch,) = loader.batches(0)
    frames, flow, starts = on_the_fly(videos, extras)
    assert len(frames) > 10 and batch.boxes is None
    assert torch.equal(batch.frames, frames) and torch.equal(batch.flow, flow)
    # What a method makes of both is the same.
    assert all(map(torch.equal, cubes_of(batch, 8), (frames, flow)))
    np.testing.assert_array_equal(loader.clips[:, 1], starts)
    # No clip crosses the cut.
    assert not set(starts) & {4, 5}


def test_they_are_cut_once(stored, monkeypatch):
    videos, extras = stored
    first = build_cubes(videos, extras, SPEC)
    monkeypatch.setattr(cubes, "_cut", None)
    assert build_cubes(videos, extras, SPEC) == first
    other = [replace(one, boxes=boxes_of(7)) for one in extras]
    with pytest.raises(TypeError):
        build_cubes(videos, other, SPEC)


def test_cubes_with_other_flow_are_other_cubes(stored):
    """The recipe's flow may change while frames and boxes stay."""
    videos, extras = stored
    first = build_cubes(videos, extras, SPEC)
    flow = build_flow(videos, "dis", Dis(preset="medium"), {"preset": "medium"})
    second = build_cubes(
        videos, [replace(one, flow=new) for one, new in zip(extras, flow, strict=True)], SPEC
    )
    for before, after in zip(first, second, strict=True):
        assert before.path.parent == after.path.parent and before.path != after.path
        every = np.arange(len(before))
        old, new = before.read(every), after.read(every)
        np.testing.assert_array_equal(old["frames"], new["frames"])
        assert not np.array_equal(old["flow"], new["flow"])


def test_epochs_and_resumed_epochs(stored):
    videos, extras = stored
    made = build_cubes(videos, extras, SPEC)
    loader = loader_of(videos, extras, batch_size=5, seed=3)
    whole = [one.frames for one in loader.batches(1)]
    assert len(whole) == len(loader) == sum(map(len, made)) // 5
    rest = [one.frames for one in loader.batches(1, start=2)]
    assert all(map(torch.equal, whole[2:], rest))
    assert not torch.equal(whole[0], next(iter(loader.batches(0))).frames)
    half = loader.keeping(loader.clips[:, 0] == 1)
    assert half.counts == [0, len(made[1])]
    # Samples are whole clips with all of their objects, for scoring.
    (clips, places), *_ = half.sample(3)
    assert clips.frames.shape == (3, 1, 3, 16, 24) and places[0][0] == half.ids[1]
    assert [len(boxes) > 0 for boxes in clips.boxes] == [True] * 3


def test_a_video_without_objects(tmp_path):
    videos = [Video(tmp_path, 0), Video(tmp_path, 1)]
    spec = replace(SPEC, flow=())
    extras = [Extras(None, boxes_of(0, 0)), Extras(None, boxes_of(1))]
    made = build_cubes(videos, extras, spec)
    assert len(made[0]) == 0 < len(made[1])
    loader = loader_of(videos, extras, spec, batch_size=4)
    assert next(iter(loader.batches(0))).flow is None
    assert loader.counts[0] == 0


def test_a_damaged_file(stored):
    videos, extras = stored
    (first, _) = build_cubes(videos, extras, SPEC)
    count = len(first)
    first.path.write_bytes(first.path.read_bytes()[: first.record.itemsize])
    with pytest.raises(DataError, match="are truncated; delete the file"):
        first.read(np.arange(count))


def test_no_object_at_all():
    clips = Clips(
        torch.zeros(2, 1, 3, 16, 24), torch.zeros(2, 2, 2, 16, 24), (torch.zeros(0, 4),) * 2
    )
    frames, flow = cubes_of(clips, 8)
    assert frames.shape == (0, 1, 3, 8, 8) and flow.shape == (0, 2, 2, 8, 8)
