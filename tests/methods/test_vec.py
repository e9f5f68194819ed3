"""VEC: each frame is completed from the others, and its flow too."""

import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.losses.pixel import MSE
from vadkit.methods.method import WeightedLoss
from vadkit.methods.vec import VEC
from vadkit.networks.cloze import Cloze


class Constant(nn.Module):
    """Completes everything with one value."""

    def __init__(self, planes, value):
        super().__init__()
        self.planes, self.value = planes, nn.Parameter(torch.tensor(value))

    def forward(self, cubes):
        size = (len(cubes), self.planes, *cubes.shape[2:])
        return self.value * torch.ones(size)


def make(flow=True):
    networks = {"frame": Constant(1, 0.5), **({"flow": Constant(2, 0.0)} if flow else {})}
    spec = VEC.clip_for(VEC.clip_spec(5, (32, 48), "gray", 1), {}, networks)
    losses = {role: WeightedLoss(MSE(), 2.0) for role in networks}
    return VEC(networks, losses, spec)


def cubes(levels, moved):
    frames = torch.tensor(levels).view(1, 1, 5, 1, 1).expand(1, 1, 5, 32, 32)
    return Clips(frames, torch.full((1, 2, 5, 32, 32), moved))


def test_losses_and_errors_by_hand():
    method, clips = make(), cubes([0.5, 0.5, 0.5, 0.5, 1.0], 3.0)
    terms = {update.role: update.terms() for update in method.updates(clips)}
    # One frame of five is off by 1/2; flow is off by 3 everywhere. The weight is 2.
    assert terms["frame"]["frame"].item() == pytest.approx(2 * 0.25 / 5)
    assert terms["flow"]["flow"].item() == pytest.approx(2 * 9)
    assert method.errors(clips)[0].tolist() == pytest.approx([0.05, 9.0])


def test_without_flow():
    method = make(flow=False)
    assert method.clip.flow == () and method.parts == ("frame",)
    assert make().clip.flow == (0, 1, 2, 3, 4)


def test_no_network_sees_the_frame_that_it_completes():
    torch.manual_seed(0)
    network = Cloze(1, 3, 1, width=2).eval()
    before = torch.rand(2, 1, 3, 16, 16)
    after = before.clone()
    after[:, :, 1] = 0
    first, second = network(before), network(after)
    assert first.shape == (2, 1, 3, 16, 16)
    torch.testing.assert_close(first[:, :, 1], second[:, :, 1])
    assert not torch.allclose(first[:, :, 0], second[:, :, 0])


def test_a_batch_without_objects_takes_no_step():
    none = Clips(torch.zeros(0, 1, 5, 32, 32), torch.zeros(0, 2, 5, 32, 32))
    assert list(make().updates(none)) == []
    assert make().errors(none).shape == (0, 2)


def test_two_frames_are_refused():
    with pytest.raises(ValueError, match="3 frames or more"):
        VEC.clip_spec(2, (32, 48), "gray", 1)
