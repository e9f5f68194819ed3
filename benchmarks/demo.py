"""The main path for `make demo`: train two methods, compare them, score a video."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

VADKIT = [sys.executable, "-m", "vadkit"]


def run(*arguments: str, capture: bool = False) -> str:
    """Print and run a vadkit command; exit with its code if it fails."""
    print(f"\n$ vadkit {' '.join(arguments)}", flush=True)
    done = subprocess.run(
        [*VADKIT, *arguments],
        text=True,
        capture_output=False,
        check=False,
        stdout=subprocess.PIPE if capture else None,
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout or ""


def train(recipe: str) -> Path:
    """Train a shipped recipe, evaluate it, and return its run folder."""
    folder = Path(run("train", recipe, capture=True).strip().splitlines()[-1])
    run("eval", str(folder))
    return folder


def main() -> None:
    """Train a network and fusion, which has no network; compare them; score an unseen video."""
    started = time.monotonic()
    learned, fusion = train("quickstart"), train("quickstart-fusion")
    run("compare", str(learned), str(fusion), "--plot", "runs/compare.png")
    manifest = json.loads((fusion / "manifest.json").read_text(encoding="utf-8"))
    video = list(manifest["test"]["videos"].values())[-1]
    results = json.loads(run("infer", str(fusion), video, "--json", capture=True))
    files = {Path(path).suffix: path for path in results[0]["files"]}
    print(f"\nDone in {time.monotonic() - started:.0f} s.")
    print(f"  annotated video  {files['.mp4']}")
    print(f"  score plot       {files['.png']}")
    print(f"  metrics          {fusion / 'eval.json'}")


if __name__ == "__main__":
    main()
