"""False alarms and misses: the worst frames, apart from each other."""

import numpy as np

from vadkit.reports.mistakes import Mistake, top_mistakes


def test_the_worst_come_first_and_events_do_not_repeat():
    scores = {"a": np.array([0.1, 0.9, 0.8, 0.2, np.nan, 0.7]), "b": np.array([0.3, 0.05])}
    labels = {"a": np.array([0, 0, 0, 1, 1, 0]), "b": np.array([0, 1])}
    alarms, misses = top_mistakes(scores, labels, most=3, apart=3)
    # Frame 2 of a is beside frame 1; both abnormal frames with a score lie lower.
    assert alarms == [
        Mistake("a", 1, 0.9, 1.0),
        Mistake("a", 5, 0.7, 1.0),
        Mistake("b", 0, 0.3, 1.0),
    ]
    # Of five normal frames all score above 0.05, and four above 0.2.
    assert misses == [Mistake("b", 1, 0.05, 1.0), Mistake("a", 3, 0.2, 0.8)]


def test_sets_of_one_class_and_without_frames():
    scores = {"a": np.array([0.5, 0.6])}
    assert top_mistakes(scores, {"a": np.array([0, 0])}) == ([], [])
    assert top_mistakes({}, {}) == ([], [])


def test_correctly_ranked_frames_are_not_mistakes():
    scores = {"a": np.array([0.5, 0.2, 0.9, 0.4, 0.2])}
    alarms, misses = top_mistakes(scores, {"a": np.array([0, 0, 1, 1, 0])}, apart=1)
    assert [(one.frame, one.share) for one in alarms] == [(0, 0.5)]
    assert [(one.frame, one.share) for one in misses] == [(3, 1 / 3)]
