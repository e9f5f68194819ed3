"""Methods of video anomaly detection, one a file, on one contract."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "methods": {
        "conv-ae": "vadkit.methods.conv_ae:ConvAutoEncoder",
        "future-frame": "vadkit.methods.future_frame:FutureFrame",
    },
}
