"""Velocity, pose and appearance of objects, each with a density of its own."""

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
    """Attributes of objects that people understand (Reiss and Hoshen, 2022).

    "Attribute-based Representations for Accurate and Interpretable Video Anomaly Detection": an
    object's velocity is its mean optical flow by ``bins`` directions, under a mixture of
    ``components`` Gaussians; its ``pose`` and its ``deep`` features are compared with their nearest
    training neighbours. Each part's scores are calibrated, 0 being the lowest and 1 the 99.9th
    percentile of training objects, and summed; a frame has the score of its highest object, 0 where
    it has none. ``Scores.parts`` tells which attribute it was. No gradient is taken. The paper has
    8 bins and 5 components, on Ped2 1 and 2, divides by an object's height on ShanghaiTech
    (``relative``), and reports micro AUC 99.1, 93.7 and 85.9 on Ped2, Avenue and ShanghaiTech, with
    scores smoothed over time.

    ``pose`` and ``deep`` take a component of the family ``features`` and are off by default: the
    paper's are AlphaPose's poses (``poses-file``) and CLIP's embeddings (``embeddings-file``, or
    ``backbone`` with weights of yours), and nothing is downloaded. Velocity alone stays.

    Differences from the paper: objects come from the recipe's ``objects`` and flow from dense
    inverse search, in place of Mask R-CNN and FlowNet2; lengths of flow are Euclidean; velocity is
    calibrated on held-out video as well, in ``folds`` turns, pose and deep features in as many in
    place of one for each video; distances are not squared; parts are summed for each object, where
    the authors' code adds each frame's highest values; at most ``samples`` training objects, drawn
    at random, are kept. ``scorers: [{type: gaussian, sigma: 3}]`` smooths as the authors do.
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
        """Velocity, and the others where the recipe has them."""
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
