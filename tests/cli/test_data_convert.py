"""``vadkit data convert``: lengths from the file or the videos, ids that match, nothing guessed."""

import json

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.names import match_videos
from vadkit.data.labels.own import read_labels, write_labels
from vadkit.errors import DataError
from vadkit.workflows.data.convert import convert

SCRIPT = "TestVideoFile{end+1}.gt_frame = [2:3];\nTestVideoFile{end+1}.gt_frame = [1:1, 4:5];\n"


def write_video(path, frames):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in range(frames):
            picture = np.full((48, 64, 3), 20 * level % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def write_images(folder, frames):
    folder.mkdir(parents=True)
    for number in range(1, frames + 1):
        cv2.imwrite(str(folder / f"{number:03d}.png"), np.zeros((4, 6), np.uint8))


@pytest.fixture
def script(tmp_path):
    """The official labels of two clips, which do not say how long these are."""
    path = tmp_path / "labels.m"
    path.write_text(SCRIPT)
    return path


def test_lengths_from_videos_and_image_folders(vadkit, script, tmp_path):
    write_video(tmp_path / "videos/01.mp4", 6)
    write_images(tmp_path / "videos/02", 5)
    out = tmp_path / "labels.json"
    code, text, err = vadkit(
        "data", "convert", script, "--videos", tmp_path / "videos", "--out", out
    )
    assert code == 0, err
    assert text == f"2 videos, 11 frames, 5 abnormal (45.5 %), from ucsd-m to {out}\n"
    assert err == ""
    assert read_labels(out) == {"01": Labels([(1, 3)], 6), "02": Labels([(0, 1), (3, 5)], 5)}


def test_without_lengths_it_asks_for_videos(vadkit, script, tmp_path):
    code, out, err = vadkit("data", "convert", script, "--out", tmp_path / "labels.json")
    assert (code, out) == (3, "")
    assert (
        "labels.m (ucsd-m) does not state the number of frames of video '01'; add --videos" in err
    )
    assert not (tmp_path / "labels.json").exists()


def test_labels_that_do_not_fit_the_videos(vadkit, script, tmp_path):
    write_video(tmp_path / "videos/01.mp4", 6)
    write_video(tmp_path / "videos/02.mp4", 4)
    arguments = ("--videos", tmp_path / "videos", "--out", tmp_path / "out.json")
    code, _, err = vadkit("data", "convert", script, *arguments)
    assert code == 3
    assert "video '02' reach frame 5, but the video has 4 frames; one frame is off" in err
    write_labels(tmp_path / "l.json", {"01": Labels([], 6), "02": Labels([], 8)})
    code, _, err = vadkit("data", "convert", tmp_path / "l.json", *arguments)
    assert code == 3
    assert "video '02' has 4 frames but l.json labels 8; the video was re-encoded" in err
    (tmp_path / "videos/02.mp4").write_text("no video " * 99)
    code, _, err = vadkit("data", "convert", script, *arguments)
    assert code == 3
    assert "no reader can open" in err
    assert not (tmp_path / "out.json").exists()


def test_ids_become_those_of_the_videos(vadkit, script, tmp_path):
    for number, frames in ((1, 6), (2, 5), (3, 4)):
        write_video(tmp_path / f"videos/Test{number:03d}.mp4", frames)
    code, _, err = vadkit(
        "data", "convert", script, "--videos", tmp_path / "videos", "--out", tmp_path / "out.json"
    )
    assert code == 0
    assert list(read_labels(tmp_path / "out.json")) == ["Test001", "Test002"]
    assert "note: 1 of 3 videos in" in err and "have no labels: Test003" in err


def test_natural_order_is_announced(vadkit, script, tmp_path):
    write_video(tmp_path / "videos/park.mp4", 5)
    write_video(tmp_path / "videos/gate.mp4", 6)
    code, out, err = vadkit(
        "data", "convert", script, "--videos", tmp_path / "videos", "--out", tmp_path / "out.json",
        "--json",
    )  # fmt: skip
    assert code == 0, err
    assert "paired in natural order: 01 = gate, 02 = park" in err
    data = json.loads(out)
    assert {key: data[key] for key in ("videos", "frames", "abnormal", "format")} == {
        "videos": 2,
        "frames": 11,
        "abnormal": 5,
        "format": "ucsd-m",
    }
    assert len(data["notes"]) == 1


@pytest.mark.parametrize(
    ("labels", "videos", "pairs"),
    [
        (["01", "02"], ["02", "01"], {"01": "01", "02": "02"}),
        (["1", "2"], ["01", "02", "10"], {"1": "01", "2": "02"}),
        (["Test001_gt"], ["Test001"], {"Test001_gt": "Test001"}),
        (["01", "02"], ["Test001", "Test002"], {"01": "Test001", "02": "Test002"}),
        (["Abuse028"], ["Abuse/Abuse028"], {"Abuse028": "Abuse/Abuse028"}),
        (["01_0014", "01_0015"], ["1_14", "1_15"], {"01_0014": "1_14", "01_0015": "1_15"}),
    ],
)
def test_ids_that_match(labels, videos, pairs):
    assert match_videos(labels, videos) == (pairs, False)


@pytest.mark.parametrize(
    ("labels", "videos"),
    [
        # Numbers alone do not tell a walk from a run.
        (["walk1", "run1"], ["1", "2"]),
        (["01", "02"], ["b", "a"]),
        (["cam1/01", "cam2/01"], ["01", "02"]),
    ],
)
def test_ids_paired_only_by_their_order(labels, videos):
    pairs, by_order = match_videos(labels, videos)
    assert by_order
    assert pairs == dict(zip(sorted(labels), sorted(videos), strict=True))


def test_ids_that_cannot_be_paired():
    with pytest.raises(DataError, match=r"labels of 2 videos \(01, 02\) .* the 1 videos \(01\)"):
        match_videos(["01", "02"], ["01"])
    # Both videos are number 1, so neither is.
    with pytest.raises(DataError, match="do not match the"):
        match_videos(["1"], ["x/01", "y/01"])


def test_an_existing_file_is_kept(vadkit, tmp_path):
    source, out = tmp_path / "l.json", tmp_path / "out.json"
    write_labels(source, {"a": Labels([(0, 2)], 3)})
    out.write_text("mine")
    code, text, err = vadkit("data", "convert", source, "--out", out)
    assert (code, text) == (2, "")
    assert "out.json exists; give another --out, or --force" in err
    assert out.read_text() == "mine"
    code, text, err = vadkit("data", "convert", source, "--out", out, "--force")
    assert code == 0, err
    assert read_labels(out) == {"a": Labels([(0, 2)], 3)}
    (tmp_path / "folder").mkdir()
    code, _, err = vadkit("data", "convert", source, "--out", tmp_path / "folder", "--force")
    assert code == 2
    assert "is a folder" in err


def test_formats_are_listed(vadkit, script, tmp_path):
    code, _, err = vadkit(
        "data", "convert", script, "--format", "ucsd", "--out", tmp_path / "out.json"
    )
    assert code == 2
    assert "no labels component named 'ucsd'; did you mean 'ucsd-m'?" in err
    assert "interval-mat" in err


def test_missing_labels(vadkit, tmp_path):
    code, _, err = vadkit("data", "convert", tmp_path / "x.m", "--out", tmp_path / "out.json")
    assert code == 3
    assert "labels not found" in err


RECIPE = """\
dataset: {{type: folder, root: {0}, test: {0}, labels: {0}/labels.json}}
method: {{type: conv-ae}}
"""


def test_test_labels_of_a_recipe(vadkit, tmp_path):
    write_video(tmp_path / "a.mp4", 6)
    write_video(tmp_path / "b.mp4", 5)
    labels = {"a": Labels([(1, 3)], 6), "b": Labels([], 5)}
    write_labels(tmp_path / "labels.json", labels)
    recipe, out = tmp_path / "r.yaml", tmp_path / "out.json"
    recipe.write_text(RECIPE.format(tmp_path))
    code, text, err = vadkit("data", "convert", recipe, "--out", out)
    assert code == 0, err
    assert text == f"2 videos, 11 frames, 2 abnormal (18.2 %), from dataset folder to {out}\n"
    assert read_labels(out) == labels
    setting = f"dataset.labels={tmp_path / 'none.json'}"
    code, _, err = vadkit("data", "convert", recipe, "--out", out, "--force", "--set", setting)
    assert code == 3
    assert "none.json" in err
    code, _, err = vadkit("data", "convert", out, "--out", tmp_path / "x.json", "--set", setting)
    assert code == 2
    assert "--set and --plugin need a recipe" in err
    arguments = ("--out", tmp_path / "more.json", "--videos", tmp_path)
    code, _, err = vadkit("data", "convert", recipe, *arguments)
    assert code == 2
    assert "--videos cannot be used with a recipe" in err
    recipe.write_text(RECIPE.format(tmp_path).replace(f", labels: {tmp_path}/labels.json", ""))
    code, _, err = vadkit("data", "convert", recipe, *arguments[:2])
    assert code == 3
    assert "2 of 2 test videos have no labels, first 'a'" in err


@st.composite
def one_label(draw):
    cuts = sorted(draw(st.sets(st.integers(0, 50), max_size=8)))
    intervals = list(zip(cuts[::2], cuts[1::2], strict=False))
    return Labels(intervals, draw(st.integers(max(cuts, default=0), 60)))


@settings(max_examples=30)
@given(st.dictionaries(st.text(min_size=1, max_size=8), one_label(), max_size=4))
def test_our_own_format_stays_the_same(tmp_path_factory, labels):
    folder = tmp_path_factory.mktemp("round")
    write_labels(folder / "a.json", labels)
    done = convert(folder / "a.json", folder / "b.json")
    assert (folder / "a.json").read_text() == (folder / "b.json").read_text()
    assert done.videos == len(labels)
    assert done.frames == sum(one.frames for one in labels.values())


@pytest.mark.real_data
@pytest.mark.slow
def test_ped2(vadkit, real_data, tmp_path):
    ped2, out = real_data / "ped2", tmp_path / "labels.json"
    code, text, err = vadkit(
        "data", "convert", ped2 / "UCSDped2.m", "--videos", ped2 / "testing", "--out", out
    )
    assert code == 0, err
    assert text == f"12 videos, 2010 frames, 1648 abnormal (82.0 %), from ucsd-m to {out}\n"
    known = json.loads((ped2 / "frame_labels.json").read_text())["clips"]
    written = json.loads(out.read_text())["videos"]
    assert {video: one["abnormal"] for video, one in written.items()} == known


@pytest.fixture
def two_videos(tmp_path):
    """Two videos of 50 and 75 frames, 25 a second."""
    write_video(tmp_path / "videos/cam1.mp4", 50)
    write_video(tmp_path / "videos/cam2.mp4", 75)
    return tmp_path / "videos"


TWO = {"cam1": Labels([(25, 40)], 50), "cam2": Labels([], 75)}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("video,start,end\ncam1,1.0,1.6\ncam2,,\n", ("--unit", "seconds")),
        ("video,start,end\ncam1,25.0,40.0\ncam2,,\n", ("--unit", "frames")),
        ("video,start_s,end_s\ncam1.mp4,1,1.6\ncam2.mp4,,\n", ()),
        ("clip;start time;end time\ncam1;1;1,6\ncam2;;\n", ()),
        ("end\tstart\tfile\n0:01.6\t0:01\tcam1\n\t\tcam2\n", ()),
        ("video_name,start_frame,end_frame\ncam1,25,40\ncam2,,\n", ()),
    ],
)
def test_tables_of_other_people(vadkit, two_videos, tmp_path, text, options):
    (tmp_path / "l.csv").write_text(text)
    out = tmp_path / "out.json"
    arguments = ("data", "convert", tmp_path / "l.csv", "--out", out, *options)
    code, _, err = vadkit(*arguments, "--videos", two_videos)
    assert code == 0, err
    assert err == ""
    assert read_labels(out) == TWO


def test_seconds_need_the_videos(vadkit, two_videos, tmp_path):
    (tmp_path / "l.csv").write_text("video,start,end\ncam1,1.0,1.6\ncam2,,\n")
    arguments = ("data", "convert", tmp_path / "l.csv", "--out", tmp_path / "out.json")
    code, _, err = vadkit(*arguments, "--videos", two_videos)
    assert code == 3
    assert "l.csv, line 2: start is '1.0', which may be frames or seconds" in err
    code, _, err = vadkit(*arguments, "--unit", "seconds")
    assert code == 3
    assert "labels video 'cam1' in seconds; add --videos" in err
    code, _, err = vadkit(*arguments, "--unit", "minutes")
    assert code == 2
    assert "--unit minutes is not a unit; give frames or seconds" in err


def test_seconds_of_image_folders_need_a_rate(vadkit, tmp_path):
    write_images(tmp_path / "videos/a", 20)
    (tmp_path / "l.csv").write_text("video,start_s,end_s\na,1,1.5\n")
    out = tmp_path / "out.json"
    arguments = ("data", "convert", tmp_path / "l.csv", "--out", out)
    code, _, err = vadkit(*arguments, "--videos", tmp_path / "videos")
    assert code == 3
    assert "give the frame rate with --fps" in err
    code, _, err = vadkit(*arguments, "--videos", tmp_path / "videos", "--fps", 10)
    assert code == 0, err
    assert read_labels(out) == {"a": Labels([(10, 15)], 20)}
    code, _, err = vadkit(*arguments, "--videos", tmp_path / "videos", "--fps", 0)
    assert code == 2
    assert "--fps 0 is not a frame rate" in err


def test_whole_seconds_that_look_like_frames_are_noted(vadkit, two_videos, tmp_path):
    (tmp_path / "l.csv").write_text("video,start,end\ncam1,1,2\ncam2,2,3\n")
    arguments = ("data", "convert", tmp_path / "l.csv", "--out", tmp_path / "out.json", "--force")
    code, _, err = vadkit(*arguments, "--videos", two_videos)
    assert code == 0
    assert "all abnormal frames are in the first twentieth" in err
    code, _, err = vadkit(*arguments, "--videos", two_videos, "--unit", "frames")
    assert (code, err) == (0, "")


def test_one_row_for_all_videos(vadkit, two_videos, tmp_path):
    row = np.zeros(125)
    row[25:40] = 1
    out = tmp_path / "out.json"
    np.save(tmp_path / "gt.npy", row[None])
    arguments = ("data", "convert", tmp_path / "gt.npy", "--out", out, "--force")
    code, _, err = vadkit(*arguments, "--videos", two_videos)
    assert code == 0, err
    assert "gt.npy is one row for all videos; it was cut in the order cam1 (50), cam2 (75)" in err
    assert read_labels(out) == TWO
    np.save(tmp_path / "gt.npy", row[:116])
    code, _, err = vadkit(*arguments, "--videos", two_videos)
    assert code == 3
    assert "gt.npy is one row of 116 values, and the 2 videos have 125 frames; give" in err


def test_seconds_in_a_recipe(vadkit, two_videos, tmp_path):
    (tmp_path / "labels.csv").write_text("video,start,end\ncam1.mp4,1.0,1.6\ncam2.mp4,,\n")
    recipe, out = tmp_path / "r.yaml", tmp_path / "out.json"
    recipe.write_text(
        f"dataset: {{type: folder, root: {two_videos}, test: {two_videos}, "
        f"labels: {tmp_path}/labels.csv}}\nmethod: {{type: conv-ae}}\n"
    )
    code, _, err = vadkit("data", "convert", recipe, "--out", out)
    assert code == 3
    assert "(dataset.unit in a recipe)" in err
    code, _, err = vadkit("data", "convert", recipe, "--out", out, "--set", "dataset.unit=seconds")
    assert code == 0, err
    assert read_labels(out) == TWO


def test_seconds_of_a_video_whose_rate_changes(vadkit, tmp_path):
    from fractions import Fraction

    (tmp_path / "videos").mkdir()
    # 20 frames at 10 a second, then 20 at 2 a second.
    times = [100 * index for index in range(20)] + [2000 + 500 * index for index in range(20)]
    with av.open(str(tmp_path / "videos/a.mkv"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for time in times:
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 9, np.uint8), format="rgb24")
            picture.pts, picture.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    (tmp_path / "l.csv").write_text("video,start_s,end_s\na.mkv,1.5,4\na.mkv,9.0,12\n")
    out = tmp_path / "out.json"
    arguments = ("data", "convert", tmp_path / "l.csv", "--out", out)
    code, _, err = vadkit(*arguments, "--videos", tmp_path / "videos")
    assert code == 0, err
    assert read_labels(out) == {"a": Labels([(15, 24), (34, 40)], 40)}
