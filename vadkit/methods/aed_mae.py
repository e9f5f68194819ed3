"""Hidden patches of frames, reconstructed by a teacher and by a student of that teacher."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vadkit.data.pseudo.figures import DRAWS, Figures, cut_figures, paste_figures
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec, FrameReader
from vadkit.methods.cells import outside
from vadkit.methods.method import Method, Scores, Update, WeightedLoss
from vadkit.networks.masked_ae import taken
from vadkit.ranks import own_rows

_log = logging.getLogger("vadkit.methods")
# Tokens without any motion still count a little, so that weights have a sum.
_LEAST_MOTION = 1e-6


class AEDMAE(Method):
    """Self-distilled masked auto-encoder of frames (Ristea, CVPR 2024).

    "Self-Distilled Masked Auto-Encoders are Efficient Video Anomaly Detectors". The middle one of 3
    frames is divided into patches; in training, a share ``mask`` of them is hidden in all 3 frames,
    at random. From the others, the teacher reconstructs the hidden patches of the middle frame. The
    error of a patch is weighted by its motion: the mean absolute difference of consecutive frames.
    Into a share ``anomalies`` of the clips, figures are pasted that move in a wrong direction; the
    target is the frame without them, and their mask as a further channel. In the second half of
    training (``train.stages``), the student learns the output of the teacher, which stays fixed.

    In a test, each patch is hidden once: half of them, then the others. The map has, for each
    patch, its motion times ``teacher_weight`` times the squared error of the teacher, plus
    ``student_weight`` times the squared difference of teacher and student; the mask is expected to
    be empty. The score of a frame is the maximum of its map. The first and last frame of a video
    have no score. The paper reports AUC 95.4 on Ped2, 91.3 on Avenue and 79.1 on ShanghaiTech, and
    1655 frames a second.

    Differences from the paper: pasted figures are cut out of the training videos, where the paper
    has abnormal objects from UBnormal; all patches are scored while hidden, in two passes, and
    weighted by their motion; the size of patches and the number of heads are ours; the optimizer is
    AdamW; nothing is smoothed unless the recipe says so, where the paper chooses filters for each
    data set.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 3, "size": [320, 640], "channels": "rgb"},
        "networks": {"autoencoder": {"type": "masked-ae"}},
        "losses": {
            "reconstruction": {"type": "weighted-tokens", "weight": 1.0},
            "distillation": {"type": "weighted-tokens", "weight": 1.0},
        },
        "optimizers": {
            "teacher": {"type": "adamw", "lr": 1e-4, "weight_decay": 0.05},
            "student": {"type": "adamw", "lr": 1e-4, "weight_decay": 0.05},
        },
        "train": {
            "epochs": 200,
            "batch_size": 100,
            "stages": [{"roles": ["teacher"]}, {"roles": ["student"]}],
        },
    }

    order: Tensor

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        mask: Annotated[float, Field(gt=0, lt=1)] = 0.5,
        anomalies: Annotated[float, Field(ge=0, le=1)] = 0.25,
        teacher_weight: Annotated[float, Field(ge=0)] = 1.0,
        student_weight: Annotated[float, Field(ge=0)] = 1.0,
    ) -> None:
        super().__init__(networks, losses, clip)
        self.mask, self.anomalies = mask, anomalies
        self.weights = {"teacher": teacher_weight, "student": student_weight}
        network: Any = self.networks["autoencoder"]
        self.patch: int = network.patch
        self.grid: tuple[int, int] = network.grid
        # The halves of a test, alike in every run.
        tokens = self.grid[0] * self.grid[1]
        order = torch.randperm(tokens, generator=torch.Generator().manual_seed(0))
        self.register_buffer("order", order, persistent=False)
        self.figures: Figures | None = None

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        if frames < 3 or frames % 2 == 0:
            raise ValueError(f"aed-mae needs an odd number of frames, 3 or more; got {frames}")
        return ClipSpec(frames, size, channels, (frames // 2,), step)

    @classmethod
    def can_ignore(cls, params: Mapping[str, Any]) -> bool:
        return True

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"autoencoder": (clip.frames * clip.planes, clip.planes + 1, clip.size)}

    def parameters_of(self, role: str) -> Iterable[nn.Parameter]:
        network: Any = self.networks["autoencoder"]
        student = {id(one) for one in network.student.parameters()}
        return (one for one in network.parameters() if (id(one) in student) == (role == "student"))

    def prepare(self, videos: Sequence[FrameReader]) -> None:
        if self.anomalies == 0:
            return
        found = cut_figures(videos, self.clip)
        if found is None:
            _log.warning("aed-mae: no figure moves alone in the training videos; none is pasted")
            return
        self.figures = Figures(*(one.to(self.order.device) for one in found))

    def updates(self, clips: Clips) -> Iterator[Update]:
        frames, target = self._with_anomalies(clips.frames)
        motion = self._motion(frames)
        drawn = own_rows(
            lambda rows: torch.rand(rows, self.order.numel(), device=frames.device), len(frames)
        )
        order = drawn.argsort(dim=1)
        hidden = max(1, round(self.mask * order.shape[1]))
        weights = motion.gather(1, order[:, :hidden]) + _LEAST_MOTION

        def decoded() -> tuple[Tensor, Tensor]:
            return self._decoded(frames, order[:, :hidden], order[:, hidden:])

        def teacher() -> dict[str, Tensor]:
            wanted = taken(self._patches(target), order[:, :hidden])
            loss = self.losses["reconstruction"](decoded()[0], wanted, weights)
            return {"reconstruction": loss}

        def student() -> dict[str, Tensor]:
            taught, learned = decoded()
            loss = self.losses["distillation"](learned, taught.detach(), weights)
            return {"distillation": loss}

        yield Update("teacher", teacher)
        yield Update("student", student)

    def _with_anomalies(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return clips with pasted figures, and targets (B, C + 1, H, W) without them."""
        middle = frames[:, :, self.clip.scored[0]]
        nothing = torch.zeros_like(middle[:, :1])
        if self.figures is None:
            return frames, torch.cat([middle, nothing], dim=1)
        count = len(frames)
        chances = own_rows(lambda rows: torch.tensor(_chances(rows, self.anomalies)), count)
        chosen = [n for n, chance in enumerate(chances.tolist()) if chance > 0]
        drawn = own_rows(lambda rows: torch.rand(rows, DRAWS + 1, device=frames.device), count)
        clips, masks = list(frames), list(nothing)
        if chosen:
            edited, figures = paste_figures(
                torch.stack([frames[n] for n in chosen]),
                self.figures,
                torch.stack([drawn[n, :DRAWS] for n in chosen]),
            )
            for place, number in enumerate(chosen):
                pasted = drawn[number, DRAWS] < chances[number].item()
                clips[number] = torch.where(pasted, edited[place], frames[number])
                mask = figures[place, :, self.clip.scored[0]] & pasted
                masks[number] = mask.to(frames.dtype)
        return torch.stack(clips), torch.cat([middle, torch.stack(masks)], dim=1)

    def _motion(self, frames: Tensor) -> Tensor:
        """Return the motion (B, L) of each patch."""
        changes = frames.float().diff(dim=2).abs().mean(dim=(1, 2))
        return functional.avg_pool2d(changes[:, None], self.patch).flatten(1)

    def _patches(self, images_BCHW: Tensor) -> Tensor:
        """Return patches (B, L, patch² * C), row by row."""
        return functional.unfold(images_BCHW, self.patch, stride=self.patch).transpose(1, 2)

    def _decoded(self, frames: Tensor, hidden: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Return the hidden patches of the teacher and of the student."""
        both = self.networks["autoencoder"](frames.transpose(1, 2).flatten(1, 2), visible)
        return taken(both.teacher, hidden), taken(both.student, hidden)

    @torch.no_grad()
    def score(self, clips: Clips) -> Scores:
        frames = clips.frames
        middle = frames[:, :, self.clip.scored[0]]
        # Not len(): an exported graph would keep the size of its example.
        halves = [one.expand(frames.shape[0], -1) for one in self.order.tensor_split(2)]
        passes = [
            self._decoded(frames, hidden, visible) for hidden, visible in (halves, halves[::-1])
        ]
        back = self.order.argsort()
        teacher, student = (
            torch.cat(parts, dim=1)[:, back].float() for parts in zip(*passes, strict=True)
        )
        target = self._patches(torch.cat([middle, torch.zeros_like(middle[:, :1])], dim=1))
        motion, size = self._motion(frames), self.grid
        maps = {
            "teacher": motion * (teacher - target.float()).square().mean(dim=2),
            "student": motion * (teacher - student).square().mean(dim=2),
        }
        maps = {
            name: self.weights[name] * outside(one.unflatten(1, size), self.ignored)
            for name, one in maps.items()
        }
        summed = torch.stack(list(maps.values())).sum(dim=0)
        parts = {name: one.amax(dim=(1, 2))[:, None] for name, one in maps.items()}
        pictures = functional.fold(
            teacher.transpose(1, 2), self.clip.size, self.patch, stride=self.patch
        )
        return Scores(
            summed.amax(dim=(1, 2))[:, None], summed[:, None], pictures[:, None, :-1], parts
        )


def _chances(clips: int, share: float) -> list[float]:
    """Return how likely each clip of a batch gets a figure, a mean of ``share``.

    Clips come in random order, so evenly spaced ones are as good as random ones. A number of them
    that is not whole is rounded up, and each is then a little less likely.
    """
    wanted = clips * share
    count = math.ceil(wanted - 1e-9)
    return [
        wanted / count if (at + 1) * count // clips > at * count // clips else 0.0
        for at in range(clips)
    ]
