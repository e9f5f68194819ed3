"""Every recipe that is shipped takes a training step, on a scene in its set's layout and size."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from vadkit.recipe import load_recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("**/*.yaml"))
# Height and width of the source, and where the set keeps its training frames.
LAYOUTS = {
    "ped1": ((158, 238), "Train/Train001/{:03d}.tif"),
    "ped2": ((240, 360), "Train/Train001/{:03d}.tif"),
    "avenue": ((360, 640), "training/frames/01/{:04d}.jpg"),
    "shanghaitech": ((480, 856), "training/frames/01_001/{:03d}.jpg"),
}


def walkers(size, frames):
    """Frames (H, W) of six squares that cross the scene at speeds of their own."""
    height, width = size
    side = height // 12
    backdrop = np.random.default_rng(0).integers(90, 110, size, dtype=np.uint8)
    for number in range(frames):
        frame = backdrop.copy()
        for walker in range(6):
            left = (walker * width // 7 + (walker + 2) * number) % (width - side)
            top = (1 + 2 * walker) * height // 14
            frame[top : top + side, left : left + side] = 20 + 40 * walker
        yield frame


# Those at the top are of no data set, and have tests of their own. Recipes of the same name differ
# in the data set only, so one of each other set is enough.
_ON_PED2 = {one.stem for one in RECIPES if one.parent.name == "ped2"}
STEPS = [
    one
    for one in RECIPES
    if one.parent.name == "ped2"
    or (one.parent.name != "recipes" and (one.stem not in _ON_PED2 or one.stem == "conv-ae"))
]
LARGE = ("anopcn", "future-frame", "ganomaly", "memae", "mnad", "stae")
# Those on tracks and poses take no video; those on poses have tests of their own.
BY_TRACKS = [one for one in STEPS if "type: track" in one.read_text()]
WEAK_PED2 = next(one for one in STEPS if one.stem == "weak-top-k" and one.parent.name == "ped2")
STEPS = [
    one
    for one in STEPS
    if one not in (*BY_TRACKS, WEAK_PED2) and "type: poses" not in one.read_text()
]


@pytest.fixture
def layout(tmp_path):
    """A function that draws so many training frames of a set into a folder."""

    def draw(name, frames):
        size, place = LAYOUTS[name]
        for number, frame in enumerate(walkers(size, frames), 1):
            path = tmp_path / place.format(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), frame)
        return tmp_path

    return draw


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    STEPS,
    ids=lambda p: f"{p.parent.name}-{p.stem}",
)
def test_a_recipe_takes_a_training_step(path, layout, vadkit, tmp_path):
    recipe = load_recipe(path)
    span = (recipe.clip.frames - 1) * recipe.clip.step + 1
    # Methods are the same in every set: one takes them at the papers' size, the others a small one,
    # unless the size is the set's own. The largest networks take a small one everywhere.
    full = path.parent.name == "ped2" and path.stem not in LARGE
    small = [] if full or recipe.objects else ["--set", "clip.size=[64,64]"]
    if recipe.optimizers and not (path.stem.endswith("-small") and path.stem != "stae-small"):
        # Checkpoints of large networks, and scores of video, take longer than the step.
        small += ["--set", "hooks=[{type: metrics-log}]", "--set", "calibration=null"]
    # Enough for two clips; for ten clusters of objects a few more, and to hold some out as well.
    more = 1 if not recipe.objects else 9 if path.stem.startswith("ocae") else 4
    if not recipe.optimizers:
        more = 24
    root = layout(path.parent.name, span + more)
    code, out, err = vadkit(
        "train", path, "--runs", tmp_path / "runs", "--set", f"dataset.root={root}",
        "--set", "train.max_steps=1", "--set", "train.batch_size=1", *small,
    )  # fmt: skip
    assert code == 0, err
    run = Path(out.strip().splitlines()[-1])
    manifest = json.loads((run / "manifest.json").read_text())
    # What has no gradient only collects.
    assert (manifest["status"], manifest["step"]) == ("done", 1 if recipe.optimizers else 0)
    if not recipe.optimizers:
        return
    (line,) = (run / "metrics.jsonl").read_text().splitlines()
    figures = json.loads(line)
    assert np.isfinite(figures["loss"]) and figures["loss"] > 0


def tracks(path, videos, frames):
    """A file of tracks: three people a video, each at a speed of its own."""
    rows = [
        (
            video,
            frame,
            person,
            [x := (person + 1) * frame % 400, 9 * person, x + 20, 9 * person + 50],
        )
        for video in range(len(videos))
        for frame in range(frames)
        for person in range(3)
    ]
    columns = zip(("video", "frame", "track", "xyxy"), zip(*rows, strict=True), strict=True)
    np.savez(path, videos=np.array(videos), **{name: np.array(one) for name, one in columns})
    return path


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in BY_TRACKS if p.stem.startswith("weak-")], ids=str)
def test_a_weak_recipe_takes_a_training_step(path, vadkit, tmp_path):
    videos = {
        f"01_00{number}": {"frames": 70, "abnormal": [[8, 40]] if number % 2 else []}
        for number in range(8)
    }
    split = {"train": list(videos)[:4], "test": list(videos)[4:]}
    (tmp_path / "labels.json").write_text(json.dumps({**split, "videos": videos}))
    file = tracks(tmp_path / "tracks.npz", list(videos), 70)
    code, out, err = vadkit(
        "train", path, "--runs", tmp_path / "runs", "--set", "train.max_steps=1",
        "--set", f"dataset.split={tmp_path}/labels.json", "--set", f"features.files=[{file}]",
        "--set", "train.batch_size=2", "--set", "calibration=null",
    )  # fmt: skip
    assert code == 0, err
    (line,) = (Path(out.strip().splitlines()[-1]) / "metrics.jsonl").read_text().splitlines()
    assert np.isfinite(json.loads(line)["loss"])


@pytest.mark.slow
def test_the_weak_recipe_of_ped2_takes_a_training_step(layout, vadkit, tmp_path):
    """Two clips, of which the second one is in the official labels."""
    layout("ped2", 20)
    for name in ("Train/Train002", "Test/Test001", "Test/Test002"):
        shutil.copytree(tmp_path / "Train" / "Train001", tmp_path / name)
    marks = "TestVideoFile = {};\n" + "TestVideoFile{end+1}.gt_frame = [5:20];\n" * 2
    (tmp_path / "Test" / "UCSDped2.m").write_text(marks)
    split = {"train": ["Train001", "Test001"], "test": ["Train002", "Test002"]}
    (tmp_path / "split.json").write_text(json.dumps(split))
    code, out, err = vadkit(
        "train", WEAK_PED2, "--runs", tmp_path / "runs", "--set", f"dataset.root={tmp_path}",
        "--set", f"dataset.split={tmp_path}/split.json", "--set", "train.max_steps=1",
        "--set", "train.batch_size=2", "--set", "calibration=null",
    )  # fmt: skip
    assert code == 0, err
    (line,) = (Path(out.strip().splitlines()[-1]) / "metrics.jsonl").read_text().splitlines()
    assert np.isfinite(json.loads(line)["loss"])
