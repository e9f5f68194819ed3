"""Merge a recipe with the defaults of its method."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from vadkit.recipe.faults import Fault
from vadkit.recipe.model import DEFAULTS
from vadkit.registry import did_you_mean


def complete(
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
    if "bags" in defaults and isinstance(full.get("bags", {}), Mapping):
        full["bags"] = {**defaults["bags"], **full.get("bags", {})}
    for section in ("flow", "objects", "features"):
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
