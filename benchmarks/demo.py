"""The main job from end to end, as `make demo` runs it: train, evaluate, score one video."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

VADKIT = [sys.executable, "-m", "vadkit"]


def run(*arguments: str, capture: bool = False) -> str:
    """Run a vadkit command, echoed as one would type it; end as it ends when it fails."""
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


def main() -> None:
    """Train the quickstart, evaluate it, score its first test video, and say where all is."""
    started = time.monotonic()
    folder = Path(run("train", "quickstart", capture=True).strip().splitlines()[-1])
    run("eval", str(folder))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    video = next(iter(manifest["test"]["videos"].values()))
    results = json.loads(run("infer", str(folder), video, "--json", capture=True))
    files = {Path(path).suffix: path for path in results[0]["files"]}
    print(f"\nDone in {time.monotonic() - started:.0f} s.")
    print(f"  annotated video  {files['.mp4']}")
    print(f"  score plot       {files['.png']}")
    print(f"  metrics          {folder / 'eval.json'}")


if __name__ == "__main__":
    main()
