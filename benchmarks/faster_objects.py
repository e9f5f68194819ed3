"""Which settings of hf2-vad's memories rebuild faster motion worst, without labels, on Ped2.

    python benchmarks/faster_objects.py UCSDped2 boxes_training.npz

Trains the flow auto-encoder of ``hf2-vad`` on object cubes of the training clips 01 to 12. In every
tenth frame of the clips 13 to 16, one object that moves faster than half of all gets its flow
times 1.5 or 2, like the pseudo-anomaly ``pace``. Prints the AUC of the highest error of these
frames against that of the unchanged frames, at several steps, and for flow that is not rebuilt at
all. Test video is not read.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from vadkit.data.clips.cubes import cropped
from vadkit.data.decoding.decode import read_frames
from vadkit.data.flow.dis import Dis
from vadkit.networks.multilevel_memae import MultiLevelMemAE

SIDE, FLOWS, BATCH, TRAINED = 32, 4, 64, 12
DEFAULT = ("200:0.0002", "20:0.0002", "200:0.02", "100:0.1", "10:0.1")
Error = Callable[[Tensor], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("boxes", type=Path)
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--upscale", type=int, default=2)
    parser.add_argument("--settings", nargs="+", default=DEFAULT, help="SLOTS:SPARSITY")
    parser.add_argument("--steps", type=int, default=200)
    given = parser.parse_args()
    flow = Dis(preset=given.preset, upscale=given.upscale)
    clips = sorted((given.root / "training").glob("*.mp4"))
    rows, cubes = object_flows(clips, np.load(given.boxes), flow)
    held = (rows[:, 0] > TRAINED) & (rows[:, 1] % 10 == 0)
    frames = rows[held] @ np.array([1000, 1])
    report("not rebuilt", cubes[held], frames, lambda flow: flow.square())
    last = cubes[rows[:, 0] <= TRAINED][:, -1]
    for setting in given.settings:
        slots, sparsity = int(setting.split(":")[0]), float(setting.split(":")[1])
        torch.manual_seed(0)
        network = MultiLevelMemAE(2, SIDE, width=8, slots=slots, shrink=1 / slots)
        for step in train(network, last, given.steps, sparsity):
            report(f"{setting}, step {step}", cubes[held], frames, error_of(network))


def error_of(network: MultiLevelMemAE) -> Error:
    """Return the squared error (N, 2, H, W) of what flow is rebuilt as."""
    return lambda flow: (network.eval()(flow)[0] - flow).square()


def object_flows(
    clips: list[Path], boxes: np.lib.npyio.NpzFile, flow: Dis
) -> tuple[np.ndarray, Tensor]:
    """Return the clip and frame (n, 2) of each box, and its last 4 flows (n, 4, 2, 32, 32)."""
    rows, cubes = [], []
    clip, frame, xyxy = (boxes[name] for name in ("clip", "frame", "xyxy"))
    for number, path in enumerate(clips, 1):
        video = np.stack(list(read_frames(path, channels="gray")))
        flows = [flow(*pair) for pair in itertools.pairwise(video)]
        for now in range(FLOWS, len(video)):
            mine = (clip == number) & (frame == now)
            moved = torch.from_numpy(np.stack(flows[now - FLOWS : now])).permute(3, 0, 1, 2)
            own = [torch.from_numpy(xyxy[mine].astype(np.float32))]
            cubes.append(cropped(moved[None], own, SIDE).transpose(1, 2).half())
            rows += [(number, now)] * int(mine.sum())
    return np.array(rows), torch.cat(cubes)


def train(network: MultiLevelMemAE, flows: Tensor, steps: int, sparsity: float) -> Iterator[int]:
    """Train on flows (n, 2, 32, 32) and yield every 100th step."""
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for step in range(1, steps + 1):
        network.train()
        optimizer.param_groups[0]["lr"] = 5e-4 * (1 + math.cos(math.pi * (step - 1) / steps))
        batch = flows[torch.randint(len(flows), (BATCH,))].float()
        found, weights = network(batch)
        entropy = sum(-(used * (used + 1e-12).log()).sum(1).mean() for used in weights)
        optimizer.zero_grad()
        ((found - batch).square().mean() + sparsity * entropy).backward()
        optimizer.step()
        if step % 100 == 0:
            yield step


def report(name: str, cubes: Tensor, frames: np.ndarray, error: Error) -> None:
    """Print the AUC of frames with one faster object, for both speeds."""
    speeds = cubes[:, -1].float().norm(dim=1).mean(dim=(1, 2)).numpy()
    random = np.random.default_rng(1)
    moving = {frame: (frames == frame) & (speeds > np.median(speeds)) for frame in set(frames)}
    chosen = [random.choice(np.flatnonzero(one)) for one in moving.values() if one.any()]
    areas = []
    for factor in (1.0, 1.5, 2.0):
        changed = cubes.clone()
        changed[chosen] *= factor
        errors = of_objects(changed, error)
        highest = [errors[frames == frame].max() for frame in sorted(set(frames))]
        areas.append(highest)
    usual, *faster = areas
    truth = [0] * len(usual) + [1] * len(usual)
    found = [roc_auc_score(truth, usual + one) for one in faster]
    print(f"{name:<20} 1.5x {found[0]:.4f}  2x {found[1]:.4f}", flush=True)


@torch.no_grad()
def of_objects(cubes: Tensor, error: Error) -> np.ndarray:
    """Return the mean error (n,) of the flows of each object."""
    found = [error(part.float().flatten(0, 1)).mean(dim=(1, 2, 3)) for part in cubes.split(128)]
    return torch.cat(found).view(-1, FLOWS).mean(dim=1).numpy()


if __name__ == "__main__":
    main()
