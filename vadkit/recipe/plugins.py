"""The plugin files that a recipe names, and which of them may run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from vadkit.errors import PluginError
from vadkit.plugins import load_plugin, load_trusted
from vadkit.recipe.faults import Fault, describe

# See `load_recipe`.
Code = Literal["named", "trusted", "run"]


def file_exists(path: Path) -> bool:
    """Whether a file exists; False for impossible names, such as too long ones."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def plugin_files(
    data: dict[str, Any], folder: Path, more: Sequence[Path] = ()
) -> tuple[list[Path], list[Fault]]:
    """Return the files in ``plugins`` and ``more``; the folder of the recipe is searched first.

    Stores them in ``data`` as absolute paths.
    """
    listed = data.get("plugins") or []
    if not isinstance(listed, list) or not all(
        isinstance(item, str) and "\0" not in item for item in listed
    ):
        return [], [Fault(("plugins",), f"must be a list of files; got {describe(listed)}")]
    paths = [folder / item if file_exists(folder / item) else Path(item) for item in listed]
    paths = list(dict.fromkeys([*paths, *map(Path, more)]))
    data["plugins"] = [str(path.resolve()) for path in paths]
    return paths, []


def load_plugins(files: Sequence[Path], folder: Path, code: Code) -> None:
    """Run the plugin files of a recipe in ``folder`` that ``code`` allows."""
    if code == "named":
        for path in files:
            load_plugin(path)
        return
    if code == "run":
        check_inside(files, folder)
    load_trusted(files)


def check_inside(files: Sequence[Path], run: Path) -> None:
    """Raise ``PluginError`` for a file that is not in the run's ``plugins`` folder."""
    home = run.resolve() / "plugins"
    for path in files:
        if path.resolve().parent != home:
            raise PluginError(
                f"{run / 'recipe.yaml'} names the plugin {path}, which is not in {home}; a run "
                "uses only the copies that training put there"
            )


def plugins_of_run(data: Mapping[str, Any], run: Path) -> list[Path]:
    """Return the plugin files of a run's recipe; ``PluginError`` for one outside of the run."""
    files, _ = plugin_files(dict(data), run)
    check_inside(files, run)
    return files
