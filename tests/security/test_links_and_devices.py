"""Links, pipes and devices in folders of strangers: nothing outside is written, nothing hangs."""

import contextlib
import json
import os
import zipfile

import numpy as np
import pytest
from numpy.lib import format as npy

from vadkit.arrays import load_archive, load_array
from vadkit.data.decoding.decode import read_frames
from vadkit.data.images import decode_image
from vadkit.data.labels import read_any
from vadkit.data.store.cache import damage, entries
from vadkit.data.store.digests import content_digest
from vadkit.data.store.stored_video import open_stored
from vadkit.errors import DataError, TrainingError, VadkitError
from vadkit.files import append_line, partial_path, write_text, write_whole_folder
from vadkit.inference.alarms import Event
from vadkit.inference.sinks.csv import Csv
from vadkit.inference.sinks.events import EventLines, EventTable
from vadkit.inference.sinks.sink import SourceInfo
from vadkit.reading import read_bytes
from vadkit.recipe import load_recipe
from vadkit.text import video_file
from vadkit.workflows.evaluate.run_scores import score_run
from vadkit.workflows.infer.sources import expand_sources
from vadkit.workflows.report.pictures import _saved_maps
from vadkit.workflows.run import checkpoint_file, load_run
from vadkit.workflows.saved_maps import check_maps
from vadkit.workflows.train import train

RECIPE = """\
name: tiny
dataset: {type: synthetic, root: ROOT, train_videos: 1, test_videos: 1, frames: 20, size: [32, 48]}
clip: {frames: 2, size: [32, 48], channels: gray}
method: {type: conv-ae}
networks: {autoencoder: {width: 4}}
train: {epochs: 1, batch_size: 4, max_steps: 2}
"""
SHELL = "alias ls='ls -l'\n"


@contextlib.contextmanager
def within(seconds):
    """Fail where the body takes longer; a blocked ``open`` is ended by a signal."""
    import signal

    def too_long(*_):
        raise AssertionError(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    (folder / "r.yaml").write_text(RECIPE.replace("ROOT", str(folder / "data")))
    run = train(load_recipe(folder / "r.yaml"), runs=folder / "runs")
    score_run(run, load_run(run))
    return run


@pytest.fixture
def run(trained, tmp_path):
    import shutil

    shutil.copytree(trained, tmp_path / "run")
    return tmp_path / "run"


def special(path, kind):
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    return path


READS = {
    "a.json": lambda path: read_bytes(path, 100),
    "a.npy": load_array,
    "a.npz": load_archive,
    "l.json": read_any,
    "l.npz": read_any,
    "l.npy": read_any,
    "l.csv": read_any,
    "a.png": lambda path: decode_image(path, 1),
    "a.mp4": content_digest,
    "b.mp4": lambda path: next(read_frames(path)),
    "c.mp4": lambda path: expand_sources([str(path)]),
}


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("name", READS)
def test_pipes_and_devices_are_not_read(tmp_path, name, kind):
    path = special(tmp_path / name, kind)
    with within(10), pytest.raises((VadkitError, OSError), match="is a pipe or a device"):
        READS[name](path)


@pytest.mark.parametrize("name", ["normal.json", "calibration.json", "scores/test/01.npz"])
def test_a_pipe_in_a_run_ends_evaluation(run, name):
    special(run / name, "pipe")
    with within(60), pytest.raises(VadkitError, match="is a pipe or a device"):
        score_run(run, load_run(run))


def event(name="$(touch pwned)"):
    return Event(
        id="a", source=name, start=0.0, end=1.0, peak_time=0.5, peak_score=1.0, threshold=0.5
    )


def test_a_log_that_is_a_link_is_not_followed(tmp_path):
    """A line of JSON with ``$(...)`` in ``~/.bashrc`` is a command."""
    rc = tmp_path / "bashrc"
    rc.write_text(SHELL)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "events.jsonl").symlink_to(rc)
    sink = EventLines(tmp_path / "out")
    for act in (sink.check, lambda: sink.event(event())):
        with pytest.raises(OSError, match="symbolic links"):
            act()
    with pytest.raises(OSError, match="symbolic links"):
        append_line(tmp_path / "out" / "events.jsonl", "x")
    assert rc.read_text() == SHELL


@pytest.mark.parametrize("name", ["events.sqlite", "events.sqlite-wal", "events.sqlite-shm"])
def test_a_table_that_is_a_link_is_not_followed(tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).symlink_to(tmp_path / "new")
    with pytest.raises(OSError, match="symbolic links"):
        EventTable(tmp_path / "out").check()
    assert not (tmp_path / "new").exists()


def test_a_log_that_is_a_link_to_nothing_makes_no_file(tmp_path):
    (tmp_path / "log").symlink_to(tmp_path / "new")
    with pytest.raises(OSError, match="symbolic links"):
        append_line(tmp_path / "log", "x")
    assert not (tmp_path / "new").exists()


def test_temporary_names_that_are_links_are_replaced(tmp_path):
    rc = tmp_path / "bashrc"
    rc.write_text(SHELL)
    for path in (tmp_path / "eval.json", tmp_path / "01.csv"):
        partial_path(path).symlink_to(rc)
    write_text(tmp_path / "eval.json", "{}")
    assert (tmp_path / "eval.json").read_text() == "{}"
    assert not (tmp_path / "eval.json").is_symlink()
    sink = Csv(tmp_path)
    sink.open(SourceInfo(name="01", fps=25.0, size=(32, 48)))
    sink.close(None)
    assert rc.read_text() == SHELL
    (tmp_path / "other").mkdir()
    partial_path(tmp_path / "new").symlink_to(tmp_path / "other")
    with write_whole_folder(tmp_path / "new") as folder:
        (folder / "a").write_text("1")
    assert not list((tmp_path / "other").iterdir()) and (tmp_path / "new" / "a").is_file()


@pytest.mark.parametrize("name", ["infer", "scores", "scores/test", "checkpoints", "infer/01"])
def test_folders_of_a_run_that_are_links_out_of_it(run, tmp_path, name):
    import shutil

    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "meta.json").write_text("mine")
    shutil.rmtree(run / name, ignore_errors=True)
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).symlink_to(outside)
    with pytest.raises(TrainingError, match=r"is a link to .*outside, outside of the run") as error:
        load_run(run)
    assert len(str(error.value).splitlines()) == 1 and str(run / name) in str(error.value)
    assert [one.name for one in outside.iterdir()] == ["meta.json"]


def test_a_run_may_be_a_link_and_hold_links_to_itself(run, tmp_path):
    (tmp_path / "link").symlink_to(run)
    (run / "again").symlink_to(run / "scores")
    assert load_run(tmp_path / "link").name == "tiny"


@pytest.mark.parametrize("name", ["../secret", "/tmp/secret", "a/../../b", "..", "a\0"])
def test_names_of_videos_stay_in_their_folder(run, name):
    with pytest.raises(DataError, match="cannot be the name of a video"):
        video_file(run, name, ".npz")
    meta = json.loads((run / "scores/test/meta.json").read_text())
    (run / "scores/test/meta.json").write_text(json.dumps({**meta, "videos": [name]}))
    (run / "eval.json").write_text(json.dumps({"metrics": []}))
    from vadkit.workflows.report.runs import load_records

    with pytest.raises(DataError, match="cannot be the name of a video"):
        load_records([run])


@pytest.mark.parametrize("name", ["../last", "/tmp/x", "", ".hidden", "a\0", "a/b", ".."])
def test_names_of_checkpoints_stay_in_their_folder(run, name):
    with pytest.raises(TrainingError, match="is not the name of a checkpoint"):
        checkpoint_file(run, name)
    with pytest.raises(TrainingError, match="is not the name of a checkpoint"):
        score_run(run, load_run(run), name)


NOTES = {"shape": [20, 32, 48, 1], "source": "x", "crc32": 1}


@pytest.mark.parametrize(
    "text",
    ["", "[" * 100_000, "{}", "[]", "\xff", *(
        json.dumps({**NOTES, "shape": shape})
        for shape in ([1, 2], ["a", 1, 1, 1], [10**10, 32, 48, 1], [20, 0, 48, 1], [-1] * 4, None)
    ), json.dumps({**NOTES, "source": 1})],
)  # fmt: skip
def test_damaged_notes_of_stored_frames(tmp_path, text):
    folder = tmp_path / "key"
    folder.mkdir()
    (folder / "frames.u8").write_bytes(bytes(20 * 32 * 48))
    (folder / "meta.json").write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match="data cache verify --delete") as error:
        open_stored("a", folder)
    assert str(folder) in str(error.value) and len(str(error.value)) < 500
    (entry,) = entries(tmp_path)
    assert damage(entry) is not None


def test_stored_frames_with_only_their_notes(tmp_path):
    (tmp_path / "key").mkdir()
    (tmp_path / "key" / "meta.json").write_text(json.dumps(NOTES))
    with pytest.raises(DataError, match="there is no such file"):
        open_stored("a", tmp_path / "key")


@pytest.mark.parametrize("text", ["[" * 100_000, "{}", "[]", '{"state": 1}', "\xff"])
def test_damaged_notes_of_digests(tmp_path, text):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"1")
    expected = content_digest(video, tmp_path / "digests")
    (note,) = (tmp_path / "digests").iterdir()
    state = json.loads(note.read_text())["state"]
    for changed in (text, json.dumps({"state": state}), json.dumps({"state": state, "digest": 1})):
        note.write_text(changed, encoding="latin-1")
        assert content_digest(video, tmp_path / "digests") == expected


def test_names_of_stored_videos_are_printable(tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from vadkit.cli import app

    (tmp_path / "key").mkdir()
    notes = {**NOTES, "source": "\x1b[31m[red]\u202e.mp4"}
    (tmp_path / "key" / "meta.json").write_text(json.dumps(notes))
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path))
    for command in ("list", "verify"):
        shown = CliRunner().invoke(app, ["data", "cache", command]).output
        assert r"\x1b[31m[red]\u202e.mp4" in shown and "\x1b" not in shown, command


def test_maps_that_unpack_to_gigabytes_are_left_out(tmp_path):
    from io import BytesIO
    from types import SimpleNamespace

    head = BytesIO()
    kind = {"descr": "<f4", "fortran_order": False, "shape": (20, 10000, 10000)}
    npy.write_array_header_1_0(head, kind)
    folder = tmp_path / "scores" / "test" / "maps"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "01.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("maps.npy", head.getvalue() + bytes(50_000_000))
    with (folder / "02.npy").open("wb") as file:
        file.write(head.getvalue())
        file.truncate(head.tell() + 8 * 10**9)  # holes
    np.savez(folder / "03.npz", maps=np.ones((20, 4, 6), np.float16))
    raw = dict.fromkeys(("01", "02", "03"), np.zeros(20))
    record = SimpleNamespace(folder=tmp_path, raw=raw)
    found = [_saved_maps(record, video) for video in raw]
    assert found[:2] == [None, None] and found[2].shape == (20, 4, 6)
    with pytest.raises(ValueError, match="10000 x 10000 pixels"):
        check_maps(np.lib.stride_tricks.as_strided(np.zeros(1, np.float16), (2, 10**4, 10**4)))
