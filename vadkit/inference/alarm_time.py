"""The time inside the alarms of a stream, from its scores alone."""

from __future__ import annotations

import numpy as np

from vadkit.arrays import runs
from vadkit.inference.alarms import AlarmRules
from vadkit.inference.source_alarms import SourceAlarms
from vadkit.scoring.alarm_time import TimeRules, inside_alarms


def inside_stream_alarms(
    scores: np.ndarray, rate: float, threshold: float, usual: float, rules: TimeRules
) -> np.ndarray:
    """Return which of the scores (N,), ``rate`` per second, lie inside an alarm; (N,) bool.

    Unlike in ``inside_alarms``, an alarm ends after the longest time of the rules.
    """
    inside = inside_alarms(scores, rate, threshold, usual, rules)
    longest = max((stop - start for start, stop in runs(inside)), default=0) / rate
    if rules.longest_s is None or longest < rules.longest_s:
        return inside
    alarms = SourceAlarms(
        AlarmRules(
            threshold,
            rules.release(threshold, usual),
            rules.min_duration_s,
            rules.merge_s,
            rules.cooldown_s,
            longest_s=rules.longest_s,
            usual=usual,
        ),
        camera=False,
    )
    events = [
        one for number, value in enumerate(scores) for one in alarms.push(number / rate, value)
    ]
    inside = np.zeros(len(scores), bool)
    for event in events + alarms.finish():
        if event.end is not None:
            inside[round(event.start * rate) : round(event.end * rate) + 1] = True
    return inside
