"""Publish events to an MQTT broker."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from vadkit.addresses import mask_address
from vadkit.errors import RecipeError
from vadkit.inference.alarms import Event
from vadkit.inference.sinks.outbox import Outbox, Refused, check_json
from vadkit.inference.sinks.secret import secret
from vadkit.inference.sinks.sink import EventSink, VideoScores
from vadkit.text import ascii_name, printable

_LONGEST_TOPIC = 65535  # bytes, a limit of the protocol


class Mqtt(EventSink):
    """Publishes each event as JSON on ``<topic>/<source>``, when it begins and when it is over.

    It uses QoS 1: messages wait in ``out/mqtt`` until the broker has acknowledged them, even after
    a restart, so each arrives at least once. With ``user``, the password is in the environment
    variable ``password_env``. ``tls`` encrypts, with the system's certificate authorities. Needs
    paho-mqtt: ``pip install 'vadkit[mqtt]'``.
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
        if (
            set("+#\0") & set(topic)
            or not topic.strip("/")
            or len(topic.encode("utf-8", "replace")) > 1000
        ):
            raise RecipeError(
                "sink 'mqtt': topic must be a name of at most 1,000 bytes without + and #; got "
                f"'{printable(topic, 100)}'"
            )
        self.host, self.port = host, port or (8883 if tls else 1883)
        self.topic, self.retain, self.timeout_s = topic.strip("/"), retain, timeout_s
        self._client: Any = Client(CallbackAPIVersion.VERSION2)
        if user is not None:
            self._client.username_pw_set(user, secret(password_env, f"the password of '{user}'"))
        if tls:
            self._client.tls_set()
        self._connected = threading.Event()
        self._reason = "no answer"
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self._connected.clear()
        self._looping = False
        self.outbox = Outbox(
            out / "mqtt",
            self._publish,
            name=f"MQTT broker {printable(mask_address(host))}:{self.port}",
            first_wait_s=first_wait_s,
            longest_wait_s=longest_wait_s,
        )
        self.outbox.start()

    def event(self, event: Event) -> None:
        self.outbox.put(
            f"{self.topic}/{_topic(event.source)}", json.dumps(event.to_dict()).encode()
        )

    def check(self) -> None:
        self.outbox.check()

    def close(self, result: VideoScores | None) -> Path | None:
        self.outbox.flush(5.0)
        return None

    def _publish(self, topic: str, body: bytes) -> None:
        if set("+#\0\n") & set(topic) or len(topic.encode()) > _LONGEST_TOPIC:
            raise Refused("its topic cannot be published")
        check_json(body)
        self._connect()
        message = self._client.publish(topic, body, qos=1, retain=self.retain)
        try:
            message.wait_for_publish(self.timeout_s)
        except (ValueError, RuntimeError) as error:
            raise ConnectionError(str(error)) from None
        if not message.is_published():
            # Connect again, so that paho does not send it a second time by itself.
            self._disconnect()
            raise TimeoutError(f"no acknowledgement within {self.timeout_s:g} s")

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


def _topic(source: str) -> str:
    """Return the name of a source as one level of a topic.

    Characters that separate or select topics become "_"; a name that brokers reject becomes ASCII.
    """
    level = "".join("_" if c in "/+#" else c for c in source) or "source"
    return level if level.isprintable() and len(level) <= 200 else ascii_name(source)
