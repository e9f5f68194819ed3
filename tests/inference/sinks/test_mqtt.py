"""MQTT against a real broker, Debian's mosquitto, which dies and comes back."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from types import SimpleNamespace

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


def leave(client):
    """Without this goodbye, the socket would stay open."""
    client.disconnect()
    client.loop_stop()


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
    leave(client)
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
    leave(client)


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


# Keys of Home Assistant's MQTT discovery that are used, and those that each entity must have
# (home-assistant.io/integrations/binary_sensor.mqtt, sensor.mqtt and camera.mqtt).
_DISCOVERY = {
    "binary_sensor": ({"state_topic"}, {"payload_on", "payload_off", "device_class"}),
    "sensor": ({"state_topic"}, {"state_class", "expire_after"}),
    "camera": ({"topic"}, set()),
}
_ANY = {
    *("name", "unique_id", "object_id", "device", "availability_topic"),
    *("payload_available", "payload_not_available", "json_attributes_topic"),
}


def test_discovery_has_what_home_assistant_requires_and_knows():
    from vadkit.inference.sinks.home_assistant import discovery

    found = discovery("homeassistant", "vadkit/events/gate_1", "gate/1")
    seen = set()
    for topic, body in found.items():
        prefix, kind, node, name, end = topic.split("/")
        assert (prefix, end) == ("homeassistant", "config")
        assert all(part.replace("_", "").replace("-", "").isalnum() for part in (node, name))
        data, (required, known) = json.loads(body), _DISCOVERY[kind]
        assert required <= set(data) <= required | known | _ANY
        assert data["device"]["identifiers"] == [node]
        seen.add((kind, data["unique_id"]))
    assert len(seen) == 3
    other = discovery("homeassistant", "vadkit/events/gate-1", "gate-1")
    assert not set(found) & set(other)


def test_home_assistant_sees_states_pictures_and_an_end(
    events, tmp_path, start_broker, free_port, wait_for
):
    import numpy as np

    from vadkit.inference.frame_score import FrameScore
    from vadkit.inference.sinks.sink import SourceInfo

    port, got = free_port(), []
    start_broker(port)
    client = subscriber(port, got, wait_for)
    sink = Mqtt(
        tmp_path,
        host="127.0.0.1",
        port=port,
        home_assistant=True,
        link="http://cams:8700/",
        **FAST,
    )
    sink.open(SourceInfo("gate/1", 10.0, (48, 64)))
    for event in events:
        sink.event(event)
    assert sink.outbox.flush(5.0)
    sink.frame(FrameScore(0, 0.0, np.zeros((4, 4, 3), np.uint8), 1.0, 0.25))
    base = "vadkit/events/gate_1"
    wait_for(lambda: any(one.topic == f"{base}/score" for one in got))
    sink.close(None)
    wait_for(lambda: got[-1].topic == f"{base}/status")
    by_topic = {}
    for one in got:
        by_topic.setdefault(one.topic, []).append(one.payload)
    assert by_topic[f"{base}/alarm"] == [b"OFF", b"ON", b"OFF"]
    assert by_topic[f"{base}/score"] == [b"0.25"]
    assert by_topic[f"{base}/status"] == [b"online", b"offline"]
    assert not sink._connected.is_set()
    assert by_topic[f"{base}/snapshot"][-1] == events[1].snapshot
    assert sum(topic.startswith("homeassistant/") for topic in by_topic) == 3
    links = json.loads(by_topic[base][-1])["links"]
    assert links["clip"] == f"http://cams:8700/clip/{events[1].id}.mp4"
    # Who comes later gets the states, too.
    later = []
    second = subscriber(port, later, wait_for)
    wait_for(lambda: any(one.topic == f"{base}/alarm" and one.retain for one in later))
    leave(second)
    leave(client)


def test_a_camera_is_available_again_after_the_connection_broke(
    events, tmp_path, start_broker, free_port, wait_for
):
    from vadkit.inference.sinks.sink import SourceInfo

    port, got = free_port(), []
    start_broker(port)
    client = subscriber(port, got, wait_for)
    sink = Mqtt(tmp_path, host="127.0.0.1", port=port, home_assistant=True, **FAST)
    connections, connect = [], sink._client.connect
    sink._client.connect = lambda *given, **more: connections.append(1) or connect(*given, **more)
    # A message of before opens a connection that has no will yet.
    sink.event(events[0])
    assert sink.outbox.flush(5.0)
    # The states may be sent before `open` returns.
    put = sink.outbox.put
    sink.outbox.put = lambda *given: (put(*given), sink.outbox.flush(5.0))
    sink.open(SourceInfo("gate", 10.0, (48, 64)))
    sink.outbox.put = put
    assert sink.outbox.flush(5.0)

    def states():
        return [one.payload for one in got if one.topic == "vadkit/events/gate/status"]

    wait_for(lambda: states() == [b"online"])
    assert len(connections) == 2
    # What paho calls when it has connected again.
    sink._on_connect(sink._client, None, None, SimpleNamespace(is_failure=False), None)
    wait_for(lambda: states() == [b"online", b"online"])
    sink.close(None)
    leave(client)
