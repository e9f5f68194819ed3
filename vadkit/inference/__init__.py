"""Running a trained method on video: the detector, its sources and its sinks."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "sinks": {
        "jsonl": "vadkit.inference.sinks.jsonl:Jsonl",
        "npz": "vadkit.inference.sinks.npz:Npz",
        "plot": "vadkit.inference.sinks.plot:Plot",
        "video": "vadkit.inference.sinks.video:AnnotatedVideo",
    },
}
