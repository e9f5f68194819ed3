"""The built-in recipes: method, data set and summary of each."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

from vadkit.errors import RecipeError
from vadkit.recipe.locate import nearest_recipes, shipped_files
from vadkit.recipe.source import parse, read_recipe_text
from vadkit.text import printable


@dataclass(frozen=True)
class RecipeEntry:
    """One built-in recipe; ``summary`` is the first sentence of the comment at its top."""

    name: str
    method: str
    dataset: str
    summary: str
    path: Path

    @property
    def text(self) -> str:
        """All its words, for a search."""
        return " ".join((self.name, self.method, self.dataset, self.summary))

    def as_data(self) -> dict[str, str]:
        """Return JSON-like data."""
        return {**asdict(self), "path": str(self.path)}


def built_in_recipes(word: str | None = None) -> list[RecipeEntry]:
    """Return the recipes that come with vadkit, sorted by name.

    ``word`` selects recipes that contain it in their name, method, data set or summary. Raises
    ``RecipeError`` if there is none.
    """
    entries = [_listed(name, path) for name, path in shipped_files().items()]
    if word is None:
        return entries
    chosen = [one for one in entries if word.lower() in one.text.lower()]
    if not chosen:
        near = [f"'{name}'" for name in nearest_recipes(word)]
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise RecipeError(f"no built-in recipe has the word '{printable(word)}'{hint}")
    return chosen


def _listed(name: str, path: Path) -> RecipeEntry:
    text = read_recipe_text(path)
    data, _, _ = parse(text, str(path))
    return RecipeEntry(
        name, data["method"]["type"], data["dataset"]["type"], _first_sentence(text), path
    )


def _first_sentence(text: str) -> str:
    comment = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# "))
    return re.split(r"(?<=\.)\s", " ".join(comment), maxsplit=1)[0]
