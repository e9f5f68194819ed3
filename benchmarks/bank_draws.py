"""How much the scores of `place-features` depend on which training frames its bank draws.

    python benchmarks/bank_draws.py RECIPE [--set KEY=VALUE]... [--draws 3] [--banks 1200 300]

Fits `place-features` of the recipe (or of the part `places` of its `fusion`) with several draws of
the frames, and prints mean and sample standard deviation of the micro AUC of all test frames. A
bank of 300 frames is one part, a bank of 1200 four.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from vadkit.engine.collect import collect_passes
from vadkit.engine.scoring import score_video
from vadkit.methods.place_features import PlaceFeatures
from vadkit.recipe import Recipe, load_recipe
from vadkit.workflows.build import load_videos
from vadkit.workflows.frames import store_videos
from vadkit.workflows.trainer import make_trainer

CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--banks", type=int, nargs="+", default=[1200, 300])
    given = parser.parse_args()
    for bank in given.banks:
        recipe = places_recipe(given.recipe, given.set, f"method.bank={bank}")
        areas = [area(recipe, draw) for draw in range(given.draws)]
        listed = ", ".join(f"{one:.3f}" for one in areas)
        print(f"{bank} frames: {np.mean(areas):.3f} ± {np.std(areas, ddof=1):.3f} ({listed})")


def places_recipe(path: Path, settings: list[str], *more: str) -> Recipe:
    """Return a recipe of ``place-features``, also from one of a ``fusion``."""
    settings = [*settings, "calibration=null"]
    if load_recipe(path, settings).method.type == "fusion":
        settings.append("method={type: place-features}")
    return load_recipe(path, [*settings, *more])


def fitted(recipe: Recipe, draw: int, names: list[str] | None = None) -> PlaceFeatures:
    """Return the method, fitted with this draw on the training videos of these names, or on all."""
    videos = [one for one in load_videos(recipe, "train") if names is None or one.id in names]
    train, _ = store_videos(recipe, videos)
    with tempfile.TemporaryDirectory() as run:
        trainer = make_trainer(recipe, Path(run), train, None)
        method = trainer.method
        assert isinstance(method, PlaceFeatures)
        method._draw.manual_seed(draw)
        collect_passes(method, trainer.collect_loader, CPU, torch.float32)
    return method.eval()


def area(recipe: Recipe, draw: int) -> float:
    """Return the micro AUC of raw scores with this draw."""
    method = fitted(recipe, draw)
    videos = load_videos(recipe, "test")
    stored, _ = store_videos(recipe, videos)
    scores, labels = [], []
    for video, frames in zip(videos, stored, strict=True):
        found = score_video(method, frames, device=CPU, dtype=torch.float32, batch_size=8)
        scores.append(found)
        labels.append(video.labels(len(found)))
    values, truth = np.concatenate(scores), np.concatenate(labels)
    known = ~np.isnan(values)
    return float(roc_auc_score(truth[known], values[known]))


if __name__ == "__main__":
    main()
