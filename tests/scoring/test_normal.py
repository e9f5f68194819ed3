"""The normal reference: quantiles and their way through JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from vadkit.errors import DataError, TrainingError
from vadkit.scoring.normal import NormalScores, load_normal, measure_normal


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


def test_a_run_without_normal_scores_has_none(tmp_path):
    assert load_normal(tmp_path) is None


def test_a_run_gives_back_its_normal_scores(tmp_path):
    normal = measure_normal(np.arange(100.0), np.arange(50.0))
    (tmp_path / "normal.json").write_text(json.dumps(normal.to_dict()))
    assert load_normal(tmp_path) == normal


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is damaged: "),
        ('{"frame_q50": "1"}', "frame_q50"),
        ('{"frame_q50": []}', "frame_q50"),
    ],
)
def test_damaged_normal_scores_of_a_run_are_one_line_with_advice(tmp_path, content, message):
    (tmp_path / "normal.json").write_text(content)
    with pytest.raises(TrainingError) as caught:
        load_normal(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'normal.json'} is damaged: ")
    assert message in str(caught.value)
    assert str(caught.value).endswith("; train again, or delete it to continue without it")


def test_normal_scores_of_a_run_that_lack_a_field_name_the_file(tmp_path):
    data = measure_normal(np.arange(100.0)).to_dict()
    del data["map_q50"]
    (tmp_path / "normal.json").write_text(json.dumps(data))
    with pytest.raises(TrainingError) as caught:
        load_normal(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'normal.json'}: normal scores lack map_q50; measure them again on the "
        "training videos"
    )


@pytest.mark.parametrize("value", ["3", math.inf, 1.5])
def test_normal_scores_of_the_wrong_type_are_damaged(value):
    data = {**measure_normal(np.arange(100.0)).to_dict(), "frames": value}
    with pytest.raises(DataError, match=r"^normal scores are damaged: .*frames"):
        NormalScores.from_dict(data)
