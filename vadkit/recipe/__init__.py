"""Recipes: YAML files that describe a whole run, and are checked before anything starts."""

from __future__ import annotations

from vadkit.recipe.faults import Fault, RecipeFaults
from vadkit.recipe.load import load_recipe
from vadkit.recipe.locate import find_recipe
from vadkit.recipe.model import (
    AlarmSettings,
    Calibrate,
    Clip,
    Data,
    Keep,
    LossSpec,
    Recipe,
    Spec,
    Train,
    Zone,
)
from vadkit.recipe.parts import check_components
from vadkit.recipe.resolve import resolve

__all__ = [
    "AlarmSettings",
    "Calibrate",
    "Clip",
    "Data",
    "Fault",
    "Keep",
    "LossSpec",
    "Recipe",
    "RecipeFaults",
    "Spec",
    "Train",
    "Zone",
    "check_components",
    "find_recipe",
    "load_recipe",
    "resolve",
]
