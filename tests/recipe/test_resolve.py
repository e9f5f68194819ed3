"""Errors of a recipe as a whole."""

import pytest

from vadkit.recipe.faults import RecipeFaults
from vadkit.recipe.resolve import resolve_data


def faults(**sections):
    with pytest.raises(RecipeFaults) as found:
        resolve_data({"name": "one", "dataset": {"type": "synthetic"}, **sections})
    return str(found.value).splitlines()


def test_nothing_is_reported_missing_for_an_unknown_method():
    """Its defaults would give the clip, the training and the type of the flow."""
    (line,) = faults(method={"type": "motion-fild"}, flow={"preset": "fast"})
    assert "method.type: no methods component named 'motion-fild'" in line
    assert "did you mean 'motion-field'?" in line
    (line,) = faults()
    assert line.endswith("missing section 'method'")


def test_other_faults_are_listed_with_an_unknown_method():
    lines = faults(method={"type": "motion-fild"}, train={"epochs": -1}, clip={"frmes": 8})
    assert len(lines) == 3
    assert any("train.epochs" in line for line in lines)
    assert any("clip.frmes: unknown" in line for line in lines)


def test_a_known_method_without_its_needs_is_still_a_fault():
    lines = faults(method={"type": "motion-field"}, hooks=[{"every": 2}])
    assert any("missing 'type'" in line for line in lines)


def test_a_name_of_any_length_is_shown_in_short():
    lines = faults(method={"type": "conv-ae"}, evaluators=[{"type": "9" * 20_000}])
    assert len("".join(lines)) < 1000
    assert "no evaluators component named '999" in lines[0]


def test_zones_are_checked_one_by_one_and_against_the_method():
    square = [[0, 0], [1, 0], [1, 1]]
    lines = faults(
        method={"type": "motion-field"},
        zones=[
            {"name": "tree", "polygon": square, "hours": "22-6"},
            {"name": "tree", "polygon": [[0, 0], [0.5, 0.5], [1, 1]]},
            {"name": "a\nb", "polygon": [[0, 0], [2, 0], [1, 1]], "days": ["monday"]},
            {"polygn": square},
            7,
        ],
    )
    said = "\n".join(lines)
    assert "zones.0.hours: must be hours such as '22:00-06:00'" in said
    assert "zones.1.name: another zone has this name" in said
    assert "zones.1.polygon: the corners of the polygon are on one line, so it has no area" in said
    assert "zones.2.polygon.1.0: must be less than or equal to 1; got 2" in said
    assert "zones.2.name: must be a name on one line" in said and "zones.2.days.0" in said
    assert "zones.3.polygn: unknown parameter; did you mean 'polygon'?" in said
    assert "zones.4: must be a mapping" in said
    (line,) = faults(method={"type": "motion-field"}, zones={"tree": square})
    assert "zones: must be a list of zones; got a mapping" in line
    (line,) = faults(method={"type": "conv-ae"}, zones=[{"name": "tree", "polygon": square}])
    assert "zones: method 'conv-ae' cannot leave a place out of its score" in line


def test_alarms_have_hours_too():
    (line,) = faults(method={"type": "conv-ae"}, alarms={"hours": "6-22", "days": None})
    assert "alarms.hours: must be hours such as" in line
    full = resolve_data(
        {
            "name": "one",
            "dataset": {"type": "synthetic"},
            "method": {"type": "motion-field"},
            "alarms": {"hours": "22:00-06:00", "days": ["sat", "sun"]},
            "zones": [{"name": "tree", "polygon": [[0, 0], [1, 0], [1, 1]]}],
        }
    )
    assert full["alarms"]["days"] == ["sat", "sun"] and full["zones"][0]["mode"] == "ignore"
