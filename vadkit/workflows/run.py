"""Run folders: training writes them, and other commands read them."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel

from vadkit import trust
from vadkit.errors import RecipeError, TrainingError
from vadkit.files import remove_leftovers, write_bytes, write_json, write_text
from vadkit.plugins import Plugin, as_run
from vadkit.reading import read_json
from vadkit.recipe import Recipe, load_recipe
from vadkit.recipe.model import COMPONENT_SECTIONS
from vadkit.recipe.source import to_yaml
from vadkit.registry import find, parameters
from vadkit.text import printable
from vadkit.workflows.git import git_commit
from vadkit.zones import with_added

_log = logging.getLogger("vadkit.train")
_LOCK = ".lock"
_VERSIONS = (
    *("vadkit", "torch", "torchvision", "numpy", "imaug", "decord", "av", "scikit-learn"),
    *("onnx", "onnxruntime"),
)


def create_run(recipe: Recipe, source: Path | None, root: Path) -> Path:
    """Create ``<root>/<name>/<UTC time>-<hash>/`` with the original and the resolved recipe.

    Plugin files are copied into the run and paths are made absolute, so that the run can be used
    later and from any folder.
    """
    data = recipe.as_data()
    digest = hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=3).hexdigest()
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    run = root / recipe.name / f"{stamp}-{digest}"
    suffix = 1
    while run.exists():
        suffix += 1
        run = root / recipe.name / f"{stamp}-{digest}-{suffix}"
    run.mkdir(parents=True)
    if source is not None:
        shutil.copyfile(source, run / "source.yaml")
    data["plugins"] = _keep_plugins(recipe, run)
    data["dataset"] = _absolute_paths(data["dataset"], "datasets")
    if data["features"] is not None:
        data["features"] = _absolute_paths(data["features"], "extractors")
    if recipe.train.init is not None:
        data["train"]["init"] = str(Path(recipe.train.init).expanduser().absolute())
    _note_absent_roles(data)
    text = to_yaml(data)
    write_text(run / "recipe.yaml", text)
    if recipe.sinks:
        # See `own_sinks`.
        trust.remember_own({trust.digest(text.encode()): run / "recipe.yaml"}, "train")
    return run


def loose_components(recipe: Recipe) -> dict[str, list[str]]:
    """Return the names, by family, of components that no plugin of the recipe registers.

    A warning says that the run folder does not contain their code.
    """
    loose: dict[str, list[str]] = {}
    for section, (family, form) in COMPONENT_SECTIONS.items():
        part: Any = getattr(recipe, section)
        specs = [part] if form in ("one", "optional") else part
        for spec in specs.values() if isinstance(specs, Mapping) else specs:
            names = loose.get(family, [])
            if spec is not None and find(family, spec.type).loose and spec.type not in names:
                loose[family] = [*names, spec.type]
    if loose:
        _log.warning(
            "%s: not registered by a plugin file, so the run folder has no copy of the code and "
            "other processes, such as `vadkit eval`, cannot load the run",
            ", ".join(f"{family} '{name}'" for family in loose for name in loose[family]),
        )
    return loose


def _keep_plugins(recipe: Recipe, run: Path) -> list[str]:
    """Write the plugins into the run exactly as they ran, and record them as trusted."""
    kept: dict[str, Plugin] = {}
    for plugin in as_run(recipe.plugins):
        name, number = plugin.path.name, 1
        while f"plugins/{name}" in kept:
            number += 1
            name = f"{plugin.path.stem}-{number}{plugin.path.suffix}"
        kept[f"plugins/{name}"] = plugin
        write_bytes(run / "plugins" / name, plugin.content)
    trust.remember_own({one.digest: run / name for name, one in kept.items()}, "train")
    return list(kept)


def _note_absent_roles(data: dict[str, Any]) -> None:
    """Write roles that the recipe turned off as null; otherwise they would become defaults."""
    method: Any = find("methods", data["method"]["type"]).load()
    for place in sorted(method.optional):
        section, _, role = place.partition(".")
        data[section].setdefault(role, None)


def _absolute_paths(component: dict[str, Any], family: str) -> dict[str, Any]:
    """Make path parameters absolute."""
    declared = parameters(find(family, component["type"]).load())
    return {
        key: str(Path(value).expanduser().absolute())
        if isinstance(value, str) and key in declared and "Path" in str(declared[key].annotation)
        else value
        for key, value in component.items()
    }


def load_run(run: Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Return the resolved recipe of a run folder; raise ``TrainingError`` if it is not a run.

    Its plugins run if this user's training wrote them or if they are trusted; otherwise it raises
    ``PluginError``. A folder in the run that is a link to another place is a ``TrainingError``,
    because an untrusted run could redirect files in this way.
    """
    check_run(run)
    try:
        return with_added(load_recipe(run / "recipe.yaml", overrides, code="run"), run)
    except RecipeError as error:
        known = read_manifest(run).get("loose_components", {})
        loose = [
            f"{family} '{name}'"
            for family, names in known.items()
            for name in names
            if f"no {family} component named '{name}'" in str(error)
        ]
        if not loose:
            raise
        raise RecipeError(
            f"{error}\n{run} was trained in a notebook or script that registered "
            f"{printable(', '.join(loose))} itself; register the same there before you use the "
            "run, give a file with the code as --plugin FILE, or train again with this plugin"
        ) from None


def check_run(run: Path) -> None:
    """Raise ``TrainingError`` if it is not a run folder, or has links; nothing of it is loaded."""
    if not run.exists():
        raise TrainingError(f"no run at {run}; give the folder that `vadkit train` printed")
    if not (run / "recipe.yaml").is_file():
        raise TrainingError(f"{run} is not a run folder: it has no recipe.yaml")
    _refuse_links(run)


def plugin_digests(recipe: Recipe) -> tuple[str, ...]:
    """Return the digests of the plugins that a loaded recipe runs."""
    return tuple(one.digest for one in as_run(recipe.plugins))


def _refuse_links(run: Path) -> None:
    root = run.resolve()
    for place, folders, _ in os.walk(run):
        for folder in (Path(place, name) for name in folders):
            if folder.is_symlink() and not folder.resolve().is_relative_to(root):
                raise TrainingError(
                    f"{printable(str(folder))} is a link to {printable(str(folder.resolve()))}, "
                    "outside of the run; replace it by a folder (if the disk is too small, move "
                    "the whole run)"
                )


def checkpoint_file(run: Path, name: str) -> Path:
    """Return the file of a checkpoint by its name; a path raises ``TrainingError``."""
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise TrainingError(
            f"'{printable(name)}' is not the name of a checkpoint; use a name such as last or best"
        )
    return run / "checkpoints" / f"{name}.pt"


class _TestSplit(BaseModel):
    videos: dict[str, str] = {}


class _DataSet(BaseModel):
    held_out: list[str] = []
    skipped: list[dict[str, Any]] = []


class _Manifest(BaseModel):
    """The entries of a manifest that vadkit reads; there may be others."""

    status: str = ""
    loose_components: dict[str, list[str]] = {}
    test: _TestSplit = _TestSplit()
    dataset: _DataSet = _DataSet()


def read_manifest(run: Path) -> dict[str, Any]:
    """Return ``manifest.json`` as data, empty if there is none yet."""
    path, advice = run / "manifest.json", "delete it, or train again"
    try:
        data: dict[str, Any] = read_json(path, _Manifest, advice)
    except FileNotFoundError:
        return {}
    return data


def require_run(run: Path) -> None:
    """Raise ``TrainingError`` if a run folder has disappeared, before something recreates it."""
    if not run.is_dir():
        raise TrainingError(f"the run folder {run} was moved or deleted during the command")


def update_manifest(run: Path, **entries: Any) -> None:
    """Merge entries into ``manifest.json``; raise ``TrainingError`` if the run has disappeared."""
    require_run(run)
    write_json(run / "manifest.json", {**read_manifest(run), **entries})


def note_end(run: Path, **entries: Any) -> None:
    """Merge entries about the end of training into ``manifest.json``, if possible.

    Never raises, because another error is already being reported. On a full disk, the old file is
    overwritten in place, which needs no extra space.
    """
    try:
        update_manifest(run, **entries)
    except (OSError, TrainingError):
        with contextlib.suppress(OSError, TrainingError):
            text = json.dumps({**read_manifest(run), **entries}, indent=2) + "\n"
            with (run / "manifest.json").open("r+", encoding="utf-8") as file:
                file.write(text)
                file.truncate()


@contextlib.contextmanager
def training_lock(run: Path) -> Iterator[None]:
    """Keep other processes from training a run; raise ``TrainingError`` if one already does.

    The operating system releases the lock when the process ends, for any reason.
    """
    lock = FileLock(run / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise TrainingError(
            f"another process is training {run}; wait until it is done, or stop it first"
        ) from None
    try:
        remove_leftovers(run)
        remove_leftovers(run / "checkpoints")
        yield
    finally:
        lock.release()


def is_being_trained(run: Path) -> bool:
    """Whether a process on this machine is training the run now."""
    if not (run / _LOCK).is_file():
        return False
    try:
        with FileLock(run / _LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        # Nobody can train a run on a read-only disk.
        return False


def environment() -> dict[str, Any]:
    """Return versions, platform and git commit for the manifest."""
    versions: dict[str, str | None] = {}
    for name in _VERSIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "versions": versions,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_cores": os.cpu_count(),
        "git": git_commit(),
    }
