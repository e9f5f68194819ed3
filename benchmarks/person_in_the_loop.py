"""The story of docs/own-camera.md, from `init` to the second version of a model.

    python benchmarks/person_in_the_loop.py vtest.avi --page docs/own-camera.md

Cuts OpenCV's clip `vtest.avi` in two (needs ffmpeg), runs every command of the page, and writes
what it prints below each `<!-- output: NAME -->` of the page. Without --page, it prints everything.
Takes some minutes. `screenshots.py` makes the pictures of the pages.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Answers by the second at which an alarm begins: people on the lawn are normal, the others not.
FALSE_BEFORE_S = 12.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--page", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shown = story(args.clip.absolute(), Path(folder))
        if args.page is None:
            print("\n\n".join(f"## {name}\n{text}" for name, text in shown.items()))
            return
        page = args.page.read_text("utf-8")
        for name, text in shown.items():
            block = rf"(<!-- output: {name} -->\n\n```\n).*?(```\n)"
            page = re.sub(block, lambda m, text=text: m[1] + text + m[2], page, flags=re.DOTALL)
        args.page.write_text(page, "utf-8")


def story(clip: Path, folder: Path) -> dict[str, str]:
    """Run the commands; return what each prints, by name."""
    cut(clip, "trim=end_frame=500", folder / "normal" / "vtest-1.mp4")
    cut(clip, "trim=start_frame=500,setpts=PTS-STARTPTS", folder / "new" / "vtest-2.mp4")
    shown = {"init": vadkit(folder, "init", "gate", "--videos", "normal", "--train")}
    run = shown["init"].splitlines()[-1]
    shown["calibrate"] = vadkit(folder, "calibrate", run, "--false-alarms-per-hour", "60")
    shown["infer"] = vadkit(folder, "infer", run, "new")
    shown["events"] = vadkit(folder, "events", run)
    found = json.loads(vadkit(folder, "events", run, "--json", quiet=True))
    for answer in ("false", "right"):
        ids = [e["id"] for e in found if (e["start"] < FALSE_BEFORE_S) == (answer == "false")]
        if ids:
            shown[f"feedback-{answer}"] = vadkit(folder, "feedback", run, *ids, answer)
    shown["update"] = vadkit(folder, "update", run, "--compare")
    shown["again"] = vadkit(folder, "infer", run, "new")
    shown["eval"] = vadkit(folder, "eval", run, "--answers")
    # The name of the run, and how busy the machine was, are different every time.
    return {name: told(text, run) for name, text in shown.items()}


def told(text: str, run: str) -> str:
    progress = re.compile(r"[\d,]+ of [\d,]+ (clips|videos)")
    lines = [line for line in text.splitlines() if not progress.search(line)]
    return "".join(line.replace(run, "RUN") + "\n" for line in lines)


def cut(clip: Path, how: str, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    coding = ["-c:v", "libx264", "-crf", "18"]
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-vf", how, *coding, str(to)]
    subprocess.run(command, check=True)


def vadkit(folder: Path, *args: str, quiet: bool = False) -> str:
    """Run a command in the folder; return what a terminal shows, messages before results."""
    command = [sys.executable, "-m", "vadkit", *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"vadkit {' '.join(args)}: {done.stderr}")
    return done.stdout if quiet else done.stderr + done.stdout


if __name__ == "__main__":
    main()
