"""The JSON Schema of recipes: it is the published one, and accepts what vadkit accepts."""

from __future__ import annotations

import json
from pathlib import Path

from vadkit.recipe.schema import recipe_schema


def test_the_published_schema_is_this_one():
    published = Path(__file__).parents[2] / "docs" / "recipe.schema.json"
    assert json.loads(published.read_text()) == json.loads(json.dumps(recipe_schema()))
