"""HF2-VAD: its losses and scores by hand, what each stage changes, and the contract of a method."""

import copy
import math

import pytest
import torch
from torch import nn

from vadkit.data.tensors import Clips
from vadkit.losses.gaussian import GaussianKL
from vadkit.losses.memory import Entropy
from vadkit.losses.pixel import MSE, Gradient
from vadkit.methods.hf2_vad import HF2VAD, _fixed
from vadkit.methods.method import WeightedLoss
from vadkit.networks.conditional_vae import ConditionalVAE, Gaussian, Predicted
from vadkit.networks.multilevel_memae import MultiLevelMemAE

LOSSES = {
    "reconstruction": WeightedLoss(MSE(), 1.0),
    "sparsity": WeightedLoss(Entropy(), 0.5),
    "prediction": WeightedLoss(MSE(), 1.0),
    "gradient": WeightedLoss(Gradient(), 1.0),
    "divergence": WeightedLoss(GaussianKL(), 2.0),
}


class Flow(nn.Module):
    """Rebuilds a constant, from two items of equal weight for one flow and one item for another."""

    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(0.5))
        self.seen = []

    def forward(self, flow):
        assert flow.shape[1:] == (2, 32, 32)
        self.seen.append(flow)
        used = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
        return self.value * torch.ones_like(flow), [used, used]


class Frame(nn.Module):
    """Predicts the mean of what it is given, and states known distributions."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, frames, flow):
        assert frames.shape[1:] == (4, 32, 32)
        self.flow = flow
        one, zero = torch.ones(2, 3), torch.zeros(2, 3)
        frame = self.scale * frames.mean(dim=1, keepdim=True) + 0 * flow.mean()
        return Predicted(frame, Gaussian(one, zero), Gaussian(zero, zero + math.log(2)))


@pytest.fixture
def method():
    spec = HF2VAD.clip_spec(5, (32, 48), "gray", 1)
    return HF2VAD({"flow": Flow(), "frame": Frame()}, LOSSES, spec)


def cubes(moved=1.0, last=0.6):
    """Two cubes whose last frame is brighter than the others."""
    frames = torch.full((2, 1, 5, 32, 32), 0.2)
    frames[:, :, -1] = last
    return Clips(frames, torch.full((2, 2, 4, 32, 32), moved))


def test_the_terms_of_each_role(method):
    updates = {update.role: update for update in method.updates(cubes())}
    entropy = 0.5 * math.log(2)  # the mean of log 2 and 0, of each memory
    flow = {"reconstruction": 0.25, "sparsity": 0.5 * 2 * entropy}
    # KL of N(1, 1) from N(0, 2): (1/2 + 1/2 - 1 + log 2) / 2, weighted 2.
    frame = {"prediction": 0.16, "gradient": 0.0, "divergence": math.log(2)}
    for role, wanted in (("flow", flow), ("frame", frame), ("both", flow | frame)):
        found = {name: value.item() for name, value in updates[role].terms().items()}
        assert found == pytest.approx(wanted, abs=1e-6)
    assert list(updates) == ["flow", "frame", "both"]


def test_flows_are_rebuilt_one_by_one(method):
    flow = torch.arange(2 * 2 * 4.0).reshape(2, 2, 4, 1, 1).expand(-1, -1, -1, 32, 32)
    clips = Clips(torch.rand(2, 1, 5, 32, 32), flow)
    first, _, both = (update.terms() for update in method.updates(clips))
    last, _, each = method.networks["flow"].seen
    # The first stage sees the last flow of each cube; the others see all four, with dx and dy.
    assert torch.equal(last, flow[:, :, -1])
    assert torch.equal(each, flow.transpose(1, 2).flatten(0, 1))
    assert first["reconstruction"].item() == pytest.approx((last - 0.5).square().mean().item())
    assert both["reconstruction"].item() == pytest.approx((flow - 0.5).square().mean().item())
    # The predictor gets them in the order dx, dy of each frame.
    assert torch.equal(
        method._input(clips)[1][1, :, 0, 0], torch.tensor([8, 12, 9, 13, 10, 14, 11, 15.0])
    )


def test_the_second_stage_leaves_the_first_network_alone(method):
    updates = {update.role: update for update in method.updates(cubes())}
    sum(updates["frame"].terms().values()).backward()
    assert (
        method.networks["flow"].value.grad is None
        and not method.networks["frame"].flow.requires_grad
    )
    assert {id(p) for p in method.parameters_of("both")} == {id(p) for p in method.parameters()}
    sum(updates["both"].terms().values()).backward()
    assert method.networks["flow"].value.grad is not None


def test_scores_are_standardised_errors(method):
    method.eval()
    for moved, last in ((0.5, 0.2), (1.5, 0.6)):
        method.collect(cubes(moved, last))
    method.finalize()
    # Errors of flow are 0 and 1: mean and deviation 1/2. Those of frames are 0 and 0.16.
    clips = Clips(
        torch.full((1, 1, 5, 32, 48), 0.2),
        torch.full((1, 2, 4, 32, 48), 2.5),
        (torch.tensor([[2.0, 2.0, 20.0, 20.0]]),),
    )
    scores = method.score(clips)
    assert scores.parts["flow"].item() == pytest.approx((4 - 0.5) / 0.5, rel=1e-3)
    assert scores.parts["frame"].item() == pytest.approx(-0.1, rel=1e-3)
    assert scores.frames.item() == pytest.approx(7 - 0.1, rel=1e-3)
    assert scores.objects[0][0].tolist() == pytest.approx([2, 2, 20, 20, 6.9], rel=1e-3)


def test_everything_passes_through_the_memories():
    torch.manual_seed(0)
    network = MultiLevelMemAE(2, 32, width=4, slots=6).eval()
    # Whole maps are compared, not places: the sides are 4, 8 and 16.
    shapes = [tuple(memory.items.shape) for memory in network.memories]
    assert shapes == [(6, 32 * 4 * 4), (6, 16 * 8 * 8), (6, 8 * 16 * 16)]
    output, weights = network(torch.randn(3, 2, 32, 32))
    assert output.shape == (3, 2, 32, 32)
    assert [one.shape for one in weights] == [(3, 6)] * 3
    # Skips enter before the last memory: with equal items, the output does not depend on the input.
    memory = network.memories[-1]
    memory.items.data[:] = memory.items.data[:1]
    first, second = (network(torch.randn(1, 2, 32, 32))[0] for _ in range(2))
    torch.testing.assert_close(first, second)


def test_latent_values_are_drawn_in_training_only():
    torch.manual_seed(0)
    network = ConditionalVAE(4, 8, 1, width=4, dropout=0.0)
    given = torch.rand(3, 4, 32, 32), torch.rand(3, 8, 32, 32)
    assert not torch.equal(network(*given).frame, network(*given).frame)
    network.eval()
    found = network(*given)
    assert torch.equal(found.frame, network(*given).frame)
    assert found.frame.shape == (3, 1, 32, 32)
    # The prior does not see the frames.
    other = network(torch.rand(3, 4, 32, 32), given[1])
    assert torch.equal(other.prior.mean, found.prior.mean)
    assert not torch.equal(other.posterior.mean, found.posterior.mean)


def test_the_fixed_network_keeps_its_statistics_and_its_mode():
    network = nn.Sequential(nn.BatchNorm2d(2)).train()
    before = copy.deepcopy(network.state_dict())
    with _fixed(network):
        assert not network(torch.rand(3, 2, 4, 4)).requires_grad
    assert network.training
    assert all(torch.equal(one, before[name]) for name, one in network.state_dict().items())
