"""The saved calibrations of a run, each under a name with its scores; one of them is active."""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from vadkit.errors import DataError, RecipeError, VadkitError
from vadkit.files import write_json, write_whole_folder
from vadkit.reading import read_json
from vadkit.workflows.calibrate.normal_video import NormalVideo
from vadkit.workflows.calibrate.scores_file import read_scores, write_scores
from vadkit.zones import always_digest, read_zones

if TYPE_CHECKING:
    from vadkit.scoring.calibration import Calibration

TRAINING = "training"
# The start of the names of calibrations that `vadkit update` makes.
UPDATE = "update-"
FOLDER_SOURCE = "the videos in "
_FILE = "calibration.json"
# The name of the active one. `calibration.json` decides; this tells equal ones apart.
_ACTIVE = "calibrations.json"
_NAME = re.compile(r"[\w][\w.-]{0,63}")


@dataclass(frozen=True)
class SavedCalibration:
    """A saved calibration of a run; ``current`` marks the active one.

    ``stale`` means that its scores come from another checkpoint than the run's current one, or from
    before a zone was added.
    """

    name: str
    found: Calibration
    current: bool
    stale: bool

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data."""
        seen = self.found.evidence
        return {
            "name": self.name,
            "current": self.current,
            "stale": self.stale,
            "threshold": self.found.threshold,
            "method": self.found.method,
            "false_alarms_per_hour": self.found.false_alarms_per_hour,
            "alarm_time": self.found.alarm_time,
            "inside_alarms": seen.alarm_time,
            "videos": seen.videos,
            "hours": seen.hours,
            "source": seen.source,
        }


def kept_calibrations(run: Path) -> list[SavedCalibration]:
    """Return all calibrations of a run, by name; raise an error that names an unreadable one."""
    from vadkit.scoring.calibration import load_calibration

    now = load_calibration(run)
    kept = {}
    for folder in sorted(path.parent for path in (run / "calibrations").glob(f"*/{_FILE}")):
        one = load_calibration(folder)
        if one is not None:
            kept[folder.name] = one
    active = _active(run, [name for name, one in kept.items() if one == now])
    found = [
        SavedCalibration(name, one, name == active, _stale(run, name)) for name, one in kept.items()
    ]
    if now is not None and not any(one.current for one in found):
        # An earlier version saved only one calibration.
        name = _free_name(run, _old_name(run))
        found.append(SavedCalibration(name, now, True, _stale(run, TRAINING)))
    return found


def active_update(run: Path) -> str | None:
    """Return the name of the active calibration if `vadkit update` made it, or its scores."""
    active = [one.name for one in kept_calibrations(run) if one.current]
    return next((name for name in active if name.startswith(UPDATE)), None)


def use(run: Path, name: str) -> Calibration:
    """Activate a saved calibration. Raises ``RecipeError`` if there is none of this name."""
    found = _find(run, name).found
    keep_old(run)
    set_current(run, found, name)
    return found


def scores_of(run: Path, name: str) -> NormalVideo:
    """Return the scores that a calibration is based on."""
    _find(run, name)
    keep_old(run)
    return _scores(run, name)


def current_scores(run: Path) -> tuple[Calibration, NormalVideo]:
    """Return the active calibration with its scores; writes nothing.

    Raises ``DataError`` if the run has none.
    """
    for one in kept_calibrations(run):
        if one.current:
            return one.found, _scores(run, one.name)
    raise DataError(f"run {run} has no alarm threshold; set one with: vadkit calibrate {run}")


def _scores(run: Path, name: str) -> NormalVideo:
    normal = read_scores(_scores_path(run, name))
    if normal is None:
        raise DataError(f"the scores of calibration '{name}' of {run} are missing or damaged")
    return normal[0]


def keep(
    run: Path,
    found: Calibration,
    normal: NormalVideo,
    digest: str | None,
    base: str,
    name: str | None,
) -> str:
    """Save a calibration and its scores under ``name``, by default ``base`` or ``base-2``.

    An identical calibration is not saved twice. Returns the name.
    """
    if name is None:
        if _same(run, base, found):
            return base
        name = _free_name(run, base)
    try:
        with write_whole_folder(run / "calibrations" / name) as folder:
            if name != TRAINING:
                write_scores(folder / "normal.npz", normal, digest)
            write_json(folder / _FILE, found.to_dict())
    except FileExistsError:
        raise RecipeError(taken(name)) from None
    return name


def keep_trained(run: Path, found: Calibration) -> None:
    """Save the calibration that training made; replaces the one of an earlier training."""
    write_json(run / "calibrations" / TRAINING / _FILE, found.to_dict())


def set_current(run: Path, found: Calibration, name: str) -> None:
    """Make the calibration of this name the active one, which every command uses."""
    write_json(run / _ACTIVE, {"active": name})
    write_json(run / _FILE, found.to_dict())


def keep_old(run: Path) -> None:
    """Save the unnamed calibration of an earlier version before a new one replaces it."""
    from vadkit.scoring.calibration import load_calibration

    now = load_calibration(run)
    if now is None or any(
        one.current and (run / "calibrations" / one.name).is_dir() for one in kept_calibrations(run)
    ):
        return
    scores, name = run / "scores" / "normal.npz", _free_name(run, _old_name(run))
    with write_whole_folder(run / "calibrations" / name) as folder:
        if name != TRAINING and scores.is_file():
            shutil.copyfile(scores, folder / "normal.npz")
        write_json(folder / _FILE, now.to_dict())


def check_name(run: Path, name: str | None) -> None:
    """Raise ``RecipeError`` for an invalid or used name, before anything is scored."""
    if name is None:
        return
    if not _NAME.fullmatch(name):
        raise RecipeError(
            f"--name {name!r}: use up to 64 letters, digits, '-', '_' and '.', and start with a "
            "letter or digit"
        )
    if name == TRAINING or (run / "calibrations" / name).exists():
        raise RecipeError(taken(name))


def taken(name: str) -> str:
    """The error message for a name that is already used."""
    return (
        f"the run already has a calibration '{name}', and none is overwritten; give another --name"
    )


def folder_name(folder: Path) -> str:
    """Return the name of a calibration on a folder of videos."""
    plain = re.sub(r"[^\w.-]+", "_", folder.expanduser().resolve().name).strip("._-")[:48]
    return plain if plain and plain != TRAINING else "videos"


class _Active(BaseModel):
    """The file that names the active calibration."""

    active: str


def _active(run: Path, equal: list[str]) -> str | None:
    """Return the name of the active one among those that equal ``calibration.json``.

    Runs of earlier versions do not name it; then it is the first.
    """
    with contextlib.suppress(OSError, VadkitError):
        named = read_json(run / _ACTIVE, _Active, "delete it")["active"]
        if named in equal:
            return str(named)
    return equal[0] if equal else None


def _find(run: Path, name: str) -> SavedCalibration:
    kept = {one.name: one for one in kept_calibrations(run)}
    if name not in kept:
        known_names = ", ".join(kept) or "none"
        raise RecipeError(f"run {run} has no calibration '{name}'; choose one of: {known_names}")
    return kept[name]


def _same(run: Path, name: str, found: Calibration) -> bool:
    from vadkit.scoring.calibration import load_calibration

    with contextlib.suppress(VadkitError):
        return load_calibration(run / "calibrations" / name) == found
    return False


def _free_name(run: Path, base: str) -> str:
    name, number = base, 1
    while (run / "calibrations" / name).exists():
        number += 1
        name = f"{base}-{number}"
    return name


def _old_name(run: Path) -> str:
    """Return the name for a calibration of an earlier version: "training", or its folder's."""
    from vadkit.scoring.calibration import load_calibration

    now = load_calibration(run)
    source = now.evidence.source if now is not None else ""
    if source.startswith(FOLDER_SOURCE):
        return folder_name(Path(source.removeprefix(FOLDER_SOURCE)))
    return TRAINING


def _scores_path(run: Path, name: str) -> Path:
    own = run / "calibrations" / name / "normal.npz"
    return own if own.is_file() else run / "scores" / "normal.npz"


def scored_with(run: Path, name: str = "last") -> str | None:
    """Return a digest of a checkpoint of the run and of its added zones; None without it."""
    from vadkit.workflows.evaluate.run_scores import checkpoint_digest

    checkpoint = run / "checkpoints" / f"{name}.pt"
    if not checkpoint.is_file():
        return None
    zones = always_digest(read_zones(run))
    return checkpoint_digest(checkpoint) + (f"+{zones}" if zones else "")


def _stale(run: Path, name: str) -> bool:
    now, read = scored_with(run), read_scores(_scores_path(run, name))
    return bool(now and read and read[1] != now)
