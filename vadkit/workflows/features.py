"""Write the features of a recipe as a set: a folder with a file for each video, and a record."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.arguments import as_path
from vadkit.errors import RecipeError
from vadkit.files import check_writable, write_json, write_whole
from vadkit.recipe import Recipe
from vadkit.registry import build
from vadkit.text import video_file
from vadkit.workflows.build import build_clip, load_videos
from vadkit.workflows.extraction import extracted_files, extracted_videos
from vadkit.workflows.feature_sets import from_file

if TYPE_CHECKING:
    from vadkit.data.videos import Split

_SPLITS: tuple[Split, ...] = ("train", "test")


def extract_features(recipe: Recipe, out: str | Path) -> dict[str, Any]:
    """Extract the features of both splits of a recipe into the folder ``out``; return the counts.

    Features that are known from before are not computed again, and an interrupted extraction
    continues. Raises ``RecipeError`` for a recipe whose features are in files already.
    """
    from vadkit.data.segments.feature_set import RECORD, SetRecord, VideoEntry
    from vadkit.data.store.build import dataset_fingerprint

    out = as_path(out, "out")
    if recipe.features is None or from_file(recipe):
        raise RecipeError(
            "features: the recipe needs features that are computed from frames, such as "
            "{type: frozen}"
        )
    check_writable(out)
    entries: dict[Split, dict[str, VideoEntry]] = {}
    keys, segments = {}, 0
    for split in _SPLITS:
        videos = load_videos(recipe, split)
        files, entries[split] = extracted_files(recipe, videos), {}
        for video in extracted_videos(recipe, videos):
            place = video_file(out / split, video.id, ".npy")
            _link(files[video.id], place)
            entries[split][video.id] = VideoEntry(
                file=place.relative_to(out).as_posix(), frames=len(video), fps=video.fps
            )
            keys[f"{split} {video.id}"] = video.key
            segments += video.shape[0]
    record = SetRecord(
        extractor={"type": recipe.features.type, **recipe.features.params},
        weights=build("extractors", recipe.features.type, recipe.features.params).weights,
        every=build_clip(recipe).span,
        fingerprint=dataset_fingerprint(keys),
        videos=entries,
    )
    write_json(out / RECORD, record.model_dump(mode="json"))
    return {"videos": len(keys), "segments": segments, "out": str(out)}


def _link(file: Path, place: Path) -> None:
    """Put a file of the cache into a set; a hard link takes no space."""
    with write_whole(place) as partial:
        try:
            os.link(file, partial)
        except OSError:
            shutil.copyfile(file, partial)
