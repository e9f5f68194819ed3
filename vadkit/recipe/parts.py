"""Check the components and settings in the sections of a recipe, and fill in their defaults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from vadkit.errors import PluginError, RecipeError
from vadkit.recipe.faults import Fault, Origin, Place, RecipeFaults, describe, from_pydantic
from vadkit.registry import Component, did_you_mean, find, nested, params_model
from vadkit.signatures import keyword_parameters


def check_components(value: Any, family: str, form: str, source: str) -> Any:
    """Check and complete components outside of a recipe, like those in a section.

    ``form`` is as in ``COMPONENT_SECTIONS``; errors name ``source``. Raises ``RecipeFaults``.
    """
    faults: list[Fault] = []
    checked = check_section(value, (), family, form, faults)
    faults += nul_faults(value, ())
    if faults:
        raise RecipeFaults(faults, Origin(source))
    return checked


def check_section(value: Any, place: Place, family: str, form: str, faults: list[Fault]) -> Any:
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
    checked = check_params(params, place, _model_of(component), faults)
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


def check_params(value: Any, place: Place, model: type[BaseModel], faults: list[Fault]) -> Any:
    if not isinstance(value, Mapping):
        message = f"must be a mapping of names to values; got {describe(value)}"
        faults.append(Fault(place, message))
        return value
    try:
        # Strict JSON rules: no "5" for 5 or true for 1; but lists can be tuples, and text can be a
        # path.
        checked = model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        found = (from_pydantic(item, place, model.model_fields) for item in error.errors())
        faults += dict.fromkeys(found)
        return value
    data = checked.model_dump(mode="json")
    for name, mark in nested(model).items():
        data[name] = check_section(data[name], (*place, name), mark.family, mark.form, faults)
    return data


def nul_faults(value: Any, place: Place) -> Iterator[Fault]:
    """Find texts with a NUL character, which file names and arguments cannot contain."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and "\0" in key:
                yield Fault(place, f"the key {describe(key)} contains a NUL character")
            yield from nul_faults(item, (*place, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from nul_faults(item, (*place, position))
    elif isinstance(value, str) and "\0" in value:
        yield Fault(place, f"contains a NUL character; got {describe(value)}")
