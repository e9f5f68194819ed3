"""JSON Schema of recipes, for editors with completion and checks."""

from __future__ import annotations

from typing import Any

from vadkit.recipe.model import COMPONENT_SECTIONS, SETTINGS_SECTIONS, Recipe, Zone
from vadkit.recipe.search import Range
from vadkit.registry import Nested, components, nested, params_model


def recipe_schema() -> dict[str, Any]:
    """Return the schema with all known components; ``clip`` and ``train`` may be partial."""
    properties: dict[str, Any] = {
        "name": {"type": "string", "description": "The run's name; the file's name by default."},
        "plugins": {"type": "array", "items": {"type": "string"}},
        "search": {"type": "object", "additionalProperties": _searched()},
        "zones": {"type": "array", "items": Zone.model_json_schema()},
    }
    for section, model in SETTINGS_SECTIONS.items():
        properties[section] = _partial(model.model_json_schema())
    properties["calibration"] = {"anyOf": [properties["calibration"], {"type": "null"}]}
    for section, (family, form) in COMPONENT_SECTIONS.items():
        properties[section] = _holding(family, form)
    families = {family for family, _ in COMPONENT_SECTIONS.values()}
    families |= {mark.family for family in families for mark in _nested_in(family)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vadkit recipe",
        "type": "object",
        "additionalProperties": False,
        "required": ["dataset", "method"],
        "properties": {key: properties[key] for key in Recipe.model_fields},
        "$defs": {family: _family(family) for family in sorted(families)},
    }


def _holding(family: str, form: str) -> dict[str, Any]:
    component = {"$ref": f"#/$defs/{family}"}
    if form == "list":
        return {"type": "array", "items": component}
    if form == "roles":
        # A role may be turned off with null, or keep the type of its method and not state one.
        partial = {"type": "object", "not": {"required": ["type"]}}
        options = [component, partial, {"type": "null"}]
        return {"type": "object", "additionalProperties": {"anyOf": options}}
    return {"anyOf": [component, {"type": "null"}]} if form == "optional" else component


def _nested_in(family: str) -> list[Nested]:
    models = [params_model(component.load()) for component in components(family).values()]
    return [mark for model in models for mark in nested(model).values()]


def _searched() -> dict[str, Any]:
    """The schema of a range or of choices."""
    plain = ["boolean", "number", "string", "null"]
    return {
        "anyOf": [
            Range.model_json_schema(),
            {"type": "array", "minItems": 2, "items": {"type": plain}},
        ]
    }


def _partial(schema: dict[str, Any]) -> dict[str, Any]:
    schema.pop("required", None)
    return schema


def _family(family: str) -> dict[str, Any]:
    options = []
    for name, component in sorted(components(family).items()):
        obj = component.load()
        model = params_model(obj)
        schema = model.model_json_schema()
        properties = {"type": {"const": name}, **schema.get("properties", {})}
        for parameter, mark in nested(model).items():
            properties[parameter] = _holding(mark.family, mark.form)
        if family == "losses":
            properties["weight"] = {"type": "number", "default": 1.0}
        options.append(
            {
                "title": name,
                "description": (obj.__doc__ or "").strip().split("\n")[0],
                "type": "object",
                "additionalProperties": False,
                "required": ["type", *schema.get("required", [])],
                "properties": properties,
                **({"$defs": schema["$defs"]} if "$defs" in schema else {}),
            }
        )
    return {"oneOf": options}
