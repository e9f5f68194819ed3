"""Augments are drawn once a clip, from the seed alone."""

import numpy as np
import pytest

from vadkit.data import COMPONENTS
from vadkit.data.clips import augments


def picture(channels=3, seed=0):
    """A smooth random picture, so that every augment changes it."""
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 8, channels))
    return np.kron(coarse, np.ones((4, 4, 1))).astype(np.uint8)


def build(name, **params):
    return getattr(augments, COMPONENTS["augments"][name].partition(":")[2])(**params)


@pytest.mark.parametrize(
    "name", ["fliplr", "flipud", "rotate", "crop", "blur", "jpeg", "grayscale"]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_all_frames_change_equally_and_depend_only_on_the_seed(name, channels):
    augmenter = build(name)
    clip = np.stack([picture(channels)] * 3)
    drawn = [augments.draw_clip([augmenter], clip, seed) for seed in range(12)]
    for result in drawn:
        assert result.shape == clip.shape and result.dtype == np.uint8
        assert (result == result[:1]).all()
    again = augments.draw_clip([augmenter], clip, 5)
    assert (again == drawn[5]).all()
    if (name, channels) != ("grayscale", 1):
        assert len({result.tobytes() for result in drawn}) > 1


def test_flips_are_exact():
    clip = np.stack([picture()] * 2)
    assert (augments.draw_clip([build("fliplr", p=1.0)], clip, 0) == clip[:, :, ::-1]).all()
    assert (augments.draw_clip([build("flipud", p=1.0)], clip, 0) == clip[:, ::-1]).all()
    assert (augments.draw_clip([build("fliplr", p=0.0)], clip, 0) == clip).all()


def test_resize_gives_the_requested_size():
    clip = np.stack([picture()] * 2)
    assert augments.draw_clip([build("resize", size=(16, 24))], clip, 0).shape == (2, 16, 24, 3)


def test_grayscale_makes_channels_equal():
    result = augments.draw_clip([build("grayscale", p=1.0)], np.stack([picture()] * 2), 0)
    assert (result == result[..., :1]).all()


def test_numpys_global_random_state_does_not_change():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    augments.draw_clip([build("rotate")], np.stack([picture()] * 2), 0)
    assert (np.random.get_state()[1] == before).all()
