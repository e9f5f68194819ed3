"""Turn the text of a recipe into a complete recipe, or into a list of all its errors."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from vadkit.errors import PluginError, RecipeError
from vadkit.recipe.faults import Fault, Origin, Place, RecipeFaults, describe, from_pydantic
from vadkit.recipe.model import COMPONENT_SECTIONS, DEFAULTS, SETTINGS_SECTIONS, Clip, Recipe
from vadkit.recipe.plugins import Code, file_exists, load_plugins, plugin_files
from vadkit.recipe.search import space_faults
from vadkit.recipe.source import parse, parse_override, read_recipe_text
from vadkit.registry import Component, components, did_you_mean, find, nested, params_model
from vadkit.signatures import keyword_parameters
from vadkit.text import printable

# In bytes. File names are derived from a recipe's name, and file systems allow 255.
_LONGEST_NAME = 200
SHIPPED = (Path(__file__).parent / "shipped", Path(__file__).parents[2] / "recipes")


def find_recipe(name: str | Path) -> Path:
    """Return the path of a recipe file, or of a built-in recipe such as ``quickstart``."""
    path = Path(name)
    if file_exists(path) or path.suffix in (".yaml", ".yml"):
        return path
    for folder in SHIPPED:
        shipped = folder / f"{name}.yaml"
        if file_exists(shipped):
            return shipped
    return path


def load_recipe(
    path: str | Path,
    overrides: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    *,
    code: Code = "named",
) -> Recipe:
    """Read, complete and check a recipe.

    ``overrides`` are texts such as ``train.epochs=1``. ``plugins`` are files to load in addition to
    those that the recipe names. ``code`` says which plugins may run. ``named`` runs all of them,
    for a recipe that the user chose to train. ``trusted`` and ``run`` (for the recipe of a run
    folder, with plugins in its ``plugins`` folder) run only trusted ones.

    Raises ``RecipeFaults`` (a ``RecipeError``) with every error, and ``PluginError`` if a plugin
    cannot be loaded or is not trusted.
    """
    path = find_recipe(path)
    data, origin, faults = read_recipe(path, overrides)
    files, wrong = plugin_files(data, path.parent, plugins)
    load_plugins(files, path.parent, code)
    return resolve(data, origin, [*faults, *wrong])


def read_recipe(
    path: Path, overrides: Sequence[str] = ()
) -> tuple[dict[str, Any], Origin, list[Fault]]:
    """Return the data of a recipe with overrides applied, before components are looked up."""
    data, origin, faults = parse(read_recipe_text(path), str(path))
    for text in overrides:
        place, value = parse_override(text)
        fault = set_value(data, place, value)
        origin.overrides[place] = text
        if fault:
            faults.append(fault)
    data.setdefault("name", path.stem)
    return data, origin, faults


def resolve(
    data: dict[str, Any], origin: Origin | None = None, faults: Iterable[Fault] = ()
) -> Recipe:
    """Complete plain data with the defaults of its method and check every part."""
    return Recipe.model_validate(resolve_data(data, origin, faults))


def resolve_data(
    data: dict[str, Any], origin: Origin | None = None, faults: Iterable[Fault] = ()
) -> dict[str, Any]:
    """Like ``resolve``, but return plain data; incomplete if the method is only declared."""
    origin = origin or Origin("recipe")
    faults = [*faults, *_nul_faults(data, ())]
    known = Recipe.model_fields
    for key in data:
        if key not in known:
            hint = did_you_mean(key, known) or f"; known: {', '.join(known)}"
            faults.append(Fault((key,), f"unknown section{hint}"))
    if message := _name_fault(data.get("name", "recipe")):
        faults.append(Fault(("name",), f"{message}; got {describe(data['name'])}"))
    full = {key: value for key, value in data.items() if key in known}
    if not isinstance(full.get("search", {}), Mapping):
        message = (
            f"must be a mapping of places to ranges or choices; got {describe(full['search'])}"
        )
        faults.append(Fault(("search",), message))
    else:
        faults += [
            Fault(("search", key), text) for key, text in space_faults(full.get("search", {}))
        ]
    for section in ("name", "dataset", "method"):
        if section not in full:
            faults.append(Fault((), f"missing section '{section}'"))
    method = _method_class(full.get("method"))
    defaults: dict[str, Any] = copy.deepcopy(getattr(method, "defaults", {}))
    if method is not None:
        known_faults = len(faults)
        full["method"] = _check_section(full["method"], ("method",), "methods", "one", faults)
        if len(faults) == known_faults:
            try:
                defaults = copy.deepcopy(method.defaults_for(_params(full["method"])))
            except ValueError as error:
                faults.append(Fault(("method",), str(error)))
    full = _complete(full, method, defaults, faults)
    found: list[Fault] = []
    for section, (family, form) in COMPONENT_SECTIONS.items():
        if section in full and (section != "method" or method is None):
            full[section] = _check_section(full[section], (section,), family, form, found)
    for section, model in SETTINGS_SECTIONS.items():
        if section in full and not (section == "calibration" and full[section] is None):
            full[section] = _check_params(full[section], (section,), model, found)
    if _is_declared("methods", full.get("method")):
        # The defaults of the method would fill these in, so they are not missing.
        found = [
            fault
            for fault in found
            if fault.place[0] in ("dataset", "method", "hooks", "scorers")
            or not fault.message.startswith("missing")
        ]
    faults += [*found, *_reader_faults(full.get("data"))]
    if not faults and method is not None:
        faults += _cross_check(full, method)
    if faults:
        raise RecipeFaults(faults, origin)
    return full


def check_components(value: Any, family: str, form: str, source: str) -> Any:
    """Check and complete components outside of a recipe, like those in a section.

    ``form`` is as in ``COMPONENT_SECTIONS``; errors name ``source``. Raises ``RecipeFaults``.
    """
    faults: list[Fault] = []
    checked = _check_section(value, (), family, form, faults)
    faults += _nul_faults(value, ())
    if faults:
        raise RecipeFaults(faults, Origin(source))
    return checked


def _name_fault(name: Any) -> str:
    """Return why a recipe cannot have this name, which becomes a folder; empty if it can."""
    if not isinstance(name, str) or "/" in name:
        return "must be text without '/'"
    if not name.strip() or name.strip(".") == "":
        return "must be the name of a folder, such as 'my-recipe'"
    if printable(name) != name:
        return "must be a name on one line, without invisible characters"
    if len(name.encode()) > _LONGEST_NAME:
        return f"must be at most {_LONGEST_NAME} bytes long"
    return ""


def _nul_faults(value: Any, place: Place) -> Iterator[Fault]:
    """Find texts with a NUL character, which file names and arguments cannot contain."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and "\0" in key:
                yield Fault(place, f"the key {describe(key)} contains a NUL character")
            yield from _nul_faults(item, (*place, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _nul_faults(item, (*place, position))
    elif isinstance(value, str) and "\0" in value:
        yield Fault(place, f"contains a NUL character; got {describe(value)}")


def _method_class(spec: Any) -> Any:
    """Return the class of ``method.type``, or None if it is unknown (reported elsewhere)."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("type"), str):
        return None
    try:
        component = find("methods", spec["type"])
    except RecipeError:
        return None
    return None if component.declared else component.load()


def _is_declared(family: str, spec: Any) -> bool:
    name = spec.get("type") if isinstance(spec, Mapping) else None
    known = components(family).get(name) if isinstance(name, str) else None
    return known is not None and known.declared


def _params(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != "type"}


def _complete(
    full: dict[str, Any], method: Any, defaults: dict[str, Any], faults: list[Fault]
) -> dict[str, Any]:
    """Merge the recipe with its method's defaults."""
    for section in ("clip", "train"):
        given = full.get(section, {})
        if isinstance(given, Mapping):
            full[section] = {**defaults.get(section, {}), **given}
    for section in ("augments", "scorers", "hooks", "evaluators"):
        full.setdefault(section, defaults.get(section, copy.deepcopy(DEFAULTS.get(section, []))))
    if "protocols" not in full:
        published = defaults.get("protocols", [])
        full["protocols"] = copy.deepcopy([*DEFAULTS["protocols"], *published])
    for section in ("flow", "objects"):
        default = defaults.get(section)
        if section not in full and default is not None:
            full[section] = default
        elif full.get(section) is not None:
            full[section] = _lay_over(default, full[section])
    if method is None:
        return full
    optional: frozenset[str] = getattr(method, "optional", frozenset())
    for section in ("networks", "losses", "optimizers", "schedulers"):
        given = full.get(section, {})
        if not isinstance(given, Mapping):
            continue
        roles = defaults.get(section, {})
        allowed = list(defaults.get("optimizers" if section == "schedulers" else section, {}))
        merged = dict(roles)
        for role, spec in given.items():
            if role not in allowed:
                hint = did_you_mean(role, allowed) or f"; roles: {', '.join(allowed) or 'none'}"
                message = f"unknown role for this method's {section}{hint}"
                faults.append(Fault((section, role), message))
            elif spec is None and (f"{section}.{role}" in optional or section == "schedulers"):
                merged.pop(role, None)
            elif spec is None:
                faults.append(Fault((section, role), "this method requires this role"))
            else:
                merged[role] = _lay_over(roles.get(role), spec)
        full[section] = merged
    by_role = [full.get(section) for section in ("networks", "optimizers", "schedulers")]
    for role in list(full["optimizers"]) if all(isinstance(x, Mapping) for x in by_role) else []:
        # An optimizer of a network that the recipe turned off has nothing to do.
        if f"networks.{role}" in optional and role not in full["networks"]:
            full["optimizers"].pop(role)
            full["schedulers"].pop(role, None)
    return full


def _lay_over(default: Mapping[str, Any] | None, given: Any) -> Any:
    """Merge the keys of a role with its default, unless the recipe names another type."""
    if default is None or not isinstance(given, Mapping):
        return given
    if given.get("type", default["type"]) != default["type"]:
        return given
    return {**default, **given}


def _check_section(value: Any, place: Place, family: str, form: str, faults: list[Fault]) -> Any:
    if form == "optional" and value is None:
        return None
    if form in ("one", "optional"):
        return _check_component(value, place, family, faults)
    if form == "list":
        if not isinstance(value, list):
            faults.append(Fault(place, f"must be a list; got {describe(value)}"))
            return value
        return [
            _check_component(item, (*place, number), family, faults)
            for number, item in enumerate(value)
        ]
    if not isinstance(value, Mapping):
        message = f"must be a mapping of roles to components; got {describe(value)}"
        faults.append(Fault(place, message))
        return value
    return {
        role: _check_component(item, (*place, role), family, faults) for role, item in value.items()
    }


def _check_component(value: Any, place: Place, family: str, faults: list[Fault]) -> Any:
    if not isinstance(value, Mapping):
        message = f"must be a mapping such as {{type: ...}}; got {describe(value)}"
        faults.append(Fault(place, message))
        return value
    params = dict(value)
    name = params.pop("type", None)
    if not isinstance(name, str):
        faults.append(Fault(place, "missing 'type', the name of the component"))
        return value
    try:
        component = find(family, name)
    except RecipeError as error:
        faults.append(Fault((*place, "type"), str(error)))
        return value
    weight: dict[str, Any] = {}
    if family == "losses":
        weight = {"weight": params.pop("weight", 1.0)}
        if isinstance(weight["weight"], bool) or not isinstance(weight["weight"], int | float):
            message = f"must be a number; got {describe(weight['weight'])}"
            faults.append(Fault((*place, "weight"), message))
    if component.declared:
        faults += _parameter_faults(component, params, place)
        return {"type": name, **weight, **params}
    checked = _check_params(params, place, _model_of(component), faults)
    return {"type": name, **weight, **checked}


def _parameter_faults(
    component: Component, params: Mapping[str, Any], place: Place
) -> Iterator[Fault]:
    """Find wrong and missing parameter names, as far as the source text of a plugin tells."""
    declared = keyword_parameters(component)
    if declared is None:
        return
    known = {one.name: one for one in declared}
    for name in params:
        if name not in known:
            hint = did_you_mean(name, known) or f"; known: {', '.join(known) or 'none'}"
            yield Fault((*place, name), f"unknown parameter{hint}")
    for name, one in known.items():
        if one.required and name not in params:
            yield Fault((*place, name), "missing; this parameter is required")


def _model_of(component: Component) -> type[BaseModel]:
    obj = component.load()
    try:
        return params_model(obj)
    except Exception as error:
        if component.origin == "vadkit":
            raise
        raise PluginError(
            f"{component.family} '{component.name}' from {component.origin}: its parameters "
            f"cannot be read: {type(error).__name__}: {error}"
        ) from error


def _check_params(value: Any, place: Place, model: type[BaseModel], faults: list[Fault]) -> Any:
    if not isinstance(value, Mapping):
        message = f"must be a mapping of names to values; got {describe(value)}"
        faults.append(Fault(place, message))
        return value
    try:
        # Strict JSON rules: no "5" for 5 or true for 1; but lists can be tuples, and text can be a
        # path.
        checked = model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        faults += [from_pydantic(item, place, model.model_fields) for item in error.errors()]
        return value
    data = checked.model_dump(mode="json")
    for name, mark in nested(model).items():
        data[name] = _check_section(data[name], (*place, name), mark.family, mark.form, faults)
    return data


def _reader_faults(section: Any) -> Iterator[Fault]:
    """Find reader names that are not registered; other errors are reported elsewhere."""
    names = section.get("readers") if isinstance(section, Mapping) else None
    for number, name in enumerate(names if isinstance(names, list) else ()):
        if isinstance(name, str):
            try:
                find("readers", name)
            except RecipeError as error:
                hint = "; register a reader of your own in a plugin file" * (":" in name)
                yield Fault(("data", "readers", number), f"{error}{hint}")


def _cross_check(full: dict[str, Any], method: Any) -> list[Fault]:
    """Find errors that involve several sections."""
    faults = []
    clip = Clip.model_validate(full["clip"])
    try:
        spec = method.clip_spec(clip.frames, clip.size, clip.channels, clip.step)
        spec = method.clip_for(spec, _params(full["method"]), tuple(full["networks"]))
    except ValueError as error:
        return [Fault(("clip",), str(error))]
    if spec.flow and not spec.flow_trains and full.get("flow") is None:
        faults.append(Fault(("flow",), "this method needs optical flow, such as {type: dis}"))
    if spec.boxes is not None and full.get("objects") is None:
        faults.append(Fault(("objects",), "this method needs objects, such as {type: blobs}"))
    return faults


def set_value(data: dict[str, Any], place: Place, value: Any) -> Fault | None:
    """Set an override at its place; create mappings if needed."""
    target: Any = data
    for depth, part in enumerate(place):
        last = depth == len(place) - 1
        if isinstance(target, list):
            if not isinstance(part, int) or part >= len(target):
                held = f"the list has {len(target)} entries, counted from 0"
                return Fault(place, f"there is no entry '{part}'; {held}")
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
