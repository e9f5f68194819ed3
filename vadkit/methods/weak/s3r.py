"""Segments that a dictionary of normal features does not explain."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from vadkit.data.tensors import Bags
from vadkit.methods.weak.rtfm import RTFM


class S3R(RTFM):
    """Self-supervised sparse representation (Wu et al., ECCV 2022).

    "Self-supervised Sparse Representation for Video Anomaly Detection". A dictionary of normal
    features explains a segment; the rest is filtered and classified, with the losses of RTFM on
    what is left. The paper reports AUC 86.0 on UCF-Crime and 97.4 on ShanghaiTech.

    Differences: the dictionary is learned together with the head, from the squared error of normal
    videos, where the authors learn it before by sparse coding; the paper's pseudo-anomalies from
    the dictionary for one-class training are not here.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **RTFM.defaults,
        "networks": {"head": {"type": "s3r"}},
        "losses": {**RTFM.defaults["losses"], "dictionary": {"type": "normal-mean"}},
    }

    def terms(self, output: Any, bags: Bags) -> dict[str, Tensor]:
        explained = self.losses["dictionary"](output.error, bags.mask, bags.labels)
        return {**super().terms(output, bags), "dictionary": explained}
