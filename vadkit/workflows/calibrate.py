"""The alarm threshold of a run, from scores of normal video; ``calibration.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
from pydantic import BaseModel, Field

from vadkit.arrays import load_archive
from vadkit.errors import DataError, VadkitError
from vadkit.files import write_json
from vadkit.reading import checked, parse_json
from vadkit.recipe import Calibrate, Recipe
from vadkit.registry import build
from vadkit.workflows.build import build_clip, live_scorers, load_videos
from vadkit.workflows.frames import load_extras, store_videos
from vadkit.workflows.normal_video import NormalVideo, kept_out, score_training_video
from vadkit.workflows.progress import say
from vadkit.workflows.run import load_run

if TYPE_CHECKING:
    from vadkit.data.clip_sources import FrameReader
    from vadkit.data.extras import Extras
    from vadkit.data.videos import Video
    from vadkit.engine.trainer import Trainer
    from vadkit.scoring.calibration import Calibration, FitName

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
    """Calibrate a run that has just been trained, unless its recipe says ``calibration: null``.

    What cannot be calibrated is said on stderr: the run is as good as without.
    """
    if recipe.calibration is None:
        return
    try:
        normal = _training_scores(recipe, trainer, videos, stored, extras)
        _save(run, normal)
        found = _fit(recipe, run, normal, recipe.calibration)
    except VadkitError as error:
        say(f"no alarm threshold: {error}")
        return
    say(words(found))
    for warning in found.warnings:
        say(f"  {warning}")


def calibrate(
    run: Path,
    *,
    videos: Path | None = None,
    method: FitName | None = None,
    per_hour: float | None = None,
) -> Calibration:
    """Set the alarm threshold of a run and write it to ``calibration.json``.

    Scores are those of the normal videos in the folder ``videos``; without, the ones that the run
    keeps from before, or of its training video. ``method`` and ``per_hour`` are the recipe's by
    default. Raises ``DataError`` when no frame can be scored.
    """
    recipe = load_run(run)
    settings = recipe.calibration or Calibrate()
    changes = {"method": method, "false_alarms_per_hour": per_hour}
    settings = settings.model_copy(update={k: v for k, v in changes.items() if v is not None})
    if videos is not None:
        normal = _folder_scores(run, videos)
    else:
        normal = load_normal_video(run) or _scores_anew(
            recipe.model_copy(update={"calibration": settings}), run
        )
    _save(run, normal)
    return _fit(recipe, run, normal, settings)


def words(found: Calibration) -> str:
    """The threshold and what it stands on, in a line."""
    from vadkit.scoring.calibration import alarm_rate, duration

    seen = found.evidence
    return (
        f"alarm threshold {found.threshold:.4g} ({seen.threshold_low:.4g} to "
        f"{seen.threshold_high:.4g}) for {alarm_rate(found.false_alarms_per_hour)}, by "
        f"{found.method} on {duration(seen.hours)} of {seen.source}"
    )


def _fit(recipe: Recipe, run: Path, normal: NormalVideo, settings: Calibrate) -> Calibration:
    from vadkit.scoring.calibration import calibrate as fit

    found = fit(
        normal.scores,
        normal.rates,
        [{"type": spec.type, **spec.params} for spec in live_scorers(recipe.scorers)],
        source=normal.source,
        method=settings.method,
        per_hour=settings.false_alarms_per_hour,
        merge_s=recipe.alarms.merge_s,
        checkpoint=_CHECKPOINT,
        videos=normal.videos,
        warnings=normal.warnings,
    )
    write_json(run / "calibration.json", found.to_dict())
    return found


def _training_scores(
    recipe: Recipe,
    trainer: Trainer,
    videos: Sequence[Video],
    stored: Sequence[FrameReader],
    extras: Sequence[Extras],
) -> NormalVideo:
    from vadkit.workflows.test_scores import frame_rates

    dataset = build("datasets", recipe.dataset.type, recipe.dataset.params)
    known = {video.id for video in stored}
    rates = frame_rates([v for v in videos if v.id in known], getattr(dataset, "fps", None))
    unknown = known - set(rates)
    rates.update(dict.fromkeys(unknown, _RATE))
    normal = score_training_video(recipe, trainer, stored, extras, rates)
    if unknown:
        normal.warnings.append(
            f"the frame rate of {len(unknown)} videos is not known, so it was taken for "
            f"{_RATE:g} a second; hours are no better than that"
        )
    return normal


def _scores_anew(recipe: Recipe, run: Path) -> NormalVideo:
    """Scores of a run's training video, as training would have made them."""
    from vadkit.engine.checkpoint import load_checkpoint
    from vadkit.workflows.train import make_trainer

    videos = load_videos(recipe, "train")
    stored, _ = store_videos(recipe, videos)
    extras = load_extras(recipe, build_clip(recipe), videos, stored)
    trainer = make_trainer(recipe, run, stored, extras, unseen=kept_out(recipe, stored))
    state = load_checkpoint(_checkpoint(run), trainer.device)
    trainer.method.load_state_dict(state["method"])
    trainer.method.eval()
    trainer.step = state["step"]
    return _training_scores(recipe, trainer, videos, stored, extras)


def _folder_scores(run: Path, folder: Path) -> NormalVideo:
    """Scores of every video below a folder; those that cannot be read are told of."""
    import contextlib

    from vadkit.data.datasets.folder import find_videos
    from vadkit.data.decode import probe, read_frames
    from vadkit.workflows.frames import store_settings
    from vadkit.workflows.infer import load_detector

    detector = load_detector(run, _CHECKPOINT)
    settings = store_settings(load_run(run))
    scores, rates, warnings = {}, {}, []
    for name, path in find_videos(folder):
        try:
            info = probe(path)
            reading = read_frames(
                path, readers=settings.readers, plugins=settings.plugins, stall_s=settings.stall_s
            )
            with contextlib.closing(reading) as frames:
                scores[name] = np.array([item.raw for item in detector.stream(frames)])
            rates[name] = info.fps
        except DataError as error:
            warnings.append(f"left out: {error}")
    if not scores:
        raise DataError("\n".join([f"no video in {folder} could be scored", *warnings]))
    return NormalVideo(scores, rates, f"the videos in {folder}", len(scores), warnings)


def _save(run: Path, normal: NormalVideo) -> None:
    """Keep scores in the run, so that another rate or method takes no time."""
    from vadkit.files import write_whole

    record: dict[str, Any] = {
        "source": normal.source,
        "videos": normal.videos,
        "warnings": normal.warnings,
        "checkpoint": _digest(run),
    }
    with write_whole(run / "scores" / "normal.npz") as partial:
        np.savez(
            partial,
            names=np.array(list(normal.scores)),
            lengths=np.array([len(values) for values in normal.scores.values()]),
            scores=np.concatenate(list(normal.scores.values())),
            rates=np.array([normal.rates[name] for name in normal.scores]),
            record=np.array(json.dumps(record)),
        )


def load_normal_video(run: Path) -> NormalVideo | None:
    """Scores that the run keeps, None where they are missing or of another checkpoint."""
    try:
        saved = load_archive(run / "scores" / "normal.npz")
        record = checked(_Record, parse_json(str(saved["record"])))
        names = cast(list[str], saved["names"].tolist())
        pieces = np.split(saved["scores"], np.cumsum(saved["lengths"])[:-1])
        scores = dict(zip(names, pieces, strict=True))
        rates = dict(zip(names, checked(list[_Rate], saved["rates"].tolist()), strict=True))
    except (OSError, LookupError, TypeError, ValueError):
        # What is damaged is made anew.
        return None
    if record.checkpoint != _digest(run) or saved["scores"].dtype.kind != "f":
        return None
    return NormalVideo(scores, rates, record.source, record.videos, record.warnings)


_Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Record(BaseModel):
    """What is kept beside the scores of normal video."""

    checkpoint: str | None
    source: str
    videos: int
    warnings: list[str]


def _digest(run: Path) -> str | None:
    from vadkit.workflows.test_scores import checkpoint_digest

    path = _checkpoint(run)
    return checkpoint_digest(path) if path.is_file() else None


def _checkpoint(run: Path) -> Path:
    return run / "checkpoints" / f"{_CHECKPOINT}.pt"
