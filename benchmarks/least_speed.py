"""The lowest speed that motion-field detects: parameters chosen without labels.

    python benchmarks/least_speed.py UCSDped2 [--rows 0 1 2]

Uses only training videos, in four folds: statistics of three, scores of the fourth. The threshold
is the score that 99.9% of these held-out frames stay below. The least speed at a place is the speed
that reaches the threshold there. The output is its geometric mean over places, weighted by how
often something is there, in pixels per frame. A lower value means that slower objects still raise
an alarm, at the same rate of false alarms. Windows of other sizes and other flow are not compared,
because nothing fills every window.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vadkit.data.tensors import Clips
from vadkit.methods.motion_field.method import _FLOW_ERROR, MotionField
from vadkit.recipe import load_recipe
from vadkit.workflows.build import load_videos
from vadkit.workflows.frames import load_extras, store_videos

FOLDS = 4
SHARE = 0.999
# Frames of the clip, and parameters.
ROWS: list[tuple[int, dict[str, float]]] = [
    *((frames, {"memory": memory}) for frames, memory in [(6, 0.6), (6, 0.7), (8, 0.6), (8, 0.7)]),
    *((frames, {"memory": memory}) for frames, memory in [(8, 0.8), (10, 0.7), (10, 0.8)]),
    *((8, {"smooth": smooth}) for smooth in (1.5, 2.0, 4.0, 5.0)),
    *((8, {"prior": prior}) for prior in (1.0, 16.0)),
    (1 + 1, {"memory": 0.0}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--rows", type=int, nargs="*", help="only these rows, from 0")
    options = parser.parse_args()
    setting = f"dataset.root={options.root}"
    recipe = load_recipe("recipes/ped2/motion-field.yaml", overrides=[setting])
    first = MotionField({}, {}, MotionField.clip_spec(8, (240, 360), "gray", 1))
    videos = load_videos(recipe, "train")
    stored, _ = store_videos(recipe, videos)
    extras = load_extras(recipe, first.clip, videos, stored)
    frames = [torch.from_numpy(video.read(0, len(video))[..., 0]) for video in stored]
    for video in frames:
        first.collect(Clips(video[:, None, None].float() / 255))
    first.finalize()
    features = [
        encoded(first, video, beside.flow.read(0, len(video)))
        for video, beside in zip(frames, extras, strict=True)
    ]
    print("| clip.frames | parameters | least speed | threshold |\n|---|---|---|---|")
    for number in options.rows if options.rows is not None else range(len(ROWS)):
        count, parameters = ROWS[number]
        least, threshold = least_speed(first, features, count, parameters)
        settings = " ".join(f"{name}={value:g}" for name, value in parameters.items())
        print(f"| {count} | {settings} | {least:.3f} | {threshold:.2f} |", flush=True)


def encoded(method: MotionField, frames_NHW: Tensor, flow_NHW2: np.ndarray) -> Tensor:
    """Return features (N - 1, C, h, w) of all pairs of frames."""
    parts = []
    for at in range(0, len(frames_NHW) - 1, 16):
        pairs = frames_NHW[at : at + 17].float().div(255).unfold(0, 2, 1).movedim(-1, 1)
        flow = torch.from_numpy(flow_NHW2[at + 1 : at + 17]).float().permute(0, 3, 1, 2)
        parts.append(method.encode(Clips(pairs[:, None], flow[:, :, None])))
    return torch.cat(parts)


def least_speed(
    first: MotionField, features: list[Tensor], frames: int, parameters: dict[str, float]
) -> tuple[float, float]:
    """Return the least speed and the threshold; ``first`` knows background and windows."""

    def fitted(videos: list[Tensor]) -> MotionField:
        spec = MotionField.clip_spec(frames, first.clip.size, "gray", 1)
        method = MotionField({}, {}, spec, **parameters)
        method.background.copy_(first.background)
        method.windows.copy_(first.windows)
        for video in videos:
            for clips in video.unfold(0, frames - 1, 1).movedim(-1, 1).split(32):
                method.collect_encoded(clips)
        method.finalize()
        return method

    scores = []
    for fold in range(FOLDS):
        method = fitted([video for n, video in enumerate(features) if n % FOLDS != fold])
        for video in features[fold::FOLDS]:
            for clips in video.unfold(0, frames - 1, 1).movedim(-1, 1).split(32):
                scores.append(method.score_encoded(clips).parts["speed"])
    threshold = torch.cat(scores).quantile(SHARE).item()
    method = fitted(features)
    least = method.means[0] + threshold * (method.deviations[0] + _FLOW_ERROR)
    often = sum((video[:, 0] > 0.1).float().sum(0) for video in features)
    logarithm = (least.clamp(min=0.01).log() * often).sum() / often.sum()
    return logarithm.exp().item(), threshold


if __name__ == "__main__":
    main()
