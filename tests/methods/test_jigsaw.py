"""Jigsaw puzzles: what is shuffled, the targets, and probabilities as errors."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.losses.classes import CrossEntropy
from vadkit.methods.jigsaw import JigsawVAD, frames_shuffled, patches_shuffled
from vadkit.methods.method import WeightedLoss
from vadkit.networks.jigsaw import Jigsaw

LOSSES = {role: WeightedLoss(CrossEntropy(), 1.0) for role in ("temporal", "spatial")}


class Reader(nn.Module):
    """Solves every puzzle of cubes whose pixels state the frame and the patch they come from."""

    def __init__(self, sure):
        super().__init__()
        self.sure = nn.Parameter(torch.tensor(float(sure)))

    def forward(self, cubes):
        frame = cubes[:, 0, :, 0, 0].long() // 9
        patch = cubes[:, 0, 0, 2::5, 2::5][:, :3, :3].flatten(1).long() % 9
        one_hot = nn.functional.one_hot
        return self.sure * one_hot(frame, 3).float(), self.sure * one_hot(patch, 9).float()


def numbered(count=4):
    """Cubes of 3 frames of 16x16: each pixel is 9 times its frame plus its patch."""
    rows = torch.arange(16).div(5, rounding_mode="floor").clamp(max=2)
    patch = rows[:, None] * 3 + rows
    cube = 9 * torch.arange(3).view(3, 1, 1) + patch
    return cube.float().expand(count, 1, 3, 16, 16)


def make(sure):
    spec = JigsawVAD.clip_for(JigsawVAD.clip_spec(3, (32, 48), "gray", 1), {"side": 16}, ())
    assert spec.cube == 16
    return JigsawVAD({"puzzle": Reader(sure)}, LOSSES, spec, side=16)


def test_a_solved_puzzle_has_no_loss():
    torch.manual_seed(0)
    (update,) = make(50).updates(Clips(numbered(6)))
    assert {name: term.item() for name, term in update.terms().items()} == pytest.approx(
        {"temporal": 0, "spatial": 0}, abs=1e-6
    )
    (update,) = make(0).updates(Clips(numbered(6)))
    assert {name: term.item() for name, term in update.terms().items()} == pytest.approx(
        {"temporal": math.log(3), "spatial": math.log(9)}
    )


def test_errors_are_the_least_sure_place():
    cubes = numbered(2).clone()
    cubes[1] = cubes[1].flip(1)  # The second object's frames run backwards.
    errors = make(2.0).errors(Clips(cubes))
    right, wrong = math.e**2 / (math.e**2 + 2), 1 / (math.e**2 + 2)
    assert errors[:, 0].tolist() == pytest.approx([1 - right, 1 - wrong])
    assert errors[0, 1].item() == pytest.approx(1 - math.e**2 / (math.e**2 + 8))


@given(st.permutations(range(3)), st.permutations(range(9)))
def test_shuffled_places(frames, patches):
    cubes = numbered(1)
    moved = frames_shuffled(cubes, torch.tensor([frames]))
    assert (moved[0, 0, :, 0, 0] // 9).tolist() == frames
    moved = patches_shuffled(cubes, torch.tensor([patches]))
    assert (moved[0, 0, 0, 2:15:5, 2:15:5].flatten() % 9).tolist() == patches
    assert (moved[0, 0, :, 0, 0] // 9).tolist() == [0, 1, 2]
    # The pixels that 3 does not divide.
    assert torch.equal(moved[..., 15, :], cubes[..., 15, :])


def test_the_network():
    network = Jigsaw(3, 7, 64, 3)
    temporal, spatial = network(torch.rand(2, 3, 7, 64, 64))
    assert temporal.shape == (2, 7, 7) and spatial.shape == (2, 9, 9)
    assert network.flat[5].in_features == 1024


def test_one_object_has_both_puzzles():
    (update,) = make(50).updates(Clips(numbered(1)))
    assert {name: term.item() for name, term in update.terms().items()} == pytest.approx(
        {"temporal": 0, "spatial": 0}, abs=1e-6
    )
    assert not list(make(1).updates(Clips(numbered(0))))
