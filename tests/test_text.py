import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from vadkit.text import ascii_name, counted, printable


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
