"""The versions of a run's model: training made the first one, and updates make further ones.

``RUN/versions.json`` lists them. The checkpoint of version n is ``checkpoints/version-n.pt``; the
current one is also ``last.pt``, which every command uses.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from vadkit.errors import TrainingError
from vadkit.files import write_json, write_whole
from vadkit.reading import checked, read_json
from vadkit.workflows.calibrate.saved import kept_calibrations, use
from vadkit.workflows.evaluate.run_scores import checkpoint_digest
from vadkit.workflows.run import checkpoint_file, update_manifest

_FILE = "versions.json"
_Name = Annotated[str, Field(max_length=200)]


class Version(BaseModel):
    """A version of the model.

    ``base`` is the version that it was made from. ``digest`` is that of its checkpoint, and
    ``calibration`` the name of its calibration, None if it has none. ``accepted`` are the alarms
    whose video was added, ``counted`` those whose scores are only in the calibration, ``videos``
    the folders that were added, and ``left_out`` the stretches of training video that count no
    longer. ``refitted`` says that it was fitted without these stretches.
    """

    number: Annotated[int, Field(ge=1)]
    base: Annotated[int, Field(ge=1)] | None = None
    at: str = ""
    digest: str
    calibration: _Name | None = None
    accepted: list[_Name] = []
    counted: list[_Name] = []
    videos: list[str] = []
    left_out: list[str] = []
    refitted: bool = False


class _File(BaseModel):
    format: Literal["vadkit-versions-1"] = "vadkit-versions-1"
    current: int
    versions: Annotated[list[Version], Field(min_length=1)]


def read_versions(run: Path) -> list[Version]:
    """Return all versions, the current one last; training's alone if there was no update.

    If the checkpoint is not that of the current version, training has continued since then, and
    the checkpoint is a new first version.
    """
    last = checkpoint_file(run, "last")
    if not last.is_file():
        raise TrainingError(f"no checkpoint at {last}; train the run first")
    try:
        advice = "delete it; the current model stays"
        known = checked(_File, read_json(run / _FILE, _File, advice))
    except FileNotFoundError:
        return [_trained(run, 1)]
    digest = checkpoint_digest(last)
    by_number = {one.number: one for one in known.versions}
    current = by_number.get(known.current)
    if current is None or current.digest != digest:
        # An update that was killed while it became current has the number of a known file.
        found = [one for one in known.versions if one.digest == digest]
        current = found[-1] if found else _trained(run, max(by_number) + 1)
    others = [one for one in known.versions if one.number != current.number]
    return [*others, current]


def add_version(run: Path, versions: list[Version], new: Version, state: dict[str, Any]) -> Version:
    """Write the checkpoint of a new version; it is not current yet.

    Returns the version with the digest of its checkpoint.
    """
    from vadkit.engine.checkpoint import save_checkpoint

    base = versions[-1]
    kept = checkpoint_file(run, f"version-{base.number}")
    if not kept.is_file():
        _copy(checkpoint_file(run, "last"), kept)
    path = checkpoint_file(run, f"version-{new.number}")
    save_checkpoint(path, state)
    return new.model_copy(update={"digest": checkpoint_digest(path)})


def make_current(run: Path, versions: list[Version], version: Version) -> None:
    """Make a version the one that every command uses, with its calibration."""
    others = [one for one in versions if one.number != version.number]
    ordered = sorted([*others, version], key=lambda one: one.number)
    # First, so that a version whose file is in place is always known.
    write_json(run / _FILE, _File(current=version.number, versions=ordered).model_dump())
    path = checkpoint_file(run, f"version-{version.number}")
    if not path.is_file():
        raise TrainingError(f"the checkpoint of version {version.number} is missing: {path}")
    _copy(path, checkpoint_file(run, "last"))
    if version.calibration is not None:
        use(run, version.calibration)
    update_manifest(run, version=version.model_dump())


def undo(run: Path) -> Version:
    """Return to the version that the current one was made from.

    Raises ``TrainingError`` if training made the current version.
    """
    versions = read_versions(run)
    base = next((one for one in versions if one.number == versions[-1].base), None)
    if base is None:
        raise TrainingError(f"the model of {run} is the one that training made; nothing to undo")
    make_current(run, versions, base)
    return base


def next_number(run: Path, versions: list[Version]) -> int:
    """Return a number that no version and no file has."""
    number = max(one.number for one in versions) + 1
    while checkpoint_file(run, f"version-{number}").exists():
        number += 1
    return number


def _trained(run: Path, number: int) -> Version:
    active = next((one.name for one in kept_calibrations(run) if one.current), None)
    digest = checkpoint_digest(checkpoint_file(run, "last"))
    return Version(number=number, digest=digest, calibration=active)


def _copy(source: Path, target: Path) -> None:
    with write_whole(target) as partial:
        shutil.copyfile(source, partial)
