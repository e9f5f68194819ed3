"""Alarms: rules against a plain second reading of them, regions, and clips in bounded memory."""

from __future__ import annotations

import datetime
import itertools
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.inference.alarms import AlarmRules, AlarmTracker
from vadkit.inference.clip_ring import ClipRing

# Times and rules are multiples of an eighth of a second, which floats hold exactly.
EIGHTHS = st.integers(0, 24).map(lambda n: n / 8)
RULES = st.builds(
    lambda down, least, merge, cool: AlarmRules(5.0, 5.0 - down, least, merge, cool),
    st.sampled_from([0.0, 1.0, 3.0]),
    EIGHTHS,
    EIGHTHS,
    EIGHTHS,
)
SCORES = st.sampled_from([0.0, 1.0, 3.0, 4.5, 5.0, 6.0, 9.0, math.nan])
STREAMS = st.lists(st.tuples(st.integers(1, 12), SCORES), max_size=60).map(
    lambda steps: (
        [n / 8 for n in itertools.accumulate(step for step, _ in steps)],
        [score for _, score in steps],
    )
)


def find_events(times, scores, rules, source=""):
    """The events that are over, of scores (N,) at times (N,)."""
    alarms = AlarmTracker(rules, source=source)
    got = [
        event
        for time, score in zip(times, scores, strict=True)
        for event in alarms.push(time, score)
    ]
    return [event for event in [*got, *alarms.finish()] if event.over]


def plainly(times: list[float], scores: list[float], rules: AlarmRules) -> list[list[float]]:
    """Starts, ends and peaks by the words of ``AlarmRules``, with the whole array at hand."""
    events: list[list[float]] = []
    place = 0
    while place < len(times):
        since = times[place] - events[-1][1] if events else math.inf
        allowed = since < rules.merge_s or since >= rules.cooldown_s
        if not (scores[place] >= rules.threshold and allowed):
            place += 1
            continue
        stop = place
        while stop < len(times) and scores[stop] >= rules.release:
            stop += 1
        start, end, peak = times[place], times[stop - 1], max(scores[place:stop])
        if end - start >= rules.min_duration_s:
            if events and start - events[-1][1] < rules.merge_s:
                events[-1] = [events[-1][0], end, max(peak, events[-1][2])]
            else:
                events.append([start, end, peak])
        place = stop
    return events


@settings(max_examples=400, deadline=None)
@given(STREAMS, RULES)
def test_pushed_frame_by_frame_alarms_are_those_of_the_whole_array(stream, rules):
    found = find_events(*stream, rules)
    assert [[e.start, e.end, e.peak_score] for e in found] == plainly(*stream, rules)
    for event in found:
        assert event.peak_score >= rules.threshold
        assert event.end - event.start >= rules.min_duration_s
        assert event.start <= event.peak_time <= event.end
        assert stream[1][stream[0].index(event.peak_time)] == event.peak_score
    for before, after in itertools.pairwise(found):
        assert after.start - before.end >= max(rules.merge_s, rules.cooldown_s)


@settings(max_examples=100, deadline=None)
@given(STREAMS, RULES)
def test_every_event_is_reported_when_it_begins_and_when_it_is_over(stream, rules):
    alarms = AlarmTracker(rules)
    got = []
    for time, score in zip(*stream, strict=True):
        for event in alarms.push(time, score):
            got.append(event)
            if not event.over:
                assert event.start <= time and time - event.start >= rules.min_duration_s
            else:
                # Not before it is certain, for it could have gone on.
                assert time - event.end >= rules.merge_s or time > event.end
    got += alarms.finish()
    assert [event.over for event in got] == [False, True] * (len(got) // 2)
    for begun, over in zip(got[::2], got[1::2], strict=True):
        assert (begun.id, begun.start) == (over.id, over.start)
        assert begun.peak_score <= over.peak_score


def test_an_alarm_is_on_while_it_lasts():
    alarms = AlarmTracker(AlarmRules(5, 3, min_duration_s=1, merge_s=2))
    on = []
    for time, score in enumerate([6, 4, 6, 2, 0, 6, 0, 0, 0.0]):
        alarms.push(float(time), score)
        on.append(alarms.on)
    assert on == [False, True, True, False, False, False, False, False, False]


def test_a_release_level_above_the_threshold_is_refused():
    with pytest.raises(ValueError, match="is above the threshold"):
        AlarmRules(1, 2)
    assert AlarmRules(1, 1).release == 1


def test_time_does_not_run_backwards():
    alarms = AlarmTracker(AlarmRules(5, 5), source="gate")
    alarms.push(2, 0)
    with pytest.raises(ValueError, match=r"gate: time ran backwards, from 2 to 1\.5"):
        alarms.push(1.5, 0)


def test_ids_say_source_and_time_and_stay_the_same():
    rules = AlarmRules(5, 5)
    (event,) = find_events([0.0, 61.25, 62], [0, 6, 0], rules, source="cam 1/gate")
    assert event.id == "cam_1_gate-ac6d0001-00000061.250s"
    alarms = AlarmTracker(rules, source="gate", epoch=1_700_000_000)
    (live,) = alarms.push(1.5, 7)
    assert live.started_at == "2023-11-14T22:13:21.500Z"
    assert live.id == "gate-20231114T221321500Z"
    assert live.to_dict()["state"] == "begun" and live.to_dict()["end"] is None


def test_an_event_as_plain_data():
    score_map = np.zeros((6, 8))
    score_map[2, 3] = 1
    alarms = AlarmTracker(AlarmRules(5, 4), source="gate", epoch=1_700_000_000)
    frame = picture(9)
    (begun,) = alarms.push(
        1.5, 7, frame=frame, score_map=score_map, parts={"motion": 7, "scene": math.nan}
    )
    expected = {
        "id": "gate-20231114T221321500Z",
        "kind": "alarm",
        "state": "begun",
        "source": "gate",
        "start": 1.5,
        "end": None,
        "started_at": "2023-11-14T22:13:21.500Z",
        "peak_time": 1.5,
        "peak_score": 7.0,
        "threshold": 5,
        "region": [24, 16, 32, 24],
        "boxes": [{"box": [24, 16, 32, 24], "score": 1.0}],
        "reasons": [],
        "part": "motion",
        "size": list(frame.shape[:2]),
        "message": "",
        "sure": "",
    }
    assert begun.to_dict() == expected and not begun.over
    # Without a ring of frames there is no picture.
    assert begun.snapshot is None and begun.clip == ()
    assert alarms.push(2.5, 4.5, frame=frame) == []
    (over,) = alarms.finish()
    assert over.to_dict() == {**expected, "state": "over", "end": 2.5} and over.over
    (plain,) = AlarmTracker(AlarmRules(5, 5)).push(0, 6)
    assert plain.to_dict()["region"] is plain.to_dict()["part"] is None
    assert plain.id == "00000000.000s"


def test_a_source_goes_on_after_its_end():
    alarms = AlarmTracker(AlarmRules(5, 4, merge_s=0))
    (first,) = alarms.push(0, 6)
    (over,) = alarms.finish()
    assert (over.id, over.end) == (first.id, 0)
    assert alarms.finish() == []
    # The score is between release and threshold, so no alarm goes on.
    assert alarms.push(1, 4.5) == [] and not alarms.on
    (second,) = alarms.push(2, 5)
    assert second.start == 2


def test_an_alarm_ends_when_nothing_can_continue_it():
    alarms = AlarmTracker(AlarmRules(5, 5, merge_s=2))
    alarms.push(0, 6)
    assert alarms.push(1.9, 0) == []
    (over,) = alarms.push(2, 0)
    assert over.end == 0
    # At the time when the last one is over, a new one is another alarm.
    alarms = AlarmTracker(AlarmRules(5, 5, merge_s=2))
    alarms.push(0, 6)
    alarms.push(1, 0)
    over, begun = alarms.push(2, 6)
    assert (over.end, begun.start) == (0, 2)


def picture(value: int) -> np.ndarray:
    return np.full((48, 64, 3), value, np.uint8)


def test_an_event_has_the_peaks_picture_region_and_part_and_frames_around_it():
    alarms = AlarmTracker(AlarmRules(5, 5, merge_s=1), ring=ClipRing(before_s=1, after_s=2, fps=2))
    score_map = np.zeros((6, 8))
    score_map[2, 3] = 1
    got = []
    scores = [0] * 12 + [6, 8, 7] + [0] * 12
    for number, score in enumerate(scores):
        parts = {"motion": score, "scene": 7.5 if score == 7 else math.nan}
        got += alarms.push(
            number / 4, score, frame=picture(8 * number), score_map=score_map, parts=parts
        )
    begun, over = got
    assert begun.clip == () and begun.peak_score == 6
    assert (over.start, over.end, over.peak_time) == (3.0, 3.5, 3.25)
    assert over.region == (24, 16, 32, 24) and over.part == "motion"
    shown = cv2.imdecode(np.frombuffer(over.snapshot, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (48, 64, 3) and abs(int(shown.mean()) - 8 * 13) <= 1
    assert [one.time for one in over.clip] == [2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5]


def test_memory_is_bounded_however_long_an_alarm_lasts():
    ring = ClipRing(before_s=2, after_s=1, longest_s=5, fps=4, width=32)
    alarms = AlarmTracker(AlarmRules(5, 5, min_duration_s=1), ring=ring)
    most = 0
    for number in range(2000):
        alarms.push(number / 10, 9.0 if number > 50 else 0, frame=picture(number % 255))
        most = max(most, len(ring))
    # The last 3 s, and 7 s around the alarm's start, at 5 frames a second: a little over `fps`.
    assert most <= 52
    (over,) = alarms.finish()
    assert over.end - over.start > 190
    times = [one.time for one in over.clip]
    assert over.start - 2 <= times[0] < over.start - 1.5 and times[-1] <= over.start + 5
    small = cv2.imdecode(np.frombuffer(over.clip[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert small.shape == (24, 32, 3)


def test_no_alarm_outside_the_hours_and_one_that_lasts_ends_with_them():
    """Files have no time of day, so hours do not count for them."""
    midnight = datetime.datetime(2026, 11, 23).timestamp()
    rules = AlarmRules(5.0, 5.0, hours="06:00-22:00", days=("mon",))

    def found(start, epoch):
        alarms = AlarmTracker(rules, epoch=epoch)
        times = [start + 60.0 * n for n in range(11)]
        got = [event for time in times for event in alarms.push(time, 9.0)]
        return [(one.start, one.end) for one in [*got, *alarms.finish()] if one.over]

    hour = 3600.0
    assert found(7 * hour, midnight) == [(7 * hour, 7 * hour + 600)]
    assert found(23 * hour, midnight) == found(31 * hour, midnight) == []
    # The last minute that is in the hours is 21:59.
    assert found(22 * hour - 300, midnight) == [(22 * hour - 300, 22 * hour - 60)]
    assert found(6 * hour - 300, midnight) == [(6 * hour, 6 * hour + 300)]
    assert found(23 * hour, None) == [(23 * hour, 23 * hour + 600)]
