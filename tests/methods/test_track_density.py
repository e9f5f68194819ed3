"""Densities of tracked people, and of any features of segments, without any video."""

import json

import numpy as np
import pytest
import torch

import vadkit
from vadkit.data.objects.tracks import TrackRows
from vadkit.data.segments.people import PERSON, person_rows, speeds
from vadkit.data.segments.rows import RowLoader
from vadkit.errors import DataError
from vadkit.features.tracks import TrackFiles
from vadkit.recipe.resolve import resolve
from vadkit.testing_bags import planted_videos


def walk(frames, speed, track=1, x=10.0, tall=20.0):
    """A person of width 8 who walks to the right."""
    frame = np.arange(frames)
    left = x + speed * frame
    box = np.stack([left, np.full(frames, 50 - tall), left + 8, np.full(frames, 50.0)], axis=1)
    return frame, np.full(frames, track), box


def saved(path, videos):
    """Save the people of videos as an archive of tracks."""
    rows = [
        [np.concatenate(part) for part in zip(*people, strict=True)] for people in videos.values()
    ]
    np.savez(
        path,
        videos=np.array(list(videos)),
        video=np.repeat(np.arange(len(videos)), [len(one[0]) for one in rows]),
        **{
            name: np.concatenate([one[number] for one in rows])
            for number, name in enumerate(("frame", "track", "xyxy"))
        },
    )


def test_people_of_a_frame_by_hand():
    frame, track, box = (
        np.concatenate(p) for p in zip(walk(4, 2.0), walk(2, 0, 7, 60, 40), strict=True)
    )
    order = np.argsort(frame, kind="stable")
    rows = TrackRows(frame[order], track[order], box[order].astype(np.float32))
    people = person_rows(rows, 5, (100, 200), 2, 3).reshape(5, 3, PERSON)
    # The taller one comes first; nobody is in frame 4.
    assert people[:, :, 0].sum(axis=1).tolist() == [2, 2, 1, 1, 0]
    assert people[0, 0].tolist() == pytest.approx([1, 0.64, 0.5, 0.4, 0.08, 0, 0, 0])
    # 4 pixels in the last two frames, at a height of 20.
    assert people[3, 0].tolist() == pytest.approx([1, 0.2, 0.5, 0.2, 0.08, 0.1, 0, 2])
    assert (people[4] == 0).all()
    # Only the tallest are kept.
    assert person_rows(rows, 5, (100, 200), 2, 1)[0, 3] == pytest.approx(0.4)


def test_a_speed_uses_no_later_frame():
    frame, track, box = walk(9, 3.0)
    box[6:, [0, 2]] += 50
    feet, tall = box[:, [0, 3]], np.full(9, 20.0)
    whole, _ = speeds(TrackRows(frame, track, box), feet, tall, 4)
    part, _ = speeds(TrackRows(frame[:6], track[:6], box[:6]), feet[:6], tall[:6], 4)
    np.testing.assert_allclose(whole[:6], part)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("tracks")
    random = np.random.default_rng(0)
    train = {
        f"0{1 + n % 2}_{n:03d}": [walk(60, 1 + random.random() / 2, x=5 + n) for _ in range(1)]
        for n in range(8)
    }
    # In frames 20 to 39 somebody runs; at the end of the other video nobody is there.
    frame, track, box = walk(20, 6.0, track=2)
    test = {
        "01_0001": [walk(60, 1.2, x=7), (frame + 20, track, box)],
        "02_0002": [walk(50, 1.2, x=9)],
    }
    saved(root / "train.npz", train)
    saved(root / "test.npz", test)
    split = {
        "train": list(train),
        "test": list(test),
        "videos": {"01_0001": {"frames": 60, "abnormal": [[20, 40]]}, "02_0002": {"frames": 60}},
    }
    (root / "split.json").write_text(json.dumps(split))
    recipe = resolve(
        {
            "name": "tracks",
            "dataset": {
                "type": "listed",
                "split": str(root / "split.json"),
                "normal": "0",
                "fps": 25,
            },
            "features": {
                "type": "tracks",
                "files": [str(root / "train.npz"), str(root / "test.npz")],
                "size": [100, 400],
                "scenes": True,
            },
            "method": {"type": "track-density", "motion": {"type": "gmm", "components": 1}},
        }
    )
    return vadkit.train(recipe, runs=root / "runs")


def test_a_runner_is_found_without_video(run):
    assert vadkit.evaluate(run)["raw"]["micro-auc"] > 0.95
    scores = np.load(run / "scores" / "test" / "02_0002.npz")["scores"]
    assert np.isfinite(scores).all()
    # Frames without people have the lowest score of training.
    assert (scores[50:] == scores[50:].min()).all() and scores[50] <= scores[:50].min()
    assert json.loads((run / "calibration.json").read_text())


def test_another_scene_is_another_place(run):
    from vadkit.workflows.build import build_method

    recipe = vadkit.load_recipe(run / "recipe.yaml")
    method = build_method(recipe, torch.device("cpu")).eval()
    saved_state = torch.load(run / "checkpoints" / "last.pt", weights_only=True)
    method.load_state_dict(saved_state["method"])
    rows = torch.zeros(1, 1 + 16 * PERSON)
    rows[0, :9] = torch.tensor([1, 1, 0.2, 0.5, 0.2, 0.08, 0.05, 0, 12])
    here = method.row_scores(rows)
    rows[0, 0] = 9
    assert method.row_scores(rows) > here + 10


def test_tracks_that_do_not_fit(tmp_path):
    from vadkit.data.videos import Video

    saved(tmp_path / "t.npz", {"a": [walk(5, 1.0)]})
    features = TrackFiles(files=[tmp_path / "t.npz"], size=(100, 200))
    with pytest.raises(DataError, match="'a' reach frame 4, but it has 4 frames, 0 to 3; the tra"):
        features.videos([Video("a", "test", tmp_path)], {"a": 4})
    with pytest.raises(DataError, match="no tracks of video 'b'; they have 1 videos, such as a"):
        features.videos([Video("b", "test", tmp_path)], {})


@pytest.mark.parametrize("density", ["knn", "gmm", "mahalanobis", "mulde"])
def test_a_density_of_any_features(density, tmp_path):
    for video in planted_videos(12, 8):
        np.save(tmp_path / f"{video.id}.npy", video.crop(0).astype(np.float16))
    names = [video.id for video in planted_videos(12, 8)]
    (tmp_path / "split.json").write_text(
        json.dumps({"train": names[::2], "test": names[1::2], "videos": {n: {} for n in names}})
    )
    spec = {"type": density, **({"steps": 30, "width": 32} if density == "mulde" else {})}
    recipe = resolve(
        {
            "name": "density",
            "dataset": {"type": "listed", "split": str(tmp_path / "split.json")},
            "features": {"type": "files", "root": str(tmp_path)},
            "method": {"type": "segment-density", "density": spec},
            "calibration": None,
        }
    )
    run = vadkit.train(recipe, runs=tmp_path / "runs")
    assert (run / "checkpoints" / "last.pt").is_file()


def test_left_out_rows_are_not_collected():
    videos = planted_videos(4, 8)
    loader = RowLoader(videos, torch.device("cpu"))
    normal = [video for video in videos if not video.abnormal]
    assert len(loader) == len(normal)
    rest = loader.keeping(np.arange(len(loader.clips)) >= 5)
    first = next(rest.batches(0)).features[0]
    np.testing.assert_array_equal(first, normal[0].crop(0)[5:])
    with pytest.raises(DataError, match="all 1 training videos are abnormal"):
        RowLoader([video for video in videos if video.abnormal][:1], torch.device("cpu"))


@pytest.mark.slow
@pytest.mark.real_data
def test_the_recipe_on_shanghaitech(real_data, tmp_path):
    folder = real_data / "shanghaitech"
    files = [str(folder / f"tracks_{split}.npz") for split in ("train", "test")]
    run = vadkit.train(
        "recipes/shanghaitech/track-density.yaml",
        overrides=[
            f"dataset.root={folder / 'labels.json'}",
            f"features.files={json.dumps(files)}",
            "calibration=null",
        ],
        runs=tmp_path,
    )
    found = vadkit.evaluate(run)
    assert found["raw"]["micro-auc"] == pytest.approx(0.776, abs=0.01)
    assert found["online"]["micro-auc"] == pytest.approx(0.796, abs=0.01)
