"""Frames per second of every method's scoring, including decoding, flow and objects.

    python benchmarks/scoring_speed.py UCSDped2 [--recipes mnad-small motion-field] [--videos 2]

For each recipe of recipes/ped2, the first test videos are decoded, their flow and objects computed
and every frame scored, with an empty cache. Training does not change the speed of a network, so
networks have random weights. Methods without gradients are first fitted on one training video,
which is not timed. Prints JSON: frames per second by recipe.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import torch

from vadkit.recipe import Recipe, load_recipe

RECIPES = [path.stem for path in sorted(Path("recipes/ped2").glob("*.yaml"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--recipes", nargs="*", default=[r for r in RECIPES if small(r)])
    parser.add_argument("--videos", type=int, default=2)
    options = parser.parse_args()
    found = {}
    for name in options.recipes:
        settings = [f"dataset.root={options.root}", "calibration=null"]
        recipe = load_recipe(Path("recipes/ped2") / f"{name}.yaml", settings)
        with tempfile.TemporaryDirectory() as cache:
            os.environ["VADKIT_CACHE"] = cache
            found[name] = round(frames_per_second(recipe, options.videos), 1)
        print(name, found[name], flush=True)
    print(json.dumps({"threads": torch.get_num_threads(), "frames_per_s": found}, indent=2))


def small(name: str) -> bool:
    """Return whether the recipe is the one for two cores: the small one if there are two."""
    return f"{name}-small" not in RECIPES


def frames_per_second(recipe: Recipe, videos: int) -> float:
    from vadkit.engine.collect import collect_passes
    from vadkit.engine.scoring import score_video
    from vadkit.workflows.build import build_method, load_videos
    from vadkit.workflows.frames import load_extras, store_videos
    from vadkit.workflows.trainer import make_trainer

    device = torch.device("cpu")
    method = build_method(recipe, device)
    if not recipe.optimizers:
        train = load_videos(recipe, "train")[:1]
        stored, _ = store_videos(recipe, train)
        extras = load_extras(recipe, method.clip, train, stored)
        with tempfile.TemporaryDirectory() as run:
            trainer = make_trainer(recipe, Path(run), stored, extras)
            collect_passes(trainer.method, trainer.collect_loader, device, torch.float32)
        method = trainer.method
    method.eval()
    test = load_videos(recipe, "test")[:videos]
    begun = time.monotonic()
    stored, _ = store_videos(recipe, test)
    extras = load_extras(recipe, method.clip.scoring, test, stored)
    for video, beside in zip(stored, extras, strict=True):
        score_video(
            method,
            video,
            device=device,
            dtype=torch.float32,
            batch_size=recipe.train.batch_size,
            extras=beside,
        )
    return sum(len(video) for video in stored) / (time.monotonic() - begun)


if __name__ == "__main__":
    main()
