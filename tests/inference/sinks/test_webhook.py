"""Webhooks: signed, tried again, and lost neither by a dead receiver nor by a restart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from vadkit.errors import RecipeError
from vadkit.inference.sinks.outbox import Outbox
from vadkit.inference.sinks.webhook import Webhook, sign

FAST = {"first_wait_s": 0.02, "longest_wait_s": 0.05}


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("VADKIT_WEBHOOK_SECRET", "whsec_" + base64.b64encode(b"key").decode())


def test_events_arrive_signed(events, tmp_path, receiver_class):
    with receiver_class() as receiver:
        sink = Webhook(tmp_path, url=receiver.url, snapshot=True)
        for event in events:
            sink.event(event)
        sink.close(None)
    assert [json.loads(body)["event"]["state"] for _, body in receiver.got] == ["begun", "over"]
    headers, body = receiver.got[1]
    id, at = headers["webhook-id"], headers["webhook-timestamp"]
    assert id == events[1].id + ".over" and abs(int(at) - time.time()) < 10
    signed = hmac.new(b"key", f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(signed).decode()
    assert headers["content-type"] == "application/json"
    assert base64.b64decode(json.loads(body)["snapshot_jpeg"]) == events[1].snapshot


def test_the_signature_is_that_of_the_standard():
    # The example of https://github.com/standard-webhooks/standard-webhooks
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    id, at, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    assert sign(key, id, at, body) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_failing_receiver_is_tried_again_and_reported_once(
    events, tmp_path, caplog, receiver_class, wait_for
):
    with caplog.at_level(logging.WARNING), receiver_class([500, 503, 302, 429]) as receiver:
        sink = Webhook(tmp_path, url=receiver.url, **FAST)
        sink.event(events[1])
        wait_for(lambda: not sink.outbox.waiting())
        wait_for(lambda: sink.outbox.trouble is None)
    assert len(receiver.got) == 5  # and no GET after the redirect
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "does not accept messages (HTTP 500" in said[0] and "accepts messages again" in said[1]
    assert "hush" not in caplog.text and "key" not in caplog.text


def test_rejected_messages_are_moved_away(events, tmp_path, caplog, receiver_class):
    with receiver_class([422]) as receiver:
        sink = Webhook(tmp_path, url=receiver.url, **FAST)
        for event in events:
            sink.event(event)
        sink.close(None)
    assert len(receiver.got) == 2
    (kept,) = (tmp_path / "webhook" / "refused").iterdir()
    assert kept.read_bytes().startswith(f"{events[0].id}.begun\n".encode())
    assert "rejects a message" in caplog.text


def test_a_dead_receiver_and_a_restart_lose_nothing(
    events, tmp_path, receiver_class, free_port, wait_for
):
    port = free_port()
    url = f"http://127.0.0.1:{port}/alarms"
    script = f"""
import pathlib, pickle, sys
from vadkit.inference.sinks.webhook import Webhook
sink = Webhook(pathlib.Path({str(tmp_path)!r}), url={url!r}, first_wait_s=0.02)
for event in pickle.load(sys.stdin.buffer):
    sink.event(event)
sink.close(None)
"""
    # A process that ends while nobody listens.
    done = subprocess.run(
        [sys.executable, "-c", script], input=pickle.dumps(events), capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "webhook").glob("*.msg"))) == 2
    with receiver_class(port=port) as receiver:
        sink = Webhook(tmp_path, url=url, **FAST)  # the next start of the program
        wait_for(lambda: not sink.outbox.waiting())
    assert [json.loads(body)["event"]["state"] for _, body in receiver.got] == ["begun", "over"]


def test_two_outboxes_on_a_folder_deliver_each_message_once(tmp_path, wait_for):
    got: list[str] = []
    boxes = [Outbox(tmp_path, lambda id, body: got.append(id), name="x") for _ in range(2)]

    def put(box, first):
        for number in range(first, first + 20):
            box.put(str(number), b"")

    threads = [threading.Thread(target=put, args=(box, 100 * n)) for n, box in enumerate(boxes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_for(lambda: not boxes[0].waiting())
    assert sorted(got, key=int) == [str(n) for n in [*range(20), *range(100, 120)]]
    for first in (0, 100):
        own = [int(id) for id in got if first <= int(id) < first + 50]
        assert own == sorted(own)


def test_closing_does_not_wait_for_a_dead_receiver(events, tmp_path, free_port):
    sink = Webhook(tmp_path, url=f"http://127.0.0.1:{free_port()}/", first_wait_s=60)
    sink.event(events[0])
    started = time.monotonic()
    sink.close(None)
    assert time.monotonic() - started < 4
    assert len(sink.outbox.waiting()) == 1


def test_the_key_is_required_and_never_shown(tmp_path, monkeypatch):
    Webhook(tmp_path, url="https://a.org", secret_env=None)
    for url, message in [
        ("ftp://a.org", "must be an http"),
        ("https://me:hush@a.org/x", "contains a user name or password"),
    ]:
        with pytest.raises(RecipeError, match=message) as caught:
            Webhook(tmp_path, url=url)
        assert "hush" not in str(caught.value)
    monkeypatch.setenv("VADKIT_WEBHOOK_SECRET", "whsec_hush!")
    with pytest.raises(RecipeError, match="is not base64") as caught:
        Webhook(tmp_path, url="https://a.org")
    assert "hush" not in str(caught.value)
    monkeypatch.delenv("VADKIT_WEBHOOK_SECRET")
    with pytest.raises(RecipeError, match="environment variable VADKIT_WEBHOOK_SECRET"):
        Webhook(tmp_path, url="https://a.org")


def test_the_example_receiver_of_the_docs_verifies(events, tmp_path, monkeypatch, receiver_class):
    """The page's code, run: what is signed passes, what was changed does not."""
    page = (Path(__file__).parents[3] / "docs" / "alarms.md").read_text()
    code = next(block for block in page.split("```python\n")[1:] if "def verified" in block)
    scope: dict = {"__name__": "receiver"}
    exec(code.split("```")[0], scope)
    with receiver_class() as receiver:
        sink = Webhook(tmp_path, url=receiver.url)
        sink.event(events[1])
        sink.close(None)
    headers, body = receiver.got[0]
    assert scope["verified"](headers, body)
    assert not scope["verified"](headers, body.replace(b"over", b"left"))
    assert not scope["verified"]({**headers, "webhook-timestamp": "1614265330"}, body)
