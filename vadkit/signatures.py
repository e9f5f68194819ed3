"""Describe components from their source text, so that a list imports none of them."""

from __future__ import annotations

import ast
import copy
import functools
import importlib.machinery
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path

from vadkit.registry import Component

# How to show a parameter that consists of components, by its form.
_HOLDS = {"list": "list of ", "roles": "named ", "optional": "None or one of "}
_COMPARISONS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


@dataclass(frozen=True)
class ParameterInfo:
    """One recipe parameter: type, default and bounds, as text for the author of a recipe."""

    name: str
    type: str
    default: str | None
    bounds: str

    @property
    def required(self) -> bool:
        """Whether the recipe must set it."""
        return self.default is None


@dataclass(frozen=True)
class ComponentInfo:
    """What is known about a component without importing it."""

    family: str
    name: str
    origin: str
    summary: str
    description: str
    parameters: tuple[ParameterInfo, ...]


def describe(component: Component) -> ComponentInfo:
    """Read a component's docstring and keyword-only parameters from its source.

    If the source is not found, the description has only the name.
    """
    node = _definition(component)
    doc = (ast.get_docstring(node) if node is not None else None) or ""
    found = _constructor(node, _source_path(component))
    return ComponentInfo(
        component.family,
        component.name,
        component.origin,
        doc.split("\n\n")[0].replace("\n", " "),
        doc,
        () if found is None else tuple(_parameters(*found)),
    )


def keyword_parameters(component: Component) -> tuple[ParameterInfo, ...] | None:
    """Return the parameters that a recipe may set, from the source text; None if unknown.

    They are unknown if a class gets its constructor from a decorator, or from a base class that is
    not in its file and not imported there as ``from module import Base``.
    """
    node = _definition(component)
    found = _constructor(node, _source_path(component))
    if found is not None:
        return tuple(_parameters(*found))
    if not isinstance(node, ast.ClassDef) or node.bases or node.keywords:
        return None
    return () if len(node.decorator_list) <= 1 else None


def _definition(component: Component) -> ast.ClassDef | ast.FunctionDef | None:
    _, _, attribute = component.target.rpartition(":")
    path = _source_path(component)
    return None if path is None else _definitions(path).get(attribute)


def _source_path(component: Component) -> Path | None:
    if component.obj is not None:
        try:
            found = inspect.getsourcefile(component.obj)
        except (OSError, TypeError):
            # A class from a prompt has no source.
            found = None
        return Path(found) if found else None
    if component.declared:
        return Path(component.target.rpartition(":")[0])
    return _module_path(component.target.partition(":")[0])


def _module_path(module: str) -> Path | None:
    """Return the file of a module without importing anything."""
    parts = module.split(".")
    search: list[str] = list(sys.path)
    # Ask the finder for one package at a time, because looking up a dotted name imports its
    # parents.
    origin: str | None = None
    for depth in range(len(parts)):
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[: depth + 1]), search)
        if spec is None:
            return _editable_path(parts)
        search, origin = list(spec.submodule_search_locations or []), spec.origin
    return Path(origin) if origin else None


def _editable_path(parts: list[str]) -> Path | None:
    """Return the folder of an imported package, for installs that hide it from sys.path."""
    top = sys.modules.get(parts[0])
    if top is None or not top.__file__:
        return None
    path = Path(top.__file__).parent.joinpath(*parts[1:])
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


@functools.cache
def _definitions(path: Path) -> dict[str, ast.ClassDef | ast.FunctionDef]:
    """Return top-level classes and functions of a file by name; empty if it is not valid Python."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return {}
    return {
        node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }


@functools.cache
def _aliases(path: Path) -> dict[str, ast.expr]:
    """Return the names of types at the top level of a file, such as ``Rate = Annotated[...]``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Subscript)
    }


@functools.cache
def _imports(path: Path) -> dict[str, tuple[str, str]]:
    """Return what a file imports as ``from module import name``: the module, and the name there."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        name.asname or name.name: (node.module, name.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for name in node.names
    }


def _constructor(
    node: ast.ClassDef | ast.FunctionDef | None, path: Path | None
) -> tuple[ast.FunctionDef, Path] | None:
    """Return the function, or ``__init__`` of the class or of a base class, and its file."""
    if node is None or path is None:
        return None
    if isinstance(node, ast.FunctionDef):
        return node, path
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return item, path
    for base in node.bases:
        if not isinstance(base, ast.Name) or base.id == node.name:
            continue
        file: Path | None = path
        name = base.id
        if name not in _definitions(path) and name in _imports(path):
            module, name = _imports(path)[name]
            file = _module_path(module)
        known = {} if file is None else _definitions(file)
        if found := _constructor(known.get(name), file):
            return found
    return None


def _parameters(function: ast.FunctionDef, path: Path) -> list[ParameterInfo]:
    found, aliases = [], _aliases(path)
    for argument, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        kind, bounds = _annotation(argument.annotation, aliases)
        shown = None if default is None else ast.unparse(default)
        found.append(ParameterInfo(argument.arg, kind, shown, bounds))
    return found


def _annotation(node: ast.expr | None, aliases: dict[str, ast.expr]) -> tuple[str, str]:
    """Return ``Annotated[int, Field(ge=1)] | None`` as ("int | None", ">= 1")."""
    if node is None:
        return "any", ""
    bounds: list[str] = []

    class Strip(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return self.visit(copy.deepcopy(aliases[node.id])) if node.id in aliases else node

        def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
            self.generic_visit(node)
            if not (isinstance(node.value, ast.Name) and node.value.id == "Annotated"):
                return node
            assert isinstance(node.slice, ast.Tuple)
            inner, *marks = node.slice.elts
            for mark in marks:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "Nested":
                    family, *form = (ast.literal_eval(each) for each in mark.args)
                    return ast.Name(_HOLDS.get(form[0] if form else "", "") + family)
                for keyword in mark.keywords if isinstance(mark, ast.Call) else []:
                    sign = _COMPARISONS.get(keyword.arg or "", f"{keyword.arg} =")
                    bounds.append(f"{sign} {ast.unparse(keyword.value)}")
            return inner

    shown = ast.unparse(Strip().visit(copy.deepcopy(node)))
    return shown, ", ".join(dict.fromkeys(bounds))
