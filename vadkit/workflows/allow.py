"""Implementation of ``--trust-plugins``: record that the code in a run or a model may run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vadkit import trust
from vadkit.arguments import as_paths
from vadkit.plugins import read_plugin
from vadkit.recipe.load import read_recipe
from vadkit.recipe.locate import find_recipe
from vadkit.recipe.plugins import plugin_files, plugins_of_run
from vadkit.workflows.progress import say

TORCH_SUFFIX = ".pt2"


def allow(places: Iterable[str | Path]) -> None:
    """Record the digests of plugins of runs and recipes, and of ``.pt2`` files, as trusted.

    If a run's recipe has sinks, the recipe is recorded too, because its sinks may send alarms to
    other machines.

    Prints each file on stderr. Raises ``PluginError`` for a plugin outside of its run folder, and
    if nothing can be recorded. Ignores places that are not runs; the command reports them.
    """
    found: dict[str, Path] = {}
    for place in as_paths(places, "places"):
        if place.suffix == TORCH_SUFFIX and place.is_file():
            found[trust.digest(place.read_bytes())] = place
        recipe = place / "recipe.yaml"
        if recipe.is_file() and read_recipe(recipe)[0].get("sinks"):
            found[trust.digest(recipe.read_bytes())] = recipe
        for path in _plugins_of(place):
            plugin = read_plugin(path)
            found[plugin.digest] = plugin.path
    new = {one: path for one, path in found.items() if not trust.is_trusted(one)}
    trust.remember(new, "--trust-plugins")
    for one, path in new.items():
        say(f"trusted from now on: {path} (sha256 {one}), recorded in {trust.trust_file()}")


def _plugins_of(place: Path) -> list[Path]:
    if (place / "recipe.yaml").is_file():
        return plugins_of_run(read_recipe(place / "recipe.yaml")[0], place)
    recipe = find_recipe(place)
    if recipe.suffix in (".yaml", ".yml") and recipe.is_file():
        return plugin_files(read_recipe(recipe)[0], recipe.parent)[0]
    return []
