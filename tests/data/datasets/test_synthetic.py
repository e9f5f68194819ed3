"""The synthetic dataset: drawn once, whole, and labelled frame for frame."""

import numpy as np
import pytest

from vadkit.data.datasets import synthetic as module
from vadkit.data.datasets.synthetic import Synthetic
from vadkit.data.decoding.readers import pyav
from vadkit.data.synthetic.scene import draw_video
from vadkit.errors import DataError


def small(root, **params):
    settings = {"train_videos": 1, "test_videos": 2, "frames": 30, "size": (48, 64)}
    return Synthetic(root=root, **{**settings, **params})


def test_draws_videos_with_labels_and_masks(tmp_path):
    dataset = small(tmp_path / "new")
    assert [(v.id, v.labels, v.masks) for v in dataset.videos("train")] == [("01", None, None)]
    videos = dataset.videos("test")
    assert [video.id for video in videos] == ["01", "02"]
    for video in videos:
        frames = np.stack(list(pyav(video.path)))
        assert frames.shape == (30, 48, 64, 3)
        masks = video.masks()
        assert masks.shape == (30, 48, 64)
        np.testing.assert_array_equal(video.labels(30), masks.any(axis=(1, 2)))
        assert 0 < video.labels(30).sum() < 30
    assert dataset.label_source == "labels.json"
    with pytest.raises(DataError, match=r"29 frames but labels.json labels 30"):
        videos[0].labels(29)


def test_the_same_frames_give_the_same_file(tmp_path):
    frames, _ = draw_video(seed=3, frames=24, size=(120, 160), anomaly=module.ANOMALIES[0])
    contents = set()
    for number in range(8):
        path = tmp_path / f"{number}.mp4"
        module._write_video(path, frames)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_drawn_once_and_parameters_have_their_own_folders(tmp_path, monkeypatch):
    first = small(tmp_path, test_videos=1)
    before = first.videos("train")[0].path.stat().st_mtime_ns
    other = small(tmp_path, test_videos=1, seed=1)
    assert other.folder != first.folder
    monkeypatch.setattr(module, "draw_video", None)
    assert small(tmp_path, test_videos=1).videos("train")[0].path.stat().st_mtime_ns == before


def test_interrupted_drawing_leaves_nothing(tmp_path, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_write_video", stop)
    with pytest.raises(KeyboardInterrupt):
        small(tmp_path).videos("train")
    assert list(tmp_path.iterdir()) == []


def test_two_that_draw_at_once_share_one_copy(tmp_path, monkeypatch):
    """The second to finish finds the folder taken and drops its own."""
    dataset = small(tmp_path, test_videos=1)
    dataset.videos("train")
    dataset._draw()
    assert list(tmp_path.iterdir()) == [dataset.folder]


def test_root_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write to .*dataset.root"):
        small(tmp_path / "file" / "below").videos("train")
