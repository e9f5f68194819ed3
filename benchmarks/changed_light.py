"""What `place-features` makes of pictures that differ from training as a whole.

    python benchmarks/changed_light.py RECIPE [--set KEY=VALUE]... [--keep NAME ...] [--gain 0.8]

Fits `place-features` of the recipe (or of the part `places` of its `fusion`), and prints the micro
AUC of all test frames for three scores: the largest distance of a place, the largest less the
median of all places, and the same with squares, which `place-features` uses. ``--keep`` trains on
these videos only, because one recording knows one light. ``--gain`` makes the pictures of every
second test video darker or brighter.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from bank_draws import fitted, places_recipe
from sklearn.metrics import roc_auc_score
from torch import Tensor

from vadkit.data.videos import FrameReader
from vadkit.methods.place_features import PlaceFeatures
from vadkit.workflows.build import load_videos
from vadkit.workflows.frames import store_videos

BATCH = 16


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--keep", nargs="+", help="names of training videos; all if absent")
    parser.add_argument("--gain", type=float, default=1.0)
    given = parser.parse_args()
    recipe = places_recipe(given.recipe, given.set)
    method = fitted(recipe, 0, given.keep)
    videos = load_videos(recipe, "test")
    stored, _ = store_videos(recipe, videos)
    labels = np.concatenate([v.labels(len(s)) for v, s in zip(videos, stored, strict=True)])
    gains = [given.gain if number % 2 else 1.0 for number in range(len(stored))]
    found = torch.cat([distances(method, *pair) for pair in zip(stored, gains, strict=True)])
    largest, median = found.amax(dim=1), found.median(dim=1).values
    squares = largest.square() - median.square()
    rows = {"largest": largest, "less median": largest - median, "squares less": squares}
    for name, scores in rows.items():
        print(f"{name:<20} {roc_auc_score(labels, scores.numpy()):.3f}")


def distances(method: PlaceFeatures, video: FrameReader, gain: float) -> Tensor:
    """Return the distances (N, P) of all places of a video's frames, in pictures of this gain."""
    rows = []
    for first in range(0, len(video), BATCH):
        frames = torch.from_numpy(video.read(first, min(first + BATCH, len(video))))
        pictures = (frames.permute(0, 3, 1, 2).float() / 255 * gain).clamp(max=1)
        rows.append(method._distances(method._reduced(method._features(pictures))).flatten(1))
    return torch.cat(rows)


if __name__ == "__main__":
    main()
