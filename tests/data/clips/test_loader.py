"""Batches: their order, their resumption, and augments that depend on the seed alone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from vadkit.data.clips.augments import fliplr
from vadkit.data.clips.batch import make_clips
from vadkit.data.clips.extras import ClipExtras
from vadkit.data.clips.loader import ClipLoader
from vadkit.data.clips.sources import DecodedClips, ResidentClips, StoredClips
from vadkit.data.clips.tensor_augments import TensorFlip, TensorNoise
from vadkit.data.store.build import build_store, plan_store
from vadkit.data.store.settings import Settings
from vadkit.data.videos import ClipSpec, Video
from vadkit.ranks import Part

SPEC = ClipSpec(3, (8, 12), "gray", (2,), range=(-1.0, 1.0))
CPU = torch.device("cpu")


def loader(stored, source=StoredClips, **settings):
    settings = {"batch_size": 2, "seed": 0, "device": CPU, **settings}
    source = source(stored, SPEC, CPU) if source is ResidentClips else source(stored, SPEC)
    return ClipLoader(source, [len(video) for video in stored], SPEC, **settings)


def first_pixels(batches):
    """The gray values of every clip's frames, back from -1..1."""
    return [
        [tuple(round((v + 1) * 127.5) for v in clip[0, :, 0, 0].tolist()) for clip in batch.frames]
        for batch in batches
    ]


@pytest.mark.parametrize("source", [StoredClips, ResidentClips, DecodedClips])
def test_an_epoch_has_every_clip_once_in_its_own_order(stored_pair, source):
    batches = loader(stored_pair, source)
    # 4 clips of a, 3 of b; the one left over is dropped.
    assert len(batches) == 3
    epochs = [first_pixels(batches.batches(epoch)) for epoch in range(3)]
    everything = {(s, s + 1, s + 2) for s in [0, 1, 2, 3, 100, 101, 102]}
    for epoch in epochs:
        seen = [clip for batch in epoch for clip in batch]
        assert len(set(seen)) == 6
        assert set(seen) < everything
    assert epochs[0] != epochs[1] != epochs[2]
    assert first_pixels(loader(stored_pair, source).batches(1)) == epochs[1]
    assert first_pixels(loader(stored_pair, source, seed=1).batches(1)) != epochs[1]
    assert first_pixels(loader(stored_pair, source).batches(1, start=2)) == epochs[1][2:]


@pytest.mark.parametrize("source", [StoredClips, ResidentClips, DecodedClips])
def test_parts_of_batches_make_the_whole_with_the_same_draws(stored_pair, source):
    settings = {"batch_size": 6, "augments": [TensorFlip(), TensorNoise(sigma=0.5)]}
    whole = list(loader(stored_pair, source, **settings).batches(1))
    for count in (1, 2, 3):
        parts = [
            loader(stored_pair, source, part=Part(number, count), **settings)
            for number in range(count)
        ]
        assert [len(one) for one in parts] == [len(whole)] * count
        for batch, *own in zip(whole, *(one.batches(1) for one in parts), strict=True):
            assert [len(one) for one in own] == [6 // count] * count
            assert torch.equal(torch.cat([one.frames for one in own]), batch.frames)
            assert torch.equal(torch.cat([one.videos for one in own]), batch.videos)


def test_without_a_seed_clips_come_in_video_order(stored_pair):
    batches = first_pixels(loader(stored_pair, seed=None, drop_last=False).batches(0))
    assert [clip[0] for batch in batches for clip in batch] == [0, 1, 2, 3, 100, 101, 102]
    assert len(batches) == 4


@pytest.mark.parametrize("source", [StoredClips, ResidentClips, DecodedClips])
def test_samples_are_evenly_spread_and_know_their_origin(stored_pair, source):
    batches = loader(stored_pair, source, augments=[fliplr()], ids=["a", "b"], dtype=torch.bfloat16)
    sample = list(batches.sample(3))
    assert [len(clips) for clips, _ in sample] == [2, 1]
    assert [place for _, places in sample for place in places] == [("a", 0), ("a", 3), ("b", 2)]
    assert first_pixels(clips for clips, _ in sample) == [
        [(0, 1, 2), (3, 4, 5)],
        [(102, 103, 104)],
    ]
    assert sample[0][0].frames.dtype == torch.float32
    assert sum(len(clips) for clips, _ in batches.sample(50)) == 7


def test_samples_lack_frames_that_only_training_needs(stored_pair):
    spec = replace(SPEC, ahead=1)
    lengths = [len(video) for video in stored_pair]
    source = StoredClips(stored_pair, spec)
    batches = ClipLoader(source, lengths, spec, batch_size=2, seed=0, device=CPU)
    clips, places = next(batches.sample(2))
    assert first_pixels([clips]) == [[(0, 1), (102, 103)]]
    assert places == [("0", 0), ("1", 2)]


def test_fewer_clips_than_a_batch_make_one_batch(stored_pair):
    assert [len(b) for b in loader(stored_pair, batch_size=64).batches(0)] == [7]


def test_a_batch_does_not_change_while_others_are_read(stored_pair):
    """Buffers are used in turn; what was handed out must not change."""
    batches = loader(stored_pair, batch_size=1)
    kept = [batch.frames for batch in batches.batches(0)]
    one_by_one = [batch.frames.clone() for batch in batches.batches(0)]
    assert all(torch.equal(a, b) for a, b in zip(kept, one_by_one, strict=True))


def test_leaving_an_epoch_early_ends_its_thread(stored_pair):
    import threading

    batches = loader(stored_pair).batches(0)
    next(batches)
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("clips")]


@pytest.fixture(scope="module")
def ramps(tmp_path_factory):
    """A stored video whose frames all rise from left to right."""
    folder = tmp_path_factory.mktemp("ramps") / "v"
    folder.mkdir()
    ramp = np.tile(np.arange(12, dtype=np.uint8) * 20, (8, 1))
    for index in range(10):
        cv2.imwrite(str(folder / f"{index}.png"), ramp)
    settings = Settings(size=(8, 12), channels="gray")
    plan = plan_store([Video("v", "train", folder)], settings, cache=folder.parent / "cache")
    return build_store(plan, settings)[0]


def test_augments_depend_only_on_seed_epoch_and_clip(ramps):
    whole = list(loader(ramps, augments=[fliplr(p=0.5)], workers=0).batches(3))
    flipped = [bool(clip[0, 0, 0, 0] > 0) for batch in whole for clip in batch.frames]
    assert 0 < sum(flipped) < len(flipped)
    # The same in a resumed epoch, with another number of worker processes.
    resumed = loader(ramps, augments=[fliplr(p=0.5)], workers=2).batches(3, start=2)
    assert all(torch.equal(a.frames, b.frames) for a, b in zip(whole[2:], resumed, strict=True))


def test_tensor_augments_are_drawn_from_the_batch(ramps):
    def flip(clips, generator):
        drawn = torch.rand(len(clips), generator=generator) < 0.5
        assert clips.min() >= 0 and clips.max() <= 1
        return torch.where(drawn[:, None, None, None, None], clips.flip(-1), clips)

    whole = list(loader(ramps, augments=[flip]).batches(0))
    flipped = [bool(clip[0, 0, 0, 0] > 0) for batch in whole for clip in batch.frames]
    assert 0 < sum(flipped) < len(flipped)
    resumed = loader(ramps, augments=[flip]).batches(0, start=1)
    assert all(torch.equal(a.frames, b.frames) for a, b in zip(whole[1:], resumed, strict=True))
    other = list(loader(ramps, augments=[flip]).batches(1))
    assert any(not torch.equal(a.frames, b.frames) for a, b in zip(whole, other, strict=True))


def test_frames_are_scaled_to_the_range_with_axes_in_order():
    clips = torch.zeros((2, 3, 8, 12, 1), dtype=torch.uint8)
    clips[1, 2, 5, 7] = 255
    tensor = make_clips(clips, ClipExtras(), SPEC, CPU, torch.float32).frames
    assert tensor.shape == (2, 1, 3, 8, 12)
    assert tensor[1, 0, 2, 5, 7] == 1.0
    assert tensor[0].unique().tolist() == [-1.0]


def test_the_compute_dtype_loses_less_than_half_a_grey_level():
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16, 1)
    spec = ClipSpec(1, (16, 16), "gray", (0,), range=(-1.0, 1.0))
    exact = make_clips(levels, ClipExtras(), spec, CPU, torch.float32).frames
    rounded = make_clips(levels, ClipExtras(), spec, CPU, torch.bfloat16).frames
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).abs().max() < 2 / 255


def test_batches_come_in_the_compute_dtype(stored_pair):
    batch = next(loader(stored_pair, dtype=torch.bfloat16).batches(0)).frames
    assert (batch.dtype, batch.shape) == (torch.bfloat16, (2, 1, 3, 8, 12))


def flips(batches):
    """Whether the clips of batches were mirrored, of frames that rise from left to right."""
    return [bool(clip[0, 0, 0, 0] > 0) for batch in batches for clip in batch.frames]


class Numbered:
    """Clips in video order in every epoch, so that a clip stays in its place."""

    def __init__(self, source):
        self.source, self.device = source, source.device

    def order(self, rows, random):
        return np.arange(len(rows))

    def gather(self, rows, out):
        return self.source.gather(rows, out)


def in_order(ramps, **settings):
    settings = {"batch_size": 2, "seed": 0, "device": CPU, "workers": 0, **settings}
    return ClipLoader(Numbered(StoredClips(ramps, SPEC)), [len(ramps[0])], SPEC, **settings)


def test_a_clip_is_augmented_differently_in_every_epoch(ramps):
    """In its own place, so that it is not the order that makes the difference."""
    batches = in_order(ramps, augments=[fliplr(p=0.5)])
    drawn = [flips(batches.batches(epoch)) for epoch in range(6)]
    assert len(drawn[0]) == 8
    # Every clip is mirrored in some epochs and not in others, each at its own times.
    by_clip = list(zip(*drawn, strict=True))
    assert sum(0 < sum(clip) < 6 for clip in by_clip) >= 6
    assert len(set(by_clip)) >= 6
    # A resumed epoch sees what the epoch saw; so does a second loader of the same seed.
    again = in_order(ramps, augments=[fliplr(p=0.5)])
    for epoch in (3, 5):
        assert flips(again.batches(epoch, start=1)) == drawn[epoch][2:]
    other = in_order(ramps, augments=[fliplr(p=0.5)], seed=1)
    assert [flips(other.batches(epoch)) for epoch in range(6)] != drawn


def test_a_clip_is_augmented_equally_at_any_place_in_an_epoch(ramps):
    alone = in_order(ramps, augments=[fliplr(p=0.5)], batch_size=1)
    together = in_order(ramps, augments=[fliplr(p=0.5)], batch_size=8)
    assert flips(alone.batches(2)) == flips(together.batches(2))


def test_augments_of_one_clip_are_drawn_independently(ramps):
    """Two mirrors of one seed would always cancel out."""
    batches = in_order(ramps, augments=[fliplr(p=0.5), fliplr(p=0.5)])
    drawn = [one for epoch in range(4) for one in flips(batches.batches(epoch))]
    assert 0 < sum(drawn) < len(drawn)


def test_tensor_augments_are_drawn_again_for_each_seed_epoch_and_batch(ramps):
    got = []

    def tell(clips, generator):
        got.append(torch.randint(1 << 30, (), generator=generator).item())
        return clips

    for seed, epoch in ((0, 0), (0, 1), (1, 0), (0, 0)):
        list(in_order(ramps, augments=[tell], seed=seed).batches(epoch))
    assert got[:4] == got[12:]
    assert len(set(got)) == 12


def test_a_batch_says_which_video_each_clip_is_from(stored_pair):
    for seed in (None, 0):
        for batch in loader(stored_pair, seed=seed, drop_last=False).batches(0):
            firsts = [clip[0] for clip in first_pixels([batch])[0]]
            assert batch.videos.tolist() == [int(first >= 100) for first in firsts]
