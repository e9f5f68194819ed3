"""Set the alarm threshold of a run from scores of normal video; writes ``calibration.json``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vadkit.arguments import as_name, as_path
from vadkit.errors import DataError, RecipeError, VadkitError
from vadkit.files import check_writable
from vadkit.recipe import Calibrate, Recipe
from vadkit.registry import build
from vadkit.workflows.answers import Answers, read_answers
from vadkit.workflows.build import build_clip, live_scorers, load_videos
from vadkit.workflows.calibrate import saved as calibrations
from vadkit.workflows.calibrate.normal_video import NormalVideo, score_training_video
from vadkit.workflows.calibrate.reviewed import without_marked
from vadkit.workflows.calibrate.saved import (
    FOLDER_SOURCE,
    TRAINING,
    active_update,
    check_name,
    folder_name,
    keep,
    keep_old,
    keep_trained,
    scored_with,
    scores_of,
    set_current,
)
from vadkit.workflows.calibrate.scores_file import read_scores, write_scores
from vadkit.workflows.calibrate.seen import seen_warning
from vadkit.workflows.frames import load_extras, store_videos
from vadkit.workflows.pieces import kept_out
from vadkit.workflows.progress import say, scoring_progress
from vadkit.workflows.run import load_run, require_run
from vadkit.zones import sometimes

if TYPE_CHECKING:
    from vadkit.data.clips.extras import Extras
    from vadkit.data.videos import FrameReader, Video
    from vadkit.engine.trainer import Trainer
    from vadkit.scoring.calibration import Calibration, FitName
    from vadkit.workflows.detector import Detector

_RATE = 25.0
_CHECKPOINT = "last"


def calibrate_trained(
    recipe: Recipe,
    run: Path,
    trainer: Trainer,
    videos: Sequence[Video],
    stored: Sequence[FrameReader],
    extras: Sequence[Extras],
) -> None:
    """Calibrate a run after training, unless its recipe says ``calibration: null``.

    If calibration fails, the reason is printed on stderr; the run is still usable.
    """
    if recipe.calibration is None:
        return
    try:
        normal = score_training(recipe, trainer, videos, stored, extras)
        write_scores(run / "scores" / "normal.npz", normal, scored_with(run))
        found = fit_scores(recipe, normal, recipe.calibration)
        keep_trained(run, found)
        set_current(run, found, TRAINING)
    except VadkitError as error:
        say(f"no alarm threshold: {error}")
        return
    say(words(found))
    for warning in found.warnings:
        say(f"  {warning}")


def calibrate(
    run: str | Path,
    *,
    videos: str | Path | None = None,
    use: str | None = None,
    name: str | None = None,
    method: FitName | None = None,
    per_hour: float | None = None,
    alarm_time: float | None = None,
) -> Calibration:
    """Set the alarm threshold of a run; save it under a name and as ``calibration.json``.

    The scores are those of the normal videos in the folder ``videos``, or those of the saved
    calibration ``use``. Without either, they are those of the run's training video. ``name``
    defaults to the folder's name or "training"; if it is taken, a number is appended. ``method``,
    ``per_hour`` and ``alarm_time``, the allowed share of normal time inside alarms, default to the
    recipe's values. Raises ``DataError`` if no frame can be scored.
    """
    from vadkit.scoring.fitting import check_settings

    run = as_path(run, "run")
    videos = None if videos is None else as_path(videos, "videos")
    for text, argument in ((use, "use"), (name, "name"), (method, "method")):
        if text is not None:
            as_name(text, argument)
    if use is not None and videos is not None:
        raise RecipeError("give either videos or use: both choose the scores to calibrate on")
    check_settings(
        method or "pot",
        1.0 if per_hour is None else per_hour,
        1.0 if alarm_time is None else alarm_time,
    )
    changes = {
        "method": method,
        "false_alarms_per_hour": per_hour,
        "alarm_time": alarm_time,
    }
    changes = {key: value for key, value in changes.items() if value is not None}
    recipe = load_run(run)
    check_name(run, name)
    settings = recipe.calibration or Calibrate()
    if use is not None and not changes and name is None:
        return calibrations.use(run, use)
    settings = settings.model_copy(update=changes)
    check_writable(run / "calibrations")
    keep_old(run)
    if use is not None:
        normal, base = scores_of(run, use), use
    elif videos is not None:
        normal, base = _folder_scores(recipe, run, videos), folder_name(videos)
    elif updated := active_update(run):
        normal, base = scores_of(run, updated), updated
    else:
        normal, base = _training_video(recipe, settings, run), TRAINING
    found = fit_reviewed(recipe, normal, settings, read_answers(run))
    require_run(run)
    set_current(run, found, keep(run, found, normal, scored_with(run), base, name))
    return found


def words(found: Calibration) -> str:
    """Describe the threshold and its evidence in one line."""
    from vadkit.scoring.calibration import duration

    seen = found.evidence
    return (
        f"alarm threshold {found.threshold:.4g} ({seen.threshold_low:.4g} to "
        f"{seen.threshold_high:.4g}) for {found.target}, by "
        f"{found.method} on {duration(seen.hours)} of {seen.source}"
    )


def settings_like(recipe: Recipe, found: Calibration | None) -> Calibrate:
    """Return the calibration settings of a recipe, with the limits of a calibration."""
    settings = recipe.calibration or Calibrate()
    if found is None:
        return settings
    limits = {
        "method": found.method,
        "false_alarms_per_hour": found.false_alarms_per_hour,
        **({} if found.alarm_time is None else {"alarm_time": found.alarm_time}),
    }
    return settings.model_copy(update=limits)


def fit_reviewed(
    recipe: Recipe, normal: NormalVideo, settings: Calibrate, answers: Answers
) -> Calibration:
    """Return the threshold for scores of normal video that a person may have reviewed.

    Stretches that are not normal, or ignored, are left out. If one that was marked as normal would
    count as a rare event, no event does, so that it counts fully.
    """
    left = without_marked(normal, answers)
    found = fit_scores(recipe, left, settings)
    highest = found.evidence.highest
    confirmed = [one.record.get("score") for one in answers.valid("stretch", "normal")]
    rare = [one for one in confirmed if isinstance(one, float) and highest and one > highest]
    if not (found.evidence.rare and rare):
        return found
    return fit_scores(recipe, left, settings.model_copy(update={"contamination": 0.0}))


def fit_scores(recipe: Recipe, normal: NormalVideo, settings: Calibrate) -> Calibration:
    """Return the threshold for scores of normal video."""
    from vadkit.data.pace import paces_of
    from vadkit.scoring.fitting import calibrate as fit
    from vadkit.workflows.build import time_rules

    return fit(
        normal.scores,
        normal.rates,
        [{"type": spec.type, **spec.params} for spec in live_scorers(recipe.scorers)],
        source=normal.source,
        method=settings.method,
        per_hour=settings.false_alarms_per_hour,
        alarm_time=settings.alarm_time,
        contamination=settings.contamination,
        rules=time_rules(recipe.alarms),
        checkpoint=_CHECKPOINT,
        videos=normal.videos,
        warnings=[*normal.warnings, *filter(None, [sometimes(recipe.zones)])],
        paces=paces_of(normal.rates, recipe.clip.fps),
    )


def score_training(
    recipe: Recipe,
    trainer: Trainer,
    videos: Sequence[Video],
    stored: Sequence[FrameReader],
    extras: Sequence[Extras],
) -> NormalVideo:
    """Score the training video of a run, as far as possible by a method that has not seen it."""
    from vadkit.data.store.paced import whole
    from vadkit.workflows.rates import frame_rates

    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    known = {video.id for video in stored}
    rates = frame_rates([v for v in videos if v.id in known], getattr(dataset, "fps", None))
    for one in stored:
        if one.id in rates:
            # Frames between those at the trained rate have no scores here.
            rates[one.id] *= len(one) / len(whole(one))
    unknown = known - set(rates)
    rates.update(dict.fromkeys(unknown, _RATE))
    normal = score_training_video(recipe, trainer, stored, extras, rates)
    if unknown:
        normal.warnings.append(
            f"the frame rate of {len(unknown)} videos is unknown and assumed to be {_RATE:g} per "
            "second; "
            "durations in hours are only as accurate as this"
        )
    return normal


def _training_video(recipe: Recipe, settings: Calibrate, run: Path) -> NormalVideo:
    """Return scores of training video: the saved ones, if they are from the same checkpoint."""
    path = run / "scores" / "normal.npz"
    kept = read_scores(path)
    # An earlier version saved scores of other video in the same place.
    if kept and kept[1] == scored_with(run) and not kept[0].source.startswith(FOLDER_SOURCE):
        return kept[0]
    normal = _score_normal(recipe.model_copy(update={"calibration": settings}), run)
    write_scores(path, normal, scored_with(run))
    return normal


def _score_normal(recipe: Recipe, run: Path) -> NormalVideo:
    """Score a run's training video in the same way as training does."""
    from vadkit.engine.checkpoint import load_checkpoint
    from vadkit.workflows.trainer import make_trainer

    videos = load_videos(recipe, "train")
    stored, _ = store_videos(recipe, videos)
    extras = load_extras(recipe, build_clip(recipe), videos, stored)
    trainer = make_trainer(recipe, run, stored, extras, unseen=kept_out(recipe, stored))
    state = load_checkpoint(_checkpoint(run), trainer.device)
    trainer.method.load_state_dict(state["method"])
    trainer.method.eval()
    trainer.step = state["step"]
    return score_training(recipe, trainer, videos, stored, extras)


def _folder_scores(recipe: Recipe, run: Path, folder: Path) -> NormalVideo:
    """Score every video in a folder; warnings name videos that cannot be read or were seen."""
    from vadkit.workflows.detector import load_detector

    used: list[Path] = []
    detector = load_detector(run, _CHECKPOINT)
    found = score_folder(detector, folder, lambda path, rate: used.append(path))
    seen = seen_warning(recipe, run, used)
    return replace(found, warnings=found.warnings + ([seen] if seen else []))


def score_folder(
    detector: Detector, folder: Path, scored: Callable[[Path, float], None]
) -> NormalVideo:
    """Score every video in a folder; call ``scored`` with each and its frames per second.

    Warnings name videos that cannot be read. Raises ``DataError`` if none can.
    """
    from vadkit.data.datasets.folder import find_videos
    from vadkit.data.decoding.child import Worker
    from vadkit.data.decoding.counting import mean_rate
    from vadkit.inference.sources.files import FileSource

    scores, rates, warnings = {}, {}, []
    videos = find_videos(folder)
    settings = detector.settings["file"]
    with Worker() as worker, scoring_progress(len(videos), 0) as progress:
        for name, path in videos:
            failed = None
            try:
                raw = []
                source = FileSource(path, **settings)
                source.worker = worker
                for item in detector.stream(source):
                    raw.append(item.raw)
                    progress.frames(1)
                rate = mean_rate(path, stall_s=settings["stall_s"], worker=worker)
                scored(path, rate)
                scores[name], rates[name] = np.array(raw), rate
            except DataError as error:
                failed = str(error)
                warnings.append(f"left out: {error}")
            progress.video(name, failed)
    if not scores:
        raise DataError("\n".join([f"no video in {folder} could be scored", *warnings]))
    return NormalVideo(scores, rates, f"{FOLDER_SOURCE}{folder}", len(scores), warnings)


def _checkpoint(run: Path) -> Path:
    return run / "checkpoints" / f"{_CHECKPOINT}.pt"
