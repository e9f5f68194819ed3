"""The metrics of eval.json as a table: one row per protocol, one column per metric."""

from __future__ import annotations

import math
from typing import Any

# The most important metrics; the others follow in the order of eval.json.
MAIN = ("micro-auc", "macro-auc", "ap", "eer")
# Counts of the evaluation, the same in every row; shown in a sentence, not in columns.
COUNTS = ("frames", "abnormal", "unscored", "videos", "one-class-videos")


def metric_table(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Return ``columns`` and ``rows`` of an eval.json, and the number of main columns.

    A row has the protocol's ``name``, its description (``details``), what it uses that a live
    system does not have (``foresight``, None if unknown), a ``note``, whether the method's paper
    uses it (``published``), and ``cells``: {metric: {value, low, high}}. An undefined value is
    None; bounds exist only if there is an interval. Metrics of a protocol that eval.json does not
    describe get a row with the protocol's text as its name.
    """
    rows = {row["words"]: _row(row) for row in evaluation.get("protocols", [])}
    names: dict[str, None] = {}
    for metric in evaluation["metrics"]:
        if metric["name"] in COUNTS:
            continue
        words = str(metric["protocol"])
        row = rows.setdefault(words, _row({"words": words}))
        row["cells"][metric["name"]] = {
            key: _known(metric[key]) for key in ("value", "low", "high") if key in metric
        }
        names[metric["name"]] = None
    main = [name for name in MAIN if name in names]
    # The main metric of a protocol comes first, even if few protocols have it.
    headlines = {row.get("headline") for row in evaluation.get("protocols", [])}
    main += [name for name in names if name in headlines and name not in main]
    columns = main + [name for name in names if name not in main]
    return {
        "columns": columns,
        "main": len(main),
        "rows": [row for row in rows.values() if row["cells"]],
    }


def _row(protocol: dict[str, Any]) -> dict[str, Any]:
    words = protocol["words"]
    name = protocol.get("name", words)
    note = protocol.get("note", "")
    return {
        "name": name,
        "details": _description(protocol, name),
        "foresight": protocol.get("foresight"),
        "note": f"{note[:1].upper()}{note[1:]}." if note else "",
        "published": bool(protocol.get("published")),
        "headline": protocol.get("headline"),
        "cells": {},
    }


def _description(protocol: dict[str, Any], name: str) -> str:
    """What follows the protocol's name; earlier versions wrote only both in one sentence."""
    if "description" in protocol:
        return str(protocol["description"])
    words = str(protocol["words"])
    return words.removeprefix(f"{name}: ") if name != words else ""


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
