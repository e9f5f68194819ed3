"""Which head is worth what: the same features, bags and epochs for all, over seeds.

    python benchmarks/weak_heads.py recipes/shanghaitech/weak-*.yaml --seeds 0,1,2

Trains and evaluates each recipe with each seed, as `vadkit train --seeds` does. Features are
computed once and shared if all recipes have the same section `features`. Prints a table of AUCs,
mean and deviation: micro and macro of raw scores, of videos by their highest score, and micro of
the protocol `online`. Nothing is chosen by test labels: the epochs are those of the recipe. `--set`
is that of `vadkit train`; with other sections `dataset`, `clip` and `features`, the same heads are
compared on other videos.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from vadkit.evaluation.spread import Spread
from vadkit.recipe import load_recipe
from vadkit.workflows.build import load_videos
from vadkit.workflows.feature_sets import segment_videos
from vadkit.workflows.seeds import train_seeds

# The protocols and metrics of the columns.
COLUMNS = (
    ("raw", "micro-auc"),
    ("raw", "macro-auc"),
    ("raw", "video-auc"),
    ("online", "micro-auc"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", type=Path, nargs="+")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    seeds = [int(seed) for seed in given.seeds.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        shared = [*given.set, *features_once(given.recipes, given.set, Path(folder))]
        print("| head | raw | macro | videos | online | seconds a run |", flush=True)
        print("|---|---|---|---|---|---|", flush=True)
        for recipe in given.recipes:
            started = time.process_time()
            found = train_seeds(recipe, seeds, overrides=shared, runs=given.runs)
            for one in found.failed:
                print(f"{found.name}, seed {one.seed} failed: {one.failed}")
            by_protocol = found.summary()
            cells = [cell(by_protocol[name].get(metric)) for name, metric in COLUMNS]
            seconds = (time.process_time() - started) / len(seeds)
            print(f"| {recipe.stem} | {' | '.join(cells)} | {seconds:.0f} |", flush=True)


def features_once(recipes: list[Path], overrides: list[str], folder: Path) -> list[str]:
    """Save the features of all videos in a folder, and return the settings that read them."""
    loaded = [load_recipe(path, overrides, ()) for path in recipes]
    first = loaded[0].features
    if first is None or first.type == "files" or any(one.features != first for one in loaded):
        return []
    videos = [*load_videos(loaded[0], "train"), *load_videos(loaded[0], "test")]
    found = segment_videos(loaded[0], videos)
    for video in found:
        rows = np.stack([video.crop(number) for number in range(video.shape[1])], axis=1)
        file = folder / f"{video.id}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, rows)
    every = found[0].every
    return [f"features={{type: files, root: {folder}, frames: {every}}}"]


def cell(one: Spread | None) -> str:
    return "-" if one is None else f"{one.mean:.3f} ± {one.deviation:.3f}"


if __name__ == "__main__":
    main()
