"""Events for tests of the sinks."""

from __future__ import annotations

import numpy as np
import pytest

from vadkit.inference.alarms import AlarmRules, Alarms, Event
from vadkit.inference.clip_ring import ClipRing


@pytest.fixture(scope="session")
def events() -> list[Event]:
    """An alarm of the camera "gate/1" as it begins, and when it is over, with region and clip."""
    ring = ClipRing(before_s=0.5, after_s=0.5)
    alarms = Alarms(AlarmRules(5, 5, merge_s=0.5), source="gate/1", epoch=1_700_000_000, ring=ring)
    score_map = np.zeros((6, 8))
    score_map[2:4, 3:5] = 1
    told = []
    for number, score in enumerate([0.0] * 10 + [6, 9, 7] + [0] * 10):
        frame = np.full((48, 64, 3), 10 * number, np.uint8)
        told += alarms.push(number / 10, score, frame=frame, score_map=score_map)
    assert [event.over for event in told] == [False, True]
    return told
