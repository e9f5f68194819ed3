"""Scores of frames for which nothing was learned: the mean squared flow in a box, the highest.

    python benchmarks/squared_flow.py UCSDped2 UCSDped2/boxes_testing.npz --out OUT
    vadkit eval --scores OUT/scores.npz --labels UCSDped2/UCSDped2.m

Boxes have their last 4 flows at 32x32, as in `hf2-vad-small`, so the first 4 frames of a clip have
no score. A later frame without a box has 0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from faster_objects import FLOWS, object_flows

from vadkit.data.decoding.decode import read_frames
from vadkit.data.flow.dis import Dis


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("boxes", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    clips = sorted((given.root / "testing").glob("*.mp4"))
    rows, cubes = object_flows(clips, np.load(given.boxes), Dis(preset="fast", upscale=2))
    squared = np.array([cube.float().square().mean() for cube in cubes])
    scores = {}
    for number, path in enumerate(clips, 1):
        mine = rows[:, 0] == number
        scores[path.stem] = np.zeros(sum(1 for _ in read_frames(path, channels="gray")))
        scores[path.stem][:FLOWS] = np.nan
        np.maximum.at(scores[path.stem], rows[mine, 1], squared[mine])
    given.out.mkdir(parents=True, exist_ok=True)
    np.savez(given.out / "scores.npz", **scores)


if __name__ == "__main__":
    main()
