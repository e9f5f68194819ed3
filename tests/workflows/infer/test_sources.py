"""Which videos a command line means, and folders for their results that never mix them up."""

import itertools
from pathlib import Path

import pytest

from vadkit.errors import DataError, RecipeError
from vadkit.text import same_on_disk
from vadkit.workflows.infer.sources import InputVideo, expand_sources, result_folders


@pytest.fixture
def archive(tmp_path):
    for name in ("mon/gate.mp4", "mon/yard.mp4", "tue/gate.mp4", "tue/readme.txt"):
        path = tmp_path / "archive" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "archive"


def names(*texts, out=None):
    return {one.name for one in expand_sources([str(text) for text in texts], out)}


def test_names_are_paths_below_the_source(archive):
    every = {"mon/gate", "mon/yard", "tue/gate"}
    assert names(archive) == every
    assert names(archive / "**/*.mp4") == every
    assert names(archive / "**") == every
    assert names(archive / "*/gate.mp4") == {"mon/gate", "tue/gate"}
    assert names(archive / "mon" / "*") == {"gate", "yard"}
    assert names(archive / "mon/gate.mp4") == {"gate"}


def test_a_video_comes_once(archive):
    found = expand_sources([str(archive), str(archive / "mon/gate.mp4")])
    assert [one.path.parent.name for one in found] == ["mon", "mon", "tue"]


def test_results_are_not_scored(archive):
    out = archive / "results"
    annotated = out / "gate" / "gate.mp4"
    annotated.parent.mkdir(parents=True)
    annotated.touch()
    assert names(archive, out=out) == {"mon/gate", "mon/yard", "tue/gate"}
    assert names(annotated, out=out) == {"gate"}
    with pytest.raises(DataError, match="no video to score"):
        names(out, out=out)


@pytest.mark.parametrize("text", ["none.mp4", "none*", "none/**/*.mp4"])
def test_no_source_is_an_error(archive, text):
    with pytest.raises(DataError, match="matches nothing"):
        names(archive / text)


@pytest.mark.parametrize("text", ["rtsp://u:pw@cam/", "http://cam/a.mp4", "0", "-", "replay:a"])
def test_streams_are_for_watch(text):
    with pytest.raises(RecipeError, match="use `vadkit watch` instead") as caught:
        names(text)
    assert "pw" not in str(caught.value)


def test_folders_do_not_depend_on_order():
    videos = [InputVideo("gate", Path(place) / "gate.mp4") for place in ("/mon", "/tue", "/wed")]
    videos.append(InputVideo("yard", Path("/mon/yard.mp4")))
    out = Path("/out")
    first = dict(zip(videos, result_folders(videos, out, lambda folder: None), strict=True))
    assert len(set(first.values())) == 4
    assert first[videos[3]] == out / "yard"
    for order in itertools.permutations(videos):
        again = result_folders(order, out, lambda folder: None)
        assert dict(zip(order, again, strict=True)) == first


def test_a_folder_keeps_its_video():
    mon, tue = InputVideo("gate", Path("/mon/gate.mp4")), InputVideo("gate", Path("/tue/gate.mp4"))
    out = Path("/out")
    held = {out / "gate": mon.path}
    (alone,) = result_folders([mon], out, held.get)
    assert alone == out / "gate"
    # The same name from elsewhere, alone or together, never goes there.
    (other,) = result_folders([tue], out, held.get)
    assert other.parent == out and other.name.startswith("gate-")
    assert result_folders([tue, mon], out, held.get) == [other, alone]


def test_names_that_some_disks_take_for_one_have_their_own_folders(tmp_path):
    texts = ["a/05.03", "b/05.03", "gate 1", "gate_1", "Gate_1", "caf\xe9", "cafe\u0301", "a/b"]
    videos = [InputVideo(text, tmp_path / f"{text}.mp4") for text in [*texts, "a-b", "a_b"]]
    folders = result_folders(videos, tmp_path / "out", lambda folder: None)
    assert len({same_on_disk(str(folder)) for folder in folders}) == len(videos)
    assert folders[0] == tmp_path / "out/a/05.03" and folders[2] == tmp_path / "out/gate 1"
