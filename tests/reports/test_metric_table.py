"""eval.json as a table."""

import math

from vadkit.reports.metric_table import metric_table

RAW = "raw: not smoothed, checkpoint last"


def metric(name, value, protocol=RAW, **bounds):
    return {"name": name, "value": value, "protocol": protocol, **bounds}


def test_rows_are_protocols_and_main_columns_come_first():
    protocol = {
        "name": "raw",
        "words": RAW,
        "foresight": ["looks ahead"],
        "note": "as the authors do",
        "headline": "padded-macro-auc",
        "published": True,
    }
    metrics = [
        metric("gap", 3.0),
        metric("padded-macro-auc", 0.9),
        metric("frames", 2010),
        metric("micro-auc", 0.8, low=0.7, high=0.9),
        metric("macro-auc", None),
    ]
    table = metric_table({"protocols": [protocol], "metrics": metrics})
    assert table["columns"] == ["micro-auc", "macro-auc", "padded-macro-auc", "gap"]
    assert table["main"] == 3
    [row] = table["rows"]
    assert (row["name"], row["details"]) == ("raw", "not smoothed, checkpoint last")
    assert (row["foresight"], row["note"]) == (["looks ahead"], "As the authors do.")
    assert row["published"] is True
    assert row["cells"] == {
        "gap": {"value": 3.0},
        "padded-macro-auc": {"value": 0.9},
        "micro-auc": {"value": 0.8, "low": 0.7, "high": 0.9},
        "macro-auc": {"value": None},
    }


def test_a_protocol_that_is_not_described_is_named_by_its_words():
    table = metric_table({"metrics": [metric("ap", math.nan, "my own")]})
    [row] = table["rows"]
    assert (row["name"], row["details"], row["foresight"]) == ("my own", "", None)
    assert row["cells"] == {"ap": {"value": None}}


def test_protocols_without_numbers_have_no_row():
    table = metric_table({"protocols": [{"name": "raw", "words": RAW}], "metrics": []})
    assert (table["rows"], table["columns"]) == ([], [])
