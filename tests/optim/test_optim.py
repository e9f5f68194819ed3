"""Schedules against values worked out by hand; optimizers take what they are given."""

import math

import pytest
import torch

from vadkit.optim import optimizers, schedulers


def test_constant():
    assert schedulers.constant(10)(7.3) == 1.0


def test_step_falls_at_whole_multiples():
    factor = schedulers.step(10, every=2, gamma=0.5)
    assert [factor(e) for e in (0, 1.9, 2, 3.9, 4)] == [1, 1, 0.5, 0.5, 0.25]


def test_multistep_falls_at_its_milestones():
    factor = schedulers.multistep(10, milestones=[1.5, 4], gamma=0.1)
    assert [factor(e) for e in (0, 1.4)] == [1, 1]
    assert factor(1.5) == pytest.approx(0.1)
    assert factor(9) == pytest.approx(0.01)


def test_cosine_passes_its_middle_and_ends_at_end():
    factor = schedulers.cosine(8, end=0.2)
    assert factor(0) == 1
    assert factor(4) == pytest.approx(0.6)
    assert factor(8) == pytest.approx(0.2)
    assert factor(2) == pytest.approx(0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)


def test_warmups_rise_in_a_line_then_follow():
    cosine = schedulers.warmup_cosine(10, warmup=2, start=0.5)
    assert [cosine(e) for e in (0, 1, 2)] == pytest.approx([0.5, 0.75, 1.0])
    assert cosine(6) == pytest.approx(0.5)
    multistep = schedulers.warmup_multistep(10, milestones=[5], gamma=0.1, warmup=4)
    assert [multistep(e) for e in (0, 1, 4, 5)] == pytest.approx([0, 0.25, 1, 0.1])


def test_no_warmup_starts_at_the_base_rate():
    assert schedulers.warmup_cosine(10, warmup=0)(0) == 1
    assert schedulers.warmup_multistep(10, milestones=[], warmup=0)(0) == 1


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_optimizers_take_a_step_downhill(name):
    weight = torch.nn.Parameter(torch.tensor(3.0))
    optimizer = getattr(optimizers, name)([weight], lr=0.1, weight_decay=0.0)
    (weight**2).backward()
    optimizer.step()
    assert 0 < weight.item() < 3.0
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_schedules_hold_their_last_value_and_keep_no_state():
    cosine = schedulers.cosine(4, end=0.25)
    warm = schedulers.warmup_cosine(4, warmup=1, end=0.25)
    assert cosine(5) == pytest.approx(0.25)
    assert warm(4) == warm(9) == pytest.approx(0.25)
    # Asked backwards, as a resumed run may, they say the same.
    assert [warm(e) for e in (3, 1, 0.5)] == [warm(e) for e in (0.5, 1, 3)][::-1]


def one_step(name, **params):
    """The weight 2.0 after one step (and after two) on a gradient of 3."""
    weight = torch.nn.Parameter(torch.tensor(2.0))
    optimizer = getattr(optimizers, name)([weight], **params)
    after = []
    for _ in range(2):
        weight.grad = torch.tensor(3.0)
        optimizer.step()
        after.append(weight.item())
    return after


def test_first_steps_are_the_formulas():
    # Adam's first steps on a steady gradient are lr each, whatever its size.
    assert one_step("adam", lr=0.1) == pytest.approx([1.9, 1.8], abs=1e-5)
    # Decoupled decay first takes lr * decay of the weight: 2 * 0.95 - 0.1, then 1.8 * 0.95 - 0.1.
    assert one_step("adamw", lr=0.1, weight_decay=0.5) == pytest.approx([1.8, 1.61], abs=1e-5)
    # Momentum 0.9: velocities 3 and 0.9 * 3 + 3 = 5.7.
    assert one_step("sgd", lr=0.1, momentum=0.9) == pytest.approx([1.7, 1.13], abs=1e-5)
    # Decay adds 0.5 * 2 to the gradient: 2 - 0.1 * 4.
    assert one_step("sgd", lr=0.1, momentum=0, weight_decay=0.5)[0] == pytest.approx(1.6)


@pytest.mark.parametrize(
    "factor",
    [
        schedulers.constant(8),
        schedulers.cosine(8),
        schedulers.cosine(8, end=0.3),
        schedulers.step(8, every=30),
        schedulers.multistep(8, milestones=[6], gamma=0.1),
        schedulers.warmup_multistep(8, milestones=[6], gamma=0.5),
    ],
)
def test_every_schedule_can_be_brought_down(factor):
    down = schedulers.brought_down(factor, 8)
    assert down(8) <= 0.1
    early = [place / 10 for place in range(64)]
    assert [down(place) for place in early] == [factor(place) for place in early]
    if factor(8) > 0.1:
        assert down(7.2) == pytest.approx(factor(7.2) / 2)
        assert down(8) == down(8.5) == 0
    else:
        assert down is factor
