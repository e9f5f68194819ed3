"""mAP of events at temporal overlaps, against an independent implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.evaluation.metrics import Setting, TrueEvent
from vadkit.evaluation.temporal_map import Detection, TemporalMap, event_precision

OVERLAPS = [0.1, 0.2, 0.3, 0.4, 0.5]


def reference_areas(scores, events):
    """The published rule, written with sets of frames and loops: one area for each overlap."""
    found = []
    for video, values in scores.items():
        top = sorted(values, reverse=True)[: max(1, len(values) // 16)]
        level = max(values) - 0.6 * (max(values) - min(values))
        run = []
        for frame in range(len(values) + 1):
            if frame < len(values) and values[frame] > level:
                run.append(frame)
                continue
            if len(run) >= 2:
                best = max(values[i] for i in run)
                found.append((video, set(run), best + 0.7 * sum(top) / len(top)))
            run = []
    areas = []
    for at in OVERLAPS:
        left = [(video, set(range(start, stop))) for video, start, stop in events]
        hits, precisions = 0, []
        ranked = sorted(found, key=lambda one: -one[2])
        for place, (video, frames, _) in enumerate(ranked, 1):
            best = None
            for one in left:
                if one[0] == video:
                    overlap = len(frames & one[1]) / len(frames | one[1])
                    if overlap >= at and (best is None or overlap > best[0]):
                        best = (overlap, one)
            if best is not None:
                left.remove(best[1])
                hits += 1
                precisions.append(hits / place)
        areas.append(sum(precisions) / len(events) if events else 0.0)
    return areas


def metrics(scores, labels, **setting):
    found = TemporalMap()(scores, labels, Setting("raw", **setting))
    return {metric.name: metric.value for metric in found}


@st.composite
def video_sets(draw):
    """Scores by kind and events with kinds of a few short videos, never two at one place."""
    scores, events = {"x": {}, "y": {}}, {}
    for number in range(draw(st.integers(1, 4))):
        length = draw(st.integers(2, 40))
        video = f"v{number}"
        for kind in scores:
            drawn = draw(st.lists(st.integers(0, 9), min_size=length, max_size=length))
            # Distinct videos never tie, so that the order of detections is known.
            scores[kind][video] = np.array(drawn, float) + number / 100
        cuts = sorted(draw(st.sets(st.integers(0, length), max_size=6)))
        spans = list(zip(cuts[::2], cuts[1::2], strict=False))
        kinds = draw(st.lists(st.sampled_from("xy"), min_size=len(spans), max_size=len(spans)))
        events[video] = [TrueEvent(*span, kind) for span, kind in zip(spans, kinds, strict=True)]
    return scores, events


@given(video_sets())
def test_agrees_with_the_rule_written_with_sets(data):
    kind_scores, events = data
    scores = kind_scores["x"]
    labels = {video: np.zeros(len(values), bool) for video, values in scores.items()}
    found = metrics(scores, labels, events=events, kind_scores=kind_scores)
    spans = {
        kind: [(v, e.start, e.stop) for v, own in events.items() for e in own if e.kind == kind]
        for kind in "xy"
    }
    areas = {kind: reference_areas(kind_scores[kind], spans[kind]) for kind in "xy" if spans[kind]}
    if not areas:
        assert found == {}
        return
    means = np.mean(list(areas.values()), axis=0)
    for at, mean in zip(OVERLAPS, means, strict=True):
        assert found[f"event-map@{at:g}"] == pytest.approx(mean, abs=1e-6)
    assert found["event-map"] == pytest.approx(np.mean(means), abs=1e-6)
    for kind, own in areas.items():
        assert found[f"event-ap[{kind}]"] == pytest.approx(np.mean(own), abs=1e-6)
    # One score for all kinds: all events together.
    found = metrics(scores, labels, events=events)
    for at, area in zip(OVERLAPS, reference_areas(scores, spans["x"] + spans["y"]), strict=True):
        assert found[f"event-ap@{at:g}"] == pytest.approx(area, abs=1e-6)


def test_by_hand():
    values = np.zeros(20)
    values[4:8], values[12:14], values[18] = 1.0, 0.9, 5.0
    # Above 5 - 0.6 * 5 = 2 is one frame, which is too short for a detection.
    assert TemporalMap().detect("v", values) == []
    assert [one[1:3] for one in TemporalMap(shortest=1).detect("v", values)] == [(18, 19)]
    values[18] = 0
    found = TemporalMap().detect("v", values)
    assert [one[:3] for one in found] == [("v", 4, 8), ("v", 12, 14)]
    # The highest sixteenth of 20 frames is one frame.
    assert [one.score for one in found] == pytest.approx([1.7, 1.6])
    truth = np.zeros(20, bool)
    truth[4:6] = truth[12:14] = True
    got = metrics({"v": values}, {"v": truth}, categories={"v": "Arson"})
    assert got["event-ap@0.5"] == 1.0
    # An IoU of exactly the overlap counts; above it only the second detection is right.
    assert event_precision(found, [("v", 4, 6), ("v", 12, 14)], 0.5) == 1.0
    assert event_precision(found, [("v", 4, 6), ("v", 12, 14)], 0.51) == 0.25


def test_every_event_is_found_once():
    twice = [Detection("v", 0, 10, 2.0), Detection("v", 0, 9, 1.0), Detection("w", 0, 10, 3.0)]
    assert event_precision(twice, [("v", 0, 10)], 0.5) == 0.5
    assert event_precision([], [("v", 0, 10)], 0.5) == 0.0


def test_several_thresholds_drop_what_overlaps_a_better_detection():
    values = np.array([0, 3, 3, 9, 9, 9, 9, 3, 0, 0], float)
    found = TemporalMap(below=[0.5, 0.7]).detect("v", values)
    # [3, 7) and [1, 8) have an IoU of 4/7, which is not above 0.6.
    assert [one[1:3] for one in found] == [(3, 7), (1, 8)]
    values[1] = 0
    assert [one[1:3] for one in TemporalMap(below=[0.5, 0.7]).detect("v", values)] == [(3, 7)]


def test_without_kinds_there_are_no_metrics():
    scores, labels = {"v": np.array([0.0, 1.0])}, {"v": np.array([0, 1], bool)}
    assert TemporalMap()(scores, labels) == []
    bare = {"v": np.array([np.nan, np.nan])}
    assert metrics(bare, labels, categories={"v": "Arson"})["event-ap"] == 0


def test_a_kind_without_scores_is_never_found():
    scores = {"v": np.array([0.0, 1, 1, 0, 0, 0])}
    labels = {"v": np.array([0, 1, 1, 0, 1, 1], bool)}
    events = {"v": [TrueEvent(1, 3, "x"), TrueEvent(4, 6, "y")]}
    found = metrics(scores, labels, events=events, kind_scores={"x": scores})
    assert found["event-ap[x]"] == 1 and found["event-ap[y]"] == 0
    assert found["event-map"] == 0.5
