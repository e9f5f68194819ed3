"""Run vadkit on odd videos, labels and scores, and compare each result with the right one.

``python benchmarks/cases.py CASES_FOLDER [--only NAME]...`` prints a line per case: right or wrong,
its name, and the values. The exit code is 1 if any case is wrong.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

# The folder of all cases and an empty folder to work in; whether the case is right, and its values.
Case = Callable[[Path, Path], tuple[bool, str]]


class Done(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


def vadkit(*arguments: object) -> Done:
    """Run a vadkit command."""
    command = [sys.executable, "-m", "vadkit", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr.strip())


def write_video(path: Path, frames: int, rate: int = 10) -> None:
    """Write a gray video that changes from frame to frame."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(frames):
            picture = np.full((48, 64, 3), index % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def concat_npy(cases: Path, work: Path) -> tuple[bool, str]:
    """One row of labels for 12 clips is cut by their lengths, or named where these are unknown."""
    labels = cases / "08-concat-npy" / "frame_labels_ped2.npy"
    clips, out = cases.parent / "data" / "ped2" / "testing", work / "labels.json"
    done = vadkit("data", "convert", labels, "--videos", clips, "--out", out)
    if done.code:
        return False, done.err
    found = json.loads(out.read_text())["videos"]
    frames = sum(one["frames"] for one in found.values())
    first = found["01"]["abnormal"]
    write_video(work / "other" / "01.mp4", 20)
    other = vadkit(
        "data", "convert", labels, "--videos", work / "other", "--out", work / "other.json"
    )
    right = (len(found), frames, first) == (12, 2010, [[60, 180]])
    right = right and other.code == 3 and "one row of 2010 values" in other.err
    return right, f"{len(found)} clips, {frames} frames, 01 {first}; other videos: {other.err}"


def label_tables(cases: Path, work: Path) -> tuple[bool, str]:
    """Names with an ending, a BOM, other columns; decimals without a unit are asked about."""
    write_video(work / "videos" / "cam1.mp4", 100)
    write_video(work / "videos" / "cam2.mp4", 200)
    expected = {
        "cam1": {"frames": 100, "abnormal": [[20, 40]]},
        "cam2": {"frames": 200, "abnormal": []},
    }
    right, words = True, []
    for name, options in (
        ("ext.csv", ()),
        ("bom.json", ()),
        ("cols.csv", ()),
        ("secs.csv", ("--unit", "seconds")),
    ):
        out = work / f"{name}.json"
        table = cases / "09-label-tables" / name
        done = vadkit("data", "convert", table, "--videos", work / "videos", "--out", out, *options)
        found = json.loads(out.read_text())["videos"] if done.code == 0 else done.err
        right = right and found == expected and not done.err
        words.append(f"{name} {found['cam1']['abnormal'] if done.code == 0 else found}")
    table = cases / "09-label-tables" / "secs.csv"
    asked = vadkit("data", "convert", table, "--videos", work / "videos", "--out", work / "s.json")
    right = right and asked.code == 3 and "--unit seconds" in asked.err
    return right, f"{', '.join(words)}; without a unit: {asked.err}"


def scores_of_others(cases: Path, work: Path) -> tuple[bool, str]:
    """Scores and labels in one row: nothing is scaled across borders; 0.7461 with the videos."""
    folder = cases / "24-scores-of-others"
    rows = ("--scores", folder / "all.npy", "--labels", folder / "frame_labels_ped2.npy", "--json")
    clips = cases.parent / "data" / "ped2" / "testing"
    bare, cut = vadkit("eval", *rows), vadkit("eval", *rows, "--videos", clips)
    if bare.code or cut.code:
        return False, bare.err or cut.err
    without, by_clip = _micro(bare), _micro(cut)
    right = {name: round(value, 4) for name, value in without.items()} == {"raw": 0.8469}
    right = right and round(by_clip["conv-ae"], 4) == 0.7461
    return right, f"without borders {without}; by clip {by_clip}"


def _micro(done: Done) -> dict[str, float]:
    metrics = json.loads(done.out)["metrics"]
    return {one["protocol_name"]: one["value"] for one in metrics if one["name"] == "micro-auc"}


CASES: dict[str, Case] = {
    "08-concat-npy": concat_npy,
    "09-label-tables": label_tables,
    "24-scores-of-others": scores_of_others,
}


def main() -> int:
    """Run the cases, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder with a folder per case")
    parser.add_argument("--only", action="append", choices=CASES, help="run only this case")
    arguments = parser.parse_args()
    wrong = 0
    for name in arguments.only or CASES:
        with tempfile.TemporaryDirectory() as work:
            try:
                right, text = CASES[name](arguments.folder.resolve(), Path(work))
            except Exception as error:
                # A case that cannot be judged must not hide the others.
                right, text = False, f"{type(error).__name__}: {error}"
        wrong += not right
        print(f"{'right' if right else 'WRONG'}  {name}: {text}", flush=True)
    print(f"{len(arguments.only or CASES) - wrong} right, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
