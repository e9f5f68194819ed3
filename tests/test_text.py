import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from vadkit.text import printable


def test_control_characters_and_odd_bytes_are_spelt_out():
    assert printable("a\x1b[31mb\nc") == "a\\x1b[31mb\\x0ac"
    assert printable("gate\u202e4pm") == "gate\\u202e4pm"
    assert printable(b"caf\xe9".decode(errors="surrogateescape")) == "caf\\xe9"
    assert printable("Tor Süd 门") == "Tor Süd 门"


@given(st.text(), st.integers(10, 50))
def test_what_is_shown_is_short_and_controls_nothing(text, most):
    shown = printable(text, most)
    assert len(shown) <= most
    assert all(unicodedata.category(one)[0] != "C" or one == " " for one in shown if ord(one) < 128)
    shown.encode()
