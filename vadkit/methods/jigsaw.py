"""Jigsaw puzzles in time and space, of the cubes of objects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.clips.cubes import cubes_of
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.methods.method import Update, WeightedLoss
from vadkit.methods.object_errors import ObjectErrors
from vadkit.methods.objects import around_middle
from vadkit.ranks import own_rows

# Rows and columns of patches, as in the paper.
_CELLS = 3


class JigsawVAD(ObjectErrors):
    """Solving spatio-temporal jigsaw puzzles of objects (Wang, ECCV 2022).

    "Video Anomaly Detection by Solving Decoupled Spatio-Temporal Jigsaw Puzzles". The box of each
    object in the middle of 7 frames is cropped from all of them at 64x64 (``side``). In training,
    one half of a batch has its frames shuffled, the other half its 3x3 patches, in all frames in
    the same way. The network tells the true place of each frame, or of each patch. In a test,
    nothing is shuffled: an object's errors are 1 minus the lowest probability, over frames and over
    patches, of its true place. Both are standardised over training objects and weighted by
    ``temporal_weight`` and ``spatial_weight``. The frame has the score of its highest object; the
    first and last 3 frames of a video have no score. The paper reports AUC 99.0 on Ped2, 92.2 on
    Avenue and 84.3 on ShanghaiTech (9 frames), with a checkpoint chosen on test video.

    Differences from the paper: objects come from the recipe's ``objects``, and objects that stand
    still are not left out; the errors are standardised, where the paper scales them in each test
    video; nothing is chosen with test video; the row and the column of pixels that 3 does not
    divide stay where they are.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 7, "size": [240, 360], "channels": "rgb"},
        "objects": {"type": "blobs"},
        "networks": {"puzzle": {"type": "jigsaw"}},
        "losses": {
            "temporal": {"type": "cross-entropy", "weight": 1.0},
            "spatial": {"type": "cross-entropy", "weight": 1.0},
        },
        "optimizers": {"puzzle": {"type": "adam", "lr": 1e-4}},
        "train": {"epochs": 100, "batch_size": 192},
    }

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        side: Annotated[int, Field(ge=16, multiple_of=16)] = 64,
        temporal_weight: Annotated[float, Field(ge=0)] = 1.0,
        spatial_weight: Annotated[float, Field(ge=0)] = 1.0,
    ) -> None:
        weights = {"temporal": temporal_weight, "spatial": spatial_weight}
        super().__init__(networks, losses, clip, weights)
        self.side = side

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        return around_middle("jigsaw", 3, frames, size, channels, step)

    @classmethod
    def clip_for(
        cls, clip: ClipSpec, params: Mapping[str, Any], networks: Collection[str]
    ) -> ClipSpec:
        return replace(clip, cube=params.get("side", 64))

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"puzzle": (clip.planes, clip.frames, clip.cube, _CELLS)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        cubes, _ = cubes_of(clips, self.side)
        if not len(cubes):
            return
        # The middle one of an odd number has both puzzles.
        half = (len(cubes) + 1) // 2
        in_time = _orders(half, cubes.shape[2], cubes)
        in_space = _orders(half, _CELLS**2, cubes)

        def terms() -> dict[str, Tensor]:
            shuffled = [frames_shuffled(cubes[:half], in_time)]
            shuffled.append(patches_shuffled(cubes[-half:], in_space))
            temporal, spatial = self.networks["puzzle"](torch.cat(shuffled))
            return {
                "temporal": self.losses["temporal"](
                    temporal[:half].flatten(0, 1), in_time.flatten()
                ),
                "spatial": self.losses["spatial"](spatial[half:].flatten(0, 1), in_space.flatten()),
            }

        yield Update("puzzle", terms)

    @torch.no_grad()
    def errors(self, clips: Clips) -> Tensor:
        cubes, _ = cubes_of(clips, self.side)
        if not len(cubes):
            return cubes.new_zeros(0, len(self.parts))
        each = [
            1 - logits.float().softmax(dim=2).diagonal(dim1=1, dim2=2).amin(dim=1)
            for logits in self.networks["puzzle"](cubes)
        ]
        return torch.stack(each, dim=1)


def _orders(rows: int, places: int, like: Tensor) -> Tensor:
    """Draw a random order (rows, places) for each cube, on its device."""
    return own_rows(lambda count: torch.rand(count, places), rows).argsort(dim=1).to(like.device)


def frames_shuffled(cubes_NCTHW: Tensor, orders_NT: Tensor) -> Tensor:
    """Return cubes whose frame t is frame ``orders[:, t]`` of the original."""
    return torch.stack([cube[:, order] for cube, order in zip(cubes_NCTHW, orders_NT, strict=True)])


def patches_shuffled(cubes_NCTHW: Tensor, orders_NP: Tensor) -> Tensor:
    """Return cubes whose patch p is patch ``orders[:, p]`` of the original, in every frame.

    There are 3x3 patches, row by row. Pixels beyond a multiple of 3 stay where they are.
    """
    side = cubes_NCTHW.shape[-1] // _CELLS
    inner = cubes_NCTHW[..., : side * _CELLS, : side * _CELLS]
    patches = inner.unflatten(-2, (_CELLS, side)).unflatten(-1, (_CELLS, side))
    # (N, C, T, rows, height, columns, width) to (N, rows * columns, C, T, height, width).
    patches = patches.permute(0, 3, 5, 1, 2, 4, 6).flatten(1, 2)
    moved = torch.stack([one[order] for one, order in zip(patches, orders_NP, strict=True)])
    moved = moved.unflatten(1, (_CELLS, _CELLS)).permute(0, 3, 4, 1, 5, 2, 6)
    found = cubes_NCTHW.clone()
    found[..., : side * _CELLS, : side * _CELLS] = moved.flatten(3, 4).flatten(4, 5)
    return found
