"""Lucas-Kanade finds shifts that are known, and its loss pulls a prediction the right way."""

import math

import pytest
import torch
from torch.nn import functional

from vadkit.losses.flow import FlowL1, lucas_kanade


def texture(dx=0.0, dy=0.0, size=(48, 64)):
    """A smooth pattern (1, 1, H, W) in -1..1 that has moved by so many pixels."""
    y, x = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in size), indexing="ij")
    x, y = x - dx, y - dy
    pattern = torch.sin(x * 0.5) + torch.sin(y * 0.4 + 1) + torch.sin((x + y) * 0.3)
    return (pattern / 3)[None, None]


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.4, 0.0), (1.5, -0.7), (-3.0, 2.0)])
def test_a_shift_is_found(shift):
    flow = lucas_kanade(texture(), texture(*shift))[..., 10:-10, 10:-10]
    expected = torch.tensor(shift).view(1, 2, 1, 1).expand_as(flow)
    assert (flow - expected).abs().mean() < 0.12


def test_one_level_reaches_one_pixel_and_three_reach_seven():
    near = lucas_kanade(texture(), texture(4.0), levels=1)[0, 0, 10:-10, 10:-10]
    far = lucas_kanade(texture(), texture(4.0), levels=3)[0, 0, 10:-10, 10:-10]
    assert near.abs().max() <= 1
    assert far.mean() == pytest.approx(4.0, abs=0.5)


def test_without_texture_there_is_no_flow():
    flat = torch.full((2, 3, 16, 24), 0.3)
    assert torch.equal(lucas_kanade(flat, flat + 0.1), torch.zeros(2, 2, 16, 24))


def test_small_and_odd_frames_and_bfloat16():
    frames = texture(size=(17, 9)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        flow = lucas_kanade(frames, frames, levels=5)
    assert flow.shape == (1, 2, 17, 9) and flow.dtype == torch.float32
    assert flow.abs().max() < 1e-6


def test_the_loss_compares_the_same_estimator_in_pixels_of_256x256():
    previous, target = texture(), texture(1.0, 0.5)
    x, y = (lucas_kanade(previous, previous) - lucas_kanade(previous, target)).abs().unbind(1)
    expected = (x.mean() * 256 / 64 + y.mean() * 256 / 48) / 2
    assert FlowL1()(previous, previous, target).item() == pytest.approx(expected.item())
    # About 1 and 0.5 pixels of 64 and 48, so 4 and 2.7 of 256.
    assert 2.5 < expected < 3.5
    assert FlowL1()(previous, target, target).item() == 0


def test_an_even_window_is_refused():
    with pytest.raises(ValueError, match="window must be odd"):
        FlowL1(window=6)


def test_the_gradient_moves_a_prediction_along_the_true_flow():
    """A prediction that has not moved yet is moved by descent towards the frame that has."""
    previous, target = texture(), texture(1.0)
    output = previous.clone().requires_grad_(True)
    loss, optimizer = FlowL1(), torch.optim.Adam([output], 0.02)
    inner = (..., slice(8, -8), slice(8, -8))
    before = functional.mse_loss(output[inner], target[inner]).item()
    first = loss(previous, output, target).item()
    for _ in range(30):
        optimizer.zero_grad()
        value = loss(previous, output, target)
        value.backward()
        optimizer.step()
    assert value.item() < 0.5 * first
    assert functional.mse_loss(output[inner], target[inner]).item() < 0.7 * before
    assert math.isfinite(output.sum().item())
