"""Parameters that are components: checked like sections, shown in the schema and in lists."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from vadkit.recipe.faults import RecipeFaults
from vadkit.recipe.resolve import resolve
from vadkit.recipe.schema import recipe_schema
from vadkit.registry import Nested, build_spec, components, register
from vadkit.signatures import describe

DATASET = {"type": "synthetic"}


class Chain:
    """Scorers in a row."""

    def __init__(
        self,
        *,
        steps: Annotated[list[dict[str, Any]], Nested("scorers", "list")],
        last: Annotated[dict[str, Any] | None, Nested("scorers", "optional")] = None,
    ) -> None:
        self.steps = [build_spec("scorers", step) for step in steps]
        self.last = last


@pytest.fixture
def chain():
    register("scorers", "chain")(Chain)


def recipe(**params: Any) -> dict[str, Any]:
    return {
        "name": "chain",
        "dataset": DATASET,
        "method": {"type": "conv-ae"},
        "scorers": [{"type": "chain", **params}],
    }


def test_nested_components_get_their_defaults_and_are_built(chain):
    resolved = resolve(recipe(steps=[{"type": "ema", "halflife": 5.0}, {"type": "gaussian"}]))
    params = resolved.scorers[0].params
    assert params["steps"] == [
        {"type": "ema", "alpha": None, "halflife": 5.0},
        {"type": "gaussian", "sigma": 3.0},
    ]
    assert params["last"] is None
    built = build_spec("scorers", {"type": "chain", **params})
    assert [type(step).__name__ for step in built.steps] == ["Ema", "Gaussian"]


def test_faults_of_nested_components_have_their_place(chain):
    with pytest.raises(RecipeFaults) as found:
        resolve(recipe(steps=[{"type": "ema", "halflive": 3.0}, {"type": "gausian"}], last={}))
    assert [".".join(map(str, fault.place)) for fault in found.value.faults] == [
        "scorers.0.last",
        "scorers.0.steps.0.halflive",
        "scorers.0.steps.1.type",
    ]


def test_the_schema_refers_to_the_family(chain):
    options = recipe_schema()["$defs"]["scorers"]["oneOf"]
    (found,) = [option for option in options if option["title"] == "chain"]
    assert found["properties"]["steps"] == {"type": "array", "items": {"$ref": "#/$defs/scorers"}}


def test_a_list_of_components_is_shown_as_such(chain):
    shown = {one.name: one.type for one in describe(components("scorers")["chain"]).parameters}
    assert shown == {"steps": "list of scorers", "last": "None or one of scorers"}
