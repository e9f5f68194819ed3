"""File names of any bytes: every video has its result, and no result hides another's."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.data.datasets.folder import find_videos
from vadkit.data.store.digests import content_digest, content_state
from vadkit.inference.sinks.build import build_sinks
from vadkit.inference.sinks.sink import SourceInfo, VideoScores
from vadkit.inference.source_output import SourceOutput
from vadkit.text import plot_text, shortened, video_file
from vadkit.workflows.infer.result import Inferred, ResultKey, finished, owner, save_result
from vadkit.workflows.infer.sources import event_source, expand_sources, result_folders

HOSTILE = [
    b"plain",
    b"\xff\xfe",
    b"caf\xe9",
    b"\\xff\\xfe",
    b"new\nline",
    b"-dash",
    b" ",
    "\N{GRINNING FACE}".encode(),
    b"e\xcc\x81",
    b"\xc3\xa9",
    b"a" * 251,
    b"\xff" * 251,
    b"dots...",
    b"c:d",
    b"gate 1",
    b"gate_1",
    b"\x1b[31mred",
    b"$x_{$",
    b"_low",
    b"<script>",
    b"%03d",
    b"events",
    b"events.jsonl",
    b"result.json",
    b"plain.npz",
    b"*",
    b"camera/05.03",
    b"camera/05",
    b"camera\xff/05.03",
    b"plain/result.json",
]
PIECES = [
    b"a",
    b".",
    b"..",
    b" ",
    b"\n",
    b"\x1b",
    b"$",
    b"_",
    b"-",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\",
]
PIECES += [b":", b"%", b"[", b"json", b".npz", b"\xcc\x81", b"\xf0\x9f\x98\x80", b"x" * 100, b"'"]
NAME = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(b"".join)


def place(folder: Path, name: bytes) -> Path:
    return Path(os.fsdecode(os.path.join(os.fsencode(folder), name + b".mp4")))


def put(folder: Path, names: list[bytes], video: Path) -> list[Path]:
    paths = [place(folder, name) for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(video, path)
    return paths


@pytest.fixture(scope="session")
def one_video(evaluated_run) -> Path:
    manifest = json.loads((evaluated_run / "manifest.json").read_text())
    return Path(next(iter(manifest["test"]["videos"].values())))


def through_sinks(video, folder: Path, out: Path) -> list[str]:
    """What ``infer`` does with a video, but for scoring it: two frames and an event."""
    from vadkit.inference.alarms import AlarmRules
    from vadkit.inference.frame_score import FrameScore

    frame = np.zeros((16, 16, 3), np.uint8)
    info = SourceInfo(shortened(Path(video.name).name), 25.0, (16, 16))
    kinds = ["jsonl", "npz", "csv"]
    sinks = build_sinks([{"type": kind} for kind in kinds], folder)
    events = build_sinks([{"type": kind} for kind in ("events", "sqlite")], out)
    sinks.sinks += events.sinks
    output = SourceOutput(info, sinks, AlarmRules(5, 5), source=event_source(video, folder))
    for index, score in enumerate((6.0, 0.0)):
        item = FrameScore(index, index / 25, frame, score, score, 5.0, score > 5, None, {})
        output.frame(item)
    output.finish()
    files = output.close(VideoScores(info.name, 25.0, np.array([6.0, 0]), np.array([6.0, 0])))
    assert sinks.failed == {}
    return files


@settings(max_examples=60)
@given(st.sets(NAME, min_size=1, max_size=5))
def test_every_name_works_with_every_sink_and_is_found_again(names):
    import sqlite3
    import tempfile

    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        out, archive = root / "out", root / "archive"
        archive.mkdir()
        paths = []
        for number, name in enumerate(sorted(names)):
            if not name.startswith(b".") and len(name) < 250:
                path = place(archive, name)
                path.write_bytes(b"%d" % number)
                paths.append(path)
        if not paths:
            return
        videos = expand_sources([str(archive)], out)
        assert {video.path for video in videos} == set(paths)
        assert len({video.name for video in videos}) == len(paths)
        folders = result_folders(videos, out, owner)
        assert len(set(folders)) == len(paths)
        key = ResultKey("model", ("all",))
        for video, folder in zip(videos, folders, strict=True):
            assert folder.parent == out
            video.name.encode()
            assert len(content_digest(video.path, root / "memory")) == 32
            files = through_sinks(video, folder, out)
            of_it = [one for one in files if not Path(one).name.startswith("events.")]
            assert {Path(one).parent for one in of_it} == {folder} and len(of_it) == 3
            result = Inferred(str(video.path), 2, 2, 1.0, 6.0, 0.0, 1, files)
            save_result(folder, video.path, content_state(video.path), key, result)
        for video, folder in zip(videos, folders, strict=True):
            kept = finished(folder, video.path, key)
            assert kept is not None and kept.video == str(video.path) and len(kept.files) == 5
        assert result_folders(videos, out, owner) == folders
        lines = [json.loads(one) for one in (out / "events.jsonl").read_text().splitlines()]
        sources = {event_source(v, f) for v, f in zip(videos, folders, strict=True)}
        assert {line["source"] for line in lines} == sources and len(sources) == len(paths)
        with contextlib.closing(sqlite3.connect(out / "events.sqlite")) as table:
            rows = table.execute("SELECT source FROM events").fetchall()
        assert {row[0] for row in rows} == sources


def test_two_videos_of_one_name_have_separate_events(tmp_path):
    for day in ("mon", "tue"):
        path = tmp_path / day / "gate.mp4"
        path.parent.mkdir()
        path.touch()
    videos = expand_sources([str(tmp_path / day / "gate.mp4") for day in ("mon", "tue")])
    folders = result_folders(videos, tmp_path / "out", owner)
    labels = [event_source(v, f) for v, f in zip(videos, folders, strict=True)]
    assert [video.name for video in videos] == ["gate", "gate"]
    assert len(set(labels)) == 2 and all(one.startswith("gate-") for one in labels)


def test_names_differ_even_without_their_extensions(tmp_path):
    for name in ("a.mp4", "a.avi", "a.mp4.mp4"):
        (tmp_path / name).touch()
    found = {path.name: name for name, path in find_videos(tmp_path)}
    assert len(found) == 3 and len(set(found.values())) == 3
    assert found["a.avi"] == "a.avi"


def test_results_stay_in_their_own_folder(tmp_path):
    path = tmp_path / "...mp4"
    path.touch()
    (video,) = expand_sources([str(path)])
    assert video.name == ".."
    (folder,) = result_folders([video], tmp_path / "out", owner)
    assert folder.resolve().parent == tmp_path / "out"
    for name in ("events.jsonl", "a/a.npz", "a/result.json", "events"):
        (folder,) = result_folders([type(video)(name, path)], tmp_path / "out", owner)
        assert folder != tmp_path / "out" / name


def test_ids_of_any_length_have_files(tmp_path):
    long = "day/" + "x" * 251
    path = video_file(tmp_path, long, ".npz")
    assert path.parent == tmp_path / "day" and len(path.name) < 200
    assert path != video_file(tmp_path, long + "y", ".npz")
    assert video_file(tmp_path, "day/01", ".npz") == tmp_path / "day" / "01.npz"


def test_plots_show_names_unchanged(tmp_path, recwarn):
    from PIL import Image

    from vadkit.reports.score_plot import score_plot

    assert plot_text("_a$b$") == r" _a\$b\$"
    title = "$x_{$ \N{GRINNING FACE} \udcff\n"
    path = score_plot(tmp_path / "a.png", np.arange(5.0), np.arange(5.0), title=title)
    with Image.open(path) as image:
        assert image.size[0] > 500
    assert not [one for one in recwarn if "Glyph" in str(one.message)]


@pytest.mark.parametrize("locale", ["C.UTF-8", "ascii"])
def test_names_are_printed_in_every_locale(tmp_path, locale):
    """Bytes of names go out as they are; what the encoding lacks is written out."""
    code = r"from vadkit.text import print_anything; print_anything(); print('\udcff \u3042')"
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    if locale != "ascii":
        env = {**os.environ, "LC_ALL": locale}
        env.pop("PYTHONIOENCODING", None)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    expected = b"\xff \\u3042\n" if locale == "ascii" else b"\xff \xe3\x81\x82\n"
    assert done.stdout == expected


@pytest.mark.slow
def test_a_folder_of_hostile_names_from_end_to_end(vadkit, evaluated_run, one_video, tmp_path):
    archive = tmp_path / "archive"
    paths = put(archive, HOSTILE, one_video)
    out = tmp_path / "out"
    options = ["--out", out, "--workers", 1, "--json"]
    code, stdout, err = vadkit("infer", evaluated_run, archive, "--sink", "npz", *options)
    assert code == 0, err
    results = json.loads(stdout)
    assert {one["video"] for one in results} == {str(path) for path in paths}
    files = [file for one in results for file in one["files"]]
    assert len(set(files)) == len(paths)
    scores = [np.load(file)["raw"] for file in files]
    for other in scores:
        np.testing.assert_array_equal(scores[0], other)
    code, stdout, err = vadkit("infer", evaluated_run, archive, "--sink", "npz", *options)
    assert code == 0 and all(one["kept"] for one in json.loads(stdout)), err
    # All copies of one video, and no more to say about them.
    code, stdout, err = vadkit("data", "check", archive, "--json")
    report = json.loads(stdout)
    assert len(report["videos"]) == len(paths) and code == 0, report["faults"]
    assert {video["frames"] for video in report["videos"]} == {40}
    code, stdout, err = vadkit("data", "check", archive, "--quick")
    assert code == 0 and "\x1b" not in stdout and "\udcff" not in stdout
    assert "\\x1b[31mred" in stdout


@pytest.mark.slow
def test_training_and_evaluation_on_hostile_names(vadkit, one_video, tmp_path):
    archive = tmp_path / "archive"
    names = [name for name in HOSTILE if b"camera" not in name]
    put(archive, names, one_video)
    ids = [name for name, _ in find_videos(archive)]
    entries = {name: {"frames": 40, "abnormal": [[5, 20]]} for name in ids}
    labels = {"format": "vadkit-labels-1", "videos": entries}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    recipe = tmp_path / "hostile.yaml"
    recipe.write_text(
        f"name: hostile\n"
        f"dataset: {{type: folder, root: {json.dumps(str(archive))}, "
        f"test: {json.dumps(str(archive.with_name('test')))}, "
        f"labels: {tmp_path / 'labels.json'}}}\n"
        "clip: {frames: 4, size: [48, 64], channels: gray}\n"
        "method: {type: conv-ae}\n"
        "networks: {autoencoder: {width: 8}}\n"
        "train: {epochs: 1, batch_size: 64, device: cpu}\n"
        "hooks: [{type: evaluate}, {type: score-plot, most: 99}, {type: checkpoint}]\n"
    )
    put(tmp_path / "test", names, one_video)
    code, out, err = vadkit("train", recipe, "--runs", tmp_path / "runs")
    assert code == 0, err
    run = Path(out.strip())
    assert len(list(run.glob("score-plots/epoch-0001/**/*.png"))) == len(names)
    code, out, err = vadkit("eval", run, "--maps", "--json")
    assert code == 0, err
    assert len(list(run.glob("scores/test/**/*.npz"))) == len(names)
    code, out, err = vadkit("report", run)
    assert code == 0, err
    page = (run / "report" / "report.html").read_text(encoding="utf-8")
    assert "<script>.mp4" not in page and "u003cscript" in page
    code, out, err = vadkit("data", "convert", recipe, "--out", tmp_path / "again.json")
    assert code == 0, err
    assert set(json.loads((tmp_path / "again.json").read_text())["videos"]) == set(ids)
    code, out, err = vadkit("calibrate", run, "--videos", archive, "--json")
    assert code == 0, err
    assert json.loads(out)["evidence"]["videos"] == len(names)


def test_decord_opens_names_that_are_not_utf8(one_video, tmp_path):
    """Its library takes UTF-8 alone; it runs in a process of its own, as always."""
    from vadkit.data.decoding.decode import read_frames

    pytest.importorskip("decord")
    (path,) = put(tmp_path, [b"\xff"], one_video)
    (plain,) = put(tmp_path, [b"plain"], one_video)
    given = list(read_frames(path, readers=("decord",)))
    assert len(given) == 40
    np.testing.assert_array_equal(given, list(read_frames(plain, readers=("decord",))))


def test_a_video_that_disappears_does_not_stop_the_others(
    vadkit, evaluated_run, one_video, tmp_path, monkeypatch
):
    first, second = put(tmp_path / "archive", [b"first", b"second"], one_video)
    from vadkit.workflows.infer import archive as workflow

    expand = workflow.expand_sources

    def then_gone(*arguments):
        found = expand(*arguments)
        first.unlink()
        return found

    monkeypatch.setattr(workflow, "expand_sources", then_gone)
    options = ["--out", tmp_path / "out", "--sink", "npz", "--workers", 1, "--json"]
    code, out, _ = vadkit("infer", evaluated_run, tmp_path / "archive", *options)
    assert code == 3
    gone, kept = json.loads(out)
    assert "no such file" in gone["error"] and str(first) in gone["error"]
    assert kept["error"] is None and kept["scored"] > 0 and kept["video"] == str(second)


def test_a_recipe_cannot_contain_a_path_that_is_not_utf8(vadkit, one_video, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = put(tmp_path / os.fsdecode(b"cam\xff"), [b"a"], one_video)[0].parent
    code, _, err = vadkit("init", "gate", "--videos", folder)
    assert code == 2 and "not UTF-8" in err and len(err.splitlines()) == 1
    assert not (tmp_path / "gate").exists()
    # What needs no recipe reads it.
    code, out, err = vadkit("data", "check", folder, "--json")
    assert code == 0 and json.loads(out)["videos"][0]["frames"] == 40, err
