"""YAML to data with lines, and overrides."""

from hypothesis import given
from hypothesis import strategies as st

from vadkit.recipe.source import parse, parse_override, to_yaml

names = st.text("abcdefgh", min_size=1, max_size=4)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-99, 99)
    | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(names, plain, min_size=1, max_size=4))
def test_written_text_is_read_back(data):
    text = to_yaml(data)
    read, origin, faults = parse(text, "r.yaml")
    assert faults == []
    assert read == data and list(read) == list(data)
    for line, text_of_line in enumerate(text.split("\n"), 1):
        for key in data:
            if origin.lines[(key,)] == line:
                assert text_of_line.lstrip("? ").startswith((key, f"'{key}'"))


def test_every_value_has_its_line():
    _, origin, _ = parse("a: 1\nb:\n  c: [1,\n    2]\n  d: {e: 3}\n", "r.yaml")
    assert origin.lines[("b", "c", 1)] == 4
    assert origin.lines[("b", "d", "e")] == 5
    assert origin.locate(("b", "d", "unknown")) == "r.yaml:5"


def test_numbers_as_people_write_them():
    data, _, _ = parse("a: 2e-4\nb: 1E5\nc: -3.5e-2\nd: 1.e3\ne: 2024-01-02\nf: 1e5x\n", "r")
    assert data == {"a": 2e-4, "b": 1e5, "c": -0.035, "d": 1000.0, "e": "2024-01-02", "f": "1e5x"}


def test_overrides_are_yaml():
    assert parse_override("train.epochs=3") == (("train", "epochs"), 3)
    assert parse_override("hooks.0.every=2") == (("hooks", 0, "every"), 2)
    assert parse_override("clip.size=[8, 16]") == (("clip", "size"), [8, 16])
    assert parse_override("a=b=c") == (("a",), "b=c")
    assert parse_override("networks.discriminator=") == (("networks", "discriminator"), None)


def test_text_that_looks_like_a_number_stays_text():
    assert parse(to_yaml({"name": "1e5"}), "r.yaml")[0] == {"name": "1e5"}
