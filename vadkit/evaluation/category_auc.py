"""Frame AUC for each kind of anomaly."""

from __future__ import annotations

import numpy as np

from vadkit.evaluation.frame_auc import pooled, scored_frames
from vadkit.evaluation.metrics import Metric, Setting


class CategoryAuc:
    """Micro AUC by category: the abnormal frames of its videos against all normal frames.

    The names are ``auc[Arson]`` and so on. Normal frames are those of every video, so all
    categories have the same background; papers that use only the videos of the category get other
    numbers. Returns nothing for datasets without categories.
    """

    def __call__(
        self,
        scores: dict[str, np.ndarray],
        labels: dict[str, np.ndarray],
        setting: Setting | None = None,
    ) -> list[Metric]:
        """See ``FrameAuc`` for the arguments and the errors."""
        from sklearn.metrics import roc_auc_score

        setting = setting or Setting()
        kept = scored_frames(scores, labels)
        truth, values = pooled(kept)
        normal = values[~truth]
        metrics = []
        for category in sorted(set(setting.categories.values())):
            members = [video for video in kept if setting.categories.get(video) == category]
            found = [kept[video][1][kept[video][0]] for video in members]
            abnormal = np.concatenate(found) if found else np.empty(0)
            if not len(abnormal):
                continue
            both = np.r_[np.zeros(len(normal), bool), np.ones(len(abnormal), bool)]
            area = roc_auc_score(both, np.r_[normal, abnormal])
            metrics.append(Metric("auc", float(area), setting.protocol, category=category))
        return metrics
