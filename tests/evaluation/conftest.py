"""Intervals, as a user gets them."""

import pytest


@pytest.fixture(autouse=True)
def _all_samples(all_samples):
    pass
