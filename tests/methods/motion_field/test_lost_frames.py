"""Frames that a camera lost."""

import torch

from vadkit.methods.motion_field.lost_frames import jumps


def speeds(*factors):
    """A clip of pictures with things of many speeds, all so many times as fast."""
    usual = torch.linspace(0.5, 1.5, 64).view(8, 8)
    return torch.stack([usual * factor for factor in factors])[None]


def test_all_twice_as_fast_for_a_frame_is_a_lost_frame():
    seen = torch.ones(1, 4, 8, 8, dtype=torch.bool)
    assert jumps(speeds(1, 1, 2, 1), seen)[0].tolist() == [1, 1, 2, 1]
    # Shown twice before it jumps: the frame before the repeated one is what counts.
    assert jumps(speeds(1, 0.1, 2, 1), seen)[0].tolist() == [1, 1, 2, 1]
    assert jumps(speeds(1, 1, 1.4, 6), seen)[0].tolist() == [1, 1, 1, 1]
    only = speeds(1, 1, 1, 1)
    only[0, 2, :, 4:] *= 3
    assert jumps(only, seen)[0].tolist() == [1, 1, 1, 1]


def test_without_foreground_no_frame_is_lost():
    assert jumps(speeds(1, 2, 4), torch.zeros(1, 3, 8, 8, dtype=torch.bool))[0].tolist() == [
        1,
        1,
        1,
    ]
    assert jumps(speeds(3), torch.ones(1, 1, 8, 8, dtype=torch.bool)).tolist() == [[1]]
