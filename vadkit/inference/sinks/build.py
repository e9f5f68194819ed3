"""Sinks by name and parameters, from the command line or a recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vadkit.addresses import mask_addresses
from vadkit.errors import RecipeError
from vadkit.inference.sinks.every import EverySink
from vadkit.recipe import RecipeFaults, Spec, check_components
from vadkit.recipe.source import parse_value
from vadkit.registry import build
from vadkit.text import printable


def parse_sink(text: str) -> Spec:
    """Parse a sink of the command line: ``csv``, or ``type=webhook,url=https://...,timeout_s=5``.

    Values are parsed as YAML; a comma is a part of the value unless ``name=`` follows. Raises
    ``RecipeError`` with all errors: invalid text, unknown sinks and parameters.
    """
    parts = re.split(r",(?=\s*[A-Za-z_]\w*=)", text)
    shown = printable(mask_addresses(text), 200)
    if len(parts) == 1 and "=" not in text:
        parts = [f"type={text.strip()}"]
    spec: dict[str, Any] = {}
    for part in parts:
        name, mark, value = part.partition("=")
        name = name.strip()
        if not mark or not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise RecipeError(
                f"--sink {shown}: '{mask_addresses(part.strip())}' is not name=value; write for "
                "example --sink csv or --sink type=webhook,url=https://example.org/alarms"
            )
        if name in spec:
            raise RecipeError(f"--sink {shown}: '{name}' is given twice")
        try:
            spec[name] = parse_value(value, "--sink")
        except RecipeFaults as error:
            raise RecipeError(
                f"--sink {shown}: the value of '{name}' is not YAML of plain "
                f"values: {error.faults[0].message}"
            ) from None
    if "type" not in spec:
        raise RecipeError(f"--sink {shown}: has no type; start with type=, such as type=webhook")
    checked = check_components(spec, "sinks", "one", f"--sink {shown}")
    return Spec(**checked)


def build_sinks(specs: Sequence[Spec | Mapping[str, Any]], out: Path) -> EverySink:
    """Build the sinks as one that writes below ``out``. Raises ``RecipeError`` if one fails."""
    sinks_by_name = []
    for spec in specs:
        params = dict(spec.params if isinstance(spec, Spec) else spec)
        name = spec.type if isinstance(spec, Spec) else params.pop("type")
        sinks_by_name.append((name, build("sinks", name, params, out)))
    return EverySink(sinks_by_name)
