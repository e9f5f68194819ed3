"""Protocols, and metrics that record their protocol, in NumPy and scikit-learn."""

from __future__ import annotations

_PRESETS = "vadkit.evaluation.presets"

COMPONENTS: dict[str, dict[str, str]] = {
    "evaluators": {
        "frame-auc": "vadkit.evaluation.frame_auc:FrameAuc",
        "false-alarms": "vadkit.evaluation.alarms:FalseAlarms",
        "alarms": "vadkit.evaluation.alarms:AlarmMetrics",
        "category-auc": "vadkit.evaluation.category_auc:CategoryAuc",
        "video-auc": "vadkit.evaluation.video_auc:VideoAuc",
        "temporal-map": "vadkit.evaluation.temporal_map:TemporalMap",
        "pixel-auc": "vadkit.evaluation.pixels:PixelAuc",
        "region-detection": "vadkit.evaluation.region_detection:RegionDetection",
        "pseudo-anomaly": "vadkit.evaluation.pseudo_anomaly:PseudoAnomaly",
        "score-statistics": "vadkit.evaluation.score_statistics:ScoreStatistics",
    },
    "protocols": {
        "custom": "vadkit.evaluation.protocol:custom",
        "raw": f"{_PRESETS}:raw",
        "online": f"{_PRESETS}:online",
        "offline": f"{_PRESETS}:offline",
        "conv-ae": f"{_PRESETS}:conv_ae",
        "ano-pred": f"{_PRESETS}:ano_pred",
        "memae": f"{_PRESETS}:memae",
        "mnad": f"{_PRESETS}:mnad",
        "amc": f"{_PRESETS}:amc",
        "ocae": f"{_PRESETS}:ocae",
        "aed-sssmtl": f"{_PRESETS}:aed_sssmtl",
        "ai-vad": f"{_PRESETS}:ai_vad",
        "deep-mil": f"{_PRESETS}:deep_mil",
        "rtfm": f"{_PRESETS}:rtfm",
        "mgfn": f"{_PRESETS}:mgfn",
        "s3r": f"{_PRESETS}:s3r",
        "ur-dmu": f"{_PRESETS}:ur_dmu",
        "pel4vad": f"{_PRESETS}:pel4vad",
        "bn-wvad": f"{_PRESETS}:bn_wvad",
        "vadclip": f"{_PRESETS}:vadclip",
    },
}
