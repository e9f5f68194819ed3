"""Bags: pairs, order, crops, and videos brought to a number of segments."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.segments.bags import BagLoader, fitted, moments, stacked
from vadkit.data.segments.video import SegmentVideo, check_length, segment_of_frames
from vadkit.errors import DataError


def video(number: int, abnormal: bool, segments: int = 5, crops: int = 1) -> SegmentVideo:
    """Feature 0 is the number of the video, feature 1 that of the crop, feature 2 the segment."""

    def load(crop: int) -> np.ndarray:
        rows = [(number, crop, segment) for segment in range(segments)]
        return np.array(rows, np.float16)

    shape = (segments, crops, 3)
    kind = "fight" if abnormal else None
    return SegmentVideo(str(number), str(number), shape, load, 16 * segments, 16, abnormal, kind)


def loader(videos, **changes):
    settings = {"segments": 4, "fit": "pad", "batch_size": 6, "seed": 3}
    return BagLoader(videos, device=torch.device("cpu"), **{**settings, **changes})


def test_a_batch_is_half_normal_and_half_abnormal_and_an_epoch_has_every_video():
    found = loader([video(n, abnormal=n < 3) for n in range(10)])
    batches = list(found.batches(0))
    assert len(batches) == len(found) == 3
    for bags in batches:
        assert bags.labels.tolist() == [0, 0, 0, 1, 1, 1]
        assert bags.features.shape == (6, 4, 3) and bags.mask.all()
    normal = [bags.features[:3, 0, 0].tolist() for bags in batches]
    abnormal = [bags.features[3:, 0, 0].tolist() for bags in batches]
    assert {n for each in normal for n in each} == {3, 4, 5, 6, 7, 8, 9}
    assert all(sorted(each) == [0, 1, 2] for each in abnormal)


def test_order_and_crops_depend_only_on_seed_epoch_and_batch():
    videos = [video(n, abnormal=n % 2 == 0, crops=10) for n in range(12)]
    whole = [bags.features for bags in loader(videos).batches(5)]
    resumed = [bags.features for bags in loader(videos).batches(5, start=1)]
    assert all(map(torch.equal, whole[1:], resumed))
    assert len({n for bags in whole for n in bags[:, 0, 1].tolist()}) > 3
    other = [bags.features for bags in loader(videos).batches(6)]
    assert not torch.equal(whole[0], other[0])


def test_classes_count_from_one_and_normal_is_zero():
    bags = next(loader([video(0, False), video(1, True)], classes=["fall", "fight"]).batches(0))
    assert bags.classes.tolist() == [0, 0, 0, 2, 2, 2]
    assert next(loader([video(0, False), video(1, True)]).batches(0)).classes is None


def test_a_kind_that_is_not_among_the_classes_is_an_error():
    with pytest.raises(DataError, match=r"video '1' has the kind 'fight', but bags.classes has"):
        loader([video(0, False), video(1, True)], classes=["fall"])


def test_bags_of_one_kind_only_are_an_error():
    with pytest.raises(DataError, match="3 training videos are normal and 0 abnormal"):
        loader([video(n, abnormal=False) for n in range(3)])


def test_padding_is_masked_and_zero():
    videos = [video(0, False, segments=2), video(1, True, segments=9)]
    bags = next(loader(videos, segments=5).batches(0))
    assert bags.mask.sum(dim=1).tolist() == [2, 2, 2, 5, 5, 5]
    assert (bags.features[~bags.mask] == 0).all()
    longest = next(loader(videos, segments=None).batches(0))
    assert longest.features.shape[1] == 9


@given(st.integers(1, 90), st.integers(1, 40))
def test_averages_are_means_of_consecutive_rows(count: int, segments: int):
    rows = np.arange(count, dtype=np.float32)[:, None]
    found = fitted(rows, segments, "average")[:, 0]
    assert len(found) == segments
    assert (np.diff(found) >= 0).all() and found.min() >= 0 and found.max() <= count - 1
    if count % segments == 0:
        np.testing.assert_allclose(found, rows.reshape(segments, -1).mean(axis=1))


@given(st.integers(1, 90), st.integers(1, 40))
def test_padding_leaves_out_rows_evenly(count: int, segments: int):
    rows = np.arange(count, dtype=np.float32)[:, None]
    found = fitted(rows, segments, "pad")[:, 0]
    assert len(found) == min(count, segments)
    assert found[0] == 0 and (np.diff(found) > 0).all()


def test_moments_are_those_of_all_rows_and_a_constant_feature_is_kept_at_zero():
    videos = [video(n, False, segments=n + 2) for n in range(4)]
    middle, spread = moments(videos)
    rows = np.concatenate([one.crop(0) for one in videos])
    np.testing.assert_allclose(middle, rows.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(spread[[0, 2]], rows.std(axis=0)[[0, 2]], rtol=1e-6)
    assert spread[1] == 1


def test_features_that_are_not_finite_are_an_error():
    broken = SegmentVideo("a", "a", (1, 1, 1), lambda crop: np.full((1, 1), np.nan), 16, 16)
    with pytest.raises(DataError, match="'a' have values that are not finite"):
        broken.crop(0)


@given(st.integers(1, 30), st.integers(1, 20))
def test_every_frame_has_a_segment(segments: int, every: int):
    frames = segments * every + every // 2
    found = segment_of_frames(segments, frames, every)
    assert (np.diff(found) >= 0).all() and set(found) == set(range(segments))
    assert (found[: segments * every] == np.repeat(np.arange(segments), every)).all()


def test_segments_spread_evenly():
    assert segment_of_frames(3, 7, None).tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_features_of_another_video_are_an_error():
    check_length("a", 10, 170, 16)
    with pytest.raises(DataError, match="10 segments of 16 frames, but 320 frames are 20"):
        check_length("a", 10, 320, 16)


def test_rows_mapped_from_a_file_give_no_warning(tmp_path, recwarn):
    np.save(tmp_path / "a.npy", np.ones((3, 2), np.float32))
    features, _ = stacked([np.load(tmp_path / "a.npy", mmap_mode="r")], None)
    features += 1
    assert features.tolist() == [[[2.0, 2.0]] * 3]
    assert not recwarn.list
