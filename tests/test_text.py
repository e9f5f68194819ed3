import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from vadkit.text import ascii_name, counted, file_names, printable, same_on_disk


def test_control_characters_and_odd_bytes_are_spelt_out():
    assert printable("a\x1b[31mb\nc") == "a\\x1b[31mb\\x0ac"
    assert printable("gate\u202e4pm") == "gate\\u202e4pm"
    assert printable(b"caf\xe9".decode(errors="surrogateescape")) == "caf\\xe9"
    assert printable("Tor Süd 门") == "Tor Süd 门"


@given(st.text(), st.integers(10, 50))
def test_shown_text_is_short_and_controls_nothing(text, most):
    shown = printable(text, most)
    assert len(shown) <= most
    assert all(unicodedata.category(one)[0] != "C" or one == " " for one in shown if ord(one) < 128)
    shown.encode()


@given(st.lists(st.text(max_size=200), min_size=2, max_size=2, unique=True))
def test_names_become_ascii_and_never_the_same(names):
    made = [ascii_name(name) for name in names]
    assert made[0] != made[1]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{0,90}", one) for one in made)


def test_ascii_names_do_not_change():
    assert ascii_name("gate-1_b.c") == "gate-1_b.c"
    assert ascii_name("gate/1") == "gate_1-3693bd96"
    assert ascii_name("門") == "96cccaef"
    assert len(ascii_name("x" * 300)) == 89


def test_a_count_has_its_noun():
    shown = [counted(number, "video") for number in (0, 1, 2000)]
    assert shown == ["0 videos", "1 video", "2,000 videos"]


@given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1), unique=True))
def test_files_of_different_names_differ_on_every_disk(names):
    made = file_names(names)
    assert set(made) == set(names)
    assert len({same_on_disk(file) for file in made.values()}) == len(made)
    for file in made.values():
        assert re.fullmatch(r"[\w-][\w.-]*", file) and len(file.encode()) <= 200


def test_files_keep_their_names_where_they_can():
    assert file_names(["gate 1.b", "02"]) == {"gate 1.b": "gate-1.b", "02": "02"}
    assert len({*file_names(["a/b", "a-b", "a b", "A-b"]).values()}) == 4
    assert same_on_disk("Gare e\u0301") == same_on_disk("gare \xe9")
