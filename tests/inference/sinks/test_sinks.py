"""Sinks: what they write, read back, and that a failed video leaves nothing."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from vadkit import registry
from vadkit.errors import DataError
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sinks.drawing import _Item, _record, _records
from vadkit.inference.sinks.sink import SourceInfo, VideoScores, file_for
from vadkit.reports.painter import LENGTH, paint
from vadkit.scoring.fitting import calibrate
from vadkit.scoring.normal import NormalScores

NAN = math.nan
NORMAL = NormalScores(0.2, 0.4, 0.5, 0.1, 0.2, 0.3, 100)
RAW = np.array([NAN, 0.1, 0.3, 0.9])
RESULT = VideoScores("cam 1", 10.0, RAW, RAW * 2, "twice", np.array([0, 0, 0, 1], bool))


def info(normal=NORMAL):
    return SourceInfo("cam 1", 10.0, (48, 64), normal)


def seen(index, score, score_map=None):
    frame = np.full((48, 64, 3), 60, np.uint8)
    return FrameScore(index, index / 10, frame, score, score, map=score_map)


def run(name, out, result=RESULT, normal=NORMAL, score_map=None, params=None):
    sink = registry.build("sinks", name, params or {}, out)
    sink.open(info(normal))
    for index, score in enumerate(result.raw):
        sink.frame(seen(index, float(score), score_map))
    return sink.close(result)


def decode(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_jsonl_has_one_line_per_frame(tmp_path):
    path = run("jsonl", tmp_path / "out")
    assert path == tmp_path / "out" / "cam_1.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"frame": 0, "time": 0.0, "raw": None, "score": None}
    assert lines[3] == {"frame": 3, "time": 0.3, "raw": 0.9, "score": 1.8}
    assert len(lines) == 4


def test_npz_contains_the_arrays_without_pickle(tmp_path):
    with np.load(run("npz", tmp_path), allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["raw"], RAW)
        np.testing.assert_array_equal(archive["final"], RAW * 2)
        np.testing.assert_array_equal(archive["labels"], [0, 0, 0, 1])
        assert (float(archive["fps"]), str(archive["final_label"])) == (10.0, "twice")
    unlabelled = VideoScores("cam 1", 10.0, RAW, RAW)
    with np.load(run("npz", tmp_path, unlabelled)) as archive:
        assert "labels" not in archive


def test_plot_is_a_picture(tmp_path):
    path = run("plot", tmp_path)
    assert path.name == "cam_1.png"
    assert cv2.imread(str(path)).shape[1] == 1500


def test_video_has_every_frame_and_its_heat(tmp_path):
    score_map = np.full((6, 8), NORMAL.map_q99, np.float32)
    score_map[1:4, 4:7] = NORMAL.map_q99 + 4 * (NORMAL.map_q999 - NORMAL.map_q99)
    hot = decode(run("video", tmp_path / "hot", score_map=score_map))
    bare = decode(run("video", tmp_path / "bare", score_map=score_map, params={"heat": False}))
    assert len(hot) == len(bare) == 4
    assert hot[0].shape == bare[0].shape
    # 64x48 is drawn five times as large: 320x240. Heat cells are 40 pixels wide.
    spot = (slice(50, 150), slice(188, 268))
    assert hot[0][spot][..., 0].mean() > bare[0][spot][..., 0].mean() + 40
    assert np.abs(hot[0][188:238].astype(int) - bare[0][188:238]).mean() < 3
    assert np.abs(bare[0][:238].astype(int) - 60).mean() < 3


def test_a_calibrated_run_shows_the_live_score_with_the_threshold(tmp_path, monkeypatch):
    normal_video = {"a": np.random.default_rng(0).normal(size=2000)}
    known = calibrate(normal_video, {"a": 25.0}, [], source="test")
    known = replace(known, scorers=[{"type": "ema", "halflife": 4}])
    drawn = []
    monkeypatch.setattr("vadkit.inference.sinks.video.Drawing", painting(drawn))
    sink = registry.build("sinks", "video", {}, tmp_path)
    sink.open(replace(info(), calibration=known))
    sink.frame(replace(seen(0, 0.5), score=0.25, parts={"scene": 0.4, "motion": 0.2}))
    sink.close(None)
    (arguments, named) = drawn[0]
    assert arguments[2].tolist() == [0.25] and arguments[3] == known.threshold
    assert named.pop("times").tolist() == [0.0]
    assert named == {"is_threshold": True, "raised_by": "scene", "boxes": [], "places": []}

    plotted = []
    monkeypatch.setattr("vadkit.reports.score_plot.score_plot", recorder(plotted))
    sink = registry.build("sinks", "plot", {}, tmp_path)
    sink.open(replace(info(), calibration=known))
    for label, threshold, level in [
        ("ema(halflife=4)", known.threshold, None),
        ("raw", None, NORMAL.frame_q99),
    ]:
        sink.close(replace(RESULT, final_label=label))
        assert plotted[-1][1]["threshold"] == threshold
        assert plotted[-1][1]["normal_level"] == level


def painting(calls):
    """A ``Drawing`` that paints in this process, and records how each frame is annotated."""

    class Painting:
        def __init__(self, path, settings, normal):
            self.path, self.sent = path, [_record(json.dumps({"path": str(path), **settings}))]

        def put(self, frame, score_map, seen):
            self.sent += _records(_Item(frame, score_map, seen), None)

        def close(self):
            data = b"".join(bytes(one) for one in self.sent) + LENGTH.pack(0)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("vadkit.reports.painter.annotate", recorder(calls))
                paint(io.BytesIO(data))
            return self.path

    return Painting


def recorder(calls):
    def record(*arguments, **named):
        calls.append((arguments, named))
        return np.zeros((48, 64, 3), np.uint8)

    return record


def test_video_without_a_normal_reference_or_any_score(tmp_path):
    none = VideoScores("cam 1", 10.0, np.full(3, NAN), np.full(3, NAN))
    frames = decode(run("video", tmp_path, none, normal=None, score_map=np.full((6, 8), 9.0)))
    assert len(frames) == 3
    assert np.abs(frames[0][:238].astype(int) - 60).max() < 6


def test_video_without_frames(tmp_path):
    empty = VideoScores("cam 1", 10.0, np.empty(0), np.empty(0))
    with pytest.raises(DataError, match="there is no frame"):
        run("video", tmp_path, empty)


@pytest.mark.parametrize("name", ["jsonl", "npz", "plot", "video"])
def test_abort_leaves_nothing_and_the_sink_can_continue(tmp_path, name):
    sink = registry.build("sinks", name, {}, tmp_path)
    sink.open(info())
    sink.frame(seen(0, 0.1))
    sink.abort()
    assert list(tmp_path.iterdir()) == []
    sink.open(info())
    sink.frame(seen(0, 0.1))
    path = sink.close(VideoScores("cam 1", 10.0, RAW[:1], RAW[:1]))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_file_names_stay_in_the_folder(tmp_path):
    assert file_for(tmp_path, "rtsp://cam/1?x", ".npz").name == "rtsp_cam_1_x.npz"
    assert file_for(tmp_path, "../../etc", ".npz").parent == tmp_path
    assert file_for(tmp_path, "..", ".npz").name == "video.npz"
    assert file_for(tmp_path, "01", ".npz").name == "01.npz"
