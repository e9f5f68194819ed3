"""Tracks from an archive and from MOTChallenge text."""

import numpy as np
import pytest

from vadkit.data.tracks import read_tracks
from vadkit.errors import DataError


def archive(path, **changes):
    arrays = {
        "videos": np.array(["01_001", "01_002", "none"]),
        "video": np.array([1, 0, 1], np.uint16),
        "frame": np.array([5, 2, 3], np.uint16),
        "track": np.array([7, 1, 7], np.uint16),
        "xyxy": np.array([[0, 0, 4, 8], [1, 2, 3, 4], [2, 0, 6, 8]], np.int16),
    }
    np.savez(path, **(arrays | changes))
    return path


def test_an_archive_is_a_table_of_all_videos(tmp_path):
    tracks = read_tracks(archive(tmp_path / "a.npz"))
    assert list(tracks) == ["01_001", "01_002", "none"]
    assert tracks["01_002"].frames.tolist() == [3, 5]
    assert tracks["01_002"].boxes.tolist() == [[2, 0, 6, 8], [0, 0, 4, 8]]
    assert tracks["01_001"].tracks.tolist() == [1]
    assert len(tracks["none"]) == 0


def test_a_folder_has_text_of_motchallenge(tmp_path):
    (tmp_path / "a.txt").write_text("2,1,10,20,4,8,1,-1,-1,-1\n1,1,8,20,4,8,1,-1,-1,-1\n\n")
    (tmp_path / "b.txt").write_text("")
    tracks = read_tracks(tmp_path)
    assert tracks["a"].frames.tolist() == [0, 1]
    assert tracks["a"].boxes.tolist() == [[8, 20, 12, 28], [10, 20, 14, 28]]
    assert len(tracks["b"]) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"video": np.array([1, 0, 3])}, "reaches 3, but there are 3 names"),
        ({"frame": np.array([1, 2])}, r"'frame' is int64 \(2,\), not \(3,\)"),
        ({"frame": np.array([1, 2, -3])}, "video '01_002' has the row -3, 7"),
        ({"videos": np.array([1, 2, 3])}, "expected names"),
        ({"xyxy": np.array([[0, 0, 4, 8], [1, 2, 3, 4], [9, 0, 6, 8]])}, "expected whole frames"),
    ],
)
def test_a_broken_archive_is_one_clear_error(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        read_tracks(archive(tmp_path / "a.npz", **changes))


def test_other_input_is_one_clear_error(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_tracks(tmp_path / "none.npz")
    np.savez(tmp_path / "b.npz", x=np.ones(3))
    with pytest.raises(DataError, match="no array 'videos'"):
        read_tracks(tmp_path / "b.npz")
    (tmp_path / "f").mkdir()
    with pytest.raises(DataError, match="have no videos"):
        read_tracks(tmp_path / "f")
    (tmp_path / "f" / "a.txt").write_text("1,2,3\n")
    with pytest.raises(DataError, match=r"a.txt has a line without six numbers"):
        read_tracks(tmp_path / "f")
