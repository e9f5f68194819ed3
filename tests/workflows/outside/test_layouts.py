"""Scores in the layouts of public code: lists of arrays, JSON, segments, lengths, kinds."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.own import write_labels
from vadkit.data.score_lists import of_segments
from vadkit.errors import DataError, RecipeError
from vadkit.workflows.outside.scores import evaluate_scores

FRAMES = {"b": 40, "a": 33, "c": 48}


@pytest.fixture
def data(tmp_path):
    """A label file of three videos, not in the order of their names, and a folder of scores."""
    random = np.random.default_rng(0)
    labels, scores = {}, {}
    for number, (video, frames) in enumerate(FRAMES.items()):
        start = 8 + number
        labels[video] = Labels([(start, start + 12)], frames, kinds=("Arson",))
        scores[video] = labels[video].flags(frames, video, "") + random.normal(size=frames)
    write_labels(tmp_path / "labels.json", labels)
    (tmp_path / "scores").mkdir()
    for video, values in scores.items():
        np.save(tmp_path / f"scores/{video}.npy", values)
    row = np.concatenate([one.flags(one.frames, "", "") for one in labels.values()])
    np.save(tmp_path / "gt.npy", row.astype(int))
    return tmp_path, scores


def metrics(evaluation):
    return {name: value for name, value in evaluation["raw"].items() if not np.isnan(value)}


def test_every_layout_gives_the_same(data):
    folder, scores = data
    expected = evaluate_scores(folder / "scores", folder / "labels.json")
    plain = {video: values.tolist() for video, values in scores.items()}
    np.savez(folder / "named.npz", **scores)
    np.savez(folder / "list.npz", *scores.values())
    (folder / "named.json").write_text(json.dumps(plain))
    (folder / "list.json").write_text(json.dumps(list(plain.values())))
    (folder / "row.json").write_text(json.dumps(np.concatenate(list(scores.values())).tolist()))
    np.save(folder / "row.npy", np.concatenate(list(scores.values())))
    (folder / "lengths.txt").write_text("".join(f"{count}\n" for count in FRAMES.values()))
    for name in ("named.npz", "list.npz", "named.json", "list.json", "row.json", "row.npy"):
        found = evaluate_scores(folder / name, folder / "labels.json")
        assert metrics(found) == pytest.approx(metrics(expected)), name
        if "list" in name or "row" in name:
            assert any("in the order b (40), a (33), c (48)" in note for note in found.notes)
    # One row of labels has neither names nor kinds.
    without_kinds = {
        name: value for name, value in metrics(expected).items() if "event-" not in name
    }
    for name in ("list.npz", "row.npy", "row.json"):
        found = evaluate_scores(folder / name, folder / "gt.npy", lengths=folder / "lengths.txt")
        assert metrics(found) == pytest.approx(without_kinds), name


def test_mistakes_are_one_clear_line(data):
    folder, scores = data
    labels = folder / "labels.json"
    np.savez(folder / "list.npz", *list(scores.values())[:2])
    with pytest.raises(DataError, match="a list of 2 arrays, but there are 3 videos; give one ar"):
        evaluate_scores(folder / "list.npz", labels)
    np.savez(folder / "list.npz", *reversed(list(scores.values())))
    with pytest.raises(
        DataError, match=r"in another order than the videos: for video 'b' it has 48"
    ):
        evaluate_scores(folder / "list.npz", labels)
    objects = np.empty(3, object)
    objects[:] = list(scores.values())
    np.save(folder / "list.npy", objects, allow_pickle=True)
    with pytest.raises(DataError, match=r"run code; .* np.savez\('scores.npz', \*scores\), a dict"):
        evaluate_scores(folder / "list.npy", labels)
    (folder / "scores.pkl").write_bytes(b"\x80\x04N.")
    with pytest.raises(DataError, match=r"np.savez\('scores.npz', \*\*scores\)"):
        evaluate_scores(folder / "scores.pkl", labels)
    for text, message in (
        ('{"b": [1, "x"]}', "video 'b' is not a list of numbers"),
        ("[[1], [true]]", "list 1 is not a list of numbers"),
        ("[1, 2", "cannot be read as JSON"),
        ("[1" + "0" * 400 + "]", "a number that is too large"),
    ):
        (folder / "bad.json").write_text(text)
        with pytest.raises(DataError, match=message):
            evaluate_scores(folder / "bad.json", labels)


def test_lengths_that_do_not_fit(data):
    folder, _ = data
    for text, message in (
        ("40\n33\n", "has 2 lengths, but labels.json labels 3 videos"),
        (
            "33\n40\n48\n",
            "gives video 'b' 33 frames, but labels.json has 40; the lengths are in an",
        ),
        ("40\n33.5\n48\n", "33.5 is not a number of frames"),
    ):
        (folder / "lengths.txt").write_text(text)
        with pytest.raises(DataError, match=message):
            evaluate_scores(
                folder / "scores", folder / "labels.json", lengths=folder / "lengths.txt"
            )


def test_scores_of_segments(data):
    folder, _ = data
    labels = folder / "labels.json"
    values = {video: np.arange(-(-count // 16), dtype=float) for video, count in FRAMES.items()}
    np.savez(folder / "segments.npz", **values)
    frames = {video: np.repeat(one, 16)[: FRAMES[video]] for video, one in values.items()}
    np.savez(folder / "frames.npz", **frames)
    expected = metrics(evaluate_scores(folder / "frames.npz", labels))
    found = evaluate_scores(folder / "segments.npz", labels, segment=16)
    assert metrics(found) == expected
    assert "Each score counts for 16 frames." in found.notes
    np.save(folder / "row.npy", np.concatenate(list(values.values())))
    assert metrics(evaluate_scores(folder / "row.npy", labels, segment=16)) == expected
    # Without the flag, the error names it; whole segments only leave frames without a score.
    with pytest.raises(DataError, match="each value is of up to 16 frames; for scores, add --seg"):
        evaluate_scores(folder / "segments.npz", labels)
    np.savez(
        folder / "cut.npz", **{video: one[: FRAMES[video] // 16] for video, one in values.items()}
    )
    found = evaluate_scores(folder / "cut.npz", labels, segment=16)
    assert found["raw"]["unscored"] == 8 + 1
    assert any("9 frames after the last whole segment of 2 videos" in note for note in found.notes)
    with pytest.raises(RecipeError, match="--segment and --offset exclude each other"):
        evaluate_scores(folder / "cut.npz", labels, segment=16, offset=4)
    with pytest.raises(DataError, match="one array of 9 scores of 4 frames each, but the 3 videos"):
        evaluate_scores(folder / "row.npy", labels, segment=4)


@pytest.mark.parametrize(
    ("scores", "frames", "cause"),
    [
        (100, 100, "of single frames: leave out --segment"),
        (32, 4000, "the 32 equal parts of a video"),
        (50, 400, "they fit segments of 8 frames: --segment 8"),
        (7, 400, "another version of the video"),
    ],
)
def test_segments_that_do_not_fit_name_the_video_both_lengths_and_a_cause(scores, frames, cause):
    with pytest.raises(DataError) as caught:
        of_segments(np.zeros(scores), frames, 16, "v")
    assert f"'v' has {scores} scores of 16 frames each" in str(caught.value)
    assert f"has {frames} frames" in str(caught.value) and cause in str(caught.value)


@given(st.integers(1, 200), st.integers(1, 20), st.booleans())
def test_segments_cover_their_frames(frames, segment, whole):
    count = frames // segment if whole else -(-frames // segment)
    found, rest = of_segments(np.arange(count, dtype=float), frames, segment, "v")
    assert len(found) == frames and np.isnan(found).sum() == rest
    known = found[: frames - rest]
    np.testing.assert_array_equal(known, np.arange(len(known)) // segment)


def test_scores_by_kind(data):
    folder, _ = data
    truth = {"b": (8, 20), "a": (9, 21), "c": (10, 22)}
    columns = {}
    for video, (start, stop) in truth.items():
        columns[video] = np.zeros((FRAMES[video], 2))
        columns[video][start:stop, 1] = 1
    np.savez(folder / "kinds.npz", **columns)
    np.savez(folder / "list.npz", *columns.values())
    for name in ("kinds.npz", "list.npz"):
        found = evaluate_scores(
            folder / "scores",
            folder / "labels.json",
            kind_scores=folder / name,
            kinds=["Normal", "Arson"],
        )
        assert found["raw"]["event-map@0.5"] == found["raw"]["event-ap[Arson]"] == 1.0
    assert "event-ap@0.5" in evaluate_scores(folder / "scores", folder / "labels.json")["raw"]
    with pytest.raises(DataError, match=r"expected numbers \(frames, 1\), a column for each"):
        evaluate_scores(
            folder / "scores",
            folder / "labels.json",
            kind_scores=folder / "kinds.npz",
            kinds=["Arson"],
        )
    with pytest.raises(RecipeError, match="belong together"):
        evaluate_scores(folder / "scores", folder / "labels.json", kinds=["Arson"])


def test_the_command_line_prints_videos_events_and_both_areas(vadkit, data):
    folder, _ = data
    labels = json.loads((folder / "labels.json").read_text())
    labels["videos"]["c"] = {"frames": FRAMES["c"], "abnormal": []}
    (folder / "labels.json").write_text(json.dumps(labels))
    np.savez(folder / "s.npz", **{video: np.arange(-(-n // 16)) for video, n in FRAMES.items()})
    np.savez(folder / "k.npz", **{v: np.ones((-(-n // 16), 1)) for v, n in FRAMES.items()})
    code, out, err = vadkit(
        *("eval", "--scores", folder / "s.npz", "--labels", folder / "labels.json"),
        *("--segment", 16, "--kind-scores", folder / "k.npz", "--kinds", "Arson"),
    )
    assert code == 0, err
    assert "raw, area under precision-recall: average precision 0." in out
    assert "by trapezoids, as many papers print it, 0." in out
    assert "raw, whole videos: AUC 0." in out and "frames of abnormal videos alone: AUC" in out
    assert "average precision of events by temporal IoU, mean over kinds: " in out
    assert "Each score counts for 16 frames." in out
