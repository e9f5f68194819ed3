"""Secrets, which come from the environment and are never printed."""

from __future__ import annotations

import os

from vadkit.errors import RecipeError


def secret(variable: str, what: str) -> str:
    """Return the value of an environment variable; ``RecipeError`` if it is not set."""
    value = os.environ.get(variable, "")
    if not value:
        raise RecipeError(f"{what} is not set: put it in the environment variable {variable}")
    return value
