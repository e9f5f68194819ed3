"""Completion of an object's crops and of its flow, by one network for each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Update, WeightedLoss
from vadkit.methods.object_errors import ObjectErrors, squared_error

# Height and width of a crop, as in the paper (Yu et al., ACM MM 2020).
SIDE = 32


class ObjectCompletion(ObjectErrors):
    """A method with the networks ``frame`` and, unless it is left out, ``flow``.

    Both have the same input. The errors of an object are the mean squared errors of both.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 5, "size": [240, 360], "channels": "rgb"},
        "flow": {"type": "dis"},
        "objects": {"type": "blobs"},
        "losses": {
            "frame": {"type": "mse", "weight": 1.0},
            "flow": {"type": "mse", "weight": 1.0},
        },
        "optimizers": {
            "frame": {"type": "adam", "lr": 1e-3},
            "flow": {"type": "adam", "lr": 1e-3},
        },
    }
    optional: ClassVar[frozenset[str]] = frozenset({"networks.flow", "losses.flow"})

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        weights: Mapping[str, float],
    ) -> None:
        super().__init__(networks, losses, clip, {role: weights[role] for role in networks})

    @abstractmethod
    def cubes(self, clips: Clips) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the input (N, ...) for all objects, and the target of each network."""

    def updates(self, clips: Clips) -> Iterator[Update]:
        known, wanted = self.cubes(clips)
        if not len(known):
            return
        for role in self.networks:
            # Bound now, because the trainer may call the terms later.
            def terms(role: str = role) -> dict[str, Tensor]:
                return {role: self.losses[role](self.networks[role](known), wanted[role])}

            yield Update(role, terms)

    @torch.no_grad()
    def errors(self, clips: Clips) -> Tensor:
        known, wanted = self.cubes(clips)
        if not len(known):
            return known.new_zeros(0, len(self.parts))
        each = [squared_error(net(known), wanted[role]) for role, net in self.networks.items()]
        return torch.stack(each, dim=1)
