"""Reconstruction of an object's flow, then prediction of its next crop from what was rebuilt."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.clips.cubes import cubes_of
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Update, WeightedLoss
from vadkit.methods.object_errors import ObjectErrors, squared_error

# Height and width of a crop, as in the paper.
_SIDE = 32


class HF2VAD(ObjectErrors):
    """Flow reconstruction and frame prediction of objects (Liu, ICCV 2021).

    "A Hybrid Video Anomaly Detection Framework via Memory-Augmented Flow Reconstruction and
    Flow-Guided Frame Prediction". The box of each object in the last of 5 frames is cropped from
    all frames and their 4 flows, at 32x32. An auto-encoder with memories at three levels
    reconstructs each flow. A conditional auto-encoder predicts the last crop from the 4 before and
    the reconstructed flows: where the flow is unusual, its reconstruction is wrong, and so is the
    prediction. An object's score is the sum of both squared errors, each standardised over training
    objects, with ``flow_weight`` and ``frame_weight`` (1 and 0.1 on Ped2, .05 and 1 on Avenue, .02
    and 1 on ShanghaiTech). The frame has the score of its highest object.

    Training has three stages of equal length (``train.stages``): the flow auto-encoder, then the
    predictor with the first fixed, then both together (the role ``both``). The first takes only the
    last flow of each object, as in the authors' code. The paper reports AUC
    99.3 on Ped2, 91.1 on Avenue and 76.2 on ShanghaiTech. An independent reproduction reports 97.7
    to 98.7 on Ped2, where the third stage lowered the result; ``train.stages`` may leave it out.

    Differences from the paper: flow comes from dense inverse search instead of FlowNet2, and
    objects from the recipe's ``objects``; all stages have batches of 128 objects, where the
    authors' first stage has 256; choices of ours in the networks are named there; the divergence is
    a mean over elements; nothing is smoothed unless the recipe says so, where the authors take the
    median of 17 frames.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 5, "size": [240, 360], "channels": "rgb"},
        "flow": {"type": "dis"},
        "objects": {"type": "blobs"},
        "networks": {
            "flow": {"type": "multilevel-memae"},
            "frame": {"type": "conditional-vae"},
        },
        "losses": {
            "reconstruction": {"type": "mse", "weight": 1.0},
            "sparsity": {"type": "entropy", "weight": 2e-4},
            "prediction": {"type": "mse", "weight": 1.0},
            "gradient": {"type": "gradient", "weight": 1.0},
            "divergence": {"type": "gaussian-kl", "weight": 1.0},
        },
        "optimizers": {
            "flow": {"type": "adam", "lr": 1e-4},
            "frame": {"type": "adam", "lr": 1e-4},
            "both": {"type": "adam", "lr": 1e-4},
        },
        "train": {
            "epochs": 240,
            "batch_size": 128,
            "stages": [{"roles": ["flow"]}, {"roles": ["frame"]}, {"roles": ["both"]}],
        },
    }

    unstaged: ClassVar[frozenset[str]] = frozenset({"both"})

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        flow_weight: Annotated[float, Field(ge=0)] = 1.0,
        frame_weight: Annotated[float, Field(ge=0)] = 0.1,
    ) -> None:
        super().__init__(networks, losses, clip, {"flow": flow_weight, "frame": frame_weight})

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if frames < 2:
            raise ValueError(f"hf2-vad needs 2 frames or more; got {frames}")
        last = frames - 1
        flow = tuple(range(1, frames))
        return ClipSpec(frames, size, channels, (last,), step, flow=flow, boxes=last, cube=_SIDE)

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        flows, known = 2 * (clip.frames - 1), clip.planes * (clip.frames - 1)
        return {"flow": (2, _SIDE), "frame": (known, flows, clip.planes)}

    def parameters_of(self, role: str) -> Iterable[nn.Parameter]:
        if role == "both":
            return self.networks.parameters()
        return super().parameters_of(role)

    def updates(self, clips: Clips) -> Iterator[Update]:
        frames, flow = self._input(clips)
        if not len(frames):
            return

        def reconstruction() -> dict[str, Tensor]:
            return self._flow_terms(flow[:, -2:])[1]

        def prediction() -> dict[str, Tensor]:
            with _fixed(self.networks["flow"]):
                rebuilt, _ = self._rebuilt(flow)
            return self._frame_terms(frames, rebuilt)

        def both() -> dict[str, Tensor]:
            rebuilt, terms = self._flow_terms(flow)
            return terms | self._frame_terms(frames, rebuilt)

        yield Update("flow", reconstruction)
        yield Update("frame", prediction)
        yield Update("both", both)

    def _input(self, clips: Clips) -> tuple[Tensor, Tensor]:
        """Return the crops (N, C, T, 32, 32) of all objects, and their flow (N, 2 * F, 32, 32).

        The two directions of a flow follow each other.
        """
        frames, flow = cubes_of(clips, _SIDE)
        assert flow is not None
        return frames, flow.transpose(1, 2).flatten(1, 2)

    def _rebuilt(self, flow: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return what each flow (N, 2 * F, 32, 32) is rebuilt as, and weights of the memories."""
        each, weights = self.networks["flow"](flow.unflatten(1, (-1, 2)).flatten(0, 1))
        return each.reshape(flow.shape), weights

    def _flow_terms(self, flow: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        rebuilt, weights = self._rebuilt(flow)
        sparsity = torch.stack([self.losses["sparsity"](used) for used in weights]).sum()
        terms = {"reconstruction": self.losses["reconstruction"](rebuilt, flow)}
        return rebuilt, terms | {"sparsity": sparsity}

    def _frame_terms(self, frames: Tensor, rebuilt: Tensor) -> dict[str, Tensor]:
        target = frames[:, :, -1]
        found = self.networks["frame"](frames[:, :, :-1].flatten(1, 2), rebuilt)
        return {
            "prediction": self.losses["prediction"](found.frame, target),
            "gradient": self.losses["gradient"](found.frame, target),
            "divergence": self.losses["divergence"](*found.posterior, *found.prior),
        }

    @torch.no_grad()
    def errors(self, clips: Clips) -> Tensor:
        frames, flow = self._input(clips)
        if not len(frames):
            return frames.new_zeros(0, len(self.parts))
        rebuilt, _ = self._rebuilt(flow)
        found = self.networks["frame"](frames[:, :, :-1].flatten(1, 2), rebuilt)
        each = [squared_error(rebuilt, flow), squared_error(found.frame, frames[:, :, -1])]
        return torch.stack(each, dim=1)


@contextlib.contextmanager
def _fixed(network: nn.Module) -> Iterator[None]:
    """Run a network without gradients and without a change of its statistics."""
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)
