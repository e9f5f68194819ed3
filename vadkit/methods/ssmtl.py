"""Several pretext tasks on the cubes of objects, in one network."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor, nn

from vadkit.data.clips.cubes import cubes_of
from vadkit.data.tensors import Clips
from vadkit.data.videos import ClipSpec
from vadkit.errors import RecipeError
from vadkit.methods.method import Update, WeightedLoss
from vadkit.methods.object_errors import ObjectErrors
from vadkit.methods.objects import around_middle
from vadkit.ranks import own_rows

Task = Literal["arrow", "irregularity", "middle"]
TASKS: tuple[Task, ...] = get_args(Task)


class SSMTL(ObjectErrors):
    """Self-supervised multi-task learning on objects (Georgescu, CVPR 2021).

    "Anomaly Detection in Video via Self-Supervised and Multi-Task Learning". The box of each object
    in the middle frame is cropped from all frames of the clip at 64x64 (``side``). One network
    learns tasks on the ``window`` frames around it:

    - ``arrow``: do the frames run forwards or backwards;
    - ``irregularity``: are the frames consecutive, or are some left out between them; the gaps use
      the frames of the clip outside the window;
    - ``middle``: the crop of the middle frame, from the others.

    ``losses: {arrow: null}`` leaves a task out; weights mix them. An object's errors are the
    probability of backwards, that of gaps, and the mean absolute error of the crop; each is
    standardised over training objects, and weighted by ``weights``. The frame has the score of its
    highest object. The paper reports AUC 97.5 on Ped2 (macro 99.8), 91.5 on Avenue and 82.4 on
    ShanghaiTech.

    Differences from the paper: no task predicts the outputs of a pretrained classifier and of a
    detector, because no such weights come with vadkit; objects come from the recipe's ``objects``;
    errors are standardised, where the paper averages them; sizes of the network, the frames
    of a clip, batch size and epochs are our choice; nothing is smoothed unless the recipe says so.
    """

    defaults: ClassVar[dict[str, Any]] = {
        "clip": {"frames": 11, "size": [240, 360], "channels": "rgb"},
        "objects": {"type": "blobs"},
        "networks": {"pretext": {"type": "pretext"}},
        "losses": {
            "arrow": {"type": "cross-entropy", "weight": 1.0},
            "irregularity": {"type": "cross-entropy", "weight": 1.0},
            "middle": {"type": "l1", "weight": 1.0},
        },
        "optimizers": {"pretext": {"type": "adam", "lr": 1e-3}},
        "train": {"epochs": 30, "batch_size": 256},
    }
    optional: ClassVar[frozenset[str]] = frozenset(f"losses.{task}" for task in TASKS)

    def __init__(
        self,
        networks: Mapping[str, nn.Module],
        losses: Mapping[str, WeightedLoss],
        clip: ClipSpec,
        *,
        side: Annotated[int, Field(ge=8, multiple_of=8)] = 64,
        window: Annotated[int, Field(ge=3)] = 7,
        weights: Mapping[Task, Annotated[float, Field(ge=0)]] | None = None,
    ) -> None:
        of_task = dict(weights or {})
        tasks = [task for task in TASKS if task in losses]
        if not tasks:
            raise RecipeError(f"losses: ssmtl needs one of its tasks, {', '.join(TASKS)}; got none")
        super().__init__(networks, losses, clip, {task: of_task.get(task, 1.0) for task in tasks})
        self.side, self.reach = side, window // 2

    @classmethod
    def clip_spec(cls, frames: int, size: tuple[int, int], channels: Any, step: int) -> ClipSpec:
        return around_middle("ssmtl", 5, frames, size, channels, step)

    @classmethod
    def clip_for(
        cls, clip: ClipSpec, params: Mapping[str, Any], networks: Collection[str]
    ) -> ClipSpec:
        window = params.get("window", 7)
        if window % 2 == 0 or window >= clip.frames:
            raise ValueError(
                f"ssmtl needs an odd window that is shorter than the clip; got {window} of "
                f"{clip.frames} frames"
            )
        return replace(clip, cube=params.get("side", 64))

    @classmethod
    def network_args(cls, clip: ClipSpec) -> dict[str, tuple[Any, ...]]:
        return {"pretext": (clip.planes,)}

    def updates(self, clips: Clips) -> Iterator[Update]:
        cubes, _ = cubes_of(clips, self.side)
        if not len(cubes):
            return
        gaps = with_gaps(len(cubes), cubes.shape[2], self.reach)

        def terms() -> dict[str, Tensor]:
            usual = self._window(cubes)
            found = {}
            half = len(cubes) // 2
            labels = (torch.arange(len(cubes), device=cubes.device) >= half).long()
            if "arrow" in self.parts:
                turned = torch.cat([usual[:half], usual[half:].flip(2)])
                found["arrow"] = self.losses["arrow"](self._run(turned, "arrow"), labels)
            if "irregularity" in self.parts:
                odd = [cube[:, order] for cube, order in zip(cubes[half:], gaps, strict=False)]
                mixed = torch.cat([usual[:half], torch.stack(odd)])
                output = self._run(mixed, "irregularity")
                found["irregularity"] = self.losses["irregularity"](output, labels)
            if "middle" in self.parts:
                known, middle = self._around(usual)
                found["middle"] = self.losses["middle"](self._run(known, "middle"), middle)
            return found

        yield Update("pretext", terms)

    def _run(self, cubes: Tensor, task: str) -> Tensor:
        output: Tensor = self.networks["pretext"](cubes, task)
        return output

    def _window(self, cubes_NCTHW: Tensor) -> Tensor:
        middle = cubes_NCTHW.shape[2] // 2
        return cubes_NCTHW[:, :, middle - self.reach : middle + self.reach + 1]

    def _around(self, window_NCTHW: Tensor) -> tuple[Tensor, Tensor]:
        """Return the frames before and after the middle one, and the middle one."""
        before, after = window_NCTHW[:, :, : self.reach], window_NCTHW[:, :, self.reach + 1 :]
        return torch.cat([before, after], dim=2), window_NCTHW[:, :, self.reach]

    @torch.no_grad()
    def errors(self, clips: Clips) -> Tensor:
        cubes, _ = cubes_of(clips, self.side)
        if not len(cubes):
            return cubes.new_zeros(0, len(self.parts))
        window, each = self._window(cubes), []
        for part in self.parts:
            if part == "middle":
                known, middle = self._around(window)
                difference = self._run(known, part).float() - middle
                each.append(difference.abs().flatten(1).mean(dim=1))
            else:
                each.append(self._run(window, part).float().softmax(dim=1)[:, 1])
        return torch.stack(each, dim=1)


def with_gaps(rows: int, frames: int, reach: int) -> Tensor:
    """Draw frames (rows, 2 * reach + 1) in order around the middle one, with gaps between them.

    On each side, ``reach`` of the clip's frames are drawn, and not all of the nearest.
    """
    side = frames // 2

    def draw(count: int) -> Tensor:
        # The farthest frame is always among them, so there is a gap before it or closer by.
        chosen = torch.rand(count, 2, side - 1).argsort(dim=2)[..., : reach - 1] + 1
        far = torch.full((count, 2, 1), side)
        return torch.cat([chosen, far], dim=2).sort(dim=2).values

    away = own_rows(draw, rows)
    middle = torch.full((rows, 1), side)
    return torch.cat([(side - away[:, 0]).flip(1), middle, side + away[:, 1]], dim=1)
