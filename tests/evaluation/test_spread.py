"""Mean and deviation over runs."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.evaluation.spread import spread


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_a_spread_is_the_mean_and_the_sample_deviation(values):
    found = spread(values)
    assert found.mean == pytest.approx(statistics.mean(values))
    assert found.deviation == pytest.approx(statistics.stdev(values), abs=1e-12)


def test_one_run_has_no_deviation():
    assert spread([0.5]).mean == 0.5
    assert math.isnan(spread([0.5]).deviation)
    assert math.isnan(spread([0.5, math.nan]).mean)
