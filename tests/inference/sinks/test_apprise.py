"""Messages through Apprise, to a receiver on this machine that fails for a while."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vadkit.errors import RecipeError

pytest.importorskip("apprise", reason="needs Apprise: pip install 'vadkit[apprise]'")
from vadkit.inference.sinks.apprise import Apprise
from vadkit.inference.sinks.links import check_link

# One of Apprise's many services imports it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def sent_to(monkeypatch):
    def use(receiver):
        monkeypatch.setenv("VADKIT_APPRISE_URLS", f"json://127.0.0.1:{receiver.server.server_port}")

    return use


def test_an_alarm_is_sent_once_with_its_picture_and_again_after_a_failure(
    events, tmp_path, receiver_class, sent_to, wait_for
):
    with receiver_class(answers=[503]) as listening:
        sent_to(listening)
        sink = Apprise(tmp_path, link="https://cams.example", first_wait_s=0.05)
        said = replace(events[0], reasons=("faster than usual here (4.1 times)",))
        for event in (said, events[1]):
            sink.event(event)
        wait_for(lambda: len(listening.got) == 2 and not sink.outbox.waiting())
        sink.close(None)
    data = json.loads(listening.got[-1][1])
    assert data["title"] == "gate/1: alarm"
    assert "faster than usual here" in data["message"]
    assert f"https://cams.example/snapshot/{events[0].id}.jpg" in data["message"]
    assert data["attachments"][0]["mimetype"] == "image/jpeg"


def test_addresses_are_secret(tmp_path, monkeypatch):
    monkeypatch.delenv("VADKIT_APPRISE_URLS", raising=False)
    with pytest.raises(RecipeError, match="VADKIT_APPRISE_URLS"):
        Apprise(tmp_path)
    monkeypatch.setenv("VADKIT_APPRISE_URLS", "nothing://hunter2")
    with pytest.raises(RecipeError, match="address 1 in VADKIT_APPRISE_URLS") as caught:
        Apprise(tmp_path)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "link", ["cams", "ftp://x", "http://u:p@x", "http://x?token=1", "http://["]
)
def test_a_link_is_the_address_of_a_page(link):
    with pytest.raises(RecipeError, match="link must be") as caught:
        check_link(link, "mqtt")
    assert "u:p" not in str(caught.value)
