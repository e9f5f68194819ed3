"""The flow on poses against the change of variables, and backwards."""

import math

import pytest
import torch

from vadkit.data.objects.skeleton import adjacency
from vadkit.networks.pose_flow import ActNorm, PoseFlow


def disturbed(network, size):
    """Give every parameter a random value, so that no layer is the identity."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(size * torch.randn_like(parameter))
    return network.eval()


def test_the_likelihood_is_the_change_of_variables():
    near = [[0.5, 0.5, 0.0], [0.5, 0.25, 0.5], [0.0, 0.25, 0.5]]
    flow = disturbed(PoseFlow(near, frames=4, steps=3, mean=0.7), 0.4).double()
    x = torch.randn(2, 2, 4, 3, dtype=torch.float64)
    found = flow.log_likelihood(x)
    for one, expected in zip(x, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(
            lambda flat: flow(flat.view(1, 2, 4, 3))[0].flatten(), one.flatten()
        )
        sign, size = torch.linalg.slogdet(jacobian)
        z = flow(one[None])[0].flatten()
        normal = -0.5 * ((z - 0.7) ** 2).sum() - 0.5 * len(z) * math.log(2 * math.pi)
        assert sign != 0
        torch.testing.assert_close(normal + size, expected, rtol=1e-10, atol=1e-10)


def test_outputs_lead_back_to_the_sequence():
    flow = disturbed(PoseFlow(adjacency(8).tolist()), 0.1)
    x = torch.randn(8, 2, 24, 18)
    z, _ = flow(x)
    assert (z - x).abs().max() > 0.1
    assert (flow.inverse(z) - x).abs().max() < 1e-5
    # Larger weights need more digits.
    wild = disturbed(PoseFlow(adjacency(8).tolist()), 0.3).double()
    z, _ = wild(x.double())
    assert (wild.inverse(z) - x).abs().max() < 1e-10


def test_act_norm_is_set_by_the_first_batch_in_training():
    norm, x = ActNorm(2), 3 + 5 * torch.randn(16, 2, 6, 4)
    assert norm.eval()(x)[0].equal(x)
    out, log_determinant = (one.detach() for one in norm.train()(x))
    assert out.mean(dim=(0, 2, 3)) == pytest.approx([0, 0], abs=1e-5)
    assert out.std(dim=(0, 2, 3), correction=0) == pytest.approx([1, 1], abs=1e-5)
    deviation = x.std(dim=(0, 2, 3), correction=0)
    assert log_determinant.item() == pytest.approx(-24 * deviation.log().sum().item(), rel=1e-5)
    # Another batch changes nothing.
    assert norm(x * 2)[0].std() > 1.9


def test_a_sequence_is_scored_alone():
    flow = disturbed(PoseFlow(adjacency(8).tolist()), 0.2)
    x = torch.randn(5, 2, 24, 18)
    torch.testing.assert_close(flow.log_likelihood(x)[3:4], flow.log_likelihood(x[3:4]))
