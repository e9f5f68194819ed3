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
from pathlib import Path

from case_tools import Done, event_time, infer, own_camera, starts_near, vadkit, words, write_video
from made_cases import MADE, Case


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


def still_picture(cases: Path, work: Path) -> tuple[bool, str]:
    """The stream that moves is read, whichever is the default."""
    folder = "02-default-thumbnail"
    found = {
        name: infer(cases, work, f"{folder}/{name}") for name in ("mp4first.mp4", "default2.mkv")
    }
    checked = vadkit("data", "check", cases / folder)
    right = all(one.frames == 100 and one.within(9.9) for one in found.values())
    right = right and checked.code == 0 and "no faults" in checked.out
    return right, ", ".join(f"{name} {words(one)}" for name, one in found.items())


def rate_drops(cases: Path, work: Path) -> tuple[bool, str]:
    """Times follow a rate that drops to 2.5 a second after frame 400, and a hole of a minute."""
    start = event_time(cases)
    drop = infer(cases, work, "04-lowlight-rate-drop/drop.mkv")
    hole = infer(cases, work, "04-lowlight-rate-drop/hole.mp4")
    right = drop.within(79.6) and starts_near(drop, 40 + (10 * start - 400) / 2.5)
    right = right and hole.within(109.9) and starts_near(hole, start + 60)
    return right, f"drop {words(drop)}; hole {words(hole)}"


def clock_restarts(cases: Path, work: Path) -> tuple[bool, str]:
    """Joined transport streams continue, from a file and from a pipe."""
    path = cases / "05-ts-clock-reset" / "camera-restart.ts"
    seen = infer(cases, work, "05-ts-clock-reset/camera-restart.ts")
    command = [sys.executable, "-m", "vadkit", "watch", own_camera(cases), "-", "--json"]
    command += ["--out", work / "watch"]
    with path.open("rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    piped = [one["start"] for one in lines if one["type"] == "alarm" and one["state"] == "begun"]
    # The second stream begins anew at frame 200 of the plain video, with an empty window.
    start = event_time(cases) - 20
    right = seen.within(29.9) and starts_near(seen, start, 0.35)
    right = right and done.returncode == 0 and any(abs(one - start) <= 0.35 for one in piped)
    return right, f"{words(seen)}; piped: alarms at {piped} s"


def damaged_packet(cases: Path, work: Path) -> tuple[bool, str]:
    """One damaged packet costs one frame, is counted, and no alarm."""
    seen = infer(cases, work, "07-corrupt-packet/late.mp4")
    right = seen.frames == 499 and seen.within(49.9) and starts_near(seen, 41.6, 1.5)
    return right and "1 damaged packet" in seen.err, f"{words(seen)}; {seen.err}"


def empty_chunks(cases: Path, work: Path) -> tuple[bool, str]:
    """Empty chunks of an AVI are dropped frames, not a truncated file."""
    seen = infer(cases, work, "17-avi-dropped/dropped.avi")
    checked = vadkit("data", "check", cases / "17-avi-dropped")
    right = seen.within(9.9) and checked.code == 0 and "4 frames dropped" in checked.out
    return right and "truncated" not in seen.err + checked.out, words(seen)


def bad_rates(cases: Path, work: Path) -> tuple[bool, str]:
    """Times come from packets where the header states no rate, and an absurd one is named."""
    seen = infer(cases, work, "27-bad-rates/mediarecorder.webm")
    checked = vadkit("data", "check", cases / "27-bad-rates")
    absurd = [line for line in checked.out.splitlines() if "absurd" in line]
    right = seen.within(9.91) and len(absurd) == 1 and "tick" in absurd[0]
    return right, f"{words(seen)}; {' '.join(absurd).strip()}"


def size_changes(cases: Path, work: Path) -> tuple[bool, str]:
    """All frames are scored when the size changes, with pictures and without."""
    seen = infer(cases, work, "32-resolution-change/change.ts")
    path, out = cases / "32-resolution-change" / "change.ts", work / "plain"
    plain = vadkit("infer", own_camera(cases), path, "--out", out, "--sink", "jsonl")
    frames = sum(len(file.read_text().splitlines()) for file in out.rglob("*.jsonl"))
    right = plain.code == 0 and seen.frames == frames == 300
    return right, f"{words(seen)}; without pictures: {frames} frames"


CASES: dict[str, Case] = {
    "02-default-thumbnail": still_picture,
    "04-lowlight-rate-drop": rate_drops,
    "05-ts-clock-reset": clock_restarts,
    "07-corrupt-packet": damaged_packet,
    "08-concat-npy": concat_npy,
    "09-label-tables": label_tables,
    "17-avi-dropped": empty_chunks,
    "24-scores-of-others": scores_of_others,
    "27-bad-rates": bad_rates,
    "32-resolution-change": size_changes,
    **MADE,
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
