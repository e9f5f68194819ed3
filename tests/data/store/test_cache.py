"""Listing, checking and pruning the frame store."""

import os
import time

from vadkit.data.store.cache import (
    Entry,
    boxes_bytes,
    damage,
    entries,
    remove,
    remove_boxes,
    remove_leftovers,
    to_prune,
)


def cache_of(stored):
    return stored[0].folder.parent


def test_entries_tell_what_is_stored(stored_pair):
    found = {entry.source.rsplit("/", 1)[1]: entry for entry in entries(cache_of(stored_pair))}
    assert sorted(found) == ["a", "b"]
    assert found["a"].shape == (6, 8, 12, 1)
    assert found["a"].bytes > 6 * 96
    assert abs(found["a"].used - time.time()) < 60
    assert [damage(entry) for entry in found.values()] == [None, None]


def test_damage_is_found(stored_pair):
    first, second = stored_pair
    with (first.folder / "frames.u8").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff")
    os.truncate(second.folder / "frames.u8", 10)
    got = {entry.folder: damage(entry) for entry in entries(cache_of(stored_pair))}
    assert got[first.folder] == "the bytes of frames.u8 have changed"
    assert got[second.folder] == "frames.u8 has 10 bytes instead of 480"
    (first.folder / "meta.json").write_text("{")
    got = {entry.folder: damage(entry) for entry in entries(cache_of(stored_pair))}
    assert got[first.folder] == "meta.json is damaged"


def test_a_removed_entry_is_gone(stored_pair):
    cache = cache_of(stored_pair)
    remove(entries(cache)[0])
    assert len(entries(cache)) == 1


def test_pruning_takes_the_longest_unused(stored_pair):
    first, second = stored_pair
    old = time.time() - 10 * 86400
    os.utime(first.folder / "meta.json", (old, old))
    found = entries(cache_of(stored_pair))
    chosen = to_prune(found, older_than_days=5, keep_bytes=None)
    assert [entry.folder for entry in chosen] == [first.folder]
    assert to_prune(found, older_than_days=20, keep_bytes=None) == []
    room = next(entry.bytes for entry in found if entry.folder == second.folder)
    chosen = to_prune(found, older_than_days=None, keep_bytes=room)
    assert [entry.folder for entry in chosen] == [first.folder]


def test_boxes_are_counted_and_go_when_they_were_not_used(tmp_path):
    (tmp_path / "objects").mkdir()
    for name, days in (("a", 10), ("b", 1)):
        path = tmp_path / "objects" / f"{name}.npz"
        path.write_bytes(bytes(500))
        os.utime(path, (time.time() - days * 86400,) * 2)
    assert boxes_bytes(tmp_path) == 1000
    assert remove_boxes(tmp_path, older_than_days=5) == 500
    assert [path.name for path in tmp_path.glob("objects/*")] == ["b.npz"]
    assert remove_boxes(tmp_path) == 500 and boxes_bytes(tmp_path) == 0


def test_old_leftovers_of_killed_processes_are_removed(stored_pair):
    cache = cache_of(stored_pair)
    left = cache / ".abc-xyz"
    left.mkdir()
    (left / "frames.u8").write_bytes(bytes(500))
    assert remove_leftovers(cache) == 0
    old = time.time() - 7200
    os.utime(left / "frames.u8", (old, old))
    assert remove_leftovers(cache) == 500
    assert not left.exists()
    assert len(entries(cache)) == 2


def test_a_video_with_damaged_metadata_is_listed_without_frames(stored_pair):
    (stored_pair[0].folder / "meta.json").write_text("{")
    found = {entry.folder: entry for entry in entries(cache_of(stored_pair))}
    broken = found[stored_pair[0].folder]
    assert (broken.source, broken.shape) == ("unknown", (0, 0, 0, 0))
    assert broken.bytes == 6 * 96 + 6 * 8 + 1  # frames, times, metadata
    assert found[stored_pair[1].folder].bytes > 5 * 96


def test_entries_are_in_order_of_use(stored_pair):
    first, second = stored_pair
    for video, days in ((first, 3), (second, 7)):
        os.utime(video.folder / "meta.json", (time.time() - days * 86400,) * 2)
    assert [entry.folder for entry in entries(cache_of(stored_pair))] == [
        first.folder,
        second.folder,
    ]


def test_missing_frames_are_damage(stored_pair):
    (stored_pair[0].folder / "frames.u8").unlink()
    got = {entry.folder: damage(entry) for entry in entries(cache_of(stored_pair))}
    assert got[stored_pair[0].folder] == "frames.u8 cannot be read: No such file or directory"


def test_pruning_keeps_the_most_recently_used_that_fit(tmp_path):
    now = time.time()
    found = [
        Entry(tmp_path / str(n), "", (1, 1, 1, 1), size, now - age * 86400)
        for n, (size, age) in enumerate([(4, 1), (3, 2), (5, 3), (2, 4)])
    ]

    def pruned(**limits):
        limits = {"older_than_days": None, "keep_bytes": None, **limits}
        return [int(entry.folder.name) for entry in to_prune(found[::-1], **limits)]

    # 4 and 3 fit into 9 bytes, 5 more do not, 2 more do.
    assert pruned(keep_bytes=9) == [2]
    assert pruned(keep_bytes=8) == [2, 3]
    assert pruned(keep_bytes=0) == [0, 1, 2, 3]
    assert pruned(older_than_days=2.5) == [2, 3]
    assert pruned(older_than_days=3.5, keep_bytes=7) == [2, 3]
    assert pruned() == []


def test_an_old_empty_leftover_goes_too(tmp_path):
    left = tmp_path / ".abc"
    left.mkdir()
    assert remove_leftovers(tmp_path) == 0 and left.exists()
    old = time.time() - 7200
    os.utime(left, (old, old))
    assert remove_leftovers(tmp_path) == 0
    assert not left.exists()


def test_boxes_that_another_process_deletes_are_no_error(tmp_path, monkeypatch):
    from pathlib import Path

    (tmp_path / "objects").mkdir()
    for name in "ab":
        (tmp_path / "objects" / f"{name}.npz").write_bytes(bytes(500))
    unlink = Path.unlink

    def twice(path):
        unlink(path)
        if path.name == "a.npz":
            raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(Path, "unlink", twice)
    assert remove_boxes(tmp_path) == 500
    assert list((tmp_path / "objects").iterdir()) == []
