"""Check a recipe without running plugins; their component names are read from the source text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vadkit.errors import PluginError
from vadkit.plugins import Plugin, read_plugin
from vadkit.recipe.load import read_recipe
from vadkit.recipe.locate import find_recipe
from vadkit.recipe.model import Recipe
from vadkit.recipe.plugins import plugin_files
from vadkit.recipe.resolve import resolve_data
from vadkit.registry import FAMILIES, Component, declaring


@dataclass(frozen=True)
class CheckedRecipe:
    """A recipe with defaults filled in, and notes on what could not be checked."""

    data: dict[str, Any]
    notes: tuple[str, ...] = ()


def check_recipe(
    path: str | Path, overrides: Sequence[str] = (), plugins: Sequence[Path] = ()
) -> CheckedRecipe:
    """Check a recipe like ``load_recipe``, but run none of its plugins.

    The names of a plugin's components and parameters come from its source text. The values of these
    parameters are not checked, and the defaults of a plugin's method are not filled in.
    """
    path = find_recipe(path)
    data, origin, faults = read_recipe(path, overrides)
    files, wrong = plugin_files(data, path.parent, plugins)
    read = [read_plugin(file) for file in files]
    found = [one for plugin in read for one in declarations(plugin)]
    with declaring(found):
        full = resolve_data(data, origin, [*faults, *wrong])
    method = full["method"]["type"]
    ours = [one.origin for one in found if (one.family, one.name) == ("methods", method)]
    notes = [
        f"{plugin.path} was not run: values of the parameters of its components were not checked"
        for plugin in read
    ]
    if ours:
        notes.append(
            f"method '{method}' is in a plugin, so its defaults and roles were not filled in"
        )
        known = {name: full[name] for name in Recipe.model_fields if name in full}
        return CheckedRecipe(known, tuple(notes))
    return CheckedRecipe(Recipe.model_validate(full).as_data(), tuple(notes))


def declarations(plugin: Plugin) -> Iterator[Component]:
    """Find the calls ``vadkit.register("family", "name")`` in a plugin's source text.

    Raises ``PluginError`` for text that is not Python, and for a family that does not exist.
    """
    try:
        tree = ast.parse(plugin.content)
    except SyntaxError as error:
        where = f"{plugin.path}:{error.lineno or 1}"
        raise PluginError(f"plugin {where}: SyntaxError: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise PluginError(f"plugin {plugin.path} is not Python: {error}") from None
    decorated = {
        id(mark): node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
        for mark in node.decorator_list
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or (names := _registered(node)) is None:
            continue
        family, name = names
        if family not in FAMILIES:
            raise PluginError(
                f"plugin {plugin.path}:{node.lineno}: unknown family '{family}'; "
                f"families are {', '.join(FAMILIES)}"
            )
        attribute = decorated.get(id(node), "")
        target = f"{plugin.path}:{attribute}"
        yield Component(family, name, target, str(plugin.path), declared=True)


def _registered(node: ast.Call) -> tuple[str, str] | None:
    """Return family and name of a call such as ``vadkit.register("hooks", "mine")``."""
    if len(node.args) != 2 or node.keywords:
        return None
    function = node.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    values = [one.value for one in node.args if isinstance(one, ast.Constant)]
    if called == "register" and len(values) == 2 and all(isinstance(one, str) for one in values):
        return str(values[0]), str(values[1])
    return None
