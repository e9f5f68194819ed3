"""What Home Assistant needs to show a camera by itself: its MQTT discovery."""

from __future__ import annotations

import json
from typing import Any

from vadkit.text import ascii_name, printable


def discovery(prefix: str, base: str, source: str) -> dict[str, bytes]:
    """Return the retained messages, by topic, that announce a camera below the topic ``base``.

    They announce a binary sensor (an alarm), a sensor (the score), and a camera (the picture of the
    last alarm), as one device.
    """
    node = f"vadkit_{ascii_name(source).replace('.', '_')}"
    device = {
        "identifiers": [node],
        "name": printable(source, 100),
        "manufacturer": "vadkit",
        "model": "camera with anomaly detection",
    }
    common = {
        "device": device,
        "availability_topic": f"{base}/status",
        "payload_available": "online",
        "payload_not_available": "offline",
    }
    parts: dict[tuple[str, str], dict[str, Any]] = {
        ("binary_sensor", "alarm"): {
            "name": "Alarm",
            "state_topic": f"{base}/alarm",
            "payload_on": "ON",
            "payload_off": "OFF",
            "device_class": "safety",
            "json_attributes_topic": base,
        },
        ("sensor", "score"): {
            "name": "Anomaly score",
            "state_topic": f"{base}/score",
            "state_class": "measurement",
            "expire_after": 60,
        },
        ("camera", "snapshot"): {"name": "Last alarm", "topic": f"{base}/snapshot"},
    }
    return {
        f"{prefix}/{kind}/{node}/{name}/config": json.dumps(
            {**common, "unique_id": f"{node}_{name}", "object_id": f"{node}_{name}", **part}
        ).encode()
        for (kind, name), part in parts.items()
    }
