"""Fusion against each of its parts, where a camera has short clips with and without fights.

    python benchmarks/fight_cameras.py FOLDER [--out OUT]

FOLDER has clips of many cameras in ``fight`` and ``noFight``. Clips are of one camera if their
median pictures are nearly the same; labels do not matter. Cameras with a fight and at least two
normal clips count. Each normal clip is held out once: the recipe of `vadkit init` learns from the
other ones and scores this clip and the fights, all frames of which are abnormal. Prints the micro
AUC of raw scores of fusion, of each part, and of the nearest whole frame: by camera, the mean over
held-out clips, and the mean over cameras. Clips that teach nothing, because nothing moves in them,
are left out with the reason.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from fusion_parts import areas
from scipy.sparse.csgraph import connected_components

# The least correlation of two median pictures of one camera, of this size.
SAME, SMALL = 0.9, (32, 24)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, help="where runs stay; a temporary folder if absent")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary)
        found = []
        for fights, normal in cameras(options.folder):
            tried = [held_out(out, fights, normal, number) for number in range(len(normal))]
            each = [one for one in tried if one]
            if not each:
                continue
            found.append({name: float(np.mean([one[name] for one in each])) for name in each[0]})
            print(f"{len(fights)} fights, {len(normal)} others, first {normal[0].name}", end="")
            print(*(f"  {name} {value:.3f}" for name, value in found[-1].items()), flush=True)
    print(f"mean of {len(found)} cameras", end="")
    print(*(f"  {name} {np.mean([one[name] for one in found]):.3f}" for name in found[0]))


def cameras(folder: Path) -> list[tuple[list[Path], list[Path]]]:
    """Return the clips with and without a fight of each camera that has enough of them."""
    clips = sorted(path for kind in ("fight", "noFight") for path in (folder / kind).iterdir())
    medians = np.stack([np.median(pictures(path), axis=0) for path in clips])
    medians -= medians.mean(axis=1, keepdims=True)
    medians /= np.linalg.norm(medians, axis=1, keepdims=True)
    count, camera = connected_components(medians @ medians.T > SAME)
    groups = [[clips[k] for k in np.flatnonzero(camera == number)] for number in range(count)]
    split = [
        [[p for p in one if p.parent.name == kind] for kind in ("fight", "noFight")]
        for one in groups
    ]
    return [(fights, normal) for fights, normal in split if fights and len(normal) >= 2]


def pictures(path: Path) -> np.ndarray:
    """Return small grey frames as rows."""
    capture, rows = cv2.VideoCapture(str(path)), []
    while True:
        more, frame = capture.read()
        if not more:
            return np.stack(rows)
        gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        rows.append(cv2.resize(gray, SMALL, interpolation=cv2.INTER_AREA).ravel())


def held_out(
    out: Path, fights: Sequence[Path], normal: Sequence[Path], number: int
) -> dict[str, float]:
    """Return the micro AUC of each with one normal clip held out; nothing if training fails."""
    held = normal[number]
    place = out / held.stem
    train, test = place / "train", place / "test"
    for folder, paths in ((train, [p for p in normal if p != held]), (test, [held, *fights])):
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            if not (folder / path.name).exists():
                shutil.copy(path, folder)
    videos = {}
    for path in (held, *fights):
        frames = len(pictures(path))
        videos[path.stem] = {"frames": frames, "abnormal": [] if path == held else [[0, frames]]}
    labels = place / "labels.json"
    labels.write_text(json.dumps({"format": "vadkit-labels-1", "videos": videos}))
    recipe = place / "camera" / "recipe.yaml"
    if not recipe.exists():
        vadkit("init", "camera", "--videos", train.absolute(), "--no-choose", cwd=place)
    settings = [f"dataset.test={test.absolute()}", f"dataset.labels={labels.absolute()}"]
    more = [part for one in (*settings, "calibration=null") for part in ("--set", one)]
    # From so little video, fusion does not score with places; they are compared all the same.
    fusion = measured(recipe, more)
    places = fusion and measured(recipe, [*more, "--set", "method={type: place-features}"])
    return {**fusion, "places": places["fusion"]} if places else {}


def measured(recipe: Path, settings: Sequence[str]) -> dict[str, float]:
    """Return the micro AUC of a trained recipe and of its parts; nothing if training fails."""
    printed = vadkit("train", recipe.name, *settings, cwd=recipe.parent)
    if not printed:
        return {}
    run = recipe.parent / printed.splitlines()[-1]
    vadkit("eval", run, cwd=recipe.parent)
    return {name: micro for name, (micro, _) in areas(run).items()}


def vadkit(*command: str | Path, cwd: Path) -> str:
    """Run a command in a folder and return what it printed; nothing, and a line, if it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "vadkit", *map(str, command)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        print(f"{cwd}: {done.stderr.splitlines()[-1]}", file=sys.stderr)
        return ""
    return done.stdout


if __name__ == "__main__":
    main()
