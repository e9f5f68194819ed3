"""Listing, checking and pruning the frame store."""

import os
import time

from vadkit.data.store.cache import (
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


def test_what_is_removed_is_gone(stored_pair):
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


def test_leftovers_of_killed_processes_go_once_they_are_old(stored_pair):
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
