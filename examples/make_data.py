"""Draw a small data set in the layout of ``dataset.py``: python make_data.py [FOLDER]"""

from __future__ import annotations

import csv
import shutil
import sys
from itertools import cycle, groupby
from pathlib import Path
from typing import Literal

import vadkit

FPS = 25
SPLITS: tuple[tuple[Literal["train", "test"], str], ...] = (("train", "normal"), ("test", "test"))
KINDS = ("cyclist", "runner", "cart", "bag")  # of the test videos, in turn


def draw(folder: Path, *settings: str) -> None:
    """Copy the videos of vadkit's synthetic scene, and write their incidents to a table.

    ``settings`` change the scene, for example ``dataset.frames=40``.
    """
    drawn = f"dataset.root={folder / 'drawn'}"
    recipe = vadkit.load_recipe("quickstart", [drawn, *settings])
    for split, name in SPLITS:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for video in vadkit.load_videos(recipe, split):
            shutil.copyfile(video.path, folder / name / f"{video.id}.mp4")
    rows = []
    for kind, video in zip(cycle(KINDS), vadkit.load_videos(recipe, "test"), strict=False):
        assert video.labels is not None  # The scene has labels for all its test videos.
        flags = video.labels(recipe.dataset.params["frames"])
        for abnormal, run in groupby(range(len(flags)), key=flags.__getitem__):
            frames = list(run)
            if abnormal:
                rows.append((video.id, frames[0] / FPS, (frames[-1] + 1) / FPS, kind))
    with (folder / "incidents.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("video", "start_s", "end_s", "kind"), *rows])


if __name__ == "__main__":
    draw(Path(sys.argv[1] if len(sys.argv) > 1 else "data"))
