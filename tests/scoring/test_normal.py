"""The normal reference: quantiles and their way through JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from vadkit.errors import DataError
from vadkit.scoring.normal import NormalScores, measure_normal


def test_quantiles_of_scored_frames_only():
    frames = np.r_[np.arange(1001.0), [math.nan] * 5]
    normal = measure_normal(frames, np.arange(2001.0).reshape(3, 667))
    assert (normal.frame_q50, normal.frame_q99, normal.frame_q999) == (500, 990, 999)
    assert (normal.map_q50, normal.map_q99, normal.map_q999) == (1000, 1980, 1998)
    assert normal.frames == 1001


def test_json_round_trip_without_maps():
    normal = measure_normal(np.array([1.0, 2.0]))
    assert math.isnan(normal.map_q99)
    data = json.loads(json.dumps(normal.to_dict(), allow_nan=False))
    back = NormalScores.from_dict(data)
    assert back.to_dict() == normal.to_dict()
    assert math.isnan(back.map_q99)


def test_errors():
    with pytest.raises(DataError, match="no training frame has a score"):
        measure_normal(np.array([math.nan]))
    with pytest.raises(DataError, match="lack frame_q99, frame_q999"):
        NormalScores.from_dict({"frame_q50": 1.0})
