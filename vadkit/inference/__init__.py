"""Run a trained method on video: the detector, its sources and its sinks."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "sources": {
        "file": "vadkit.inference.sources.files:FileSource",
        "url": "vadkit.inference.sources.live:UrlSource",
        "camera": "vadkit.inference.sources.live:CameraSource",
        "stdin": "vadkit.inference.sources.standard_input:StandardInput",
        "replay": "vadkit.inference.sources.replay:Replay",
    },
    "sinks": {
        "csv": "vadkit.inference.sinks.csv:Csv",
        "events": "vadkit.inference.sinks.events:EventLines",
        "frigate": "vadkit.inference.sinks.frigate:Frigate",
        "jsonl": "vadkit.inference.sinks.jsonl:Jsonl",
        "mqtt": "vadkit.inference.sinks.mqtt:Mqtt",
        "apprise": "vadkit.inference.sinks.apprise:Apprise",
        "npz": "vadkit.inference.sinks.npz:Npz",
        "plot": "vadkit.inference.sinks.plot:Plot",
        "snapshots": "vadkit.inference.sinks.events:Snapshots",
        "sqlite": "vadkit.inference.sinks.events:EventTable",
        "video": "vadkit.inference.sinks.video:AnnotatedVideo",
        "webhook": "vadkit.inference.sinks.webhook:Webhook",
    },
}
