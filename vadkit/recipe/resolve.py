"""Turn the data of a recipe into a complete recipe, or into a list of all its errors."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from vadkit.errors import RecipeError
from vadkit.recipe.complete import complete
from vadkit.recipe.faults import Fault, Origin, RecipeFaults, describe
from vadkit.recipe.model import COMPONENT_SECTIONS, SETTINGS_SECTIONS, Clip, Recipe, Zone
from vadkit.recipe.parts import check_params, check_section, nul_faults
from vadkit.recipe.search import space_faults
from vadkit.registry import did_you_mean, find
from vadkit.text import printable

# In bytes. File names are derived from a recipe's name, and file systems allow 255.
_LONGEST_NAME = 200


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
    faults = [*faults, *nul_faults(data, ())]
    # Values with a fault were replaced by null, which may cause another fault at the same place.
    replaced = {fault.place for fault in faults}
    faults += _top_faults(data)
    full = {key: value for key, value in data.items() if key in Recipe.model_fields}
    method = _method_class(full.get("method"))
    defaults: dict[str, Any] = copy.deepcopy(getattr(method, "defaults", {}))
    if method is not None:
        known_faults = len(faults)
        full["method"] = check_section(full["method"], ("method",), "methods", "one", faults)
        if len(faults) == known_faults:
            try:
                defaults = copy.deepcopy(method.defaults_for(_params(full["method"])))
            except ValueError as error:
                faults.append(Fault(("method",), str(error)))
    full = complete(full, method, defaults, faults)
    found: list[Fault] = []
    for section, (family, form) in COMPONENT_SECTIONS.items():
        if section in full and (section != "method" or method is None):
            full[section] = check_section(full[section], (section,), family, form, found)
    for section, model in SETTINGS_SECTIONS.items():
        if section in full and not (section in ("calibration", "bags") and full[section] is None):
            full[section] = check_params(full[section], (section,), model, found)
    if "zones" in full:
        full["zones"] = _check_zones(full["zones"], found)
    if method is None:
        # The defaults of the method would fill these in, so they are not known to be missing.
        found = [
            fault
            for fault in found
            if fault.place[0] in ("dataset", "method", "hooks", "scorers")
            or not fault.message.startswith("missing")
        ]
    found = [fault for fault in found if fault.place not in replaced]
    faults += [*found, *_reader_faults(full.get("data"))]
    if not faults and method is not None:
        faults += _cross_check(full, method)
    if faults:
        raise RecipeFaults(faults, origin)
    return full


def _top_faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Find unknown and missing sections, and errors in those without components."""
    known = Recipe.model_fields
    for key in data:
        if key not in known:
            hint = did_you_mean(key, known) or f"; known: {', '.join(known)}"
            yield Fault((key,), f"unknown section{hint}")
    if message := _name_fault(data.get("name", "recipe")):
        yield Fault(("name",), f"{message}; got {describe(data['name'])}")
    search = data.get("search", {})
    if isinstance(search, Mapping):
        yield from (Fault(("search", key), text) for key, text in space_faults(search))
    else:
        message = f"must be a mapping of places to ranges or choices; got {describe(search)}"
        yield Fault(("search",), message)
    for section in ("name", "dataset", "method"):
        if section not in data:
            yield Fault((), f"missing section '{section}'")


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


def _check_zones(zones: Any, faults: list[Fault]) -> Any:
    """Check the list of zones, which need different names."""
    if not isinstance(zones, list):
        faults.append(Fault(("zones",), f"must be a list of zones; got {describe(zones)}"))
        return zones
    checked = [check_params(zone, ("zones", n), Zone, faults) for n, zone in enumerate(zones)]
    names: list[Any] = []
    for number, zone in enumerate(zones):
        name = zone.get("name") if isinstance(zone, Mapping) else None
        if name is not None and name in names:
            message = f"another zone has this name; got {describe(name)}"
            faults.append(Fault(("zones", number, "name"), message))
        names.append(name)
    return checked


def _method_class(spec: Any) -> Any:
    """Return the class of ``method.type``, or None if it is unknown (reported elsewhere)."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("type"), str):
        return None
    try:
        component = find("methods", spec["type"])
    except RecipeError:
        return None
    return None if component.declared else component.load()


def _params(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != "type"}


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
    if full.get("zones") and not method.can_ignore(_params(full["method"])):
        faults.append(Fault(("zones",), cannot_ignore(full["method"]["type"])))
    faults += _stage_faults(full, method.unstaged)
    if spec.flow and full.get("flow") is None:
        faults.append(Fault(("flow",), "this method needs optical flow, such as {type: dis}"))
    faults += _bag_faults(full, method)
    if spec.boxes is not None and full.get("objects") is None:
        faults.append(Fault(("objects",), "this method needs objects, such as {type: blobs}"))
    return faults


def _bag_faults(full: Mapping[str, Any], method: Any) -> Iterator[Fault]:
    """Find errors in what methods from video labels need, and others do not have."""
    if not getattr(method, "from_bags", False):
        for section in ("features", "bags"):
            if full.get(section) is not None:
                message = f"method '{full['method']['type']}' does not learn from bags of features"
                yield Fault((section,), f"{message}; remove this section, or use deep-mil or top-k")
        return
    if full.get("features") is None:
        yield Fault(("features",), "this method needs features, such as {type: files, root: ...}")
    if full["train"]["batch_size"] % 2 and getattr(method, "pairs", True):
        message = "must be even, because a batch is half normal and half abnormal"
        yield Fault(("train", "batch_size"), f"{message}; got {full['train']['batch_size']}")
    if full.get("augments"):
        yield Fault(("augments",), "augments change frames, and this method learns from features")


def _stage_faults(full: Mapping[str, Any], optional: Collection[str]) -> Iterator[Fault]:
    """Find roles in stages that do not exist, and roles that no stage trains, unless optional."""
    stages, known = full["train"].get("stages"), list(full["optimizers"])
    if stages is None:
        return
    wanted = [role for stage in stages for role in stage["roles"]]
    for number, stage in enumerate(stages):
        for role in stage["roles"]:
            if role not in known:
                hint = did_you_mean(role, known) or f"; roles: {', '.join(known) or 'none'}"
                place = ("train", "stages", number, "roles")
                yield Fault(place, f"no optimizer has the role {describe(role)}{hint}")
    for role in known:
        if role not in wanted and role not in optional:
            yield Fault(("train", "stages"), f"no stage trains the role '{role}'")


def cannot_ignore(method: str) -> str:
    """The message for zones with a method that cannot leave places out of its score."""
    return (
        f"method '{method}' cannot leave a place out of its score; remove the zones, or use a "
        "method that can, such as motion-field"
    )
