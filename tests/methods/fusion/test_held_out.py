"""Folds of clips that are held out together."""

import itertools
from collections import defaultdict

import pytest
import torch

from vadkit.data.tensors import Clips
from vadkit.errors import TrainingError
from vadkit.methods.fusion import held_out
from vadkit.methods.fusion.held_out import Folds


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    """Short segments count as long ones, so that tests need few clips."""
    monkeypatch.setattr(held_out, "_LONG", 5)


def deal(folds, counts):
    """Fold and clearness of every clip by video, dealt in batches of 7."""
    folds.expect(counts)
    videos = [video for video, count in enumerate(counts) for _ in range(count)]
    found = defaultdict(list)
    for first in range(0, len(videos), 7):
        batch = videos[first : first + 7]
        clips = Clips(torch.zeros(len(batch), 1, 1, 1, 1), videos=torch.tensor(batch))
        for video, place in zip(batch, folds.deal(clips), strict=True):
            found[video].append(place)
    return found


def test_many_videos_are_held_out_as_a_whole():
    found = deal(Folds(2, 5), [20] * 8)
    got = [{(place.fold, place.clear) for place in places} for places in found.values()]
    assert got == [{(video % 2, True)} for video in range(8)]
    assert [place.number for place in found[3]] == list(range(20))


def test_consecutive_videos_stay_together():
    found = deal(Folds(2, 5), [5] * 20)
    dealt = "".join(str(places[0].fold) for places in found.values())
    assert dealt == "00011000110001100011"


def test_few_videos_are_cut_by_time():
    folds = Folds(2, 5)
    found = deal(folds, [80])
    assert folds.stretches == 8
    assert [place.fold for place in found[0]] == [number // 10 % 2 for number in range(80)]
    clear = [place.clear for place in found[0]]
    # 10 clips a stretch: a margin of a quarter at each cut, and none at the ends of the video.
    assert clear[:10] == [True] * 8 + [False] * 2
    assert clear[10:20] == [False] * 3 + [True] * 5 + [False] * 2
    assert clear[70:] == [False] * 3 + [True] * 7


@pytest.mark.parametrize(
    ("counts", "stretches", "pieces"),
    [
        ([299], 2, 2),  # one segment per fold, however short
        ([1199], 2, 2),
        ([1200], 4, 4),
        ([3000], 8, 8),
        ([90_000], 8, 8),
        ([600, 600], 2, 4),
        ([150, 150], 1, 2),  # a fold is a whole video
    ],
)
def test_segments_are_long_if_there_is_enough_video(monkeypatch, counts, stretches, pieces):
    monkeypatch.setattr(held_out, "_LONG", 300)
    folds = Folds(2, 5)
    found = deal(folds, counts)
    assert folds.stretches == stretches
    dealt = [place.fold for places in found.values() for place in places]
    assert 1 + sum(a != b for a, b in itertools.pairwise(dealt)) == pieces


def test_long_stretches_keep_a_clip_away_from_their_neighbours():
    found = deal(Folds(2, 5), [400, 400, 400])
    clear = [place.clear for place in found[1]]
    # Three stretches of 133 clips; 5 clips on either side of the two cuts.
    assert 18 <= clear.count(False) <= 22
    assert {place.fold for place in found[1]} == {0, 1}


def test_videos_without_clips_do_not_unbalance_the_folds():
    found = deal(Folds(2, 5), [20, 0] * 8)
    assert "".join(str(found[video][0].fold) for video in range(0, 16, 2)) == "01010101"


def test_the_next_pass_gets_the_same_folds():
    folds = Folds(2, 5)
    first = deal(folds, [60, 60])
    assert deal(folds, [60, 60]) == first


def test_too_little_to_hold_out_is_an_error():
    with pytest.raises(TrainingError, match="there are 12 training clips, too few to hold any out"):
        Folds(2, 5).expect([12])
