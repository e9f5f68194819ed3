"""Reasons in words: what the numbers say, and nothing else."""

import datetime
import math

import pytest

from vadkit.inference.alarms import AlarmRules, AlarmTracker
from vadkit.inference.reasons import Reason, in_words, said


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("speed", {"times": 4.13}, "faster than usual here (4.1 times)"),
        ("motion.speed", {"times": 4.13}, "faster than usual here (4.1 times)"),
        ("speed", {"times": 70}, "faster than usual here (more than 20 times)"),
        ("speed", {"times": math.inf}, "moving where nothing moved before"),
        ("speed", {"times": 0.9}, "other speed than usual here"),
        ("speed", {}, "other speed than usual here"),
        ("direction", {"share": 0.0, "against": 0.97}, "against the usual way"),
        (
            "direction",
            {"share": 0.043, "against": 0.3},
            "in an unusual direction (4% of the motion here goes this way)",
        ),
        (
            "direction",
            {"share": 0.001, "against": 0.3},
            "in an unusual direction (less than 1% of the motion here goes this way)",
        ),
        ("direction", {}, "in an unusual direction"),
        ("place", {}, "never seen at this place"),
        ("light", {"change": -2.0}, "darker than ever here"),
        ("light", {"change": 0.5}, "brighter than ever here"),
        ("light", {}, "other light than ever here"),
        ("unheard-of", {"times": 4}, ""),
    ],
)
def test_a_kind_in_words(kind, values, words):
    assert in_words(Reason(kind, 9.0, values), 5.0) == words


def test_since_when_something_stands_still():
    still = Reason("stillness", 9.0)
    assert in_words(still, 75.4).endswith("(since 1:15 of the video)")
    assert in_words(still, 3675.4).endswith("(since 1:01:15 of the video)")
    at = datetime.datetime(2026, 11, 27, 21, 14, 30).timestamp()
    assert in_words(still, 75.4, at - 75.4).endswith("(since 21:14)")


def test_each_kind_is_said_once_and_kinds_without_words_are_not():
    reasons = [
        Reason("speed", 9.0, {"times": 3.0}),
        Reason("speed", 8.0, {"times": 2.0}),
        Reason("mine", 8.0),
        Reason("direction", 7.0, {"against": 1.0}),
    ]
    assert said(reasons, 0.0) == ("faster than usual here (3.0 times)", "against the usual way")


def test_an_event_without_a_map_has_no_reasons():
    (begun,) = AlarmTracker(AlarmRules(5, 5)).push(0, 6, parts={"speed": 6.0})
    assert begun.reasons == () and begun.boxes == () and begun.to_dict()["reasons"] == []
