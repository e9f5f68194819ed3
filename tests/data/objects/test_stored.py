"""Boxes in the cache: what is kept, and when objects are looked for anew."""

import hashlib

import numpy as np
import pytest

from vadkit.data.objects import FrameBoxes, boxes_of_frames
from vadkit.data.objects.stored import build_objects
from vadkit.data.videos import Video
from vadkit.errors import DataError


class Values:
    """One box a frame, as wide as the frame's value; counts the videos it is asked for."""

    def __init__(self, reads_frames=True):
        self.reads_frames = reads_frames
        self.asked = []

    def __call__(self, video, length, frames):
        self.asked.append((video.id, length))
        if not self.reads_frames:
            return boxes_of_frames([])
        return boxes_of_frames(
            [
                FrameBoxes(
                    np.array([[0, 0, frame[0, 0, 0] + 1, frame.shape[0]]]), np.ones(1), -np.ones(1)
                )
                for frame in frames
            ]
        )


def digest(path):
    """Content of a file or of the images in a folder."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def objects(videos, lengths, finder, cache, params=None, **options):
    return build_objects(
        videos, lengths, "values", finder, params or {}, cache=cache, digest=digest, **options
    )


def widths(boxes):
    return boxes.xyxy[:, 2].tolist()


def test_boxes_of_every_video_by_id(image_folder, tmp_path):
    got = []
    videos = [image_folder("a", 4), image_folder("b", 3, first=50)]
    found = objects(
        videos, [4, 3], Values(), tmp_path / "cache", progress=lambda *done: got.append(done)
    )
    assert list(found) == ["a", "b"]
    assert widths(found["a"]) == [1, 2, 3, 4]
    assert widths(found["b"]) == [51, 52, 53]
    assert found["b"].frame.tolist() == [0, 1, 2]
    # The height of the frames as they are.
    assert found["a"].xyxy[0, 3] == 8
    assert got[-1] == (2, 7)


def test_objects_are_searched_once(image_folder, tmp_path):
    finder, cache = Values(), tmp_path / "cache"
    videos = [image_folder("a", 4)]
    weights = tmp_path / "net.weights"
    weights.write_bytes(b"one")
    params = {"weights": weights, "size": 320}
    first = objects(videos, [4], finder, cache, params)
    again = objects(videos, [4], finder, cache, params)
    assert len(finder.asked) == 1
    for name, values in vars(first["a"]).items():
        np.testing.assert_array_equal(vars(again["a"])[name], values)
        assert vars(again["a"])[name].dtype == values.dtype
    # The same network elsewhere is the same; another one at the same place is not.
    weights.rename(tmp_path / "moved.weights")
    objects(videos, [4], finder, cache, {"weights": tmp_path / "moved.weights", "size": 320})
    assert len(finder.asked) == 1
    weights.write_bytes(b"two")
    objects(videos, [4], finder, cache, params)
    objects(videos, [4], finder, cache, {**params, "size": 416})
    assert len(finder.asked) == 3
    (videos[0].path / "0.png").write_bytes((videos[0].path / "3.png").read_bytes())
    assert widths(objects(videos, [4], finder, cache, params)["a"]) == [4, 2, 3, 4]


def test_parts_see_their_own_frames(image_folder, tmp_path):
    whole = image_folder("a", 6)
    parts = [
        Video("early", "test", whole.path, part=(0, 2)),
        Video("middle", "test", whole.path, part=(2, 4)),
        Video("late", "test", whole.path, part=(4, None)),
    ]
    found = objects(parts, [2, 2, 2], Values(), tmp_path / "cache")
    assert {name: widths(boxes) for name, boxes in found.items()} == {
        "early": [1, 2],
        "middle": [3, 4],
        "late": [5, 6],
    }
    assert found["late"].frame.tolist() == [0, 1]


def test_boxes_that_need_no_frames_decode_and_store_nothing(tmp_path):
    finder = Values(reads_frames=False)
    videos = [Video("gone", "test", tmp_path / "gone.mp4")]
    for _ in range(2):
        assert len(objects(videos, [4], finder, tmp_path / "cache")["gone"]) == 0
    assert finder.asked == [("gone", 4)] * 2
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("stored", [3, 5])
def test_a_video_of_another_length_than_stored(image_folder, tmp_path, stored):
    with pytest.raises(DataError, match=f"'a' gave 4 frames .* but {stored} when it was stored"):
        objects([image_folder("a", 4)], [stored], Values(), tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.npz"))


def test_damaged_boxes_are_found_again(image_folder, tmp_path):
    videos, cache = [image_folder("a", 4)], tmp_path / "cache"
    objects(videos, [4], Values(), cache)
    (saved,) = (cache / "objects").glob("*.npz")
    saved.write_bytes(saved.read_bytes()[:50])
    assert widths(objects(videos, [4], Values(), cache)["a"]) == [1, 2, 3, 4]
    assert not list((cache / "objects").glob(".*.partial*"))


def test_a_cache_that_cannot_be_written(image_folder, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot be written: .*; free space .* set VADKIT_CACHE"):
        objects([image_folder("a", 4)], [4], Values(), tmp_path / "file")


def test_a_finders_error_is_not_changed(image_folder, tmp_path):
    def fails(video, length, frames):
        next(frames)
        raise DataError(f"no objects in {video.id}")

    fails.reads_frames = True
    with pytest.raises(DataError, match="no objects in a"):
        objects([image_folder("a", 4)], [4], fails, tmp_path / "cache")
