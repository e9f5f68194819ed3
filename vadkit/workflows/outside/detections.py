"""Evaluate detections, scored boxes, that other code has written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vadkit.errors import DataError, RecipeError
from vadkit.recipe import load_recipe
from vadkit.registry import build
from vadkit.workflows.build import load_videos
from vadkit.workflows.detections import truth_of
from vadkit.workflows.evaluate.evaluation import Evaluation
from vadkit.workflows.evaluate.maps import OBJECT_EVALUATOR, MapResults, is_of_detections
from vadkit.workflows.evaluate.run_scores import label_source
from vadkit.workflows.outside.labels import is_recipe

if TYPE_CHECKING:
    from vadkit.evaluation.region_detection import RegionDetection
    from vadkit.evaluation.regions import Truth


def evaluate_detections(
    detections: Path,
    labels: Path,
    *,
    videos: Path | None = None,
    overrides: Sequence[str] = (),
) -> Evaluation:
    """Evaluate a file or folder of detections by RBDC and TBDC.

    ``vadkit.data.detections`` describes the formats. ``labels`` is a recipe, whose test split has
    masks or tracks (``overrides`` change it, such as ``dataset.root``), or a folder of RBDC/TBDC
    tracks; then ``videos`` is the folder of the videos, which gives their lengths. A recipe's own
    ``region-detection`` with ``source: detections`` sets alpha and beta.

    Raises ``DataError`` if there is nothing to compare with, and for detections of unknown videos
    or frames.
    """
    from vadkit.data.detections import empty_boxes, read_detections
    from vadkit.data.labels.names import match_endings
    from vadkit.evaluation.metrics import ProtocolSummary, Setting

    evaluator: RegionDetection
    if is_recipe(labels):
        if videos is not None:
            raise RecipeError("--videos cannot be used with a recipe, which names its videos")
        source, truth, frames, evaluator = _of_recipe(labels, overrides)
    elif videos is None:
        raise RecipeError(
            "--detections with a folder of tracks needs --videos, the folder of the videos, for "
            "their lengths; or give a recipe as --labels"
        )
    else:
        source, (truth, frames) = labels.name, _of_tracks(labels, videos)
        evaluator = build("evaluators", OBJECT_EVALUATOR.type, OBJECT_EVALUATOR.params)
    found = read_detections(detections)
    names = match_endings(found, truth)
    found = {names[name]: rows for name, rows in found.items()}
    setting = Setting(ProtocolSummary("raw detections", f"labels {source}"))
    metrics = evaluator.of_detections(found, truth, frames, setting)
    bare = sorted(truth.keys() - found.keys())
    notes = [f"No detection in: {', '.join(bare)}."] if bare else []
    if empty := sum(map(empty_boxes, found.values())):
        total = sum(map(len, found.values()))
        notes.append(
            f"{empty} of {total} detections have a box that ends before its start: they find "
            "nothing and count as false."
        )
    maps = MapResults(metrics)
    return Evaluation(str(detections), None, None, source, [], [], maps=maps, notes=notes)


def _of_recipe(
    path: Path, overrides: Sequence[str]
) -> tuple[str, dict[str, Truth], dict[str, int], RegionDetection]:
    from vadkit.workflows.outside.labels import stated_frames

    recipe = load_recipe(path, overrides, code="trusted")
    chosen = [one for one in recipe.evaluators if is_of_detections(one)]
    spec = (chosen or [OBJECT_EVALUATOR])[0]
    found = load_videos(recipe, "test")
    if not any(video.masks or video.tracks for video in found):
        raise DataError(f"dataset '{recipe.dataset.type}' has neither pixel masks nor tracks")
    stated = stated_frames(found)
    frames = {}
    for video in found:
        if video.masks is not None:
            frames[video.id] = len(video.masks())
        elif video.id in stated:
            frames[video.id] = stated[video.id]
        else:
            raise DataError(f"the file of video '{video.id}' does not state its number of frames")
        if not (video.masks or video.tracks) and (
            video.labels is None or video.labels(frames[video.id]).any()
        ):
            raise DataError(f"abnormal video '{video.id}' has neither pixel masks nor tracks")
    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    truth = {video.id: truth_of(video) for video in found}
    evaluator = build("evaluators", spec.type, spec.params)
    return label_source(recipe, dataset), truth, frames, evaluator


def _of_tracks(folder: Path, videos: Path) -> tuple[dict[str, Truth], dict[str, int]]:
    from vadkit.data.datasets.folder import find_videos
    from vadkit.data.decoding.counting import frame_counts
    from vadkit.data.labels.files import label_files
    from vadkit.data.labels.names import match_videos
    from vadkit.data.labels.tracks import tracks_of
    from vadkit.evaluation.regions import Tracks, truth_of_tracks

    files, paths = label_files(folder, "*.txt", lambda file: file.stem), dict(find_videos(videos))
    pairs, _ = match_videos(list(files), list(paths))
    kept = {name: paths[video] for video, name in pairs.items()}
    truth = {}
    for name in kept:
        objects = [(track.frames, track.boxes) for track in tracks_of(files[name])]
        truth[name] = truth_of_tracks(Tracks((0, 0), objects))
    return truth, frame_counts(kept)
