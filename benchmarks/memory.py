"""Resident memory of training and scoring from a disk store that is much larger than the limit.

Two processes do the same steps: one on a constant batch, one from a store. The second may use at
most 1 GiB more; RLIMIT_DATA stops it if it requests more.

    python benchmarks/memory.py [--gib 16]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS, BATCH, LIMIT = 20, 4, 2**30


def run(store: str, gib: float) -> None:
    """Train and score, then print the peak of resident memory in bytes."""
    import torch

    from vadkit.data.clips.loader import ClipLoader
    from vadkit.data.clips.sources import StoredClips
    from vadkit.data.store.stored_video import StoredVideo
    from vadkit.data.tensors import Clips
    from vadkit.engine.scoring import score_video
    from vadkit.recipe.resolve import resolve
    from vadkit.workflows.build import build_method, build_optimizers

    torch.set_num_threads(2)
    recipe = resolve(
        {
            "name": "memory",
            "dataset": {"type": "synthetic"},
            "method": {"type": "future-frame"},
            "networks": {"generator": {"width": 8}, "discriminator": None},
        }
    )
    device = torch.device("cpu")
    method = build_method(recipe, device)
    optimizer = build_optimizers(recipe, method)["generator"]

    def step(clips: Clips) -> None:
        for update in method.updates(clips):
            optimizer.zero_grad()
            torch.stack(list(update.terms().values())).sum().backward()
            optimizer.step()

    constant = Clips(torch.zeros(BATCH, 3, 5, 256, 256))
    for _ in range(3):
        step(constant)
    if store == "none":
        for _ in range(STEPS):
            step(constant)
    else:
        held = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (held + LIMIT, held + LIMIT))
        frames = int(gib * 2**30 / (256 * 256 * 3))
        video = StoredVideo("v", Path(store), (frames, 256, 256, 3))
        loader = ClipLoader(
            StoredClips([video], method.clip), [frames], method.clip,
            batch_size=BATCH, seed=0, device=device,
        )  # fmt: skip
        for number, clips in enumerate(loader.batches(0)):
            step(clips)
            if number == STEPS:
                break
        # Every frame of the store is read once, one batch at a time, as in scoring.
        for start in range(0, frames - 64, 64):
            video.read(start, start + 64)
        method.eval()
        short = StoredVideo("v", Path(store), (200, 256, 256, 3))
        score_video(method, short, device=device, dtype=torch.float32, batch_size=BATCH)
    print(json.dumps({"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=16.0, help="size of the store")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        run(given.child, given.gib)
        return
    with tempfile.TemporaryDirectory() as folder:
        # A file with holes: as long as a real store, but without disk space.
        with (Path(folder) / "frames.u8").open("wb") as file:
            file.truncate(int(given.gib * 2**30))
        peaks = {}
        for name, store in (("constant batch", "none"), ("disk store", folder)):
            command = [sys.executable, __file__, "--child", store, "--gib", str(given.gib)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            peaks[name] = json.loads(done.stdout.splitlines()[-1])["peak"]
    beyond = peaks["disk store"] - peaks["constant batch"]
    result = {"store_gib": given.gib, "peak_gib": {k: v / 2**30 for k, v in peaks.items()}}
    print(json.dumps({**result, "beyond_gib": beyond / 2**30, "allowed_gib": LIMIT / 2**30}))
    if beyond > LIMIT:
        raise SystemExit("the disk store takes more memory than allowed")


if __name__ == "__main__":
    main()
