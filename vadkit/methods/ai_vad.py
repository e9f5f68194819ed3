"""Velocity, pose and appearance of objects, each with its own density."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import nn

from vadkit.data.videos import ClipSpec
from vadkit.methods.feature_density import DensityMethod, Part
from vadkit.methods.method import WeightedLoss
from vadkit.registry import Nested

_Optional = dict[str, Any] | None


class AIVAD(DensityMethod):
    """Velocity, pose and deep features of objects, each with a density (Reiss and Hoshen, 2022).

    "Attribute-based Representations for Accurate and Interpretable Video Anomaly Detection". The
    velocity of an object is its mean optical flow in ``bins`` directions, with a mixture of
    ``components`` Gaussians as its density. Its ``pose`` and ``deep`` features are compared with
    their nearest training neighbours. The scores of each part are calibrated (0 is the lowest and 1
    the 99.9th percentile over training objects) and summed. A frame has the score of its highest
    object, 0 without objects. ``Scores.parts`` has the score of each attribute. The method uses no
    gradients. The paper uses 8 bins and 5 components (1 and 2 on Ped2), divides by the height of
    the object on ShanghaiTech (``relative``), and reports micro AUC 99.1, 93.7 and 85.9 on Ped2,
    Avenue and ShanghaiTech, with scores smoothed over time.

    ``pose`` and ``deep`` are components of the family ``features`` and are off by default, which
    leaves only velocity. The paper uses AlphaPose's poses (``poses-file``) and CLIP's embeddings
    (``embeddings-file``, or ``backbone`` with your own weights). Nothing is downloaded.

    Differences from the paper: objects come from the recipe's ``objects`` and flow from dense
    inverse search, instead of Mask R-CNN and FlowNet2; flow lengths are Euclidean; velocity is also
    calibrated on held-out video; all parts use ``folds`` folds, while the paper uses one per video
    for pose and deep features; distances are not squared; parts are summed per object, while the
    authors' code adds each frame's highest values; at most ``samples`` training objects, drawn at
    random, are kept. ``scorers: [{type: gaussian, sigma: 3}]`` smooths as the authors do.
    """

    defaults: ClassVar[dict[str, Any]] = {
        **DensityMethod.defaults,
        "protocols": [{"type": "ai-vad"}],
    }

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        bins: Annotated[int, Field(ge=1)] = 8,
        components: Annotated[int, Field(ge=1)] = 5,
        relative: bool = False,
        pose: Annotated[_Optional, Nested("features", "optional")] = None,
        deep: Annotated[_Optional, Nested("features", "optional")] = None,
        samples: Annotated[int, Field(ge=2)] = 20_000,
        folds: Annotated[int, Field(ge=2)] = 4,
    ) -> None:
        params = {
            "bins": bins,
            "components": components,
            "relative": relative,
            "pose": pose,
            "deep": deep,
        }
        super().__init__(
            networks,
            losses,
            clip,
            self.parts_of(params),
            of="objects",
            grid=(1, 1),
            samples=samples,
            folds=folds,
        )

    @classmethod
    def parts_of(cls, params: Mapping[str, Any]) -> list[Part]:
        """Return velocity, and the other parts if the recipe has them."""
        velocity = {
            "type": "flow-statistics",
            "bins": params["bins"],
            "relative": params["relative"],
        }
        mixture = {"type": "gmm", "components": params["components"]}
        return [Part("velocity", "velocity", velocity, mixture)] + [
            Part(name, name, params[name], {"type": "knn", "k": 1})
            for name in ("pose", "deep")
            if params[name] is not None
        ]
