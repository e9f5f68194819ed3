"""Running a trained method on video: the detector, its sources and its sinks."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "sources": {
        "file": "vadkit.inference.sources.files:FileSource",
        "url": "vadkit.inference.sources.live:UrlSource",
        "camera": "vadkit.inference.sources.live:CameraSource",
        "stdin": "vadkit.inference.sources.standard_input:StandardInput",
    },
    "sinks": {
        "jsonl": "vadkit.inference.sinks.jsonl:Jsonl",
        "npz": "vadkit.inference.sinks.npz:Npz",
        "plot": "vadkit.inference.sinks.plot:Plot",
        "video": "vadkit.inference.sinks.video:AnnotatedVideo",
    },
}
