"""Make a new version of a run's model from answers and from more normal video."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.arguments import as_path
from vadkit.errors import RecipeError
from vadkit.files import check_writable
from vadkit.recipe import Recipe
from vadkit.text import counted
from vadkit.workflows.answered.versions import (
    Version,
    add_version,
    make_current,
    next_number,
    read_versions,
)
from vadkit.workflows.answers import Answers, read_answers
from vadkit.workflows.calibrate.reviewed import LEFT_OUT
from vadkit.workflows.calibrate.saved import (
    UPDATE,
    keep,
    kept_calibrations,
    scored_with,
    scores_of,
)
from vadkit.workflows.calibrate.threshold import fit_reviewed, settings_like
from vadkit.workflows.past_events import PastEvent, past_events
from vadkit.workflows.run import checkpoint_file, load_run, training_lock
from vadkit.workflows.update.learn import Learned, learn_alarms, learn_videos
from vadkit.workflows.update.refit import refitted

if TYPE_CHECKING:
    from vadkit.methods.method import Method
    from vadkit.scoring.calibration import Calibration
    from vadkit.workflows.calibrate.normal_video import NormalVideo
    from vadkit.workflows.detector import Detector


# What an update adds to the names of scores, and to their source.
_ALARM, _ADDED, _AND = "false alarm ", "added ", ", with "


@dataclass(frozen=True)
class Updated:
    """What an update made: the version, its threshold and the one before, and notes."""

    version: Version
    before: Calibration | None
    after: Calibration | None
    learned: list[Learned] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        return {
            "version": self.version.model_dump(),
            "threshold_before": None if self.before is None else self.before.threshold,
            "threshold": None if self.after is None else self.after.threshold,
            "learned": [one.as_data() for one in self.learned],
            "notes": self.notes,
        }


@dataclass(frozen=True)
class Wanted:
    """What a version shall contain: false alarms, folders of video, stretches to leave out."""

    alarms: list[PastEvent]
    videos: list[Path]
    left_out: list[str]


def update(run: str | Path, *, videos: str | Path | None = None, refit: bool = False) -> Updated:
    """Make a new version of a run from all answers, and return it.

    The video of false alarms is added to what the method learned, if it accepts video after
    training, and its scores to the calibration. Stretches of training video that were marked as not
    normal leave the calibration, and with ``refit`` the training. ``videos`` is a folder of more
    normal video, which is added too. The version before is kept; see ``undo``.

    Raises ``RecipeError`` if there is nothing to learn.
    """
    run = as_path(run, "run")
    videos = None if videos is None else as_path(videos, "videos")
    recipe = load_run(run)
    if recipe.features is not None:
        raise RecipeError(
            f"update: '{recipe.method.type}' learns from features and cannot take in single "
            "videos; add them to the data set and train again with `vadkit train`"
        )
    check_writable(run / "checkpoints")
    with training_lock(run):
        versions, answers = read_versions(run), read_answers(run)
        wanted = _wanted(run, answers, versions[-1], videos)
        if not _news(wanted, versions[-1], refit):
            raise RecipeError(
                "there is nothing new to learn: no new answer `false`, and no new mark of "
                "`vadkit review`; answer alarms with `vadkit feedback`, or give --videos"
            )
        return _update(run, recipe, versions, answers, wanted, refit)


def _wanted(run: Path, answers: Answers, now: Version, videos: Path | None) -> Wanted:
    folders = [Path(one) for one in now.videos]
    if videos is not None:
        folders.append(videos.expanduser().absolute())
    events = past_events(run, answers)
    alarms = [one for one in events if one.answer == "false" and one.record["kind"] == "alarm"]
    left_out = sorted(one.id for one in answers.valid("stretch", *LEFT_OUT))
    return Wanted(alarms, folders, left_out)


def _news(wanted: Wanted, now: Version, refit: bool) -> bool:
    known = {*now.accepted, *now.counted}
    return (
        {event.id for event in wanted.alarms} != known
        or len(wanted.videos) != len(now.videos)
        or wanted.left_out != now.left_out
        or (refit and not now.refitted and bool(now.left_out))
    )


def _update(
    run: Path,
    recipe: Recipe,
    versions: list[Version],
    answers: Answers,
    wanted: Wanted,
    refit: bool,
) -> Updated:
    from vadkit.engine.checkpoint import load_checkpoint
    from vadkit.workflows.detector import load_detector

    now, first = versions[-1], _first(versions)
    detector = load_detector(run)
    grows = {*now.accepted} <= {event.id for event in wanted.alarms}
    refit = refit or (now.refitted and not grows)
    anew = refit or not grows
    start = first if anew else now
    state = load_checkpoint(_file_of(run, start, now), detector.device)
    normal = _scores_so_far(run, start)
    if refit:
        method, normal = refitted(run, recipe, answers)
    else:
        method = _method(recipe, state["method"], detector)
    active = detector.calibration
    detector = replace(detector, method=method, calibration=_threshold_of(run, start, active))
    known = set() if anew else {*now.accepted}
    learned = learn_alarms(detector, run, wanted.alarms, known)
    videos = wanted.videos if anew else wanted.videos[len(now.videos) :]
    added = learn_videos(detector, videos)
    version = Version(
        number=next_number(run, versions),
        base=now.number,
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        digest="",
        accepted=[one.id for one in learned if one.accepted],
        counted=[one.id for one in learned if not one.accepted and one.scores is not None],
        videos=[str(one) for one in wanted.videos],
        left_out=wanted.left_out,
        refitted=refit or (now.refitted and not anew),
    )
    state["method"] = method.state_dict()
    version = add_version(run, versions, version, state)
    after = None
    if normal is not None:
        all_scores = _joined(normal, learned, added)
        settings = settings_like(recipe, active)
        after = _above(fit_reviewed(recipe, all_scores, settings, answers), learned)
        name = _keep(run, after, all_scores, version)
        version = version.model_copy(update={"calibration": name})
    make_current(run, versions, version)
    notes = _notes(method, learned, wanted, version, after)
    return Updated(version, active, after, learned, notes)


def _first(versions: Sequence[Version]) -> Version:
    """Return the version of training that the current one goes back to."""
    by_number = {one.number: one for one in versions}
    found = versions[-1]
    while found.base in by_number and found.base != found.number:
        found = by_number[found.base]
    return found


def _file_of(run: Path, version: Version, now: Version) -> Path:
    name = "last" if version.number == now.number else f"version-{version.number}"
    return checkpoint_file(run, name)


def _scores_so_far(run: Path, start: Version) -> NormalVideo | None:
    """Return the scores of normal video to start from; None for a run without a threshold.

    They are those of the active calibration, or of version ``start`` if an update made the active
    one from more than this version. False alarms are left out, because they are scored again.
    """
    active = next((one.name for one in kept_calibrations(run) if one.current), None)
    if active is None:
        return None
    made = active.startswith(UPDATE) and start.calibration is not None
    normal = scores_of(run, start.calibration if made and start.calibration else active)
    scores = {name: one for name, one in normal.scores.items() if not name.startswith(_ALARM)}
    source = normal.source.partition(_AND)[0]
    return replace(normal, scores=scores, source=source)


def _method(recipe: Recipe, state: dict[str, Any], detector: Detector) -> Method:
    """Return the method without changes for fast scoring, so that its state can be saved."""
    from vadkit.workflows.build import build_method

    method = build_method(recipe, detector.device).eval()
    method.load_state_dict(state)
    return method


def _joined(
    normal: NormalVideo, learned: Sequence[Learned], added: Sequence[NormalVideo]
) -> NormalVideo:
    """Return the scores of normal video, of false alarms and of added videos together."""
    scores, rates, videos = dict(normal.scores), dict(normal.rates), normal.videos
    for folder in added:
        scores |= {_ADDED + name: values for name, values in folder.scores.items()}
        rates |= {_ADDED + name: rate for name, rate in folder.rates.items()}
        videos += folder.videos
    # Those that the method could not learn are not typical of an hour of video; see `_above`.
    known = [one for one in learned if one.accepted and one.scores is not None]
    scores |= {_ALARM + one.id: one.scores for one in known if one.scores is not None}
    rates |= {_ALARM + one.id: one.fps for one in known}
    count = sum(name.startswith(_ADDED) for name in scores)
    more = [counted(count, "added video")] if count else []
    more += [counted(len(known), "false alarm")] if known else []
    source = normal.source + (_AND + " and ".join(more) if more else "")
    return replace(normal, scores=scores, rates=rates, source=source, videos=videos)


def _threshold_of(run: Path, start: Version, active: Calibration | None) -> Calibration | None:
    """Return the calibration that decides whether a false alarm is learned well enough.

    It is that of the version to start from, so that the same answers give the same model.
    """
    from vadkit.scoring.calibration import load_calibration

    if start.calibration is None:
        return active
    return load_calibration(run / "calibrations" / start.calibration) or active


def _above(found: Calibration, learned: Sequence[Learned]) -> Calibration:
    """Return the calibration with a threshold above all false alarms, as scored now."""
    peaks = [one.peak for one in learned if one.peak >= found.threshold]
    if not peaks:
        return found
    threshold = math.nextafter(max(peaks), math.inf)
    evidence = replace(found.evidence, threshold_high=max(found.evidence.threshold_high, threshold))
    warning = (
        f"{counted(len(peaks), 'false alarm')} could not be learned well enough, so the threshold "
        f"is just above, not the {found.threshold:.4g} of normal video; right alarms with lower "
        "scores are lost"
    )
    warnings = [*found.warnings, warning]
    return replace(found, threshold=threshold, evidence=evidence, warnings=warnings)


def _keep(run: Path, found: Calibration, normal: NormalVideo, version: Version) -> str:
    """Save a calibration without making it the active one; return its name."""
    digest = scored_with(run, f"version-{version.number}")
    return keep(run, found, normal, digest, f"{UPDATE}{version.number}", None)


def _notes(
    method: Method,
    learned: Sequence[Learned],
    wanted: Wanted,
    version: Version,
    after: Calibration | None,
) -> list[str]:
    notes = []
    if gone := [one.id for one in learned if one.scores is None]:
        notes.append(
            f"{counted(len(gone), 'false alarm')} could not be learned, because neither the video "
            f"nor the clip can be read: {', '.join(gone)}"
        )
    if not method.accepts and (wanted.alarms or wanted.videos):
        notes.append(
            "the method does not accept video after training, so only the threshold has changed"
        )
    if wanted.left_out and not version.refitted:
        count = len(wanted.left_out)
        notes.append(
            f"{count} stretch{'' if count == 1 else 'es'} of training video left the calibration; "
            "--refit leaves them out of training, too"
        )
    if after is not None:
        notes += [one for one in after.warnings if "could not be learned well" in one]
    else:
        notes.append("the run has no alarm threshold; set one with: vadkit calibrate RUN")
    return notes
