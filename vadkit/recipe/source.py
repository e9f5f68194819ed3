"""Read YAML as plain data with a line number for every value; nothing in it can run code."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import yaml

from vadkit.recipe.faults import Fault, Origin, Place, RecipeFaults, describe
from vadkit.recipe.locate import nearest_recipes

# Limits for recipes. The number of values also limits the expansion of nested aliases.
_MOST_BYTES = 1 << 20
_MOST_VALUES = 20_000
_DEEPEST = 50
_LONGEST_TEXT = 10_000
_LONGEST_KEY = 300
# Integers that fit 64 bits, signed or unsigned.
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
_POSITION = re.compile(r"[0-9]{1,9}")


class _Loader(yaml.SafeLoader):
    """SafeLoader with the numbers of YAML 1.2 (such as ``2e-4``) and with dates as text.

    Raises ``YAMLError`` as soon as the text is nested too deeply or contains too many values.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node and its children."""
        self._values += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            self._refuse(f"nested more than {_DEEPEST} deep")
        if self._values > 2 * _MOST_VALUES:
            # Keys count as well.
            self._refuse(f"contains more than {_MOST_VALUES} values; this is not a recipe")
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _refuse(self, problem: str) -> None:
        parser: Any = self
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=parser.peek_event().start_mark)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes text which the loader would read as a number."""


for _reads_or_writes in (_Loader, _Dumper):
    _reads_or_writes.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$"),
        list("-+0123456789."),
    )


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """Quote text with a Unicode line break, so that it is escaped; leave other text unchanged."""
    style = '"' if set("\x85\u2028\u2029") & set(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _quoted)


def to_yaml(data: Any, **style: Any) -> str:
    """Return plain data as YAML in its order, which ``parse`` reads back unchanged."""
    return str(yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **style))


def read_recipe_text(path: Path) -> str:
    """Return the text of a recipe file; ``RecipeError`` says why it cannot be read."""
    origin = Origin(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) <= _MOST_BYTES:
            return content.decode("utf-8")
        message = "is larger than 1 MiB, so it is not a recipe; is it another file?"
    except FileNotFoundError:
        message = f"recipe not found{_instead(path)}"
    except IsADirectoryError:
        inside = sorted(p.name for p in path.glob("*.yaml"))
        message = "is a directory, not a recipe" + (
            f"; it contains {', '.join(inside)}" * bool(inside)
        )
    except PermissionError:
        message = "no permission to read this file"
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text (byte {error.start}); is it a YAML file?"
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
    except ValueError:
        message = "is not a valid file path: it contains a NUL character"
    raise RecipeFaults([Fault((), message)], origin)


def _instead(path: Path) -> str:
    near = [f"'{name}'" for name in nearest_recipes(path)]
    if not near:
        return "; give the path of a YAML file, or a name that `vadkit recipes` lists"
    which = f"{', '.join(near[:-1])} or {near[-1]}" if len(near) > 1 else near[0]
    return f"; did you mean {which}? `vadkit recipes` lists the built-in ones"


def parse(
    text: str, source: str, needs: str = "a recipe needs at least 'dataset' and 'method'"
) -> tuple[dict[str, Any], Origin, list[Fault]]:
    """Return plain data, the origin of each value, and errors that leave the rest usable.

    ``needs`` says what an empty file lacks. Raises ``RecipeFaults`` if nothing of the text can be
    used.
    """
    origin = Origin(source)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except (yaml.YAMLError, RecursionError) as error:
        raise RecipeFaults([_syntax_fault(error, origin)], origin) from None
    if node is None:
        raise RecipeFaults([Fault((), f"is empty; {needs}")], origin)
    reader = _NodeReader(loader, origin)
    data = reader.value(node, (), ())
    if not isinstance(data, dict):
        raise RecipeFaults(
            [Fault((), f"a recipe is a mapping such as 'dataset: ...'; got {_kind(data)}")], origin
        )
    return data, origin, reader.faults


def parse_override(text: str) -> tuple[Place, Any]:
    """Split ``train.epochs=1`` into its place and value; the value is read as YAML."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        fault = Fault((), "an override is KEY=VALUE, such as train.epochs=1")
        raise RecipeFaults([fault], Origin(f"--set {text}"))
    parts = key.strip().split(".")
    if len(parts) > _DEEPEST:
        fault = Fault((), f"the key has {len(parts)} parts; at most {_DEEPEST} are allowed")
        raise RecipeFaults([fault], Origin(f"--set {text}"))
    place = tuple(int(part) if _POSITION.fullmatch(part) else part for part in parts)
    return place, parse_value(value, f"--set {text}")


def parse_value(text: str, option: str) -> Any:
    """Parse a value from the command line as YAML; ``RecipeFaults`` start with ``option``."""
    origin = Origin(option)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except (yaml.YAMLError, RecursionError) as error:
        raise RecipeFaults([Fault((), _problem(error))], origin) from None
    reader = _NodeReader(loader, Origin(""))
    data = None if node is None else reader.value(node, (), ())
    if reader.faults:
        raise RecipeFaults([Fault((), fault.message) for fault in reader.faults], origin)
    return data


def _kind(data: Any) -> str:
    return "a list" if isinstance(data, list) else f"{data!r:.40}"


def _syntax_fault(error: Exception, origin: Origin) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        origin.lines[()] = mark.line + 1
    return Fault((), _problem(error))


def _problem(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "not valid YAML: nested too deeply"
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if "'\\t'" in problem:
        return "there is a tab where YAML requires spaces; indent with spaces"
    return f"not valid YAML: {problem}"


class _NodeReader:
    """Converts a YAML node graph to plain data, and collects lines and errors."""

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
            fault = Fault((), f"contains more than {_MOST_VALUES} values; this is not a recipe")
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
            Fault(place, f"the tag '{_tag(node.tag)}' is not allowed; recipes contain plain values")
        )
        return None

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        try:
            value = self.loader.construct_object(node)
        except (ValueError, ArithmeticError, LookupError, AttributeError, yaml.YAMLError):
            # PyYAML does not check text with an explicit tag, such as !!int ''.
            message = f"{describe(node.value)} is not a {_tag(node.tag)}"
        else:
            message = _scalar_fault(value, node)
        if message:
            self.faults.append(Fault(place, message))
            return None
        return value

    def _mapping(
        self, node: yaml.MappingNode, place: Place, above: tuple[yaml.Node, ...]
    ) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            plain = isinstance(key_node, yaml.ScalarNode) and not key_node.tag.endswith(":merge")
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            if not plain or len(key) > _LONGEST_KEY:
                self.origin.lines[(*place, key)] = line
                message = "keys are plain names; merging '<<' is not supported"
                if plain:
                    message = f"is longer than {_LONGEST_KEY} characters, so it is no parameter"
                self.faults.append(Fault((*place, key), message))
                continue
            if key in data:
                first = self.origin.lines[(*place, key)]
                self.origin.lines[(*place, key)] = line
                self.faults.append(Fault((*place, key), f"is given twice; first on line {first}"))
                continue
            self.origin.lines[(*place, key)] = line
            data[key] = self.value(value_node, (*place, key), above)
        return data


def _scalar_fault(value: Any, node: yaml.ScalarNode) -> str:
    """Return what is wrong with a plain value; empty if nothing is."""
    if value is not None and not isinstance(value, bool | int | float | str):
        return f"the tag '{_tag(node.tag)}' is not allowed"
    if isinstance(value, float) and not math.isfinite(value):
        return f"must be a finite number; got {node.value:.40}"
    if isinstance(value, int) and not _LOWEST <= value <= _HIGHEST:
        return f"is too large for 64 bits; got {describe(node.value)}"
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"is text of {len(value)} characters; at most {_LONGEST_TEXT} are allowed"
    return ""


def _tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")
