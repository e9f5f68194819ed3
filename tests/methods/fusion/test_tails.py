"""How rare a value is among normal ones."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.methods.fusion.tails import Tail


def fitted(values, share=0.05):
    tail = Tail()
    tail.fit(values, share)
    return tail


@pytest.mark.parametrize("count", [60, 2000])
def test_new_normal_values_are_as_rare_as_predicted(count):
    draw = torch.Generator().manual_seed(0)
    got = []
    for _ in range(30):
        tail = fitted(torch.randn(count, generator=draw))
        found = tail.rarity(torch.randn(20_000, generator=draw))
        got.append([(found >= rarity).float().mean().item() for rarity in (0.3, 1, 2, 3)])
    shares = torch.tensor(got).mean(dim=0).tolist()
    assert shares[:2] == pytest.approx([10**-0.3, 0.1], rel=0.2)
    assert shares[2] == pytest.approx(0.01, rel=0.35)
    # Of 60 values none is so rare; the tail goes on beyond them.
    assert 0.0003 < shares[3] < 0.003


def test_an_exponential_tail_is_extrapolated_correctly():
    draw = torch.Generator().manual_seed(1)
    tail = fitted(torch.rand(4000, generator=draw).log().neg())
    # P(X >= x) = exp(-x)
    values = torch.tensor([1.0, 3.0, 5.0, 8.0])
    assert tail.rarity(values).tolist() == pytest.approx((values / math.log(10)).tolist(), rel=0.15)


def test_heavy_tails_are_less_surprised():
    draw = torch.Generator().manual_seed(2)
    uniform = torch.rand(3000, generator=draw)
    heavy, light = fitted(uniform.pow(-0.4)), fitted(uniform.log().neg())
    assert heavy.tail[0].item() == pytest.approx(0.4, abs=0.2)
    assert light.tail[0].item() < 0.12
    assert heavy.rarity(torch.tensor([40.0])) < light.rarity(torch.tensor([40.0]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=60),
    st.lists(st.floats(-2e3, 2e3, width=32), min_size=2, max_size=20),
)
def test_a_higher_value_is_never_less_rare(values, asked):
    tail = fitted(torch.tensor(values))
    found = tail.rarity(torch.tensor(sorted(asked)))
    assert found.isfinite().all()
    assert (found >= 0).all()
    assert (found.diff() >= -1e-4 * found.abs().clamp(min=1)[1:]).all()


def test_rarity_keeps_rising_beyond_the_largest_value():
    tail = fitted(torch.linspace(0, 1, 500))
    found = tail.rarity(torch.tensor([1.0, 1.5, 2.0, 50.0]))
    assert (found.diff() > 0).all()


def test_frequent_values_are_not_rare():
    draw = torch.Generator().manual_seed(3)
    tail = fitted(torch.cat([torch.zeros(700), 1 + torch.rand(300, generator=draw)]))
    # All 1000 are at least 0, 300 are above.
    assert tail.rarity(torch.tensor([0.0, 1.0])).tolist() == pytest.approx(
        [0, -math.log10(0.3)], abs=0.02
    )


def test_a_frame_without_a_score_has_no_rarity():
    tail = fitted(torch.tensor([1.0, torch.nan, 2.0, 3.0]))
    assert tail.rarity(torch.tensor([torch.nan])).isnan().all()
    assert tail.rarity(torch.tensor([[0.5, 9.0]])).shape == (1, 2)


def test_a_tail_is_fitted_to_events_if_times_are_given():
    # Ten events of ten frames, most of which are lower than its peak.
    values, times = torch.zeros(2000), torch.arange(2000)
    for event in range(10):
        values[200 * event : 200 * event + 10] = 2 - (torch.arange(10) / 9 - 0.5).abs() * 2
    by_frames, by_events = Tail(), Tail()
    by_frames.fit(values, 0.05)
    by_events.fit(values, 0.05, times=times, apart=3)
    start = by_frames.values[-1].item()
    mean = (values[values > start] - start).mean().item()
    assert by_frames.tail.tolist() == pytest.approx([0, mean], abs=1e-3)
    assert by_events.tail.tolist() == pytest.approx([0, values.max().item() - start], abs=1e-3)
    shuffled = torch.randperm(2000, generator=torch.Generator().manual_seed(0))
    again = Tail()
    again.fit(values[shuffled], 0.05, times=times[shuffled], apart=3)
    assert again.tail.tolist() == pytest.approx(by_events.tail.tolist())


def test_shares_are_those_of_the_piece_with_the_most():
    draw = torch.Generator().manual_seed(4)
    # One hour in eight is livelier than the others.
    pieces = torch.arange(8).repeat_interleave(500)
    values = torch.randn(4000, generator=draw) + 1.5 * (pieces == 3)
    tail, pooled = Tail(), fitted(values)
    tail.fit(values, 0.05, pieces=pieces)
    lively = torch.randn(20_000, generator=draw) + 1.5
    for rarity in (1, 2, 3):
        assert (tail.rarity(lively) >= rarity).float().mean() < 1.3 * 10**-rarity
    assert (pooled.rarity(lively) >= 1).float().mean() > 0.3


def test_similar_pieces_cost_little():
    draw = torch.Generator().manual_seed(5)
    values = torch.randn(4000, generator=draw)
    tail = Tail()
    tail.fit(values, 0.05, pieces=torch.arange(8).repeat_interleave(500))
    found = tail.rarity(torch.randn(40_000, generator=draw))
    for rarity in (1, 2, 3):
        assert 0.3 < (found >= rarity).float().mean() * 10**rarity <= 1.1
