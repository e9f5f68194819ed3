"""Search spaces as text and as sections."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.errors import RecipeError
from vadkit.recipe import load_recipe
from vadkit.recipe.search import Choices, Range, parse_search, read_space


@pytest.mark.parametrize(
    ("text", "space"),
    [
        ("a.b=0.2:0.9", Range(low=0.2, high=0.9)),
        ("a.b=1:64:log", Range(low=1, high=64, log=True)),
        ("a.b=-1:1.5", Range(low=-1, high=1.5)),
        ("a.b=1e-4:1e-2:log", Range(low=1e-4, high=1e-2, log=True)),
        ("a.b=fast,medium", Choices(values=["fast", "medium"])),
        ("a.b=true,false", Choices(values=[True, False])),
        ("a.b=null,30,41.5", Choices(values=[None, 30, 41.5])),
    ],
)
def test_search_option(text, space):
    assert parse_search(text) == ("a.b", space)


@given(st.integers(-1000, 1000), st.integers(1, 1000))
def test_whole_ends_make_whole_numbers(low, width):
    _, space = parse_search(f"a={low}:{low + width}")
    assert space.whole
    assert (space.low, space.high) == (low, low + width)
    assert not parse_search(f"a={low}.0:{low + width}")[1].whole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("memory", "must be KEY=LOW:HIGH"),
        ("=1:2", "must be KEY=LOW:HIGH"),
        ("a=", "must be KEY=LOW:HIGH"),
        ("a=2:1", "is empty: 2 is not below 1"),
        ("a=1:1", "is empty: 1 is not below 1"),
        ("a=0:1:log", "cannot be logarithmic from 0 on"),
        ("a=1:2:lin", "only 'log' is allowed; got 'lin'"),
        ("a=low:2", "'low' is not a number"),
        ("a=fast", "give two or more"),
        ("a=[,x", "is not a list of plain values"),
    ],
)
def test_bad_search_options_name_themselves(text, message):
    with pytest.raises(RecipeError, match=r"^--search ") as error:
        parse_search(text)
    assert message in str(error.value)


def test_section():
    given_ = {"a": {"low": 0.5, "high": 2.0, "log": True}, "b": [1, 2], "c": ["x", None]}
    assert read_space(given_, "search") == {
        "a": Range(low=0.5, high=2.0, log=True),
        "b": Choices(values=[1, 2]),
        "c": Choices(values=["x", None]),
    }
    for bad, message in [
        ({"a": {"low": 1, "hihg": 2}}, "search.a: "),
        ({"a": 3}, "search.a: must be a range such as"),
        ({"a": {"low": 2.0, "high": 1.0}}, "search.a: is empty"),
        ({"a": [1]}, "search.a: one choice leaves nothing"),
    ]:
        with pytest.raises(RecipeError) as error:
            read_space(bad, "search")
        assert message in str(error.value)


def test_a_recipe_with_a_bad_section_is_refused_at_its_line(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(
        "dataset: {type: synthetic}\nmethod: {type: motion-field}\n"
        "search:\n  method.memory: {low: 0.9, high: 0.1}\n"
    )
    with pytest.raises(RecipeError) as error:
        load_recipe(path)
    assert str(error.value) == f"{path}:4: search.method.memory: is empty: 0.9 is not below 0.1"
