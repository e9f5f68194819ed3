"""Settings of the frame store, and the names of stored videos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vadkit.data.store.settings import Settings, cache_folder, store_key

RGB = Settings(size=(8, 12), channels="rgb")


def test_the_size_of_a_frame():
    assert (RGB.planes, RGB.frame_bytes) == (3, 288)
    gray = replace(RGB, channels="gray")
    assert (gray.planes, gray.frame_bytes) == (1, 96)


def test_the_cache_is_where_the_environment_says(monkeypatch):
    monkeypatch.setenv("VADKIT_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_folder() == Path("/a")
    monkeypatch.delenv("VADKIT_CACHE")
    assert cache_folder() == Path("/b/vadkit")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/c")
    assert cache_folder() == Path("/c/.cache/vadkit")


@pytest.mark.parametrize(
    "change",
    [{"size": (12, 8)}, {"channels": "gray"}, {"readers": ("decord",)}],
    ids=lambda change: next(iter(change)),
)
def test_frames_that_differ_have_different_names(image_folder, tmp_path, change):
    video = image_folder("a", 2).path
    name = store_key(video, RGB, tmp_path)
    assert len(name) == 32 and int(name, 16)
    assert store_key(video, replace(RGB, **change), tmp_path) != name
    assert store_key(video, replace(RGB, stall_s=1.5), tmp_path) == name


def test_equal_content_has_one_name(image_folder, tmp_path):
    first, same = image_folder("a", 2).path, image_folder("b", 2).path
    other = image_folder("c", 2, first=9).path
    name = store_key(first, RGB, tmp_path)
    assert store_key(same, RGB, tmp_path) == name
    assert store_key(other, RGB, tmp_path) != name


def test_an_unreadable_file_has_a_name_of_its_path(tmp_path):
    missing, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    assert store_key(missing, RGB, tmp_path) == store_key(missing, RGB, tmp_path)
    assert store_key(missing, RGB, tmp_path) != store_key(other, RGB, tmp_path)


def test_a_plugin_reader_changes_the_name_when_its_code_changes(image_folder, tmp_path):
    video = image_folder("a", 2).path
    plugin = tmp_path / "reader.py"
    names = []
    for content in ("A = 1\n", "A = 2\n"):
        plugin.write_text(content)
        names.append(store_key(video, replace(RGB, readers=("mine",), plugins=(plugin,)), tmp_path))
    assert names[0] != names[1]
    # Built-in readers do not depend on plugins.
    assert store_key(video, replace(RGB, plugins=(plugin,)), tmp_path) == store_key(
        video, RGB, tmp_path
    )
