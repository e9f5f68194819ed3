"""``vadkit data check``: every fault is found, named with its video, and decides the exit code."""

import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from vadkit.data.decoding.decode import Worker
from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.own import write_labels

RECIPE = """\
dataset: {{type: folder, root: {0}/train, test: {0}/test, labels: {0}/labels.json}}
clip: {{frames: 4, size: [48, 64], channels: gray}}
method: {{type: future-frame}}
networks: {{generator: {{width: 4}}, discriminator: null}}
"""


def write_video(path, frames, *, size=(48, 64), seed=None, codec="mpeg4", movflags=""):
    """A video of noise; two seeds never give the same content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(abs(hash(str(path))) if seed is None else seed)
    options = {"movflags": movflags} if movflags else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for _ in range(frames):
            picture = noise.integers(0, 255, (*size, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_images(folder, names, size=(48, 64), seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed)
    for name in names:
        cv2.imwrite(str(folder / name), noise.integers(0, 255, (*size, 3), np.uint8))


@pytest.fixture
def tree(tmp_path):
    """A recipe on two training videos and two labelled test videos without a fault."""
    for split, name, frames in (
        ("train", "a", 6),
        ("train", "b", 5),
        ("test", "c", 6),
        ("test", "d", 8),
    ):
        write_video(tmp_path / split / f"{name}.mp4", frames)
    write_labels(tmp_path / "labels.json", {"c": Labels([(2, 5)], 6), "d": Labels([], 8)})
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(tmp_path))
    return tmp_path


@pytest.fixture
def faults(vadkit):
    """A function from arguments to the exit code and the faults as (severity, kind, video)."""

    def check(*arguments):
        code, out, err = vadkit("data", "check", *arguments, "--json")
        assert "Traceback" not in err
        found = json.loads(out)["faults"]
        return code, {(f["severity"], f["kind"], f["video"]): f["message"] for f in found}

    return check


def test_no_faults(vadkit, tree):
    code, out, err = vadkit("data", "check", tree / "recipe.yaml")
    assert code == 0, err
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == [
        "split",
        "video",
        "frames",
        "size",
        "fps",
        "codec",
        "labels",
        "abnormal",
        "%",
    ]
    assert lines[1] == ["train", "a", "6", "64x48", "25", "mpeg4", "-", "-"]
    assert lines[3] == ["test", "c", "6", "64x48", "25", "mpeg4", "labels.json", "50.0"]
    assert lines[4] == ["test", "d", "8", "64x48", "25", "mpeg4", "labels.json", "0.0"]
    assert out.splitlines()[-1] == (
        "4 videos, 25 frames, 3 of 14 labelled frames abnormal (21.4 %); no faults."
    )


def test_json(vadkit, tree):
    code, out, _ = vadkit("data", "check", tree / "recipe.yaml", "--json")
    assert code == 0
    data = json.loads(out)
    assert set(data) == {"videos", "faults", "summary"}
    assert data["faults"] == []
    assert data["summary"] == {
        "videos": 4,
        "frames": 25,
        "labelled": 14,
        "abnormal": 3,
        "errors": 0,
        "warnings": 0,
        "quick": False,
    }
    assert data["videos"][2] == {
        "split": "test",
        "id": "c",
        "path": str(tree / "test/c.mp4"),
        "frames": 6,
        "height": 48,
        "width": 64,
        "fps": 25.0,
        "codec": "mpeg4",
        "labels": "labels.json",
        "abnormal": 3,
        "part": None,
    }


def test_a_folder_of_videos(vadkit, tmp_path):
    write_video(tmp_path / "x" / "a.mp4", 3)
    write_images(tmp_path / "b", ["1.png", "2.png"])
    code, out, err = vadkit("data", "check", tmp_path)
    assert code == 0, err
    lines = [line.split() for line in out.splitlines()]
    assert lines[1][:5] == ["train", "b", "2", "64x48", "-"]
    assert lines[2][:5] == ["train", "x/a", "3", "64x48", "25"]
    assert out.splitlines()[-1] == "2 videos, 5 frames, no labels; no faults."


def test_a_source_that_is_neither_folder_nor_recipe(vadkit, tmp_path):
    code, out, err = vadkit("data", "check", tmp_path / "none")
    assert (code, out) == (2, "")
    assert "recipe not found" in err
    (tmp_path / "empty").mkdir()
    code, out, err = vadkit("data", "check", tmp_path / "empty")
    assert (code, out) == (3, "")
    assert "contains no videos" in err
    code, out, err = vadkit("data", "check", tmp_path / "empty", "--set", "train.epochs=1")
    assert (code, out) == (2, "")
    assert "--set and --plugin need a recipe" in err


def test_labels_of_another_length(vadkit, faults, tree):
    write_labels(tree / "labels.json", {"c": Labels([(2, 5)], 7), "d": Labels([], 8)})
    code, found = faults(tree / "recipe.yaml")
    assert code == 3
    assert list(found) == [("error", "labels-length", "test/c")]
    assert found["error", "labels-length", "test/c"].startswith(
        "video 'c' has 6 frames but labels.json labels 7; one frame is off"
    )
    code, out, _ = vadkit("data", "check", tree / "recipe.yaml")
    assert code == 3
    assert "error: labels-length (1)\n  test/c: video 'c' has 6 frames but" in out
    assert out.splitlines()[-1].endswith("; 1 error.")


def test_gap_in_an_image_folder(faults, tmp_path):
    write_images(tmp_path / "walk", [f"{n:03d}.jpg" for n in (1, 2, 3, 6, 7)])
    code, found = faults(tmp_path)
    assert code == 3
    assert found["error", "frame-numbers", "train/walk"].startswith(
        "2 frames are missing from the numbering: 004 to 005;"
    )


def test_mixed_sizes_are_a_warning(faults, tmp_path):
    write_images(tmp_path / "walk", ["1.png", "2.png"])
    write_images(tmp_path / "walk", ["3.png"], size=(24, 32))
    write_video(tmp_path / "small.mp4", 3, size=(32, 48))
    code, found = faults(tmp_path)
    assert code == 0
    assert (
        "frames of 2 sizes: 2 of 64x48, 1 of 32x24"
        in (found["warning", "mixed-sizes", "train/walk"])
    )
    assert "videos of 2 sizes: " in found["warning", "mixed-sizes", "train"]
    assert len(found) == 2


def test_unreadable_files(faults, tree):
    (tree / "train/a.mp4").write_text("this is no video\n" * 50)
    (tree / "test/d.mp4").write_bytes(b"")
    code, found = faults(tree / "recipe.yaml")
    assert code == 3
    assert "no reader can open" in found["error", "unreadable", "train/a"]
    assert "is empty (0 bytes)" in found["error", "unreadable", "test/d"]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("ending", "codec", "kind", "message"),
    [
        (".avi", "mpeg4", "truncated", "the container states 40 frames but "),
        (".mkv", "mpeg4", "truncated", "the container states about 40 frames but "),
        (".mp4", "libx264", "unreadable", "test/c.mp4 is truncated or damaged: "),
    ],
)
def test_truncated_file(ending, codec, kind, message, faults, tree):
    (tree / "test/c.mp4").unlink()
    # The index of an MP4 lies at its end otherwise, and a cut one cannot be opened at all.
    movflags = "faststart" * (ending == ".mp4")
    path = write_video(tree / f"test/c{ending}", 40, codec=codec, movflags=movflags)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    write_labels(tree / "labels.json", {"c": Labels([(2, 5)], 40), "d": Labels([(1, 2)], 8)})
    code, found = faults(tree / "recipe.yaml")
    assert code == 3
    # Labels of the whole file are no second fault.
    assert list(found) == [("error", kind, "test/c")]
    assert message in found["error", kind, "test/c"]


def test_rates_holes_and_damage_are_warnings(faults, tree):
    def write(path, times, rate=25):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=rate)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            for time in times:
                noise = np.random.default_rng(time).integers(0, 256, (48, 64, 3), np.uint8)
                frame = av.VideoFrame.from_ndarray(noise, format="rgb24")
                frame.pts, frame.time_base = time, Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())

    for old in (tree / "train").glob("*.mp4"):
        old.unlink()
    write(tree / "train/hole.mp4", [*range(0, 800, 40), *range(60_000, 60_800, 40)])
    write(tree / "train/quick.mkv", range(40))
    write(tree / "train/damaged.mp4", range(0, 1600, 40))
    data = bytearray((tree / "train/damaged.mp4").read_bytes())
    # The start of a packet in the middle.
    place = len(data) * 45 // 100
    data[place : place + 3000] = bytes(3000)
    (tree / "train/damaged.mp4").write_bytes(data)
    code, found = faults(tree / "recipe.yaml")
    assert code == 0
    assert found["warning", "cuts", "train/hole"] == (
        "1 cut in time or size, the longest from 0.8 to 60.0 s; no clip crosses them"
    )
    rate = found["warning", "frame-rate", "train/quick"]
    assert "1,000 frames per second, which is absurd" in rate
    assert "could not be decoded" in found["warning", "damaged", "train/damaged"]
    assert len(found) == 3


def test_train_test_overlap_and_duplicates(faults, tree):
    (tree / "train/b2.mp4").write_bytes((tree / "train/b.mp4").read_bytes())
    (tree / "train/z.mp4").write_bytes((tree / "test/c.mp4").read_bytes())
    code, found = faults(tree / "recipe.yaml")
    assert code == 3
    assert "same content as train/b" in found["warning", "duplicate", "train/b2"]
    assert "same content as train/z" in found["error", "train-test-overlap", "test/c"]
    assert len(found) == 2


def test_the_same_images_in_two_folders(faults, tmp_path):
    write_images(tmp_path / "one", ["1.png", "2.png"])
    write_images(tmp_path / "two", ["a1.png", "a2.png"])
    code, found = faults(tmp_path)
    assert code == 0
    assert list(found) == [("warning", "duplicate", "train/two")]


def test_all_normal_test_set(faults, tree):
    write_labels(tree / "labels.json", {"c": Labels([], 6), "d": Labels([], 8)})
    code, found = faults(tree / "recipe.yaml")
    assert code == 3
    assert "all 14 labelled test frames are normal" in found["error", "one-class-test", "test"]


def test_test_videos_without_labels(faults, tree):
    code, found = faults(tree / "recipe.yaml", "--set", "dataset.labels=null")
    assert code == 0
    assert found["warning", "no-labels", "test"] == (
        "none of 2 test videos has labels, so `vadkit eval` cannot evaluate them"
    )


def test_a_split_that_cannot_be_listed_is_a_fault(faults, tree):
    write_labels(tree / "labels.json", {"c": Labels([], 6)})
    code, found = faults(tree / "recipe.yaml")
    assert code == 3
    assert "no entry for video 'd'" in found["error", "dataset", "test"]


def test_video_shorter_than_a_clip(faults, tree):
    write_video(tree / "train/b.mp4", 3)
    code, found = faults(tree / "recipe.yaml")
    assert code == 0
    assert found["warning", "too-short", "train/b"].startswith(
        "3 frames, but a clip of the recipe spans 4"
    )
    code, found = faults(tree / "recipe.yaml", "--set", "clip.frames=7")
    assert code == 3
    assert {key[0] for key in found if key[2].startswith("train/")} == {"error"}


PLUGIN = """\
from pathlib import Path

import numpy as np
import vadkit
from vadkit.data.datasets.folder import find_videos
from vadkit.data.videos import Track, Video


@vadkit.register("datasets", "parts")
class Parts:
    def __init__(self, *, root: Path, masks: int = 8, size: int = 48, last: int = 7) -> None:
        self.root, self.count, self.size, self.last = root, masks, size, last

    def expected(self, split):
        return (3, None) if split == "train" else None

    def videos(self, split):
        found = dict(find_videos(self.root / split))
        if split == "train":
            path = found["a"]
            return [Video("a1", split, path, part=(0, 4)), Video("a2", split, path, part=(4, 9))]
        masks = lambda: np.zeros((self.count, self.size, 64), bool)
        tracks = lambda: [Track(np.array([3, self.last]), np.zeros((2, 4)))]
        labels = lambda frames: np.arange(frames) < 2
        return [Video("d", split, found["d"], labels, masks, tracks)]
"""


@pytest.fixture
def plugin_recipe(tree):
    (tree / "parts.py").write_text(PLUGIN)
    recipe = RECIPE.format(tree).splitlines()
    recipe[0] = f"plugins: [parts.py]\ndataset: {{type: parts, root: {tree}}}"
    (tree / "recipe.yaml").write_text("\n".join(recipe))
    return tree / "recipe.yaml"


def test_parts_and_official_counts(faults, plugin_recipe):
    code, found = faults(plugin_recipe)
    assert code == 3
    assert found["error", "official-counts", "train"].startswith("2 videos, 1 fewer than the")
    assert found["error", "part", "train/a2"].startswith(
        "the video is frames 4 to 9 of a.mp4, which has only 6"
    )
    assert len(found) == 2


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ("masks=7", "masks", "7 masks for 8 frames"),
        ("size=24", "masks", "masks are 64x24 but frames 64x48"),
        ("last=8", "tracks", "tracks reach frame 8 (from 0), but there are 8 frames"),
    ],
)
def test_masks_and_tracks_that_do_not_fit(change, kind, message, faults, plugin_recipe):
    code, found = faults(plugin_recipe, "--set", f"dataset.{change}")
    assert code == 3
    assert found["error", kind, "test/d"].startswith(message)


def test_quick_decodes_nothing_and_says_so(vadkit, tree, monkeypatch):
    asked = []
    ask = Worker.ask
    monkeypatch.setattr(
        Worker,
        "ask",
        lambda self, request, *rest: asked.append(request) or ask(self, request, *rest),
    )
    code, out, err = vadkit("data", "check", tree / "recipe.yaml", "--quick")
    assert code == 0, err
    assert len(asked) == 4 and all("probe" in request for request in asked)
    assert "4 videos, 25 frames, 3 of 14" in out
    assert out.splitlines()[-1] == (
        "Frame counts come from the containers, and masks were not read (--quick)."
    )


def test_quick_if_the_container_states_no_count(faults, tmp_path):
    write_video(tmp_path / "a.mkv", 5)
    code, found = faults(tmp_path, "--quick")
    assert code == 0
    assert found["warning", "frame-count", "train/a"] == (
        "the container states no number of frames; check without --quick"
    )
    assert faults(tmp_path) == (0, {})


def test_interrupted(vadkit, tree, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("vadkit.workflows.data.check.look_at_files", stop)
    code, out, err = vadkit("data", "check", tree / "recipe.yaml")
    assert (code, out) == (130, "")
    assert err.strip() == "interrupted"


def test_names_and_faults_are_not_broken_over_lines(vadkit, tmp_path):
    name = "a-camera-with-a-very-long-name-" * 5
    write_images(tmp_path / name, ["1.jpg", "2.jpg", "4.jpg"])
    code, out, _ = vadkit("data", "check", tmp_path)
    assert code == 3
    row, fault = (line for line in out.splitlines() if name in line)
    assert row.split()[2:4] == ["3", "64x48"]
    assert fault.endswith("would be shifted")


@pytest.mark.real_data
@pytest.mark.slow
def test_ped2(vadkit, real_data, tmp_path):
    recipe = tmp_path / "ped2.yaml"
    recipe.write_text(
        f"dataset: {{type: ucsd, root: {real_data / 'ped2'}}}\nmethod: {{type: conv-ae}}\n"
    )
    code, out, err = vadkit("data", "check", recipe, "--json")
    assert code == 0, err
    data = json.loads(out)
    assert data["summary"] | {"warnings": 0} == {
        "videos": 28,
        "frames": 4560,
        "labelled": 2010,
        "abnormal": 1648,
        "errors": 0,
        "warnings": 0,
        "quick": False,
    }
    assert {(v["width"], v["height"]) for v in data["videos"]} == {(360, 240)}
