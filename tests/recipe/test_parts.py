"""Components outside of a recipe are checked like those in a section."""

from __future__ import annotations

import pytest

from vadkit.recipe.faults import Fault, RecipeFaults
from vadkit.recipe.parts import check_components


def test_components_get_their_defaults():
    one = check_components({"type": "gaussian"}, "scorers", "one", "--sink")
    assert one == {"type": "gaussian", "sigma": 3.0}
    assert check_components(None, "scorers", "optional", "x") is None
    assert check_components({"type": "gaussian"}, "scorers", "optional", "x") == one
    assert check_components([{"type": "gaussian"}], "scorers", "list", "x") == [one]
    assert check_components({"a": {"type": "mse"}}, "losses", "roles", "x") == {
        "a": {"type": "mse", "weight": 1.0}
    }
    assert check_components({"a": {"type": "mse", "weight": 2}}, "losses", "roles", "x") == {
        "a": {"type": "mse", "weight": 2}
    }


@pytest.mark.parametrize(
    ("value", "form", "place", "message"),
    [
        (None, "one", (), "must be a mapping such as {type: ...}; got nothing (null)"),
        ([], "one", (), "must be a mapping such as {type: ...}; got []"),
        ({}, "list", (), "must be a list; got a mapping"),
        ([], "roles", (), "must be a mapping of roles to components; got []"),
        ([{"type": "gaussian"}, 3], "list", (1,), "must be a mapping such as {type: ...}; got 3"),
        ({"a": 3}, "roles", ("a",), "must be a mapping such as {type: ...}; got 3"),
        ({"a": {"sigma": 3}}, "roles", ("a",), "missing 'type', the name of the component"),
        ([{"type": "gaussian", "sigma": 0}], "list", (0, "sigma"), "must be greater than 0; got 0"),
        ([{"type": "ga\0"}], "list", (0, "type"), "contains a NUL character; got 'ga\\x00'"),
    ],
)
def test_faults_have_their_place(value, form, place, message):
    with pytest.raises(RecipeFaults) as caught:
        check_components(value, "scorers", form, "--scorer")
    assert caught.value.faults[-1] == Fault(place, message)
    assert str(caught.value).startswith("--scorer: ")
    assert caught.value.origin.source == "--scorer"
