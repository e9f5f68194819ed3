"""Find recipes: files, and the recipes that come with vadkit."""

from __future__ import annotations

import difflib
from pathlib import Path

from vadkit.recipe.plugins import file_exists

SHIPPED = (Path(__file__).parent / "shipped", Path(__file__).parents[2] / "recipes")
_ENDINGS = (".yaml", ".yml")
# Longer names are not compared: this takes long, and no name is similar.
_LONGEST_NAME = 100


def find_recipe(name: str | Path) -> Path:
    """Return the path of a recipe file, or of a built-in recipe such as ``quickstart``."""
    path = Path(name)
    if file_exists(path) or path.suffix in _ENDINGS:
        return path
    for folder in SHIPPED:
        shipped = folder / f"{name}.yaml"
        if file_exists(shipped):
            return shipped
    return path


def shipped_files() -> dict[str, Path]:
    """Return the files of the built-in recipes by name, such as ``ped2/memae``, sorted."""
    for folder in SHIPPED:
        found = {
            path.relative_to(folder).with_suffix("").as_posix(): path
            for path in folder.rglob("*.yaml")
        }
        if found:
            # Recipes without a folder come first.
            return dict(sorted(found.items(), key=lambda item: ("/" in item[0], item[0])))
    return {}


def nearest_recipes(name: str | Path, count: int = 4) -> list[str]:
    """Return the names of the built-in recipes that are most similar to a name or a path."""
    path = Path(name)
    wanted = (path.with_suffix("") if path.suffix in _ENDINGS else path).as_posix().lower()
    last = "/".join(wanted.split("/")[-2:])
    if len(last) > _LONGEST_NAME:
        return []

    def likeness(known: str) -> float:
        # "memae" and "ped2-memae" mean "ped2/memae".
        forms = (known, known.rpartition("/")[2], known.replace("/", "-"))
        return max(difflib.SequenceMatcher(None, last, form).ratio() for form in forms)

    ranked = sorted(((likeness(known), known) for known in shipped_files()), key=lambda x: -x[0])
    return [known for ratio, known in ranked[:count] if ratio >= 0.6]
