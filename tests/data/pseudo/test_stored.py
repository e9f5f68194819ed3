"""Clips are made once, and are what they were made as."""

import json
import zlib

import numpy as np
import pytest

from vadkit.data.pseudo.pace import Pace
from vadkit.data.pseudo.scene import SyntheticClip
from vadkit.data.pseudo.stored import Kind, make_clips
from vadkit.data.store.cache import damage, entries
from vadkit.data.store.stored_video import StoredVideo
from vadkit.data.store.write import FRAMES_FILE, META_FILE


class Flash:
    """Frames turn white at some strength; nothing is made at 3."""

    strengths = (1.0, 2.0, 3.0)
    control = None

    def __init__(self):
        self.calls = 0

    def __call__(self, scene, strength, lead, length, rng):
        self.calls += 1
        if strength == 3.0:
            return None
        first = int(rng.integers(len(scene.frames) - lead - length + 1))
        frames = scene.frames[first : first + lead + length].copy()
        masks = np.zeros(frames.shape[:3], bool)
        frames[lead:] = int(100 * strength)
        masks[lead:] = True
        return SyntheticClip.of(frames, masks)


def stored(cache, name, frames):
    folder = cache / name
    folder.mkdir(parents=True)
    pixels = frames.tobytes()
    (folder / FRAMES_FILE).write_bytes(pixels)
    meta = {"shape": frames.shape, "source": name, "crc32": zlib.crc32(pixels)}
    (folder / META_FILE).write_text(json.dumps(meta))
    return StoredVideo(name, folder, frames.shape)


@pytest.fixture
def videos(tmp_path):
    rng = np.random.default_rng(0)
    return [stored(tmp_path, name, rng.integers(0, 99, (40, 12, 20, 1), np.uint8)) for name in "ab"]


def made_by(videos, cache, make, **settings):
    settings = {"count": 3, "lead": 4, "length": 5, "seed": 0, **settings}
    return make_clips(videos, [Kind("flash", {}, make)], cache, **settings)


def test_clips_are_made_once_and_stored_completely(videos, tmp_path):
    make = Flash()
    clips = made_by(videos, tmp_path, make)
    assert make.calls == 9
    assert [clip.frames.id for clip in clips] == [
        f"{video}/flash@{strength}#{turn}"
        for video, turn in (("a", 1), ("b", 1), ("a", 2))
        for strength in (1, 2)
    ]
    again = made_by(videos, tmp_path, make)
    assert make.calls == 9 + 3, "only what could not be made is tried again"
    for clip, other in zip(clips, again, strict=True):
        frames = clip.frames.read(0, 9)
        assert np.array_equal(frames, other.frames.read(0, 9))
        assert (frames[4:] == 100 * clip.strength).all()
        labels, masks = clip.truth()
        assert labels.tolist() == [False] * 4 + [True] * 5
        assert masks.shape == (9, 12, 20)
        assert masks[4:].all()
        assert not masks[:4].any()
    # They are in the store like any video, and whole.
    made = [entry for entry in entries(tmp_path) if entry.source.startswith("pseudo-anomaly")]
    assert len(made) == 6
    assert all(damage(entry) is None for entry in made)


def test_other_settings_make_other_clips(videos, tmp_path):
    make = Flash()
    first = made_by(videos, tmp_path, make)
    for change in ({"seed": 1}, {"lead": 3}, {"length": 6}):
        others = made_by(videos, tmp_path, make, **change)
        folders = {clip.frames.folder for clip in first} & {clip.frames.folder for clip in others}
        assert not folders


def test_strengths_of_one_copy_share_their_draws(videos, tmp_path):
    clips = made_by(videos, tmp_path, Flash())
    leads = [clip.frames.read(0, 4) for clip in clips]
    assert np.array_equal(leads[0], leads[1])
    assert not np.array_equal(leads[0], leads[4])


def test_the_control_is_named(videos, tmp_path):
    kind = Kind("pace", {"speeds": [2.0]}, Pace(speeds=(2.0,)))
    assert kind.versions == [1.0, 2.0]
