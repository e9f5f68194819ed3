"""MQTT against a real broker, Debian's mosquitto, which dies and comes back."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time

import pytest

from vadkit.errors import RecipeError

pytest.importorskip("paho.mqtt", reason="needs paho-mqtt: pip install 'vadkit[mqtt]'")

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from vadkit.inference.sinks.mqtt import Mqtt

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
FAST = {"first_wait_s": 0.05, "longest_wait_s": 0.1, "timeout_s": 2.0}


@pytest.fixture
def start_broker(wait_for):
    if MOSQUITTO is None:
        pytest.skip("no mosquitto; install it with: apt-get install mosquitto")
    running = []

    def start(port):
        broker = subprocess.Popen(
            [MOSQUITTO, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        running.append(broker)

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_for(listens)
        return broker

    yield start
    for broker in running:
        broker.terminate()
        broker.wait(10)


def subscriber(port, got, wait_for):
    client = Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda client, data, message: got.append(message)
    ready = []
    client.on_subscribe = lambda *_: ready.append(True)
    client.connect("127.0.0.1", port)
    client.subscribe("#", qos=1)
    client.loop_start()
    wait_for(lambda: ready)
    return client


def test_events_arrive_acknowledged_over_a_broker_that_dies(
    events, tmp_path, start_broker, free_port, wait_for
):
    port, got = free_port(), []
    broker = start_broker(port)
    client = subscriber(port, got, wait_for)
    sink = Mqtt(tmp_path, host="127.0.0.1", port=port, topic="site/alarms", **FAST)
    sink.event(events[0])
    sink.close(None)
    wait_for(lambda: len(got) == 1)
    assert (got[0].topic, got[0].qos) == ("site/alarms/gate_1", 1)
    assert json.loads(got[0].payload) == events[0].to_dict()
    client.loop_stop()
    broker.terminate()
    broker.wait(10)
    sink.event(events[1])
    sink.close(None)
    wait_for(lambda: sink.outbox.trouble is not None)
    assert len(sink.outbox.waiting()) == 1
    start_broker(port)
    client = subscriber(port, got, wait_for)
    wait_for(lambda: len(got) == 2)
    assert json.loads(got[1].payload)["state"] == "over"
    wait_for(lambda: not sink.outbox.waiting())
    client.loop_stop()


def test_nobody_listens(events, tmp_path, free_port):
    started = time.monotonic()
    sink = Mqtt(tmp_path, host="127.0.0.1", port=free_port(), first_wait_s=60)
    sink.event(events[0])
    sink.close(None)
    assert time.monotonic() - started < 5
    assert len(sink.outbox.waiting()) == 1 and "refused" in sink.outbox.trouble


def test_wrong_settings_are_refused(tmp_path, monkeypatch):
    with pytest.raises(RecipeError, match=r"without \+ and #; got 'a/#'"):
        Mqtt(tmp_path, host="x", topic="a/#")
    monkeypatch.delenv("VADKIT_MQTT_PASSWORD", raising=False)
    with pytest.raises(RecipeError, match=r"password of 'cam' is not set.*VADKIT_MQTT_PASSWORD"):
        Mqtt(tmp_path, host="x", user="cam")
