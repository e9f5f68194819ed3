"""Metrics with their parts, and the names and data made from them."""

import math

import pytest

from vadkit.evaluation.metrics import Metric, ProtocolSummary, Setting

RAW = ProtocolSummary("raw", "not smoothed")


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"measure": "micro-auc"}, "micro-auc"),
        ({"measure": "auc", "category": "Road [A], unscored"}, "auc[Road [A], unscored]"),
        ({"measure": "tpr", "rate": 10.0}, "tpr@10/h"),
        ({"measure": "tpr", "rate": 0.5}, "tpr@0.5/h"),
        ({"measure": "pseudo-auc", "category": "pace", "strength": 2.0}, "pseudo-auc[pace@2]"),
        ({"measure": "pseudo-auc", "category": "a@b"}, "pseudo-auc[a@b]"),
    ],
)
def test_names_are_made_from_parts(parts, name):
    metric = Metric(value=1.0, protocol=RAW, **parts)
    assert metric.name == name
    data = metric.as_data()
    assert {key: data[key] for key in parts} == parts
    assert (data["name"], data["protocol"]) == (name, "raw: not smoothed")


def test_an_interval_exists_only_if_it_says_something():
    assert Metric("ap", 0.5, RAW, 0.4, 0.6).interval == (0.4, 0.6)
    for bounds in ((), (math.nan, math.nan)):
        data = Metric("ap", 0.5, RAW, *bounds).as_data()
        assert data["interval"] is None
        assert "low" not in data and "high" not in data
    assert Metric("ap", math.nan, RAW).as_data()["value"] is None


def test_text_of_a_plugin_becomes_the_name_of_a_protocol():
    assert Metric("mine", 1.0, "my own").protocol == ProtocolSummary("my own")
    assert Setting("raw maps").protocol == ProtocolSummary("raw maps")
    # An evaluator that adds words of its own to the protocol it was given.
    assert str(Metric("mine", 1.0, f"{RAW}, twice").protocol) == "raw: not smoothed, twice"
