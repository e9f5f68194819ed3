"""The joint density of tracked people: what counts, what is unknown, and nobody."""

import pytest
import torch

from vadkit.data.segments.people import PERSON
from vadkit.errors import TrainingError
from vadkit.methods.track_flow import TrackFlow


def row(*people):
    """A frame of scene 1 with room for three people: speed to the right, height, and whether known.

    All are twice as tall as wide, and their feet are in the middle.
    """
    values = torch.zeros(1, 1 + 3 * PERSON)
    values[0, 0] = 1
    for number, (speed, tall, known) in enumerate(people):
        one = [1, 0.5, 0.5, tall, tall / 2, speed, 0, 12 * known]
        values[0, 1 + number * PERSON : 1 + (number + 1) * PERSON] = torch.tensor(one)
    return values


@pytest.fixture
def method():
    """Fitted on tall people who walk at 0.05 and short ones who drive at 0.5."""
    torch.manual_seed(0)
    spec = TrackFlow.clip_spec(1, (24, 24), "rgb", 1)
    found = TrackFlow({}, {}, spec, density={"type": "gmm", "components": 2})
    for _ in range(100):
        noise = 1 + 0.1 * torch.randn(4)
        walker, car = (0.05 * noise[0], 0.3 * noise[1], 1), (0.5 * noise[2], 0.1 * noise[3], 1)
        found.collect_rows(row(walker, car))
    # Nothing is known about the speed of these.
    found.collect_rows(row((9.0, 9.0, 0)))
    found.finalize()
    return found


def score(method, *people):
    return method.row_scores(row(*people)).item()


def test_what_is_usual_alone_may_be_rare_together(method):
    walker, car = (0.05, 0.3, 1), (0.5, 0.1, 1)
    usual = max(score(method, walker), score(method, car))
    assert score(method, (0.5, 0.3, 1)) > usual + 5
    assert score(method, walker, (0.5, 0.3, 1), car) == score(method, (0.5, 0.3, 1))


def test_what_is_unknown(method):
    assert score(method, (0.5, 0.3, 0)) == method.usual.item()
    assert score(method) == method.least.item() < method.usual.item()


def test_place_counts_if_wanted():
    spec = TrackFlow.clip_spec(1, (24, 24), "rgb", 1)
    assert len(TrackFlow({}, {}, spec).columns) == 4
    assert len(TrackFlow({}, {}, spec, place=True).columns) == 6


def test_too_few_people():
    spec = TrackFlow.clip_spec(1, (24, 24), "rgb", 1)
    method = TrackFlow({}, {}, spec)
    method.collect_rows(row((0.1, 0.1, 1)))
    with pytest.raises(TrainingError, match="fewer than 20 people"):
        method.finalize()
