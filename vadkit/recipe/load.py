"""Load a recipe: read its file, apply overrides, run its plugins, and check every part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vadkit.arguments import as_path, as_paths, as_texts
from vadkit.recipe.data_folder import with_data_folder
from vadkit.recipe.faults import Fault, Origin, Place, count
from vadkit.recipe.locate import find_recipe
from vadkit.recipe.model import Recipe
from vadkit.recipe.plugins import Code, load_plugins, plugin_files
from vadkit.recipe.resolve import resolve
from vadkit.recipe.source import parse, parse_override, read_recipe_text


def load_recipe(
    path: str | Path,
    overrides: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    *,
    code: Code = "named",
) -> Recipe:
    """Read, complete and check a recipe file, or a built-in recipe such as ``quickstart``.

    ``overrides`` are texts such as ``train.epochs=1``. ``plugins`` are files to load in addition to
    those that the recipe names. ``code`` says which plugins may run. ``named`` runs all of them,
    for a recipe that the user chose to train. ``trusted`` and ``run`` (for the recipe of a run
    folder, with plugins in its ``plugins`` folder) run only trusted ones.

    Raises ``RecipeFaults`` (a ``RecipeError``) with every error, and ``PluginError`` if a plugin
    cannot be loaded or is not trusted.
    """
    overrides, plugins = as_texts(overrides, "overrides"), as_paths(plugins, "plugins")
    path = find_recipe(as_path(path, "path"))
    data, origin, faults = read_recipe(path, overrides)
    files, wrong = plugin_files(data, path.parent, plugins)
    load_plugins(files, path.parent, code)
    return resolve(data, origin, [*faults, *wrong])


def read_recipe(
    path: Path, overrides: Sequence[str] = ()
) -> tuple[dict[str, Any], Origin, list[Fault]]:
    """Return the data of a recipe with overrides applied, before components are looked up.

    Paths below ``datasets`` are paths in the user's folder of data sets, if there is one.
    """
    data, origin, faults = parse(read_recipe_text(path), str(path))
    for text in overrides:
        place, value = parse_override(text)
        fault = set_value(data, place, value)
        origin.overrides[place] = text
        if fault:
            faults.append(fault)
    data.setdefault("name", path.stem)
    return with_data_folder(data), origin, faults


def set_value(data: dict[str, Any], place: Place, value: Any) -> Fault | None:
    """Set an override at its place; create mappings if needed."""
    target: Any = data
    for depth, part in enumerate(place):
        last = depth == len(place) - 1
        if isinstance(target, list):
            if not isinstance(part, int) or part >= len(target):
                message = f"there is no entry '{part}'; the list has {count(len(target), 'value')}"
                return Fault(place, f"{message}, counted from 0")
        elif isinstance(target, dict):
            part = str(part)
            if not last and target.get(part) is None:
                target[part] = {}
        else:
            return Fault(place, f"'{'.'.join(map(str, place[:depth]))}' is a plain value")
        if last:
            target[part] = value
        else:
            target = target[part]
    return None
