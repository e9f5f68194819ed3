"""How `infer --ray` scales from one machine of one core to two.

Each machine is a Ray node that is bound to a core, so that it cannot use the core of the other one,
for example to decode. Figures of one and of two machines alternate, because other programs disturb
them; `load` says how busy the computer was before. Prints lines on stderr and JSON on stdout.

    python benchmarks/ray_scaling.py --videos 40 --repeats 3
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RECIPE = """\
name: ray-scaling
dataset: {{type: synthetic, root: {root}, size: [120, 160], frames: {frames}, train_videos: 1}}
clip: {{frames: 4, size: [120, 160], channels: gray}}
method: {{type: conv-ae}}
networks: {{autoencoder: {{width: 16}}}}
train: {{epochs: 1, batch_size: 8, device: cpu}}
"""
TICKS = os.sysconf("SC_CLK_TCK")
OBJECTS_BYTES = 100 << 20


def make(folder: Path, videos: int, frames: int) -> Path:
    """Train a run, fill ``folder/archive`` with copies of a drawn video; return the run."""
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(root=folder / "scene", frames=frames))
    command = [sys.executable, "-m", "vadkit", "train", str(recipe), "--runs", str(folder / "runs")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    video = next((folder / "scene").rglob("*.mp4"))
    (folder / "archive").mkdir()
    for number in range(videos):
        shutil.copyfile(video, folder / "archive" / f"{number:04}.mp4")
    return Path(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def cluster(cores: list[int]) -> Iterator[str]:
    """Provide the address of a cluster with one machine for each of these cores."""
    from ray.cluster_utils import Cluster

    temporary = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    before = os.sched_getaffinity(0)
    head = {"num_cpus": 0, "include_dashboard": False, "temp_dir": temporary}
    found = Cluster(
        initialize_head=True, head_node_args={**head, "object_store_memory": OBJECTS_BYTES}
    )
    try:
        for core in cores:
            os.sched_setaffinity(0, {core})
            found.add_node(num_cpus=1, object_store_memory=OBJECTS_BYTES)
        os.sched_setaffinity(0, before)
        yield found.address
    finally:
        os.sched_setaffinity(0, before)
        found.shutdown()
        shutil.rmtree(temporary, ignore_errors=True)


def cpu_seconds() -> dict[int, float]:
    """Return user and system seconds of all processes of this one, by number."""
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            number = int(path.parent.name)
            parents[number] = int(fields[1])
            seconds[number] = (int(fields[11]) + int(fields[12])) / TICKS
    ours = {os.getpid()}
    while new := {one for one, parent in parents.items() if parent in ours} - ours:
        ours |= new
    return {one: seconds[one] for one in ours - {os.getpid()}}


def measure(run: Path, archive: Path, out: Path, cores: list[int]) -> dict[str, float]:
    """Score the archive; return wall and CPU seconds, and videos per second."""
    load = os.getloadavg()[0]
    with cluster(cores) as address:
        command = [sys.executable, "-m", "vadkit", "infer", str(run), str(archive)]
        command += ["--out", str(out), "--sink", "npz", "--ray", address]
        used, before = {}, cpu_seconds()
        started = time.time()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            used.update(cpu_seconds())
            time.sleep(0.25)
        wall = time.time() - started
    if process.returncode:
        sys.exit(f"infer ended with exit code {process.returncode}")
    ends = sorted(path.stat().st_mtime for path in out.rglob("result.json"))
    shutil.rmtree(out)
    # Until each machine has loaded its model, and while one waits for the last video of another,
    # not all are at work.
    first = ends[len(cores)]
    return {
        "machines": len(cores),
        "load": load,
        "seconds": wall,
        "cpu_seconds": sum(used.values()) - sum(before.values()),
        "videos_per_second": (len(ends) - len(cores) - 1) / (ends[-1] - first),
        "videos_per_second_with_start": len(ends) / wall,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=40)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    two = sorted(os.sched_getaffinity(0))[:2]
    if len(two) < 2:
        sys.exit("this benchmark needs two cores")
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["VADKIT_CACHE"] = str(folder / "cache")
        os.environ["VADKIT_TRUST"] = str(folder / "trusted.json")
        run = make(folder, options.videos, options.frames)
        for _ in range(options.repeats):
            for cores in (two[:1], two):
                rows.append(measure(run, folder / "archive", folder / "out", cores))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)

    def ratio(key: str) -> float:
        one, both = (
            statistics.median(row[key] for row in rows if row["machines"] == count)
            for count in (1, 2)
        )
        return both / one

    keys = ("videos_per_second", "videos_per_second_with_start", "cpu_seconds")
    print(json.dumps({"rows": rows, "ratios": {key: ratio(key) for key in keys}}, indent=2))


if __name__ == "__main__":
    main()
