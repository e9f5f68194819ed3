"""Feature sets: public layouts as they are, and vadkit's own record."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vadkit.data.segments.feature_set import FeatureSet, common_dim
from vadkit.data.videos import Video
from vadkit.errors import DataError


def rows(segments: int, crops: int, dim: int = 4) -> np.ndarray:
    """Return (segments, crops, dim); the value tells segment and crop."""
    places = np.arange(segments)[:, None, None] * 10 + np.arange(crops)[:, None]
    return np.broadcast_to(places, (segments, crops, dim)).astype(np.float32)


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array)


def read(root: Path, *names: str, every: int | None = 16, frames=(), split="train"):
    videos = [Video(name, split, Path(name)) for name in names]
    return FeatureSet(root, every).videos(videos, dict(frames))


@pytest.mark.parametrize("order", ["crops second", "crops first", "files", "one crop"])
def test_layouts_of_crops(tmp_path, order):
    lengths = {"Abuse001_x264": 7, "Normal_Videos_003_x264": 3}
    for name, length in lengths.items():
        array = rows(length, 1 if order == "one crop" else 10)
        if order == "files":
            for crop in range(10):
                save(tmp_path / f"all/{name}__{crop}.npy", array[:, crop])
        elif order == "one crop":
            save(tmp_path / f"{name}_i3d.npy", array[:, 0])
        else:
            save(
                tmp_path / f"{name}.npy", array if order == "crops second" else array.swapaxes(0, 1)
            )
    for one in read(tmp_path, *lengths):
        crops = 1 if order == "one crop" else 10
        assert one.shape == (lengths[one.id], crops, 4)
        for crop in range(crops):
            np.testing.assert_array_equal(one.crop(crop), rows(lengths[one.id], crops)[:, crop])
        assert len(one) == 16 * lengths[one.id]


def test_videos_of_equal_length_have_fewer_crops_than_segments(tmp_path):
    for name in "ab":
        save(tmp_path / f"{name}.npy", rows(32, 10))
    assert read(tmp_path, "a", "b")[0].shape == (32, 10, 4)
    for name in "ab":
        save(tmp_path / f"{name}.npy", rows(32, 10).swapaxes(0, 1))
    assert read(tmp_path, "a", "b")[0].shape == (32, 10, 4)


def test_names_end_at_a_border(tmp_path):
    for name in ("01_001", "01_0014", "01_0014_i3d_rgb"):
        save(tmp_path / f"{name}.npy", rows(2, 1)[:, 0])
    (one,) = read(tmp_path, "01_001")
    assert one.id == "01_001"
    with pytest.raises(DataError, match="no features of video '01'; it has 01_001"):
        read(tmp_path, "01")


def test_folders_decide_between_equal_names(tmp_path):
    save(tmp_path / "train" / "01.npy", rows(2, 1)[:, 0])
    save(tmp_path / "test" / "01.npy", rows(3, 1)[:, 0])
    assert read(tmp_path, "01")[0].shape[0] == 2
    assert read(tmp_path, "01", split="test")[0].shape[0] == 3
    save(tmp_path / "test" / "more" / "01.npy", rows(3, 1)[:, 0])
    with pytest.raises(DataError, match="several features of video '01'"):
        read(tmp_path, "01", split="test")


def test_an_archive_has_an_array_for_each_video(tmp_path):
    np.savez(tmp_path / "all.npz", a=rows(5, 1)[:, 0], b=rows(2, 1)[:, 0])
    found = read(tmp_path / "all.npz", "a", "b")
    assert [one.shape for one in found] == [(5, 1, 4), (2, 1, 4)]
    np.testing.assert_array_equal(found[0].crop(0), rows(5, 1)[:, 0])


def test_the_record_says_frames_and_where_files_are(tmp_path):
    save(tmp_path / "x" / "1.npy", rows(3, 1).astype(np.float16))
    record = {
        "format": "vadkit-features-1",
        "extractor": {"type": "frozen"},
        "every": 8,
        "videos": {"train": {"day/a": {"file": "x/1.npy", "frames": 22, "fps": 25.0}}},
    }
    (tmp_path / "features.json").write_text(json.dumps(record))
    (one,) = read(tmp_path, "day/a")
    assert (len(one), one.every, one.fps, one.shape) == (22, 8, 25.0, (3, 1, 4))
    with pytest.raises(DataError, match="has no test video 'day/a'"):
        read(tmp_path, "day/a", split="test")
    record["videos"]["train"]["day/a"]["file"] = "../../etc/passwd"
    (tmp_path / "features.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match="is outside of it"):
        read(tmp_path, "day/a")


def test_a_damaged_record_is_one_line(tmp_path):
    (tmp_path / "features.json").write_text('{"format": "other"}')
    with pytest.raises(DataError, match=r"features\.json is damaged: "):
        FeatureSet(tmp_path)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([{"a": 1}], dtype=object), "pickled objects are not read"),
        (np.zeros((2, 3, 4, 5)), "expected numbers"),
        (np.array([["a"]]), "expected numbers"),
        (np.zeros((0, 4)), "have the shapes"),
    ],
)
def test_arrays_that_are_no_features_are_errors(tmp_path, array, reason):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=reason):
        read(tmp_path, "a")


def test_missing_crops_and_truncated_files_are_errors(tmp_path):
    save(tmp_path / "one" / "a__0.npy", rows(2, 1)[:, 0])
    save(tmp_path / "one" / "a__2.npy", rows(2, 1)[:, 0])
    with pytest.raises(DataError, match="has the crops 0, 2; expected __0 to __2"):
        FeatureSet(tmp_path / "one")
    save(tmp_path / "two" / "a.npy", rows(200, 1)[:, 0])
    path = tmp_path / "two" / "a.npy"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="truncated"):
        read(tmp_path / "two", "a")
    with pytest.raises(DataError, match="neither a folder nor a file"):
        FeatureSet(tmp_path / "three")


def test_all_videos_need_as_many_features(tmp_path):
    save(tmp_path / "a.npy", rows(2, 1, 4)[:, 0])
    save(tmp_path / "b.npy", rows(2, 1, 5)[:, 0])
    save(tmp_path / "c.npy", rows(2, 1, 4)[:, 0])
    with pytest.raises(DataError, match="'b' has 5 features a segment, others have 4"):
        common_dim(read(tmp_path, "a", "b", "c"))
