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
