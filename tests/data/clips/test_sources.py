"""Sources of clips give the same bytes, wherever the frames are."""

import numpy as np
import pytest
import torch

from vadkit.data.clips.ranges import training_clips
from vadkit.data.clips.sources import DecodedClips, ResidentClips, StoredClips
from vadkit.data.store.settings import Settings
from vadkit.data.store.streamed import FileTimes, StreamedVideo, find_times
from vadkit.data.videos import ClipSpec

SPEC = ClipSpec(3, (8, 12), "gray", (2,))
WIDE = ClipSpec(2, (8, 12), "gray", (1,), step=3)
CPU = torch.device("cpu")


def rows_of(videos, spec):
    return training_clips([len(video) for video in videos], spec)


def firsts(clips):
    return clips[:, :, 0, 0, 0].tolist()


def batch(source, rows, spec):
    out = torch.zeros((len(rows), spec.frames, 8, 12, 1), dtype=torch.uint8)
    return source.gather(rows, out)


@pytest.mark.parametrize("spec", [SPEC, WIDE], ids=["step 1", "step 3"])
@pytest.mark.parametrize("kind", [StoredClips, ResidentClips, DecodedClips])
def test_every_source_gives_the_frames_of_its_rows(stored_pair, kind, spec):
    source = kind(stored_pair, spec, CPU) if kind is ResidentClips else kind(stored_pair, spec)
    rows = rows_of(stored_pair, spec)[::-1]
    expected = [
        [100 * video + start + offset * spec.step for offset in range(spec.frames)]
        for video, start in rows.tolist()
    ]
    assert firsts(batch(source, rows, spec)) == expected


def test_resident_frames_are_filled_in_pieces(stored_pair, monkeypatch):
    monkeypatch.setattr("vadkit.data.clips.sources._PIECE_FRAMES", 4)
    source = ResidentClips(stored_pair, SPEC, CPU)
    assert source.frames[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 100, 101, 102, 103, 104]


def test_decoding_again_needs_each_block_once_per_epoch(stored_pair):
    class Counted:
        def __init__(self, video):
            self.video, self.reads = video, []
            self.id, self.shape = video.id, video.shape

        def __len__(self):
            return len(self.video)

        def read(self, start, stop, out=None):
            self.reads.append((start, stop))
            return self.video.read(start, stop, out)

    counted = [Counted(video) for video in stored_pair]
    # Blocks of 3 clips: 4 clips of the first video are two blocks, 3 of the second are one.
    source = DecodedClips(counted, SPEC, block_bytes=3 * 96)
    rows = rows_of(counted, SPEC)
    order = source.order(rows, np.random.default_rng(0))
    assert sorted(order) == list(range(7))
    for place in range(0, 7, 2):
        batch(source, rows[order[place : place + 2]], SPEC)
    assert counted[0].reads == [(0, 5), (3, 6)]
    assert counted[1].reads == [(0, 5)]


def test_clips_decoded_again_are_shuffled_across_short_videos(stored_pair):
    source = DecodedClips(stored_pair, SPEC)
    rows = rows_of(stored_pair, SPEC)
    orders = [source.order(rows, np.random.default_rng(seed)).tolist() for seed in range(5)]
    assert all(sorted(order) == list(range(7)) for order in orders)
    assert any(sorted(order[:4]) not in ([0, 1, 2, 3], [3, 4, 5, 6]) for order in orders)


def test_many_short_videos_do_not_thrash(stored_pair):
    reads = []

    class Short:
        id, shape = "s", (6, 8, 12, 1)

        def __len__(self):
            return 6

        def read(self, start, stop, out=None):
            reads.append((start, stop))
            return np.zeros((stop - start, 8, 12, 1), np.uint8)

    videos = [Short() for _ in range(40)]
    spec = ClipSpec(5, (8, 12), "gray", (4,))
    source = DecodedClips(videos, spec, block_bytes=30 * 96)
    rows = rows_of(videos, spec)
    order = source.order(rows, np.random.default_rng(0))
    for place in range(0, len(rows), 8):
        numbers = order[place : place + 8]
        source.gather(rows[numbers], torch.zeros((len(numbers), 5, 8, 12, 1), dtype=torch.uint8))
    assert len(reads) == 40


def test_a_streamed_video_reads_like_a_stored_one(image_folder, stored_pair):
    video = image_folder("c", 9, first=50)
    settings = Settings(size=(8, 12), channels="gray")
    found = find_times(video, settings)
    assert found.times == pytest.approx(np.arange(9) / 25)
    # A folder of images has no rate of its own.
    assert found[1:] == ([], None, stored_pair[0].source_size)
    streamed = StreamedVideo(video, settings, found, keep=3)
    assert (len(streamed), streamed.shape) == (9, (9, 8, 12, 1))
    assert streamed.read(0, 4)[:, 0, 0, 0].tolist() == [50, 51, 52, 53]
    # Overlapping, from what it kept; then far back, by decoding anew; then the end.
    assert streamed.read(2, 6)[:, 0, 0, 0].tolist() == [52, 53, 54, 55]
    assert streamed.read(0, 2)[:, 0, 0, 0].tolist() == [50, 51]
    assert streamed.read(7, 9)[:, 0, 0, 0].tolist() == [57, 58]


def test_a_part_of_a_streamed_video(image_folder):
    from dataclasses import replace

    video = replace(image_folder("c", 9, first=50), part=(2, 7))
    streamed = StreamedVideo(
        video, Settings(size=(8, 12), channels="gray"), FileTimes(np.arange(9) / 25)
    )
    assert len(streamed) == 5
    assert streamed.read(0, 5)[:, 0, 0, 0].tolist() == [52, 53, 54, 55, 56]
