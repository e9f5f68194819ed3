"""Secrets, which come from the environment and are printed nowhere."""

from __future__ import annotations

import os

from vadkit.errors import RecipeError


def secret(variable: str, what: str) -> str:
    """The value of an environment variable; ``RecipeError`` where it is not set."""
    value = os.environ.get(variable, "")
    if not value:
        raise RecipeError(f"{what} is not set: put it in the environment variable {variable}")
    return value
