"""The file of a site: cameras, each with its address, model, zones, schedule and sinks."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from vadkit.errors import RecipeError
from vadkit.files import describe_os_error
from vadkit.recipe import AlarmSettings, Keep, RecipeFaults, Spec, Zone, check_components
from vadkit.recipe.faults import Fault
from vadkit.recipe.model import Scheduled, Section
from vadkit.recipe.parts import check_params
from vadkit.recipe.source import parse, read_recipe_text
from vadkit.schedule import is_on
from vadkit.text import printable

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"\w[\w .-]{0,99}")


class OtherRun(Scheduled):
    """A run that watches a camera in some hours instead of its usual one."""

    run: Path


class SiteCamera(Section):
    """A camera: ``source`` is its address, in which ``${NAME}`` is a variable or a secret.

    ``run`` watches it, or the first run of ``schedule`` whose hours it is. ``zones`` are places
    that do not count, ``alarms`` change the rules of the run, and ``sinks`` replace those of the
    site.
    """

    source: Annotated[str, Field(min_length=1)]
    run: Path
    schedule: list[OtherRun] = Field(default_factory=list)
    zones: list[Zone] = Field(default_factory=list)
    alarms: dict[str, Any] = Field(default_factory=dict)
    sinks: list[dict[str, Any]] | None = None
    stretch: bool = False

    def run_at(self, when: datetime.datetime) -> Path:
        """Return the run that watches the camera at this local time."""
        for other in self.schedule:
            if is_on(other.hours, other.days, when):
                return other.run
        return self.run


class Site(Section):
    """Several cameras that are watched together.

    Paths are relative to the file. ``out`` is the folder for events, by default next to the file.
    ``secrets`` is a file of lines ``NAME=value``, which only its owner should be able to read.
    """

    name: str = ""
    out: Path | None = None
    secrets: Path | None = None
    keep: Keep = Keep()
    sinks: list[dict[str, Any]] = Field(default_factory=lambda: [{"type": "snapshots"}])
    cameras: Annotated[dict[str, SiteCamera], Field(min_length=1)]

    def runs(self) -> set[Path]:
        """Return all runs, also those of some hours."""
        cameras = self.cameras.values()
        return {run for one in cameras for run in (one.run, *(other.run for other in one.schedule))}

    def sinks_of(self, camera: str) -> list[Spec]:
        """Return the sinks of a camera."""
        own = self.cameras[camera].sinks
        return [Spec(**one) for one in (self.sinks if own is None else own)]


def is_site(path: Path) -> bool:
    """Whether a path is meant as the file of a site, not as a run."""
    return path.suffix.lower() in (".yaml", ".yml") and not path.is_dir()


def load_site(path: Path) -> Site:
    """Read and check the file of a site.

    Raises ``RecipeFaults`` (a ``RecipeError``) with every error and its line.
    """
    needs = "a site needs 'cameras'; `vadkit init site` writes an example"
    data, origin, faults = parse(read_recipe_text(path), str(path), needs)
    checked = check_params(data, (), Site, faults)
    if not faults:
        faults += _faults(checked)
    if faults:
        raise RecipeFaults(faults, origin)
    site = Site.model_validate(checked)
    home = path.absolute().parent
    cameras = {
        name: camera.model_copy(
            update={
                "run": home / camera.run,
                "schedule": [
                    one.model_copy(update={"run": home / one.run}) for one in camera.schedule
                ],
            }
        )
        for name, camera in site.cameras.items()
    }
    return site.model_copy(
        update={
            "cameras": cameras,
            "out": home / (site.out or f"{path.stem}-events"),
            "secrets": None if site.secrets is None else home / site.secrets,
        }
    )


def _faults(site: Mapping[str, Any]) -> list[Fault]:
    faults = []
    for place, sinks in _sinks(site):
        try:
            check_components(sinks, "sinks", "list", ".".join(map(str, place)))
        except RecipeError as error:
            text = str(error).split(": ", 1)[-1]
            faults.append(Fault(place, text))
    for name, camera in site["cameras"].items():
        check_params(camera["alarms"], ("cameras", name, "alarms"), AlarmSettings, faults)
    faults += [
        Fault(("cameras", name), "use letters, digits, spaces, '-', '_' and '.' in the name")
        for name in site["cameras"]
        if not _NAME.fullmatch(name)
    ]
    return faults


def _sinks(site: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    own = [(("cameras", name, "sinks"), one["sinks"]) for name, one in site["cameras"].items()]
    return [(("sinks",), site["sinks"]), *((place, sinks) for place, sinks in own if sinks)]


def read_secrets(path: Path | None) -> dict[str, str]:
    """Return the secrets of a file of lines ``NAME=value``; ``RecipeError`` if it cannot be used.

    Values may be in quotes; empty lines and those that start with ``#`` do not count.
    """
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        open_to_all = path.stat().st_mode & 0o077
    except (OSError, UnicodeDecodeError) as error:
        said = describe_os_error(error) if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RecipeError(f"secrets cannot be read: {said}") from None
    if open_to_all:
        raise RecipeError(
            f"{printable(str(path))} has secrets that other users can read; run: chmod 600 "
            f"{printable(str(path))}"
        )
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name, mark, value = line.strip().partition("=")
        if not name or name.startswith("#"):
            continue
        if not mark or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
            # Not the line itself: it may be a secret.
            raise RecipeError(f"{printable(str(path))}, line {number}: not NAME=value")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name.strip()] = value
    return found


def address_of(name: str, camera: SiteCamera, secrets: Mapping[str, str]) -> str:
    """Return the address of a camera with its variables; ``RecipeError`` for an unknown one."""

    def value(match: re.Match[str]) -> str:
        found = secrets.get(match[1], os.environ.get(match[1]))
        if not found:
            raise RecipeError(
                f"camera {printable(name)}: {match[1]} is not set; put it in the environment or in "
                "the file of secrets"
            )
        return found

    return _VARIABLE.sub(value, camera.source)
