"""Features: rows of numbers that describe regions of a frame; and the regions."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "features": {
        "backbone": "vadkit.features.backbone:Backbone",
        "box-geometry": "vadkit.features.boxes:BoxGeometry",
        "box-velocity": "vadkit.features.boxes:BoxVelocity",
        "embeddings-file": "vadkit.features.files:EmbeddingsFile",
        "flow-statistics": "vadkit.features.flow_statistics:FlowStatistics",
        "hog": "vadkit.features.hog:Hog",
        "poses-file": "vadkit.features.files:PosesFile",
        "speed-at-place": "vadkit.features.speed:SpeedAtPlace",
    },
    "extractors": {
        "files": "vadkit.features.sets:FeatureFiles",
        "track-segments": "vadkit.features.track_segments:TrackSegments",
        "frozen": "vadkit.features.segments:FrozenSegments",
        "joined": "vadkit.features.segments:JoinedSegments",
        "motion": "vadkit.features.segments:MotionSegments",
        "poses": "vadkit.features.poses:PoseFiles",
        "tracks": "vadkit.features.tracks:TrackFiles",
        "network": "vadkit.methods.exported.extractor:NetworkFile",
        "video-model": "vadkit.features.segments:VideoModel",
    },
}
