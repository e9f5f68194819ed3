"""The base of methods that learn from bags of segments with a label for each video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vadkit.data.tensors import Bags, Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Method, Scores, Update, WeightedLoss


class WeakMethod(Method):
    """A method with a network ``head`` that sees the segments of a video, and video labels.

    The head is called with features (B, T, D) and a mask (B, T), which is False for padding. A
    method implements ``terms``, the losses of a batch, and ``segment_scores`` if the head returns
    no ``scores``. In training, a batch is half normal and half abnormal (see ``Bags``). Scoring
    uses all segments of one video, and crops are averaged. ``clip.frames`` times ``clip.step``
    frames are one segment.
    """

    from_bags: ClassVar[bool] = True
    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 16, "size": [224, 224], "channels": "rgb"},
        "bags": {},
        # Computed only for features that use it.
        "flow": {"type": "dis", "preset": "fast"},
    }
    # The mean and the deviation (D,) of features that are scaled to `standard`.
    middle: Tensor
    spread: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.register_buffer("middle", torch.zeros(clip.dim or 0))
        self.register_buffer("spread", torch.ones(clip.dim or 0))

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        return ClipSpec(frames, size, channels, tuple(range(frames)), step)

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"head": (clip.dim,)}

    def output(self, bags: Bags) -> Any:
        """Return what the head says about bags; override it if the head needs more of them."""
        return self.networks["head"](self.scaled(bags.features), bags.mask)

    def terms(self, output: Any, bags: Bags) -> dict[str, Tensor]:
        """Return the weighted loss terms of a batch; ``output`` is what the head returned."""
        raise NotImplementedError

    def segment_scores(self, output: Any) -> Tensor:
        """Return scores (B, T) in 0..1 of segments: the head's ``scores``, unless overridden."""
        scores: Tensor = output.scores
        return scores

    def kind_scores(self, output: Any) -> Tensor | None:
        """Return scores (B, T, K) of segments by kind of anomaly, in the order of the kinds.

        None, the default, if the method has none. Evaluation of events by kind uses them.
        """
        return None

    def updates(self, clips: Clips | Bags) -> Iterator[Update]:
        """Yield the optimizer step of a batch of bags."""
        assert isinstance(clips, Bags)
        bags = clips

        def terms() -> dict[str, Tensor]:
            return self.terms(self.output(bags), bags)

        yield Update("head", terms)

    def items(self, clips: Clips | Bags) -> int:
        """The number of videos."""
        return len(clips)

    def scaled(self, features_BTD: Tensor) -> Tensor:
        """Return features in the scale that the head sees."""
        if self.clip.scale == "length":
            return nn.functional.normalize(features_BTD, dim=-1)
        if self.clip.scale == "standard":
            return (features_BTD - self.middle) / self.spread
        return features_BTD

    @torch.no_grad()
    def score(self, clips: Clips | Bags) -> Scores:
        """Return scores (B, T) of segments, NaN for padding."""
        assert isinstance(clips, Bags)
        output = self.output(clips)
        scores = self.segment_scores(output).float().masked_fill(~clips.mask, torch.nan)
        kinds = self.kind_scores(output)
        if kinds is None or not self.clip.classes:
            return Scores(scores)
        hidden = kinds.float().masked_fill(~clips.mask[..., None], torch.nan)
        named = zip(self.clip.classes, hidden.unbind(dim=-1), strict=True)
        return Scores(scores, parts={f"kind:{name}": own for name, own in named})
