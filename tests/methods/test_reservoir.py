"""A sample is bounded, fair, and the same every time."""

import torch

from vadkit.methods.reservoir import Reservoir


def filled(size, rows):
    sample = Reservoir(size)
    for first in range(0, rows, 10):
        numbers = torch.arange(first, first + 10)
        sample.add(numbers, numbers * 2.0)
        assert len(sample) <= 2 * size + 10
    return sample


def test_columns_stay_together_and_any_row_may_stay():
    numbers, doubled = filled(100, 2000).take()
    assert len(numbers) == 100 and torch.equal(doubled, numbers * 2.0)
    assert len(numbers.unique()) == 100
    # As many of the first half as of the second, but for chance.
    assert 30 < (numbers < 1000).sum() < 70


def test_a_sample_repeats_and_is_forgotten_once_taken():
    sample = filled(50, 300)
    assert torch.equal(sample.take()[0], filled(50, 300).take()[0])
    assert sample.take() == () and len(sample) == 0


def test_few_rows_are_all_kept():
    assert sorted(filled(100, 40).take()[0].tolist()) == list(range(40))
