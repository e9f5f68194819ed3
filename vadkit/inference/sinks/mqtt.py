"""Publish events to an MQTT broker."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.addresses import mask_address
from vadkit.errors import RecipeError
from vadkit.inference.alarms import Event
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sinks.home_assistant import discovery
from vadkit.inference.sinks.links import check_link, linked
from vadkit.inference.sinks.outbox import Outbox, Refused, check_json
from vadkit.inference.sinks.secret import secret
from vadkit.inference.sinks.sink import EventSink, SourceInfo, VideoScores
from vadkit.text import ascii_name, printable

_LONGEST_TOPIC = 65535  # bytes, a limit of the protocol
# Marks messages in the outbox that the broker keeps and that may be no JSON; no topic has it.
_RETAINED = "\x1f"
_SCORE_EVERY_S = 5.0


class Mqtt(EventSink):
    """Publishes each event as JSON on ``<topic>/<source>``, when it begins and when it is over.

    It uses QoS 1: messages wait in ``out/mqtt`` until the broker has acknowledged them, even after
    a restart, so each arrives at least once. With ``user``, the password is in the environment
    variable ``password_env``. ``tls`` encrypts, with the system's certificate authorities. Needs
    paho-mqtt: ``pip install 'vadkit[mqtt]'``.

    With ``home_assistant``, cameras appear in Home Assistant by themselves (its MQTT discovery,
    below ``discovery_prefix``): an alarm, the score, and the picture of the last alarm. Their
    states are on ``<topic>/<source>/alarm``, ``/score``, ``/snapshot`` and ``/status``. ``link`` is
    the address of the page of `vadkit watch`, and adds links to picture and clip.
    """

    sends: ClassVar[bool] = True

    def __init__(
        self,
        out: Path,
        *,
        host: str,
        port: Annotated[int, Field(ge=1, le=65535)] | None = None,
        topic: str = "vadkit/events",
        user: str | None = None,
        password_env: str = "VADKIT_MQTT_PASSWORD",
        tls: bool = False,
        retain: bool = False,
        home_assistant: bool = False,
        discovery_prefix: str = "homeassistant",
        link: str | None = None,
        timeout_s: Annotated[float, Field(gt=0)] = 10.0,
        first_wait_s: Annotated[float, Field(gt=0)] = 1.0,
        longest_wait_s: Annotated[float, Field(gt=0)] = 300.0,
    ) -> None:
        super().__init__(out)
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError:
            raise RecipeError(
                "sink 'mqtt' needs paho-mqtt; install it with: pip install 'vadkit[mqtt]'"
            ) from None
        _check_topic(topic)
        self.host, self.port = host, port or (8883 if tls else 1883)
        self.topic, self.retain, self.timeout_s = topic.strip("/"), retain, timeout_s
        self._client: Any = Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, secret(password_env, f"the password of '{user}'"))
        if tls:
            self._client.tls_set()
        self.link, self.home_assistant = check_link(link, "mqtt"), home_assistant
        self.discovery_prefix, self._score_due = discovery_prefix.strip("/"), 0.0
        self._connected = threading.Event()
        self._reason = "no answer"
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self._connected.clear()
        self._looping = False
        self._source = ""
        # Whether the next message needs a new connection: a will holds from the connection on.
        self._renew = False
        # The last state of the camera that the broker has.
        self._status: bytes | None = None
        self.outbox = Outbox(
            out / "mqtt",
            self._publish,
            name=f"MQTT broker {printable(mask_address(host))}:{self.port}",
            first_wait_s=first_wait_s,
            longest_wait_s=longest_wait_s,
        )
        self.outbox.start()

    def open(self, info: SourceInfo) -> None:
        if not self.home_assistant:
            return
        base = self._base(info.name)
        # Before the states are sent: another thread notes the last one of this camera.
        self._source, self._status = info.name, None
        self._client.will_set(f"{base}/status", "offline", qos=1, retain=True)
        self._renew = True
        for topic, body in discovery(self.discovery_prefix, base, info.name).items():
            self.outbox.put(_RETAINED + topic, body)
        self._state(info.name, "alarm", b"OFF")
        self._state(info.name, "status", b"online")

    def frame(self, seen: FrameScore) -> None:
        # The score of now; an old one is worth nothing, so it does not wait on the disk.
        if not self.home_assistant or not self._connected.is_set() or seen.score != seen.score:
            return
        if time.monotonic() >= self._score_due:
            self._score_due = time.monotonic() + _SCORE_EVERY_S
            self._client.publish(f"{self._base(self._source)}/score", f"{seen.score:.6g}", qos=0)

    def event(self, event: Event) -> None:
        self.outbox.put(self._base(event.source), json.dumps(linked(event, self.link)).encode())
        if not self.home_assistant:
            return
        if event.kind == "alarm":
            self._state(event.source, "alarm", b"OFF" if event.over else b"ON")
            if event.snapshot is not None:
                self._state(event.source, "snapshot", event.snapshot)
        elif event.kind in ("source-lost", "source-back"):
            state = b"offline" if event.kind == "source-lost" else b"online"
            self._state(event.source, "status", state)

    def _base(self, source: str) -> str:
        return f"{self.topic}/{_topic(source)}"

    def _state(self, source: str, name: str, body: bytes) -> None:
        self.outbox.put(f"{_RETAINED}{self._base(source)}/{name}", body)

    def check(self) -> None:
        self.outbox.check()

    def close(self, result: VideoScores | None) -> Path | None:
        if self._source:
            self._state(self._source, "status", b"offline")
            self._source = ""
        if self.outbox.flush(5.0):
            # Otherwise messages still wait, and need the connection.
            self._disconnect()
        return None

    def _publish(self, topic: str, body: bytes) -> None:
        if set("+#\0\n") & set(topic) or len(topic.encode()) > _LONGEST_TOPIC:
            raise Refused("its topic cannot be published")
        state = topic.startswith(_RETAINED)
        if not state:
            check_json(body)
        if self._renew:
            self._renew = False
            self._disconnect()
        self._connect()
        topic = topic.removeprefix(_RETAINED)
        message = self._client.publish(topic, body, qos=1, retain=self.retain or state)
        try:
            message.wait_for_publish(self.timeout_s)
        except (ValueError, RuntimeError) as error:
            raise ConnectionError(str(error)) from None
        if not message.is_published():
            # Connect again, so that paho does not send it a second time by itself.
            self._disconnect()
            raise TimeoutError(f"no acknowledgement within {self.timeout_s:g} s")
        if state and topic == f"{self._base(self._source)}/status":
            self._status = body

    def _connect(self) -> None:
        if self._connected.is_set():
            return
        self._disconnect()
        # Raises OSError if nobody listens.
        self._client.connect(self.host, self.port, keepalive=30)
        self._client.loop_start()
        self._looping = True
        if not self._connected.wait(self.timeout_s):
            self._disconnect()
            raise ConnectionError(self._reason)

    def _disconnect(self) -> None:
        if self._looping:
            self._client.disconnect()
            self._client.loop_stop()
            self._looping = False
        self._connected.clear()

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._reason = str(reason)
        else:
            self._connected.set()
            if self._source and self._status is not None:
                # When a connection breaks, the broker publishes the will.
                topic = f"{self._base(self._source)}/status"
                client.publish(topic, self._status, qos=1, retain=True)


def _check_topic(topic: str) -> None:
    long = len(topic.encode("utf-8", "replace")) > 1000
    if set("+#\0") & set(topic) or not topic.strip("/") or long:
        raise RecipeError(
            "sink 'mqtt': topic must be a name of at most 1,000 bytes without + and #; got "
            f"'{printable(topic, 100)}'"
        )


def _topic(source: str) -> str:
    """Return the name of a source as one level of a topic.

    Characters that separate or select topics become "_"; a name that brokers reject becomes ASCII.
    """
    level = "".join("_" if c in "/+#" else c for c in source) or "source"
    return level if level.isprintable() and len(level) <= 200 else ascii_name(source)
