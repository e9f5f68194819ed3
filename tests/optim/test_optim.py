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
