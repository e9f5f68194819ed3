"""The scale of a part: level 0 is usual, level 1 is high, and rare events do not move it."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from vadkit.methods.fusion.scale import Scale


def fitted(scores):
    made = Scale()
    made.fit(scores)
    return made


def test_levels_are_the_median_and_the_98th_percentile():
    made = fitted(torch.arange(101.0))
    assert made(torch.tensor([50.0, 98.0, 146.0, 2.0])).tolist() == [0, 1, 2, -1]


def test_rare_events_in_normal_video_do_not_move_the_scale():
    clean = torch.linspace(0, 1, 1000)
    rare = torch.cat([clean, torch.full((15,), 500.0)])
    asked = torch.tensor([0.5, 2.0])
    assert torch.allclose(fitted(rare)(asked), fitted(clean)(asked), atol=0.1)


def test_scores_that_are_missing_or_all_equal():
    made = fitted(torch.tensor([torch.nan, 3.0, 3.0, 3.0]))
    found = made(torch.tensor([3.0, 4.0, torch.nan]))
    assert found[0] == 0 and found[1] > 100 and found[2].isnan() and found[1].isfinite()


@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=50),
    st.floats(0.5, 100),
    st.floats(-100, 100),
)
def test_the_unit_of_scores_does_not_matter(values, factor, offset):
    scores = torch.tensor(values, dtype=torch.float64)
    if float(scores.quantile(0.98) - scores.quantile(0.5)) < 10:
        return
    one, other = fitted(scores), fitted(factor * scores + offset)
    torch.testing.assert_close(
        one(scores.float()), other((factor * scores + offset).float()), atol=1e-2, rtol=1e-2
    )


def test_levels_rise_with_scores():
    found = fitted(torch.randn(500))(torch.linspace(-9, 9, 100))
    assert (found.diff() > 0).all() and found[-1].item() > 3
