"""YAML to plain data with a line number for every value; nothing in it can run code."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from vadkit.recipe.faults import Fault, Origin, Place, RecipeFaults

# More values than this is no recipe; it also bounds what nested aliases can expand to.
_MOST_VALUES = 20_000


class _Loader(yaml.SafeLoader):
    """SafeLoader with the numbers of YAML 1.2 (``2e-4`` is one) and dates left as text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes text which the loader would take for a number."""


for _reads_or_writes in (_Loader, _Dumper):
    _reads_or_writes.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$"),
        list("-+0123456789."),
    )


def to_yaml(data: Any, **style: Any) -> str:
    """Plain data as YAML in its own order, which ``parse`` reads back as it was."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **style))


def read_recipe_text(path: Path) -> str:
    """The text of a recipe file; ``RecipeError`` says why it cannot be read."""
    origin = Origin(str(path))
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = "recipe not found; give the path of a YAML file"
    except IsADirectoryError:
        inside = sorted(p.name for p in path.glob("*.yaml"))
        message = "is a directory, not a recipe" + (
            f"; it holds {', '.join(inside)}" * bool(inside)
        )
    except PermissionError:
        message = "no permission to read this file"
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text (byte {error.start}); is it a YAML file?"
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
    raise RecipeFaults([Fault((), message)], origin)


def parse(text: str, source: str) -> tuple[dict[str, Any], Origin, list[Fault]]:
    """Plain data, the origin of each value, and faults that leave the rest usable.

    Raises ``RecipeFaults`` when nothing of the text can be used.
    """
    origin = Origin(source)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise RecipeFaults([_syntax_fault(error, origin)], origin) from None
    if node is None:
        raise RecipeFaults(
            [Fault((), "is empty; a recipe needs at least 'dataset' and 'method'")], origin
        )
    reader = _NodeReader(loader, origin)
    data = reader.value(node, (), ())
    if not isinstance(data, dict):
        raise RecipeFaults(
            [Fault((), f"a recipe is a mapping such as 'dataset: ...'; got {_kind(data)}")], origin
        )
    return data, origin, reader.faults


def parse_override(text: str) -> tuple[Place, Any]:
    """``train.epochs=1`` to its place and value; the value is read as YAML."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        fault = Fault((), "an override is KEY=VALUE, such as train.epochs=1")
        raise RecipeFaults([fault], Origin(f"--set {text}"))
    origin = Origin(f"--set {text}")
    try:
        loader = _Loader(value)
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise RecipeFaults([Fault((), _problem(error))], origin) from None
    reader = _NodeReader(loader, Origin(""))
    data = None if node is None else reader.value(node, (), ())
    if reader.faults:
        raise RecipeFaults([Fault((), fault.message) for fault in reader.faults], origin)
    place = tuple(int(part) if part.isdigit() else part for part in key.strip().split("."))
    return place, data


def _kind(data: Any) -> str:
    return "a list" if isinstance(data, list) else f"{data!r:.40}"


def _syntax_fault(error: yaml.YAMLError, origin: Origin) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        origin.lines[()] = mark.line + 1
    return Fault((), _problem(error))


def _problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if "'\\t'" in problem:
        return "a tab stands where YAML wants spaces; indent with spaces"
    return f"not valid YAML: {problem}"


class _NodeReader:
    """Turns a YAML node graph into plain data, noting lines and collecting faults."""

    def __init__(self, loader: _Loader, origin: Origin) -> None:
        self.loader = loader
        self.origin = origin
        self.faults: list[Fault] = []
        self.values = 0

    def value(self, node: yaml.Node, place: Place, above: tuple[yaml.Node, ...]) -> Any:
        self.values += 1
        self.origin.lines.setdefault(place, node.start_mark.line + 1)
        if node in above:
            self.faults.append(Fault(place, "an alias may not contain itself"))
            return None
        if self.values > _MOST_VALUES:
            fault = Fault((), f"holds more than {_MOST_VALUES} values; this is no recipe")
            raise RecipeFaults([fault], self.origin)
        if isinstance(node, yaml.MappingNode) and node.tag.endswith(":map"):
            return self._mapping(node, place, (*above, node))
        if isinstance(node, yaml.SequenceNode) and node.tag.endswith(":seq"):
            return [
                self.value(item, (*place, position), (*above, node))
                for position, item in enumerate(node.value)
            ]
        if isinstance(node, yaml.ScalarNode) and node.tag in self.loader.yaml_constructors:
            return self._scalar(node, place)
        self.faults.append(
            Fault(place, f"the tag '{_tag(node.tag)}' is not allowed; recipes hold plain values")
        )
        return None

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        try:
            value = self.loader.construct_object(node)
        except (ValueError, yaml.YAMLError):
            self.faults.append(Fault(place, f"'{node.value}' is not a {_tag(node.tag)}"))
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self.faults.append(Fault(place, f"must be a finite number; got {node.value}"))
            return None
        if isinstance(value, bytes | set):
            self.faults.append(Fault(place, f"the tag '{_tag(node.tag)}' is not allowed"))
            return None
        return value

    def _mapping(
        self, node: yaml.MappingNode, place: Place, above: tuple[yaml.Node, ...]
    ) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag.endswith(":merge"):
                self.faults.append(
                    Fault(
                        place, f"line {line}: keys are plain names; merging '<<' is not supported"
                    )
                )
                continue
            key = str(key_node.value)
            if key in data:
                first = self.origin.lines[(*place, key)]
                self.origin.lines[(*place, key)] = line
                self.faults.append(Fault((*place, key), f"stands twice; first on line {first}"))
                continue
            self.origin.lines[(*place, key)] = line
            data[key] = self.value(value_node, (*place, key), above)
        return data


def _tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
