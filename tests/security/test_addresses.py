"""No output holds the password of an address, whatever the password is made of."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.addresses import encoding_hint, mask_address, mask_addresses, mask_message
from vadkit.errors import DataError, RecipeError
from vadkit.inference.sinks.build import parse_sink
from vadkit.inference.sinks.webhook import Webhook
from vadkit.inference.sources.find import find_sources
from vadkit.workflows.infer.sources import expand_sources
from vadkit.workflows.watch.setup import named_sources

# Long enough that it is nowhere by chance.
HOSTILE = st.text(
    st.one_of(
        st.sampled_from("/@:?#&=%;,+ ~\\[]'\"{}$!\t\u20ac\u00e9\x07"), st.characters(codec="utf-8")
    ),
    max_size=20,
).map(lambda text: f"s3cr{text}et9")
FORMS = [
    "rtsp://user:{}@10.0.0.7/main",
    "rtsp://user:{}@10.0.0.7:554/main?channel=1",
    "http://user@mail.example:{}@10.0.0.7",
    "rtmp://u:{}@h/x",
    "rtsp:/u:{}@h/x",
    "u:{}@10.0.0.7/x",
    "gate=rtsp://u:{}@h",
    "http://10.0.0.7/x.cgi?usr=a&pwd={}",
    "http://10.0.0.7/x.cgi?PassWord={}&usr=a",
    "http://10.0.0.7/x#access_token={}",
    "rtsp://10.0.0.7:554/user=admin&password={}&channel=1",
    "rtsp://10.0.0.7:554/user=admin_password={}_channel=1",
    "http://10.0.0.7/x?p%77d={}",
    "http://10.0.0.7/x?X-Amz-Signature={}&b=1",
]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://cam/x.cgi?usr=a&pwd=SECRET", "http://cam/x.cgi?usr=a&pwd=***"),
        ("rtsp://u:SE@CRET@h", "rtsp://u:***@h"),
        ("rtsp://u:SEC/RET@h", "rtsp://u:***@h"),
        ("rtsp://u:SEC/RET@h/path?channel=2", "rtsp://u:***@h/path?channel=2"),
        ("rtmp://u:pw@h", "rtmp://u:***@h"),
        ("http://h/x?key=SECRET&channel=2", "http://h/x?key=***&channel=2"),
        ("rtsp://h/user=admin&password=S&channel=1", "rtsp://h/user=admin&password=***&channel=1"),
        ("http://10.0.0.7:8080/video", "http://10.0.0.7:8080/video"),
        ("http://h/live?channel=1&stream=0", "http://h/live?channel=1&stream=0"),
        ("/data/gate/monday.mp4", "/data/gate/monday.mp4"),
    ],
)
def test_addresses_are_shown_without_their_secrets(address, shown):
    assert mask_address(address) == shown
    assert mask_addresses(f"cannot read {address}") == f"cannot read {shown}"


@settings(max_examples=500, deadline=None)
@given(secret=HOSTILE, form=st.sampled_from(FORMS))
def test_no_password_is_shown(secret, form):
    address = form.format(secret)
    assert secret not in mask_address(address)
    raw = secret.encode("utf-8", "surrogatepass")
    whole = quote(address.encode("utf-8", "surrogatepass"))
    for said in (secret, quote(raw), quote(raw, safe=""), address, whole):
        shown = mask_message(f"[rtsp @ 0x5] cannot open '{said}': 401", address)
        assert secret not in shown and quote(raw, safe="") not in shown
        assert "401" in shown


@settings(max_examples=300, deadline=None)
@given(secret=HOSTILE, form=st.sampled_from(FORMS))
def test_no_error_and_no_name_contains_a_password(secret, form):
    address = form.format(secret)
    said = []
    for do in (find_sources, expand_sources, lambda texts: named_sources(texts, {})):
        try:
            found = do([address])
        except (DataError, RecipeError) as error:
            said.append(str(error))
        else:
            said += [source.name for source in found.values()]
    assert all(secret not in text for text in said), said
    assert said


@settings(max_examples=200, deadline=None)
@given(secret=HOSTILE.filter(lambda text: "," not in text))
def test_no_error_of_a_webhook_contains_a_token(secret, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "webhooks"
    for url in (f"ftp://h/x?token={secret}", f"http://[h?key={secret}", f"https://u:{secret}@h/x"):
        with pytest.raises(RecipeError) as caught:
            Webhook(folder, url=url, secret_env=None)
        assert secret not in str(caught.value)
    with pytest.raises(RecipeError) as caught:
        parse_sink(f"type=webhook,urll=https://h/x?token={secret}")
    assert secret not in str(caught.value)


def test_a_hint_says_how_to_write_it():
    with pytest.raises(RecipeError, match="%2F for /") as caught:
        find_sources(["rtsp://user:SEC/RET@h/main"])
    assert "SEC" not in str(caught.value) and "RET" not in str(caught.value)
    assert encoding_hint("rtsp://u:plain@h") == "" == encoding_hint("rtsp://u:a%2Fb@h")


def test_the_path_of_a_webhook_is_not_shown(tmp_path):
    sink = Webhook(tmp_path, url="https://hooks.example/services/T0/B0/hush", secret_env=None)
    assert sink.outbox.name == "webhook https://hooks.example"
