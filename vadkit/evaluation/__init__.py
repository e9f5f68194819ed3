"""Metrics with their protocol stated, in NumPy and scikit-learn."""

from __future__ import annotations

COMPONENTS: dict[str, dict[str, str]] = {
    "evaluators": {
        "frame-auc": "vadkit.evaluation.frame_auc:FrameAuc",
        "score-statistics": "vadkit.evaluation.score_statistics:ScoreStatistics",
    },
}
