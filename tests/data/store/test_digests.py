"""Content digests: the same for the same bytes, remembered while a file stays as it is."""

import os

import pytest

from vadkit.data.store.digests import content_digest
from vadkit.errors import DataError


def test_names_do_not_matter_and_bytes_do(tmp_path):
    for name, content in (("a.mp4", b"1"), ("b.mp4", b"1"), ("c.mp4", b"2")):
        (tmp_path / name).write_bytes(content)
    first, same, other = (content_digest(tmp_path / name) for name in ("a.mp4", "b.mp4", "c.mp4"))
    assert first == same != other


def test_folders_of_images_by_content_and_order(image_folder):
    folders = [image_folder("a", 3).path, image_folder("b", 3).path, image_folder("c", 3, 1).path]
    first, same, other = map(content_digest, folders)
    assert first == same != other


def test_a_digest_is_remembered_until_the_file_changes(tmp_path, monkeypatch):
    video, memory = tmp_path / "a.mp4", tmp_path / "digests"
    video.write_bytes(b"1")
    first = content_digest(video, memory)
    monkeypatch.setattr("vadkit.data.store.digests._hash", lambda path: "hashed again")
    assert content_digest(video, memory) == first
    video.write_bytes(b"2")
    os.utime(video, ns=(1, 1))
    assert content_digest(video, memory) == "hashed again"


def test_a_memory_that_cannot_be_written_only_costs_time(tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"1")
    (tmp_path / "file").write_text("in the way")
    assert content_digest(video, tmp_path / "file" / "digests") == content_digest(video)


def test_missing_videos(tmp_path):
    with pytest.raises(DataError, match=r"video not found: .*none.mp4"):
        content_digest(tmp_path / "none.mp4")
