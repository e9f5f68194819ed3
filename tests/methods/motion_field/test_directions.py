"""Ways that things go, and how rare they are."""

import math

import pytest
import torch

from vadkit.methods.motion_field.directions import rarity, ways


def motion(right, down):
    return torch.tensor([right, down], dtype=torch.float32).view(1, 2, 1, 1)


@pytest.mark.parametrize(
    ("right", "down", "way"), [(1, 0, 0), (2, 2, 1), (0, 3, 2), (-1, 0, 4), (0, -1, 6), (1, -1, 7)]
)
def test_directions_are_eighths_of_a_turn(right, down, way):
    got = ways(motion(right, down)).flatten()
    assert got[way].item() == pytest.approx(1, abs=1e-5)
    assert got.sum().item() == pytest.approx(1, abs=1e-5)


def test_between_two_directions_both_count():
    turn = 7.75 / 8 * 2 * math.pi
    got = ways(motion(math.cos(turn), math.sin(turn))).flatten()
    assert got[7].item() == pytest.approx(0.25, abs=1e-5)
    assert got[0].item() == pytest.approx(0.75, abs=1e-5)


def test_rarity_is_in_deviations_of_a_gaussian():
    shares = torch.tensor([0.9, 0, 0, 0, 0.0997, 0, 0.0003, 0]).view(8, 1, 1)
    assert rarity(motion(1, 0), shares).item() == 0
    # Beyond the share 0.0997 lie that, as much of the 0.9, and 0.0003.
    assert rarity(motion(-1, 0), shares).item() == pytest.approx(0.8427, abs=1e-3)
    # Three times 0.0003: 3.12 deviations. Where nothing ever went, a millionth is the least.
    assert rarity(motion(0, -1), shares).item() == pytest.approx(3.121, abs=1e-3)
    assert rarity(motion(0, 1), shares).item() == pytest.approx(4.753, abs=1e-2)
    assert rarity(motion(1, 1), torch.full((8, 1, 1), 1 / 8)).item() == 0
