"""Subway: parts of one long video."""

import pytest

from vadkit.data.datasets.subway import Subway
from vadkit.data.store.build import build_store, plan_store
from vadkit.data.store.settings import Settings
from vadkit.errors import DataError


@pytest.mark.parametrize(
    "names",
    [
        ("entrance.avi", "exit.avi"),
        ("a/subway_entrance_turnstiles.AVI", "b/subway_exit_turnstiles.AVI"),
    ],
)
def test_parts_by_scene(tmp_path, tree, names):
    tree(tmp_path, *names)
    for scene, frames, name in zip(("entrance", "exit"), (22500, 7500), names, strict=True):
        dataset = Subway(root=tmp_path, scene=scene)
        (train,), (test,) = dataset.videos("train"), dataset.videos("test")
        assert train.path == test.path == tmp_path / name
        assert (train.id, train.part) == (f"{scene}-train", (0, frames))
        assert (test.id, test.part) == (f"{scene}-test", (frames, None))
        assert test.labels is None
    assert dataset.label_source == "none"
    assert dataset.expected("train") == dataset.expected("test") == (1, None)


def test_minutes_and_rate(tmp_path, tree):
    dataset = Subway(root=tree(tmp_path, "exit.mp4"), scene="exit", train_minutes=0.5, fps=10)
    assert dataset.videos("train")[0].part == (0, 300)


def test_labels_of_the_whole_file_and_of_the_part(tmp_path, tree, own_labels):
    tree(tmp_path, "exit.mp4")
    own_labels(tmp_path / "whole.json", {"exit": (10, (3, 6), (8, 9))})
    own_labels(tmp_path / "part.json", {"exit-test": (5, (0, 1), (3, 4))})
    for name in ("whole.json", "part.json"):
        dataset = Subway(
            root=tmp_path, scene="exit", labels=tmp_path / name, train_minutes=5 / 60, fps=1
        )
        video = dataset.videos("test")[0]
        assert video.labels(5).tolist() == [True, False, False, True, False]
        assert dataset.label_source == name
        with pytest.raises(DataError, match="frames but"):
            video.labels(6)


def test_the_parts_are_read_as_such(tmp_path, write_video, pictures):
    write_video(tmp_path / "exit.mkv", pictures[:10])
    dataset = Subway(root=tmp_path, scene="exit", train_minutes=6 / 60, fps=1)
    videos = [*dataset.videos("train"), *dataset.videos("test")]
    settings = Settings(size=(8, 8), channels="gray")
    plan = plan_store(videos, settings, cache=tmp_path / "cache")
    assert [len(video.frames) for video in build_store(plan, settings)[0]] == [6, 4]


def test_videos_with_ambiguous_names(tmp_path, tree):
    with pytest.raises(DataError, match=r"'entrance' in its name.*datasets/subway/README.*root="):
        Subway(root=tree(tmp_path, "exit.avi"), scene="entrance").videos("train")
    tree(tmp_path, "copy/exit.mp4")
    with pytest.raises(DataError, match=r"2 videos of the exit: copy/exit.mp4, exit.avi"):
        Subway(root=tmp_path, scene="exit").videos("train")
    with pytest.raises(DataError, match="does not exist"):
        Subway(root=tmp_path / "none", scene="exit").videos("train")
