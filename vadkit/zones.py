"""Places in the picture that do not count: those of the recipe, and those added to a run later."""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock
from pydantic import BaseModel

from vadkit.errors import RecipeError, TrainingError
from vadkit.files import write_json
from vadkit.reading import checked, read_json
from vadkit.recipe import Recipe, Zone
from vadkit.schedule import is_on

FILE = "zones.json"
# More than anyone draws; a page could otherwise fill the disk.
_MOST = 200
# Seconds to wait for another program that changes the zones.
_PATIENCE_S = 10.0


class _File(BaseModel):
    """``zones.json`` of a run."""

    zones: list[Zone]


def read_zones(run: Path) -> tuple[Zone, ...]:
    """Return the zones that were added to a run; raise ``TrainingError`` for a damaged file."""
    try:
        data = read_json(run / FILE, _File, "delete it, and draw its zones again")
    except FileNotFoundError:
        return ()
    return tuple(checked(_File, data).zones)


def add_zone(
    run: Path,
    polygon: Sequence[Sequence[float]],
    *,
    name: str | None = None,
    camera: str | None = None,
) -> Zone:
    """Add a place to ignore to a run, at all times; return it.

    ``polygon`` has corners (x, y) as shares of the picture. Without a name, it is called "place 1"
    and so on. With ``camera``, it holds only for that camera. Raises ``RecipeError`` for an
    unusable polygon or a name that is already used.
    """
    with _changing(run):
        zones = read_zones(run)
        used = {zone.name for zone in zones}
        if name is None:
            name = next(f"place {n}" for n in range(1, _MOST + 2) if f"place {n}" not in used)
        if name in used:
            raise RecipeError(f"there is already a zone '{name}'; use another name")
        if len(zones) >= _MOST:
            raise RecipeError(f"the run already has {_MOST} zones; remove some first")
        try:
            corners = [list(corner) for corner in polygon]
            zone = checked(Zone, {"name": name, "polygon": corners, "camera": camera})
        except ValueError as error:
            raise RecipeError(f"zone: {error}") from None
        _write(run, [*zones, zone])
    return zone


def remove_zone(run: Path, name: str) -> None:
    """Remove a zone that was added to a run. Raises ``RecipeError`` if there is none."""
    with _changing(run):
        zones = read_zones(run)
        rest = [zone for zone in zones if zone.name != name]
        if len(rest) == len(zones):
            raise RecipeError(f"the run has no added zone '{name}'; zones of the recipe stay")
        _write(run, rest)


def _changing(run: Path) -> FileLock:
    if not run.is_dir():
        raise TrainingError(f"the run folder {run} does not exist")
    return FileLock(run / ".zones.lock", timeout=_PATIENCE_S)


def _write(run: Path, zones: Sequence[Zone]) -> None:
    write_json(run / FILE, {"zones": [zone.model_dump(mode="json") for zone in zones]})


def with_added(recipe: Recipe, run: Path) -> Recipe:
    """Return a run's recipe with the zones that were added to the run."""
    added = read_zones(run)
    return recipe.model_copy(update={"zones": [*recipe.zones, *added]}) if added else recipe


def sometimes(zones: Iterable[Zone]) -> str:
    """Say that zones of some hours or of one camera do not hold in files; "" without such zones."""
    names = ", ".join(f"'{zone.name}'" for zone in zones if not zone.always)
    return (
        f"zones {names} do not hold here: they have hours or a camera, and files have no time of "
        "day and are no camera"
        if names
        else ""
    )


def now_on(
    zones: Iterable[Zone], when: datetime.datetime | None = None, camera: str | None = None
) -> tuple[Zone, ...]:
    """Return the zones that hold for a camera at a local time.

    Without a camera, or without a time, zones with a camera or with hours do not hold.
    """
    return tuple(
        zone
        for zone in zones
        if zone.camera in (None, camera)
        and ((zone.hours is None and zone.days is None) or _is_on(zone, when))
    )


def _is_on(zone: Zone, when: datetime.datetime | None) -> bool:
    return when is not None and is_on(zone.hours, zone.days, when)


def always_digest(zones: Iterable[Zone]) -> str:
    """Return a short hash of the zones that always hold, "" if there are none.

    Zones with hours change no saved scores, because saved scores have no time of day.
    """
    polygons = sorted(json.dumps(zone.polygon) for zone in now_on(zones))
    if not polygons:
        return ""
    return hashlib.blake2b("\n".join(polygons).encode(), digest_size=8).hexdigest()


@functools.lru_cache(maxsize=32)
def mask(zones: tuple[Zone, ...], size: tuple[int, int]) -> np.ndarray | None:
    """Return which pixels (H, W) of a picture have their centre in a zone; None if none has.

    Callers share the result and must not change it.
    """
    found = np.zeros(size, bool)
    for zone in zones:
        found |= _inside(np.array(zone.polygon, float), size)
    found.flags.writeable = False
    return found if found.any() else None


def _inside(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centre is inside a polygon (even-odd rule)."""
    height, width = size
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    found = np.zeros(size, bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y1 <= y) != (y2 <= y)
        if crosses.any():
            at = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
            found ^= crosses[:, None] & (x < at[:, None])
    return found
