"""Scores and labels of other code: one row for all videos, missing first frames, upside down."""

import json
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.own import write_labels
from vadkit.errors import DataError
from vadkit.workflows.outside.scores import evaluate_scores

FRAMES = {"a": 30, "b": 50, "c": 40}
CUTS = list(pairwise(np.cumsum([0, *FRAMES.values()])))


@pytest.fixture
def data(tmp_path):
    """Scores and labels of three videos, by video and in one row, and folders of their images."""
    random = np.random.default_rng(0)
    truth = {video: random.random(count) < 0.4 for video, count in FRAMES.items()}
    # Videos have different levels, so scaling each of them changes the AUC.
    scores = {
        video: truth[video] + random.normal(number * 2, 0.7, count)
        for number, (video, count) in enumerate(FRAMES.items())
    }
    (tmp_path / "scores").mkdir()
    for video, values in scores.items():
        np.save(tmp_path / f"scores/{video}.npy", values)
        (tmp_path / "videos" / video).mkdir(parents=True)
        for frame in range(FRAMES[video]):
            picture = np.zeros((4, 6), np.uint8)
            cv2.imwrite(str(tmp_path / "videos" / video / f"{frame}.png"), picture)
    np.save(tmp_path / "all.npy", np.concatenate(list(scores.values())))
    np.save(tmp_path / "gt.npy", np.concatenate(list(truth.values()))[None].astype(int))
    labels = {video: Labels.from_flags(flags) for video, flags in truth.items()}
    write_labels(tmp_path / "labels.json", labels)
    return tmp_path


def figures(evaluation, protocol):
    return dict(evaluation[protocol])


def test_rows_are_cut_by_the_videos(data):
    expected = evaluate_scores(data / "scores", data / "labels.json")
    for scores, labels, videos in (
        ("all.npy", "gt.npy", data / "videos"),
        ("all.npy", "labels.json", None),
        ("scores", "gt.npy", None),
        ("scores", "gt.npy", data / "videos"),
    ):
        found = evaluate_scores(data / scores, data / labels, videos=videos)
        for protocol in expected:
            assert figures(found, protocol) == pytest.approx(
                figures(expected, protocol), nan_ok=True
            ), (scores, labels, protocol)
        if labels == "gt.npy":
            assert any("a (30), b (50), c (40)" in note for note in found.notes)


def test_nothing_is_smoothed_or_scaled_across_unknown_borders(data):
    by_video = evaluate_scores(data / "scores", data / "labels.json")
    found = evaluate_scores(data / "all.npy", data / "gt.npy")
    assert list(found) == ["raw"]
    assert set(found["raw"]) == {
        *("micro-auc", "ap", "ap-trapezoid", "eer", "frames", "abnormal", "unscored")
    }
    for name, value in found["raw"].items():
        assert value == pytest.approx(by_video["raw"][name])
    assert "nothing tells where a video ends" in found.notes[0]
    assert "add --videos FOLDER" in found.notes[0]
    for protocol in ("conv-ae", "online", "offline", "aed-sssmtl"):
        with pytest.raises(DataError, match=f"one row each.* protocol '{protocol}' needs; add --v"):
            evaluate_scores(data / "all.npy", data / "gt.npy", protocols=[protocol])
    with pytest.raises(DataError, match="--offset needs that"):
        evaluate_scores(data / "all.npy", data / "gt.npy", offset=4)


@pytest.mark.parametrize("form", ["npz", "folder", "mat", "txt"])
def test_other_files_of_one_row(data, form):
    row = np.load(data / "all.npy")
    if form == "npz":
        np.savez(data / "row.npz", row)
    elif form == "folder":
        (data / "row.folder").mkdir()
        np.save(data / "row.folder" / "all.npy", row)
    elif form == "mat":
        savemat(data / "row.mat", {"scores": row, "n": 3})
    else:
        np.savetxt(data / "row.txt", row[None])
    expected = evaluate_scores(data / "all.npy", data / "gt.npy")
    found = evaluate_scores(data / f"row.{form}", data / "gt.npy")
    assert list(found) == ["raw"]
    assert dict(found["raw"]) == pytest.approx(dict(expected["raw"]))


def test_a_folder_with_a_file_named_like_the_labels_is_one_video(tmp_path):
    (tmp_path / "scores").mkdir()
    np.save(tmp_path / "scores" / "01.npy", np.arange(20.0))
    np.save(tmp_path / "01.npy", np.arange(20) > 12)
    assert "online" in evaluate_scores(tmp_path / "scores", tmp_path / "01.npy")


@pytest.mark.parametrize("missing", [1, 4])
def test_scores_without_the_first_frames(data, missing):
    (data / "short").mkdir()
    expected = {}
    for video in FRAMES:
        values = np.load(data / "scores" / f"{video}.npy")
        np.save(data / "short" / f"{video}.npy", values[missing:])
        expected[video] = np.where(np.arange(len(values)) < missing, np.nan, values)
    np.savez(data / "nan.npz", **expected)
    rows = [np.load(data / "short" / f"{video}.npy") for video in FRAMES]
    np.save(data / "short.npy", np.concatenate(rows))
    right = evaluate_scores(data / "nan.npz", data / "labels.json")
    for scores, labels, videos in (
        ("short", "labels.json", None),
        ("short.npy", "labels.json", None),
        ("short.npy", "gt.npy", data / "videos"),
        ("short", "gt.npy", data / "videos"),
        ("short", "gt.npy", None),
    ):
        ask = "the first frame of each has" if missing == 1 else f"first {missing} frames of each h"
        with pytest.raises(DataError, match=rf"{ask}.* no score\? Then add --offset {missing}"):
            evaluate_scores(data / scores, data / labels, videos=videos)
        found = evaluate_scores(data / scores, data / labels, videos=videos, offset=missing)
        for protocol in right:
            assert dict(found[protocol]) == pytest.approx(dict(right[protocol]), nan_ok=True)


def test_an_offset_that_does_not_fit(data):
    with pytest.raises(DataError, match=r"video 'a' has 34 frames but labels\.json labels 30"):
        evaluate_scores(data / "scores", data / "labels.json", offset=4)
    with pytest.raises(
        DataError, match="one array of 120 frames, but the 3 labelled videos have 1"
    ):
        evaluate_scores(data / "all.npy", data / "labels.json", offset=4)
    with pytest.raises(DataError, match="one row of 120 values, and the 3 videos have 132 frames"):
        evaluate_scores(data / "scores", data / "gt.npy", offset=4)


def test_scores_of_whole_segments_are_recognised(data):
    (data / "cut").mkdir()
    for video, count in FRAMES.items():
        np.save(data / "cut" / f"{video}.npy", np.zeros(count // 16 * 16))
    with pytest.raises(
        DataError, match=r"differ \(video 'a': 16 scores of 30 frames\); each video"
    ):
        evaluate_scores(data / "cut", data / "labels.json")
    np.save(data / "cut.npy", np.zeros(16 + 48 + 32))
    with pytest.raises(DataError, match="each video was cut to whole segments of 16 frames; give"):
        evaluate_scores(data / "cut.npy", data / "labels.json")
    with pytest.raises(DataError, match=r"the lengths differ \(96 scores, 120 labels\); add --vid"):
        evaluate_scores(data / "cut.npy", data / "gt.npy")


def test_known_truths_are_named(tmp_path):
    frames = 1_111_808
    np.save(tmp_path / "scores.npy", np.arange(frames) % 7)
    np.save(tmp_path / "gt.npy", np.arange(frames) % 7 > 4)
    notes = evaluate_scores(tmp_path / "scores.npy", tmp_path / "gt.npy").notes
    assert "1,111,808 frames: scores and labels are of one of 3 truths of UCF-Crime" in notes[-1]
    write_labels(tmp_path / "l.json", {"x": Labels([(0, 9)], 144), "y": Labels([], 1_114_000)})
    with pytest.raises(
        DataError, match=r"length of the truth of UCF-Crime with 1,111,808.*1,114,1"
    ):
        evaluate_scores(tmp_path / "scores.npy", tmp_path / "l.json")


def test_a_low_auc_is_hinted_at(data):
    for video in FRAMES:
        values = np.load(data / "scores" / f"{video}.npy")
        truth = np.load(data / "gt.npy")[0][slice(*CUTS["abc".index(video)])]
        np.save(data / "scores" / f"{video}.npy", values * 0 - truth - values / 99)
    (hint,) = evaluate_scores(data / "scores", data / "labels.json").notes
    assert hint.startswith("The micro AUC of 0.0")
    assert "Are scores or labels upside down?" in hint


@settings(max_examples=8)
@given(st.integers(0, 10**6))
def test_scores_without_information_get_no_hint(tmp_path_factory, seed):
    random = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("chance")
    np.savez(folder / "s.npz", **{str(video): random.normal(size=200) for video in range(8)})
    np.savez(folder / "l.npz", **{str(video): random.random(200) < 0.5 for video in range(8)})
    assert evaluate_scores(folder / "s.npz", folder / "l.npz").notes == []


def test_labels_in_seconds(data):
    (data / "l.csv").write_text("video,start,end\na,1.0,2.0\nb,,\nc,0.5,1.5\n")
    with pytest.raises(DataError, match="which may be frames or seconds"):
        evaluate_scores(data / "scores", data / "l.csv")
    with pytest.raises(DataError, match="in seconds; add --videos FOLDER, or --fps"):
        evaluate_scores(data / "scores", data / "l.csv", unit="seconds")
    found = evaluate_scores(data / "scores", data / "l.csv", unit="seconds", fps=10)
    assert found["raw"]["abnormal"] == 20
    found = evaluate_scores(
        data / "scores", data / "l.csv", unit="seconds", fps=20, videos=data / "videos"
    )
    assert found["raw"]["abnormal"] == 10 + 20


def test_names_with_endings(data):
    (data / "l.csv").write_text("video,start,end\na.mp4,1,20\nb.mp4,,\nc.mp4,5,15\n")
    assert evaluate_scores(data / "scores", data / "l.csv")["raw"]["abnormal"] == 29


def test_options_on_the_command_line(vadkit, data):
    both = ("--scores", data / "all.npy", "--labels", data / "gt.npy")
    code, out, err = vadkit("eval", *both)
    assert code == 0, err
    assert "120 frames of videos with unknown borders" in out
    code, out, err = vadkit("eval", *both, "--videos", data / "videos", "--json")
    assert code == 0, err
    assert len(json.loads(out)["protocols"]) == 4
    code, _, err = vadkit("eval", "run", "--offset", 4)
    assert code == 2
    assert "--segment, --kind-scores, --kinds and --unit need --scores" in err
    code, _, err = vadkit("eval", *both, "--offset", -1)
    assert code == 2
    assert "--offset -1 is not a number of frames" in err
